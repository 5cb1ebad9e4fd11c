# Either ksqlDB or Flink, as var.match says. The statements for ksqlDB are sent by endcap-backend apply --ksqldb ksqldb_url.

resource "confluent_ksql_cluster" "match" {
  count = var.match == "ksqldb" ? 1 : 0

  display_name = "${var.name}-match"
  csu          = var.ksqldb_csu

  # false: positions of shoppers stay out of the processing log
  use_detailed_processing_log = false

  kafka_cluster {
    id = confluent_kafka_cluster.main.id
  }

  credential_identity {
    id = confluent_service_account.program["match"].id
  }

  environment {
    id = confluent_environment.main.id
  }

  depends_on = [
    data.confluent_schema_registry_cluster.main,
    confluent_kafka_acl.rule,
  ]
}

# ksqlDB's own internal topics, groups and transactions, by the prefix it was given
resource "confluent_kafka_acl" "ksqldb" {
  for_each = var.match == "ksqldb" ? {
    topics          = ["TOPIC", confluent_ksql_cluster.match[0].topic_prefix, "ALL"]
    internal_topics = ["TOPIC", "_confluent-ksql-${confluent_ksql_cluster.match[0].topic_prefix}", "ALL"]
    groups          = ["GROUP", "_confluent-ksql-${confluent_ksql_cluster.match[0].topic_prefix}", "ALL"]
    write           = ["TRANSACTIONAL_ID", confluent_ksql_cluster.match[0].topic_prefix, "WRITE"]
    describe        = ["TRANSACTIONAL_ID", confluent_ksql_cluster.match[0].topic_prefix, "DESCRIBE"]
  } : {}

  principal     = "User:${confluent_service_account.program["match"].id}"
  resource_type = each.value[0]
  pattern_type  = "PREFIXED"
  resource_name = each.value[1]
  operation     = each.value[2]
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

# The rules above let ksqlDB at its topics; whoever sends statements wants this one, on that one ksqlDB cluster
resource "confluent_role_binding" "ksqldb" {
  count = var.match == "ksqldb" ? 1 : 0

  principal   = "User:${confluent_service_account.program["match"].id}"
  role_name   = "KsqlAdmin"
  crn_pattern = confluent_ksql_cluster.match[0].resource_name
}

resource "confluent_api_key" "ksqldb" {
  count = var.match == "ksqldb" ? 1 : 0

  display_name = "${var.name}-ksqldb"
  description  = "For whoever sends the statements"

  owner {
    id          = confluent_service_account.program["match"].id
    api_version = confluent_service_account.program["match"].api_version
    kind        = confluent_service_account.program["match"].kind
  }

  managed_resource {
    id          = confluent_ksql_cluster.match[0].id
    api_version = confluent_ksql_cluster.match[0].api_version
    kind        = confluent_ksql_cluster.match[0].kind

    environment {
      id = confluent_environment.main.id
    }
  }

  depends_on = [confluent_role_binding.ksqldb]
}

resource "confluent_flink_compute_pool" "match" {
  count = var.match == "flink" ? 1 : 0

  display_name = "${var.name}-match"
  cloud        = var.cloud
  region       = var.region
  max_cfu      = var.flink_max_cfu

  environment {
    id = confluent_environment.main.id
  }
}

# What a pool alone does not give: the right to run statements in it, as the match, and a key to send them with
resource "confluent_role_binding" "flink" {
  count = var.match == "flink" ? 1 : 0

  principal   = "User:${confluent_service_account.program["match"].id}"
  role_name   = "FlinkDeveloper"
  crn_pattern = confluent_environment.main.resource_name
}

data "confluent_flink_region" "match" {
  count = var.match == "flink" ? 1 : 0

  cloud  = var.cloud
  region = var.region
}

resource "confluent_api_key" "flink" {
  count = var.match == "flink" ? 1 : 0

  display_name = "${var.name}-flink"
  description  = "For whoever sends the statements"

  owner {
    id          = confluent_service_account.program["match"].id
    api_version = confluent_service_account.program["match"].api_version
    kind        = confluent_service_account.program["match"].kind
  }

  managed_resource {
    id          = data.confluent_flink_region.match[0].id
    api_version = data.confluent_flink_region.match[0].api_version
    kind        = data.confluent_flink_region.match[0].kind

    environment {
      id = confluent_environment.main.id
    }
  }

  depends_on = [confluent_role_binding.flink]
}
