output "bootstrap_servers" {
  description = "ENDCAP_KAFKA of the backend."
  value       = trimprefix(confluent_kafka_cluster.main.bootstrap_endpoint, "SASL_SSL://")
}

output "backend_api_key" {
  description = "ENDCAP_KAFKA_USERNAME of the backend."
  value       = confluent_api_key.program["backend"].id
}

output "backend_api_secret" {
  description = "ENDCAP_KAFKA_PASSWORD of the backend."
  value       = confluent_api_key.program["backend"].secret
  sensitive   = true
}

output "match_api_key" {
  description = "ENDCAP_KAFKA_USERNAME of a Python match worker."
  value       = confluent_api_key.program["match"].id
}

output "match_api_secret" {
  description = "ENDCAP_KAFKA_PASSWORD of a Python match worker."
  value       = confluent_api_key.program["match"].secret
  sensitive   = true
}

output "delivery_api_key" {
  description = "ENDCAP_KAFKA_USERNAME of the delivery bridge."
  value       = confluent_api_key.program["delivery"].id
}

output "delivery_api_secret" {
  description = "ENDCAP_KAFKA_PASSWORD of the delivery bridge."
  value       = confluent_api_key.program["delivery"].secret
  sensitive   = true
}

output "ksqldb_url" {
  description = "Where endcap-backend apply sends the statements; empty without ksqlDB."
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
