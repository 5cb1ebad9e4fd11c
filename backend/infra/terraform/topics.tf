# The topics of docs/messages.md. Retention is in milliseconds; -1 keeps for ever.

locals {
  hour_ms = 3600 * 1000

  topics = {
    customers_locations = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(var.locations_retention_h * local.hour_ms)
    }
    stores_products = {
      "cleanup.policy" = "delete"
      "retention.ms"   = "-1"
    }
    products_promotions = {
      "cleanup.policy" = "delete"
      "retention.ms"   = "-1"
    }
    customers_events = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(7 * 24 * local.hour_ms)
    }
    # these two hold positions, so they are kept no longer than those
    customers_locations_by_cell = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(var.locations_retention_h * local.hour_ms)
    }
    NEARBY_CUSTOMERS = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(var.locations_retention_h * local.hour_ms)
    }
    customers_alerts = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(24 * local.hour_ms)
    }
    customers_locations_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    customers_locations_by_cell_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    stores_products_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    products_promotions_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    customers_events_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    NEARBY_CUSTOMERS_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    customers_alerts_dlq = {
      "cleanup.policy" = "delete"
      "retention.ms"   = tostring(min(var.locations_retention_h, 24) * local.hour_ms)
    }
    # the forwarder's position, one key per log file
    endcap_forwarder_marks = {
      "cleanup.policy" = "compact"
    }
  }
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
