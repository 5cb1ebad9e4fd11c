"""Match, decide and deliver on Kafka: each a consumer group whose results and position are one transaction."""
