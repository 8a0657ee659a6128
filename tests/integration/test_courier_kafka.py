"""The courier before Kafka: batches, dead letters among neighbours, and a broker that comes back."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError

from pixelwire.catalog.destinations import Destination
from support.delivery import Scene, a_courier, a_scene, eventually
from support.events import make_event, record
from support.kafka_records import records
from support.mock_kafka import PRODUCE, MockKafka
from support.tansu import HOST, Tansu, free_port
from support.tcp_proxy import TcpProxy


def create(scene: Scene, servers: str, **options: Any) -> Destination:
    given = {"bootstrap_servers": servers, "topic": "events", "tls": False, "timeout_s": 3.0, **options}
    return scene.shop.catalog.create_destination(
        scene.shop.business.id, "kafka", "Events", given, start_after=0
    )


def visit_at_length(scene: Scene, visitor: str) -> None:
    """An event of 2,000 bytes."""
    message_id = f"{visitor}-{scene.head() + 1}"
    payload = {"type": "page", "anonymousId": visitor, "messageId": message_id, "text": "x" * 2_000}
    number = scene.number_of(scene.shop.pixel)
    event = make_event(number, anonymous_id=visitor, message_id=message_id, payload=payload)
    record(scene.data_dir, [event])


def sent(scene: Scene) -> int:
    """By the one destination; none while the courier has not met it."""
    return sum(one.sent_total for one in scene.door.summary())


def run(data_dir: Path, play: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with a_scene(data_dir) as scene:
            await play(scene)

    asyncio.run(whole())


def test_a_dead_letter_is_made_of_the_one_record_that_is_too_large(tmp_path: Path) -> None:
    """All others arrive, also the later ones of its visitor, each once and in order."""

    async def play(scene: Scene) -> None:
        destination = create(scene, mock.servers, properties={"message.max.bytes": "1000"})
        scene.visit("ann", "bob")
        visit_at_length(scene, "ann")
        scene.visit("ann", "bob")
        async with a_courier(tmp_path):
            await eventually(lambda: sent(scene) == 4, "four are sent")
        assert scene.summary(destination).dead == 1
        assert scene.event_state(destination, 3) == "dead"
        arrived = [record.message_id for record in records(mock.servers, "events")]
        assert arrived == ["ann-1", "bob-2", "ann-4", "bob-5"]

    with MockKafka() as mock:
        mock.make_topic("events")
        run(tmp_path, play)


def test_a_batch_that_is_refused_as_one_is_sent_in_halves(tmp_path: Path) -> None:
    """Nothing dies of what its neighbours are; repeats aside all arrive in order."""

    async def play(scene: Scene) -> None:
        destination = create(scene, mock.servers)
        scene.visit(*[f"visitor-{number % 3}" for number in range(30)])
        mock.fail(PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
        async with a_courier(tmp_path):
            await eventually(lambda: sent(scene) == 30, "all are sent")
        assert scene.summary(destination).dead == 0
        arrived = [record.message_id for record in records(mock.servers, "events")]
        seqs = [int(id_.rpartition("-")[2]) for id_ in dict.fromkeys(arrived)]
        assert seqs == list(range(1, 31))

    with MockKafka() as mock:
        mock.make_topic("events")
        run(tmp_path, play)


def test_a_broker_that_was_away_gets_everything(tmp_path: Path) -> None:
    """Down while nobody listens; when it is back all arrives in order, and nothing died."""

    async def play(scene: Scene) -> None:
        destination = create(scene, broker.servers, timeout_s=2.0)
        async with a_courier(tmp_path):
            scene.visit("ann")
            await eventually(lambda: sent(scene) == 1, "the first is sent")
            proxy.stop()
            scene.visit(*["ann"] * 20, *["bob"] * 20)
            await eventually(lambda: scene.summary(destination).last_error, "it is noticed")
            proxy.start()
            await eventually(lambda: sent(scene) == 41, "the others are sent")
        assert scene.summary(destination).dead == 0
        arrived = [record.message_id for record in records(broker.servers, "events")]
        seqs = [int(id_.rpartition("-")[2]) for id_ in dict.fromkeys(arrived)]
        assert seqs == list(range(1, 42))

    port = free_port()
    with TcpProxy(port) as proxy, Tansu(port=port, advertised=f"{HOST}:{proxy.port}") as broker:
        broker.make_topic("events")
        run(tmp_path, play)
