# One account a program, each with the least it needs. An access rule is one line of the table below.

resource "confluent_service_account" "program" {
  for_each = {
    backend  = "Forwards the log to Kafka"
    match    = "Computes the match and decides what to say"
    delivery = "Carries alerts to Ably"
    apply    = "Sends the statements to ksqlDB and writes down what was made"
  }

  display_name = "${var.name}-${each.key}"
  description  = each.value
}

locals {
  forwarded = ["customers_locations", "stores_products", "products_promotions", "customers_events"]
  refused   = [for topic in local.forwarded : "${topic}_dlq"]
  matched   = ["customers_locations_by_cell", "NEARBY_CUSTOMERS", "VALID_PROMOTIONS"]

  # the topics that ksqlDB makes for its streams and tables, each called as they are
  derived = [
    "SHELVES", "CURRENT_PROMOTIONS", "STOCKED", "SHELVES_BY_CELL", "PROMOTIONS_BY_GOODS", "FIXES_IN_CELLS",
    "NEAR_SHELVES", "NEAR_GOODS", "NEAR_PROMOTIONS", "NEARBY_OFFERS", "NEARBY_COUNTS",
  ]

  # program, resource type, pattern, name, operation
  rules = concat(
    [for topic in concat(local.forwarded, local.refused) : ["backend", "TOPIC", "LITERAL", topic, "WRITE"]],
    [
      ["backend", "TOPIC", "LITERAL", "endcap_forwarder_marks", "WRITE"],
      ["backend", "TOPIC", "LITERAL", "endcap_forwarder_marks", "READ"],
      ["backend", "GROUP", "PREFIXED", "endcap-forwarder", "READ"],
      ["backend", "TRANSACTIONAL_ID", "PREFIXED", "endcap-forwarder", "WRITE"],
      ["backend", "TRANSACTIONAL_ID", "PREFIXED", "endcap-forwarder", "DESCRIBE"],
      ["backend", "TOPIC", "LITERAL", "customers_alerts", "READ"],
      ["backend", "TOPIC", "LITERAL", "customers_withheld", "READ"],
      ["match", "CLUSTER", "LITERAL", "kafka-cluster", "DESCRIBE"],
      ["match", "CLUSTER", "LITERAL", "kafka-cluster", "DESCRIBE_CONFIGS"],
      ["match", "TOPIC", "LITERAL", "customers_alerts", "READ"],
      ["match", "TOPIC", "LITERAL", "customers_alerts", "WRITE"],
      ["match", "TOPIC", "LITERAL", "customers_alerts", "DESCRIBE_CONFIGS"],
      ["match", "TOPIC", "LITERAL", "customers_withheld", "READ"],
      ["match", "TOPIC", "LITERAL", "customers_withheld", "WRITE"],
      ["match", "TOPIC", "LITERAL", "customers_events_dlq", "WRITE"],
      ["match", "TOPIC", "LITERAL", "customers_locations_dlq", "WRITE"],
      ["match", "TOPIC", "LITERAL", "stores_products_dlq", "WRITE"],
      ["match", "TOPIC", "LITERAL", "products_promotions_dlq", "WRITE"],
      ["match", "TOPIC", "LITERAL", "customers_locations_by_cell_dlq", "WRITE"],
      ["match", "TOPIC", "LITERAL", "NEARBY_CUSTOMERS_dlq", "WRITE"],
      ["delivery", "TOPIC", "LITERAL", "customers_alerts", "READ"],
      ["delivery", "TOPIC", "LITERAL", "customers_alerts_dlq", "WRITE"],
      ["delivery", "GROUP", "PREFIXED", "endcap-delivery", "READ"],
      ["delivery", "TRANSACTIONAL_ID", "PREFIXED", "endcap-delivery", "WRITE"],
      ["delivery", "TRANSACTIONAL_ID", "PREFIXED", "endcap-delivery", "DESCRIBE"],
      ["delivery", "GROUP", "PREFIXED", "connect-lcc", "READ"],
      ["delivery", "CLUSTER", "LITERAL", "kafka-cluster", "DESCRIBE"],
      ["apply", "TOPIC", "LITERAL", "endcap_applied", "ALL"],
      ["apply", "GROUP", "LITERAL", "endcap-apply", "READ"],
    ],
    [for topic in keys(local.topics) : ["apply", "TOPIC", "LITERAL", topic, "DESCRIBE"]],
    [for topic in keys(local.topics) : ["apply", "TOPIC", "LITERAL", topic, "DESCRIBE_CONFIGS"]],
    [for topic in concat(local.matched, local.derived) : ["match", "TOPIC", "LITERAL", topic, "ALL"]],
    [
      for pair in setproduct(["endcap-match", "endcap-decide"], ["WRITE", "DESCRIBE"]) :
      ["match", "TRANSACTIONAL_ID", "PREFIXED", pair[0], pair[1]]
    ],
    [for group in ["endcap-match", "endcap-decide"] : ["match", "GROUP", "PREFIXED", group, "READ"]],
    [for topic in local.forwarded : ["match", "TOPIC", "LITERAL", topic, "READ"]],
    # ksqlDB keeps a stream's own topic as long as the one it reads, and looks there
    [for topic in local.forwarded : ["match", "TOPIC", "LITERAL", topic, "DESCRIBE_CONFIGS"]],
    # a custom connector keeps its own dead letters, successes and errors in topics of these names
    [
      for pair in setproduct(["dlq-lcc", "success-lcc", "error-lcc"], ["CREATE", "WRITE"]) :
      ["delivery", "TOPIC", "PREFIXED", pair[0], pair[1]]
    ],
  )
}

resource "confluent_kafka_acl" "rule" {
  for_each = { for rule in local.rules : join(" ", rule) => rule }

  principal     = "User:${confluent_service_account.program[each.value[0]].id}"
  resource_type = each.value[1]
  pattern_type  = each.value[2]
  resource_name = each.value[3]
  operation     = each.value[4]
  permission    = "ALLOW"
  host          = "*"
  rest_endpoint = confluent_kafka_cluster.main.rest_endpoint

  kafka_cluster {
    id = confluent_kafka_cluster.main.id
  }

  credentials {
    key    = confluent_api_key.terraform.id
    secret = confluent_api_key.terraform.secret
  }
}

resource "confluent_api_key" "program" {
  for_each = confluent_service_account.program

  display_name = "${var.name}-${each.key}"
  description  = "Kafka API key of the ${each.key}"

  owner {
    id          = each.value.id
    api_version = each.value.api_version
    kind        = each.value.kind
  }

  managed_resource {
    id          = confluent_kafka_cluster.main.id
    api_version = confluent_kafka_cluster.main.api_version
    kind        = confluent_kafka_cluster.main.kind

    environment {
      id = confluent_environment.main.id
    }
  }
}
