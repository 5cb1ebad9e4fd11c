# The environment with stream governance, and one cluster in it.

resource "confluent_environment" "main" {
  display_name = var.name

  stream_governance {
    package = var.stream_governance
  }
}

resource "confluent_kafka_cluster" "main" {
  display_name = var.name
  availability = var.availability
  cloud        = var.cloud
  region       = var.region

  dynamic "basic" {
    for_each = var.cluster_type == "basic" ? [1] : []
    content {}
  }

  dynamic "standard" {
    for_each = var.cluster_type == "standard" ? [1] : []
    content {}
  }

  dynamic "dedicated" {
    for_each = var.cluster_type == "dedicated" ? [1] : []
    content {
      cku = var.dedicated_cku
    }
  }

  environment {
    id = confluent_environment.main.id
  }
}

data "confluent_schema_registry_cluster" "main" {
  environment {
    id = confluent_environment.main.id
  }

  # the registry comes into being with the first cluster of the environment
  depends_on = [confluent_kafka_cluster.main]
}

# Terraform's own account: it makes topics and access rules, and no program runs with it.
resource "confluent_service_account" "terraform" {
  display_name = "${var.name}-terraform"
  description  = "Makes the topics and access rules; used by Terraform only"
}

resource "confluent_role_binding" "terraform" {
  principal   = "User:${confluent_service_account.terraform.id}"
  role_name   = "CloudClusterAdmin"
  crn_pattern = confluent_kafka_cluster.main.rbac_crn
}

resource "confluent_api_key" "terraform" {
  display_name = "${var.name}-terraform"
  description  = "Used by Terraform to make topics and access rules"

  owner {
    id          = confluent_service_account.terraform.id
    api_version = confluent_service_account.terraform.api_version
    kind        = confluent_service_account.terraform.kind
  }

  managed_resource {
    id          = confluent_kafka_cluster.main.id
    api_version = confluent_kafka_cluster.main.api_version
    kind        = confluent_kafka_cluster.main.kind

    environment {
      id = confluent_environment.main.id
    }
  }

  depends_on = [confluent_role_binding.terraform]
}
