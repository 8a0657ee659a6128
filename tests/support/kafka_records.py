"""What is in a Kafka topic, read from its beginning.

Where a partition ends is found by a record put there now: what brokers say of it is not always so (Tansu
counts what was sent together as one).
"""

from typing import Any, NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

READ_S = 10.0
END = b"the reader was here"


class Found(NamedTuple):
    """One record."""

    partition: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]

    @property
    def message_id(self) -> str:
        return self.headers["message_id"]


def records(servers: str, topic: str, **security: str) -> list[Found]:
    """All of them, partition by partition, each in its order; none when there is no such topic.

    `security`: librdkafka's properties, with _ for each dot.
    """
    settings = {"bootstrap.servers": servers, "log_level": 0}
    settings |= {name.replace("_", "."): value for name, value in security.items()}
    consumer = Consumer({**settings, "group.id": "reader", "enable.auto.commit": False})
    try:
        known = consumer.list_topics(timeout=READ_S).topics.get(topic)
        if known is None or known.error is not None:
            return []
        ends = _ends(settings, topic, sorted(known.partitions))
        return [one for partition, end in ends.items() for one in _partition(consumer, topic, partition, end)]
    finally:
        consumer.close()


def _ends(settings: dict[str, Any], topic: str, partitions: list[int]) -> dict[int, int]:
    """The offset of the record put at each partition's end."""
    ends: dict[int, int] = {}

    def note(error: object, message: Any) -> None:
        assert error is None, error
        ends[message.partition()] = message.offset()

    producer = Producer({**settings, "acks": "all"})
    for partition in partitions:
        producer.produce(topic, END, partition=partition, on_delivery=note)
    assert producer.flush(READ_S) == 0, "the end could not be found"
    return {partition: ends[partition] for partition in partitions}


def _partition(consumer: Consumer, topic: str, partition: int, end: int) -> list[Found]:
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[Found] = []
    offset = -1
    while offset < end:
        message = consumer.poll(READ_S)
        assert message is not None, f"{topic} {partition}: nothing after {offset}, though {end} is there"
        assert message.error() is None, message.error()
        offset = message.offset()
        headers = {name: value.decode() for name, value in message.headers() or []}
        if message.value() != END:
            found.append(Found(partition, message.key(), message.value(), headers))
    return found
