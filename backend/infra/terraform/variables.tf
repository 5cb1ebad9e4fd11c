variable "confluent_cloud_api_key" {
  description = "Cloud API key that may create everything below. Empty: CONFLUENT_CLOUD_API_KEY is read."
  type        = string
  default     = null
}

variable "confluent_cloud_api_secret" {
  description = "Secret of the Cloud API key. Empty: CONFLUENT_CLOUD_API_SECRET is read."
  type        = string
  default     = null
  sensitive   = true
}

variable "name" {
  description = "What everything made here is called; part of each display name."
  type        = string
  default     = "endcap"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "Use 2 to 31 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "stream_governance" {
  description = "Stream Governance package of the environment: ESSENTIALS or ADVANCED."
  type        = string
  default     = "ESSENTIALS"

  validation {
    condition     = contains(["ESSENTIALS", "ADVANCED"], var.stream_governance)
    error_message = "Use ESSENTIALS or ADVANCED."
  }
}

variable "cloud" {
  description = "Cloud provider of the cluster: AWS, AZURE or GCP."
  type        = string
  default     = "AWS"

  validation {
    condition     = contains(["AWS", "AZURE", "GCP"], var.cloud)
    error_message = "Use AWS, AZURE or GCP."
  }
}

variable "region" {
  description = "Region of the cluster, in the provider's own name."
  type        = string
  default     = "us-east-2"
}

variable "availability" {
  description = "SINGLE_ZONE or MULTI_ZONE, or Confluent's newer words LOW and HIGH; a basic cluster allows one zone only."
  type        = string
  default     = "SINGLE_ZONE"

  validation {
    condition     = contains(["SINGLE_ZONE", "MULTI_ZONE", "LOW", "HIGH"], var.availability)
    error_message = "Use SINGLE_ZONE, MULTI_ZONE, LOW or HIGH."
  }
}

variable "cluster_type" {
  description = "basic, standard or dedicated. Only the last two span zones; on the last, topics may have thousands of partitions."
  type        = string
  default     = "basic"

  validation {
    condition     = contains(["basic", "standard", "dedicated"], var.cluster_type)
    error_message = "Use basic, standard or dedicated."
  }
}

variable "dedicated_cku" {
  description = "Confluent Units for Kafka of a dedicated cluster; two or more for several zones."
  type        = number
  default     = 1
}

variable "partitions" {
  description = "Partitions of each topic. The match scales up to this many consumers; it can be raised, never lowered."
  type        = number
  default     = 6
}

variable "locations_retention_h" {
  description = "How long a raw location is kept, in hours. 24 is what the privacy notice promises."
  type        = number
  default     = 24
}

variable "match" {
  description = "What computes the match: ksqldb, flink, or none (a program of your own)."
  type        = string
  default     = "ksqldb"

  validation {
    condition     = contains(["ksqldb", "flink", "none"], var.match)
    error_message = "Use ksqldb, flink or none."
  }
}

variable "ksqldb_csu" {
  description = "Confluent Streaming Units of the ksqlDB cluster: 1, 2, 4, 8 or 12."
  type        = number
  default     = 4
}

variable "flink_max_cfu" {
  description = "The most Confluent Flink Units the compute pool may grow to: 5, 10, 20, 30, 40 or 50."
  type        = number
  default     = 10
}

variable "ably_connector_zip" {
  description = "Path of the Ably sink's plugin archive, from its releases page. Empty: no connector; a program of your own delivers."
  type        = string
  default     = ""
}

variable "ably_api_key" {
  description = "Ably API key the connector publishes with; it needs publish on promotions:* and nothing else."
  type        = string
  default     = ""
  sensitive   = true
}
