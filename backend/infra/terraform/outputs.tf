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

output "ksqldb_url" {
  description = "Where to send the statements of backend/endcap_backend/match/ksqldb; empty without ksqlDB."
  value       = one(confluent_ksql_cluster.match[*].rest_endpoint)
}

output "ksqldb_api_key" {
  description = "User name for the ksqlDB address."
  value       = one(confluent_api_key.ksqldb[*].id)
}

output "ksqldb_api_secret" {
  description = "Password for the ksqlDB address."
  value       = one(confluent_api_key.ksqldb[*].secret)
  sensitive   = true
}
