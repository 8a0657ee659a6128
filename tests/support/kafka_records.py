"""What is in a Kafka topic, read from its beginning."""

from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

READ_S = 10.0


class Found(NamedTuple):
    """One record."""

    partition: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]

    @property
    def message_id(self) -> str:
        return self.headers["message_id"]


def records(servers: str, topic: str) -> list[Found]:
    """All of them, partition by partition, each in its order; none when there is no such topic."""
    settings = {"bootstrap.servers": servers, "group.id": "reader", "log_level": 0}
    consumer = Consumer({**settings, "enable.auto.commit": False, "check.crcs": True})
    try:
        known = consumer.list_topics(timeout=READ_S).topics.get(topic)
        if known is None or known.error is not None:
            return []
        places = [TopicPartition(topic, number) for number in sorted(known.partitions)]
        return [one for place in places for one in _partition(consumer, place)]
    finally:
        consumer.close()


def _partition(consumer: Consumer, place: TopicPartition) -> list[Found]:
    low, high = consumer.get_watermark_offsets(place, timeout=READ_S)
    found: list[Found] = []
    if high > low:
        consumer.assign([TopicPartition(place.topic, place.partition, low)])
    while len(found) < high - low:
        messages = consumer.consume(min(10_000, high - low - len(found)), READ_S)
        assert messages, f"{len(found)} of {high - low} records within {READ_S} s"
        for message in messages:
            assert message.error() is None, message.error()
            headers = {name: value.decode() for name, value in message.headers() or []}
            found.append(Found(place.partition, message.key(), message.value(), headers))
    return found
