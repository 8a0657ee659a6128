"""Kafka under the destinations' contract: a broker that fails on command, and a real one behind a proxy."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import KafkaError

from pixelwire.destinations import registry
from pixelwire.testing.check_destination import CHECKS, Behaviour, Trial, check_destination
from support.kafka_records import records
from support.mock_kafka import PRODUCE, MockKafka
from support.tansu import HOST, Tansu, free_port
from support.tcp_proxy import TcpProxy

TOPIC = "events"
MANY = 1_000  # answers; more than a client asks for in a test
LONG_MS = 60_000
# Tansu takes whatever a client may send, from whoever it knows.
NOT_OF_TANSU = {"busy_is_retried", "refused_is_given_up", "locked_out_is_misconfigured"}


class Mock:
    """The other side of the mock cluster."""

    def __init__(self, cluster: MockKafka) -> None:
        self._cluster = cluster
        cluster.make_topic(TOPIC)

    async def behave(self, behaviour: Behaviour) -> None:
        cluster = self._cluster
        cluster.heal()
        cluster.fail_topic(TOPIC, KafkaError.NO_ERROR)
        match behaviour:
            case Behaviour.IS_BUSY:
                cluster.fail(PRODUCE, *[KafkaError.NOT_ENOUGH_REPLICAS] * MANY)
            case Behaviour.REFUSES:
                cluster.fail(PRODUCE, *[KafkaError.MSG_SIZE_TOO_LARGE] * MANY)
            case Behaviour.LOCKS_OUT:
                cluster.fail_topic(TOPIC, KafkaError.TOPIC_AUTHORIZATION_FAILED)
            case Behaviour.IS_SILENT:
                cluster.answer_after(LONG_MS)
            case Behaviour.IS_GONE:
                cluster.go_away()
            case Behaviour.TAKES:
                pass

    async def received(self) -> Sequence[str]:
        return [record.message_id for record in records(self._cluster.servers, TOPIC)]


class Proxied:
    """The other side of a real broker, behind a proxy that can be told."""

    def __init__(self, broker: Tansu, proxy: TcpProxy) -> None:
        self._broker = broker
        self._proxy = proxy
        broker.make_topic(TOPIC)

    async def behave(self, behaviour: Behaviour) -> None:
        self._proxy.start()
        self._proxy.resume()
        match behaviour:
            case Behaviour.IS_SILENT:
                self._proxy.silence()
            case Behaviour.IS_GONE:
                self._proxy.stop()
            case Behaviour.TAKES:
                pass
            case _:
                raise NotImplementedError

    async def received(self) -> Sequence[str]:
        return [record.message_id for record in records(self._broker.servers, TOPIC)]


@pytest.fixture
def mock() -> Iterator[MockKafka]:
    with MockKafka() as cluster:
        yield cluster


@pytest.fixture
def proxied() -> Iterator[tuple[Tansu, TcpProxy]]:
    port = free_port()
    with TcpProxy(port) as proxy, Tansu(port=port, advertised=f"{HOST}:{proxy.port}") as broker:
        yield broker, proxy


def options(servers: str) -> dict[str, object]:
    return {"bootstrap_servers": servers, "topic": TOPIC, "tls": False, "timeout_s": 4.0}


def test_kafka_keeps_the_contract(mock: MockKafka) -> None:
    """Every rule of it, with a broker that fails on command."""
    trial = Trial(registry.spec("kafka"), options(mock.servers), Mock(mock))
    assert asyncio.run(check_destination(trial)) == [check.__name__ for check in CHECKS]


def test_kafka_keeps_the_contract_with_a_real_broker(proxied: tuple[Tansu, TcpProxy]) -> None:
    """Every rule that it and a proxy can be put to."""
    broker, proxy = proxied
    trial = Trial(registry.spec("kafka"), options(broker.servers), Proxied(broker, proxy))
    passed = asyncio.run(check_destination(trial))
    assert set(passed) == {check.__name__ for check in CHECKS} - NOT_OF_TANSU
