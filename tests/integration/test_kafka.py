"""Kafka against a real broker: what arrives, in which order, and what is told when it does not."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Refused,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.kafka.connection import Connection, Terms
from pixelwire.destinations.kafka.destination import Kafka
from pixelwire.testing.check_destination import make_item
from support.kafka_records import records
from support.mock_kafka import INIT_PRODUCER_ID, PRODUCE, MockKafka
from support.tansu import HOST, Tansu, free_port
from support.tcp_proxy import TcpProxy

MANY = 1_000


@pytest.fixture
def mock() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        yield cluster


def build(servers: str, topic: str, *, is_guarded: bool = False, **options: Any) -> Kafka:
    given = {"bootstrap_servers": servers, "topic": topic, "tls": False, "timeout_s": 10.0, **options}
    built, _ = registry.build("kafka", given, Surroundings(SystemClock(), not is_guarded))
    assert isinstance(built, Kafka)
    return built


async def send(destination: Kafka, *batches: list[Item]) -> list[ItemResult]:
    """The results of all batches, sent one after the other."""
    await destination.open()
    try:
        return [result for items in batches for result in (await destination.send(Batch(items))).results]
    finally:
        await destination.close()


async def check(destination: Kafka) -> None:
    try:
        await destination.check()
    finally:
        await destination.close()


def item(seq: int, identity: str = "", **changes: Any) -> Item:
    return msgspec.structs.replace(make_item(seq), identity=identity, **changes)


def test_a_visitors_records_are_in_order_in_one_partition(tansu: Tansu) -> None:
    """Over several batches of the full size; nobody's are anywhere."""
    topic = tansu.make_topic("order", 3)
    items = [item(seq, f"visitor-{seq % 7}" if seq % 10 else "") for seq in range(12_000)]
    batches = [items[begin : begin + 5_000] for begin in range(0, len(items), 5_000)]
    assert asyncio.run(send(build(tansu.servers, topic), *batches)) == [Sent()] * len(items)
    found = records(tansu.servers, topic)
    assert len(found) == len(items)
    assert {record.partition for record in found} == {0, 1, 2}
    for visitor in range(7):
        own = [record for record in found if record.key == f"visitor-{visitor}".encode()]
        assert len({record.partition for record in own}) == 1
        seqs = [int(record.message_id.removeprefix("message-")) for record in own]
        assert seqs == [one.seq for one in items if one.identity == f"visitor-{visitor}"]


def test_a_record_says_what_it_is(tansu: Tansu) -> None:
    """The payload untouched; the ids in headers; a replay says so; nobody has no key."""
    topic = tansu.make_topic("headers")
    first = item(1, "b\N{LATIN SMALL LETTER O WITH DIAERESIS}b")
    second = item(2, call="page", replay="again", message_id="odd \N{SNOWMAN}\t\r\n")
    asyncio.run(send(build(tansu.servers, topic), [first, second]))
    one, other = records(tansu.servers, topic)
    assert (one.key, one.value) == ("b\N{LATIN SMALL LETTER O WITH DIAERESIS}b".encode(), first.payload)
    assert one.headers == {"message_id": "message-1", "pixel_id": "0" * 32, "call": "track"}
    assert other.key is None
    assert other.headers == {
        "message_id": "odd \N{SNOWMAN}\t\r\n", "pixel_id": "0" * 32, "call": "page", "replay": "again",
    }  # fmt: skip


def test_topics_are_chosen_by_pixel_and_call(tansu: Tansu) -> None:
    """Each event's own."""
    for topic in ("pages-p1", "tracks-p1"):
        tansu.make_topic(topic)
    items = [item(1, pixel_id="p1"), item(2, pixel_id="p1", call="page")]
    asyncio.run(send(build(tansu.servers, "{call}s-{pixel_id}"), items))
    assert [record.message_id for record in records(tansu.servers, "tracks-p1")] == ["message-1"]
    assert [record.message_id for record in records(tansu.servers, "pages-p1")] == ["message-2"]


def test_compressed_records_arrive(tansu: Tansu) -> None:
    """In every way there is."""
    for compression in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = tansu.make_topic(f"compressed-{compression}")
        items = [item(seq) for seq in range(50)]
        asyncio.run(send(build(tansu.servers, topic, compression=compression), items))
        assert [record.value for record in records(tansu.servers, topic)] == [one.payload for one in items]


def test_a_record_that_is_too_large_is_given_up_alone(tansu: Tansu) -> None:
    """Its neighbours are sent, also the later ones of its visitor."""
    topic = tansu.make_topic("large")
    items = [item(1, "a"), item(2, "a", payload=b'"%s"' % (b"x" * 2_000)), item(3, "a"), item(4, "b")]
    destination = build(tansu.servers, topic, properties={"message.max.bytes": "1500"})
    first, large, *others = asyncio.run(send(destination, items))
    assert isinstance(large, GiveUp)
    assert "too large" in large.reason
    assert [first, *others] == [Sent()] * 3
    found = [record.message_id for record in records(tansu.servers, topic)]
    assert found == ["message-1", "message-3", "message-4"]


def test_what_a_broker_refuses_together_is_told_as_such(mock: MockKafka) -> None:
    """The engine finds out by halves which one it was; the producer is still good."""
    mock.make_topic("events")
    destination = build(mock.servers, "events")

    async def run() -> list[ItemResult]:
        await destination.open()
        try:
            mock.fail(PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
            with pytest.raises(Refused, match="too large"):
                await destination.send(Batch([item(1), item(2)]))
            return list((await destination.send(Batch([item(1)]))).results)
        finally:
            await destination.close()

    assert asyncio.run(run()) == [Sent()]


def test_half_of_a_batch_counts_for_nothing(mock: MockKafka) -> None:
    """While one partition has too few replicas the whole batch comes again; less repeats it is in order."""
    mock.make_topic("events", 2)
    items = [item(seq, f"visitor-{seq % 9}") for seq in range(200)]
    destination = build(mock.servers, "events", timeout_s=2.0)

    async def run() -> list[ItemResult]:
        await destination.open()
        try:
            mock.fail_partition("events", 0, PRODUCE, *[KafkaError.NOT_ENOUGH_REPLICAS] * 8)
            with pytest.raises(Unreachable, match=r"^\d+ of 200 confirmed: no confirmation within 2 s"):
                await destination.send(Batch(items))
            while True:
                try:
                    return list((await destination.send(Batch(items))).results)
                except Unreachable:
                    pass  # some of the eight answers are left: each attempt takes at least one
        finally:
            await destination.close()

    assert asyncio.run(run()) == [Sent()] * 200
    arrived = [record.message_id for record in records(mock.servers, "events")]
    assert len(arrived) > len(set(arrived)) == 200
    for visitor in range(9):
        seqs = [int(id_.removeprefix("message-")) for id_ in dict.fromkeys(arrived)]
        own = [seq for seq in seqs if seq % 9 == visitor]
        assert own == sorted(own)


@pytest.mark.parametrize("is_check", [False, True])
def test_a_topic_that_is_not_there_pauses(tansu: Tansu, is_check: bool) -> None:
    """It is not made by accident; the text names it or what to do."""
    destination = build(tansu.servers, "misspelt")
    with pytest.raises(Misconfigured, match="create the topic or correct `topic`"):
        asyncio.run(check(destination) if is_check else send(destination, [item(1)]))
    assert records(tansu.servers, "misspelt") == []


def test_check_passes_by_topics_that_only_an_event_can_name(tansu: Tansu) -> None:
    """With a pixel in the name nobody can say which topics there must be."""
    asyncio.run(check(build(tansu.servers, "of-{pixel_id}")))


def test_brokers_may_make_topics_if_it_is_wanted(tansu: Tansu) -> None:
    """Then a check finds nothing wrong, and makes none."""
    options = {"properties": {"allow.auto.create.topics": "true"}}
    asyncio.run(check(build(tansu.servers, "made-{call}", **options)))
    assert records(tansu.servers, "made-track") == []
    asyncio.run(send(build(tansu.servers, "made-{call}", **options), [item(1)]))
    assert len(records(tansu.servers, "made-track")) == 1


@pytest.mark.parametrize("is_check", [False, True])
def test_nobody_there_is_tried_again(is_check: bool) -> None:
    """With what the system says of it."""
    destination = build(f"{HOST}:{free_port()}", "events", timeout_s=3.0)
    with pytest.raises(Unreachable, match="refused"):
        asyncio.run(check(destination) if is_check else send(destination, [item(1)]))


def test_a_cluster_that_gives_no_producer_its_id_pauses(mock: MockKafka) -> None:
    """An error that a producer can not go on from; once it is mended a new one sends."""
    mock.make_topic("events")
    destination = build(mock.servers, "events")

    async def run() -> list[ItemResult]:
        await destination.open()
        try:
            mock.fail(INIT_PRODUCER_ID, *[KafkaError.CLUSTER_AUTHORIZATION_FAILED] * MANY)
            with pytest.raises(Misconfigured, match="IdempotentWrite"):
                await destination.send(Batch([item(1)]))
            with pytest.raises(Misconfigured, match="IdempotentWrite"):
                await destination.check()
            mock.heal()
            return list((await destination.send(Batch([item(1)]))).results)
        finally:
            await destination.close()

    assert asyncio.run(run()) == [Sent()]


def test_a_private_server_is_not_even_asked(tansu: Tansu) -> None:
    """By a send and by a check: no connection is made."""
    with TcpProxy(tansu.port) as proxy:
        for attempt in (check, lambda destination: send(destination, [item(1)])):
            with pytest.raises(Misconfigured, match=r"127\.0\.0\.1 \(in bootstrap_servers\) is a private"):
                asyncio.run(attempt(build(f"{HOST}:{proxy.port}", "events", is_guarded=True)))
        assert proxy.connections_total == 0


def test_a_name_that_changes_its_mind_gets_no_further_than_a_greeting(tansu: Tansu) -> None:
    """A connection that goes to a private address all the same ends the client, and its owner is told."""
    terms = Terms(
        properties={"bootstrap.servers": tansu.servers, "enable.idempotence": True},
        hosts=["1.1.1.1"],  # what the name was when it was looked up
        clean=str,
        timeout_s=5.0,
        is_guarded=True,
    )

    async def run() -> None:
        connection = Connection(terms)
        try:
            await connection.client("events")
        finally:
            await connection.close()

    with pytest.raises(Misconfigured, match=rf"^{tansu.servers}/bootstrap is at a private address") as raised:
        asyncio.run(run())
    assert "allow_private_addresses" in raised.value.hint


def test_properties_that_are_none_are_told_when_it_opens() -> None:
    """With the library's own words, before any event waits for it."""
    destination = build("kafka.example:9092", "events", properties={"batch.size": "big"})
    with pytest.raises(Misconfigured, match=r"librdkafka refuses the options: .*batch\.size"):
        asyncio.run(destination.open())
