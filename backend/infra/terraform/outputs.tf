output "bootstrap_servers" {
  description = "ENDCAP_KAFKA_BOOTSTRAP_SERVERS of the backend."
  value       = trimprefix(confluent_kafka_cluster.main.bootstrap_endpoint, "SASL_SSL://")
}

output "backend_api_key" {
  description = "ENDCAP_KAFKA_SASL_USERNAME of the backend."
  value       = confluent_api_key.program["backend"].id
}

output "backend_api_secret" {
  description = "ENDCAP_KAFKA_SASL_PASSWORD of the backend."
  value       = confluent_api_key.program["backend"].secret
  sensitive   = true
}

output "match_api_key" {
  description = "Kafka user name of what computes the match."
  value       = confluent_api_key.program["match"].id
}

output "match_api_secret" {
  description = "Kafka password of what computes the match."
  value       = confluent_api_key.program["match"].secret
  sensitive   = true
}

output "delivery_api_key" {
  description = "Kafka user name of what carries alerts to Ably."
  value       = confluent_api_key.program["delivery"].id
}

output "delivery_api_secret" {
  description = "Kafka password of what carries alerts to Ably."
  value       = confluent_api_key.program["delivery"].secret
  sensitive   = true
}

output "apply_api_key" {
  description = "ENDCAP_KAFKA_SASL_USERNAME of endcap-backend apply."
  value       = confluent_api_key.program["apply"].id
}

output "apply_api_secret" {
  description = "ENDCAP_KAFKA_SASL_PASSWORD of endcap-backend apply."
  value       = confluent_api_key.program["apply"].secret
  sensitive   = true
}

output "ksqldb_url" {
  description = "ENDCAP_KSQLDB_URL of endcap-backend apply; empty without ksqlDB."
  value       = one(confluent_ksql_cluster.match[*].rest_endpoint)
}

output "ksqldb_api_key" {
  description = "ENDCAP_KSQLDB_USERNAME of endcap-backend apply."
  value       = one(confluent_api_key.ksqldb[*].id)
}

output "ksqldb_api_secret" {
  description = "ENDCAP_KSQLDB_PASSWORD of endcap-backend apply."
  value       = one(confluent_api_key.ksqldb[*].secret)
  sensitive   = true
}

output "flink_rest_endpoint" {
  description = "Where Flink's statements are sent; empty without Flink."
  value       = one(data.confluent_flink_region.match[*].rest_endpoint)
}

output "flink_api_key" {
  description = "Flink API key to send statements with."
  value       = one(confluent_api_key.flink[*].id)
}

output "flink_api_secret" {
  description = "The secret of that key."
  value       = one(confluent_api_key.flink[*].secret)
  sensitive   = true
}
