# The topics of docs/messages.md. Retention is in milliseconds; -1 keeps for ever. What is over goes by whole segments
# of four hours, the shortest that basic and standard clusters allow; by default they are a week long.

locals {
  hour_ms   = 3600 * 1000
  segment_h = 4

  # hours each topic is kept; null keeps for ever
  kept_h = {
    customers_locations = var.locations_retention_h
    stores_products     = null
    products_promotions = null
    customers_events    = 168
    # these two hold positions, so they are kept no longer than those
    customers_locations_by_cell = var.locations_retention_h
    NEARBY_CUSTOMERS            = var.locations_retention_h
    customers_alerts            = 72
    customers_withheld          = 72
  }

  topics = merge(
    {
      for name, hours in local.kept_h : name => merge(
        {
          "cleanup.policy" = "delete"
          "retention.ms"   = hours == null ? "-1" : tostring(hours * local.hour_ms)
        },
        hours == null ? {} : { "segment.ms" = tostring(local.segment_h * local.hour_ms) },
      )
    },
    # what was refused, a day at most
    {
      for name in keys(local.kept_h) : "${name}_dlq" => {
        "cleanup.policy" = "delete"
        "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
        "segment.ms"     = tostring(local.segment_h * local.hour_ms)
      }
    },
    # the forwarder's position, one key per log file
    {
      endcap_forwarder_marks = {
        "cleanup.policy" = "compact"
        "segment.ms"     = tostring(local.segment_h * local.hour_ms)
      }
    },
  )
}

resource "confluent_kafka_topic" "topic" {
  for_each = local.topics

  topic_name       = each.key
  partitions_count = each.key == "endcap_forwarder_marks" ? 1 : var.partitions
  config           = each.value
  rest_endpoint    = confluent_kafka_cluster.main.rest_endpoint

  kafka_cluster {
    id = confluent_kafka_cluster.main.id
  }

  credentials {
    key    = confluent_api_key.terraform.id
    secret = confluent_api_key.terraform.secret
  }
}
