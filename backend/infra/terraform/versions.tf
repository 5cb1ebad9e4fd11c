terraform {
  required_version = ">= 1.6"

  required_providers {
    confluent = {
      source  = "confluentinc/confluent"
      version = "~> 2.83"
    }
  }
}

# The Cloud API key comes from CONFLUENT_CLOUD_API_KEY and CONFLUENT_CLOUD_API_SECRET, or from the two variables.
provider "confluent" {
  cloud_api_key    = var.confluent_cloud_api_key
  cloud_api_secret = var.confluent_cloud_api_secret
}
