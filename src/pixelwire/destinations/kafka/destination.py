"""The destination of kind `kafka`: a batch becomes records, each confirmed by all replicas of its partition.

Knows events and what is reported of their records; how connections work is the client's.
"""

import json
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from pixelwire.destinations.base import (
    Batch,
    BatchLimits,
    BatchResult,
    DestinationSpec,
    Item,
    Refused,
    Surroundings,
)
from pixelwire.destinations.kafka.client import Client, Record, fault_of
from pixelwire.destinations.kafka.configuration import cleaned, configuration, secrets_of
from pixelwire.destinations.kafka.connection import Connection, Terms
from pixelwire.destinations.kafka.judgement import judge, raise_connection
from pixelwire.destinations.kafka.options import KafkaOptions, addresses, topic_for

BYTES_MAX: Final = 8 * 1_048_576
LINGER_S: Final = 0.1
STATISTICS_MS: Final = 100

MESSAGE_ID_HEADER: Final = "message_id"
PIXEL_HEADER: Final = "pixel_id"
CALL_HEADER: Final = "call"
REPLAY_HEADER: Final = "replay"

_SOME_PIXEL: Final = "0" * 32


class Kafka:
    def __init__(self, options: KafkaOptions, surroundings: Surroundings) -> None:
        self._options = options
        self._terms = Terms(
            properties=configuration(options),
            hosts=[host for host, _ in addresses(options.bootstrap_servers)],
            clean=partial(cleaned, secrets=secrets_of(options)),
            timeout_s=options.timeout_s,
            is_guarded=not (options.allow_private_addresses or surroundings.allow_private_addresses),
        )
        self._connection = Connection(self._terms)

    async def open(self) -> None:
        """Says at once what the library will not accept; connects with the first batch."""
        properties = dict(self._terms.properties)
        del properties["bootstrap.servers"]
        await Client(properties, self._terms.clean, is_guarded=False).end()

    async def check(self) -> None:
        """Asks for the topic, and for the id of an idempotent producer, as a send does; no event is sent."""
        states: list[str] = []
        further = {
            "allow.auto.create.topics": False,
            "statistics.interval.ms": STATISTICS_MS,
            "stats_cb": lambda text: states.append(json.loads(text)["eos"]["idemp_state"]),
        }
        connection = Connection(replace(self._terms, properties=self._terms.properties | further))
        topics = {topic_for(self._options.topic, _SOME_PIXEL, call) for call in ("page", "track")}
        try:
            client = await connection.client(min(topics))
            for topic in sorted(topics):
                await self._check_topic(client, topic)
            await client.listen(lambda: "Assigned" in states, self._options.timeout_s)
        finally:
            await connection.close()

    async def send(self, batch: Batch) -> BatchResult:
        records = (self._record(item) for item in batch.items)  # made as they are handed over
        try:
            client = await self._connection.client(self._topic(batch.items[0]))
            faults = await client.deliver(records, len(batch.items), self._options.timeout_s)
            result = judge(faults)
        except Refused:
            self._connection.rest()
            raise
        except BaseException:
            # Nothing of this batch may come along with the next one, and a producer that met an error of its
            # own can not be relied on.
            self._connection.drop()
            raise
        self._connection.rest()
        return result

    async def close(self) -> None:
        await self._connection.close()

    def _record(self, item: Item) -> Record:
        headers = [
            (MESSAGE_ID_HEADER, item.message_id.encode()),
            (PIXEL_HEADER, item.pixel_id.encode()),
            (CALL_HEADER, item.call.encode()),
        ]
        if item.replay:
            headers.append((REPLAY_HEADER, item.replay.encode()))
        return Record(self._topic(item), item.identity.encode() or None, item.payload, headers)

    def _topic(self, item: Item) -> str:
        return topic_for(self._options.topic, item.pixel_id, item.call)

    async def _check_topic(self, client: Client, topic: str) -> None:
        """Misconfigured when it is not there or not to be seen; with a pixel in its name nobody can say."""
        metadata = await client.metadata(topic, self._options.timeout_s)
        error = metadata.topics[topic].error
        may_be_made = self._terms.properties["allow.auto.create.topics"] == "true"
        if (
            error is None
            or _SOME_PIXEL in topic
            or (may_be_made and error.name().startswith("UNKNOWN_TOPIC"))
        ):
            return
        fault = fault_of(error, self._terms.clean)
        raise_connection(msgspec.structs.replace(fault, text=f"topic {topic}: {fault.text}"))


SPEC: Final = DestinationSpec(
    kind="kafka",
    summary="Each event as a record of a Kafka topic, keyed by visitor, confirmed by all replicas.",
    options=KafkaOptions,
    build=Kafka,
    batch_limits=lambda options: BatchLimits(
        events_max=options.batch_events_max, bytes_max=BYTES_MAX, linger_s=LINGER_S, keeps_order=True
    ),
)
