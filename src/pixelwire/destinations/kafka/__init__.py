"""Kafka: each event as a record of a topic. Knows Kafka's protocol by its library only."""
