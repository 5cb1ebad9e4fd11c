# Ably's own Kafka sink as a custom connector; made only when its archive is given.

locals {
  connector = var.ably_connector_zip == "" ? 0 : 1
}

resource "confluent_custom_connector_plugin" "ably" {
  count = local.connector

  display_name                = "${var.name}-ably-sink"
  documentation_link          = "https://github.com/ably/kafka-connect-ably"
  connector_class             = "com.ably.kafka.connect.ChannelSinkConnector"
  connector_type              = "SINK"
  sensitive_config_properties = ["client.key"]
  filename                    = var.ably_connector_zip
  cloud                       = var.cloud
}

resource "confluent_connector" "ably" {
  count = local.connector

  environment {
    id = confluent_environment.main.id
  }

  kafka_cluster {
    id = confluent_kafka_cluster.main.id
  }

  config_sensitive = {
    "client.key"       = var.ably_api_key
    "kafka.api.key"    = confluent_api_key.program["delivery"].id
    "kafka.api.secret" = confluent_api_key.program["delivery"].secret
  }

  # what a Connect worker of one's own is given, and what Confluent Cloud wants besides
  config_nonsensitive = merge(
    jsondecode(file("${path.module}/../connect/ably-sink.json"))["config"],
    {
      "confluent.connector.type"              = "CUSTOM"
      "confluent.custom.plugin.id"            = confluent_custom_connector_plugin.ably[0].id
      "confluent.custom.connection.endpoints" = "rest.ably.io:443:TCP"
      "kafka.auth.mode"                       = "KAFKA_API_KEY"
      "name"                                  = "${var.name}-ably-sink"
    },
  )

  depends_on = [confluent_kafka_acl.rule, confluent_kafka_topic.topic]
}
