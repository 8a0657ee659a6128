"""The proxy before the target of an ordeal, and the targets that take event by event: webhook and Kafka."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from aiohttp import web
from confluent_kafka import KafkaError

from support.kafka_records import records
from support.mock_kafka import PRODUCE, MockKafka
from support.ordeal import Blow, Copy
from support.receiver import Answer, Receiver, ReceiverThread
from support.tansu import HOST, Tansu, free_port
from support.tcp_proxy import TcpProxy

STRUCK_S: Final = 30.0
REFUSED: Final = "refused"  # nobody listens
SILENT: Final = "silent"
CUT: Final = "cut"  # every connection breaks, once
BUSY: Final = "busy"
THROTTLED: Final = "throttled"

CONCURRENCY: Final = 16
CHANCE_OF_A_FAILURE: Final = 0.02
REFUSED_EVERY: Final = 1_009  # events
PARTITIONS: Final = 4
ANSWERS: Final = 10_000  # more than a client asks for in a trouble


class Proxied:
    """What every target behind a proxy has."""

    kind = ""
    troubles: tuple[str, ...] = (REFUSED, SILENT, CUT)
    refused: frozenset[int] = frozenset()
    repeats_come_at_once = False
    pieces_max = 12  # of the traffic of a step, before the blow falls

    def __init__(self, proxy: TcpProxy, chance: random.Random) -> None:
        self.proxy = proxy
        self.options: dict[str, object] = {}
        self._chance = chance

    def strike(self, blow: Blow) -> Callable[[], None]:
        dealt = self.proxy.strike(self._chance.randint(1, self.pieces_max), blow)

        def wait() -> None:
            assert dealt.wait(STRUCK_S), "no traffic"

        return wait

    def trouble(self, name: str) -> bool:
        if name == REFUSED:
            self.proxy.stop()
        elif name == SILENT:
            self.proxy.silence()
        elif name == CUT:
            self.proxy.cut()
            return False
        return True

    def heal(self) -> None:
        """What was held back in a silence does not arrive any more: it had no sender left."""
        self.proxy.cut()
        self.proxy.resume()
        self.proxy.start()

    def relent(self) -> None:
        raise NotImplementedError

    def repeats_max(self, kills: int, troubles: int) -> int:
        raise NotImplementedError


class Webhook(Proxied):
    kind = "webhook"
    troubles = (*Proxied.troubles, BUSY, THROTTLED)
    refused = frozenset(range(7, 1_000_000, REFUSED_EVERY))
    repeats_come_at_once = True
    pieces_max = 400

    def __init__(self, proxy: TcpProxy, chance: random.Random) -> None:
        super().__init__(proxy, chance)
        self._answer: Answer = None
        self._is_stern = True
        self.receiver: Receiver | None = None
        self.options = {
            "url": f"http://{HOST}:{proxy.port}/hook",
            "concurrency": CONCURRENCY,
            "timeout_s": 1.0,
            "signing_secret": "0123456789abcdef",
            "allow_private_addresses": True,
        }

    def decide(self, _: web.Request, body: bytes) -> Answer:
        """Refuses some events whenever they come, and fails for others now and then."""
        if self._answer is not None:
            return web.Response(status=self._answer.status, headers=self._answer.headers)
        if self._is_stern and _place(msgspec.json.decode(body)) in self.refused:
            return web.Response(status=422)
        draw = self._chance.random()
        if draw >= CHANCE_OF_A_FAILURE:
            return web.Response()
        return web.Response(status=500) if draw < CHANCE_OF_A_FAILURE / 2 else None

    def trouble(self, name: str) -> bool:
        if name == BUSY:
            self._answer = web.Response(status=500)
        elif name == THROTTLED:
            self._answer = web.Response(status=429, headers={"Retry-After": "1"})
        else:
            return super().trouble(name)
        return True

    def heal(self) -> None:
        self._answer = None
        super().heal()

    def relent(self) -> None:
        self._is_stern = False

    def copies(self) -> list[Copy]:
        assert self.receiver is not None
        taken = [arrival.body for arrival in self.receiver.arrivals if arrival.status == 200]
        return [copy_of(msgspec.json.decode(body)) for body in taken]

    def repeats_max(self, kills: int, troubles: int) -> int:
        """Those under way when an answer could not be heard."""
        return (kills + troubles) * CONCURRENCY


class Kafka(Proxied):
    kind = "kafka"
    topic = "events"
    pieces_max = 20  # a dozen of them before the first record

    def __init__(self, servers: str, proxy: TcpProxy, batch: int, chance: random.Random) -> None:
        super().__init__(proxy, chance)
        self._servers = servers
        self._batch = batch
        self.options = {
            "bootstrap_servers": f"{HOST}:{proxy.port}",
            "topic": self.topic,
            "tls": False,
            "timeout_s": 2.0,
            "batch_events_max": batch,
            "allow_private_addresses": True,
        }

    def copies(self) -> list[Copy]:
        found = records(self._servers, self.topic)
        return [copy_of(msgspec.json.decode(one.value), f"{one.partition}") for one in found]

    def repeats_max(self, kills: int, troubles: int) -> int:
        """The batch under way comes again, by another producer."""
        return (kills + troubles) * self._batch


class BusyKafka(Kafka):
    """librdkafka's mock of a broker: it can say that it is busy, as the real one of the tests can not."""

    troubles = (*Proxied.troubles, BUSY)

    def __init__(self, cluster: MockKafka, proxy: TcpProxy, batch: int, chance: random.Random) -> None:
        super().__init__(cluster.servers, proxy, batch, chance)
        self._cluster = cluster

    def trouble(self, name: str) -> bool:
        if name == BUSY:
            self._cluster.fail(PRODUCE, *[KafkaError.NOT_ENOUGH_REPLICAS] * ANSWERS)
            return True
        return super().trouble(name)

    def heal(self) -> None:
        self._cluster.heal()
        super().heal()


@contextmanager
def webhook(chance: random.Random) -> Iterator[Webhook]:
    late: list[Webhook] = []
    with (
        ReceiverThread(lambda request, body: late[0].decide(request, body)) as receiver,
        TcpProxy(receiver.port) as proxy,
    ):
        late.append(Webhook(proxy, chance))
        late[0].receiver = receiver
        yield late[0]


@contextmanager
def kafka(batch: int, chance: random.Random) -> Iterator[Kafka]:
    port = free_port()
    with TcpProxy(port) as proxy, Tansu(port=port, advertised=f"{HOST}:{proxy.port}") as broker:
        broker.make_topic(Kafka.topic, PARTITIONS)
        # What is read back does not go through the proxy.
        yield Kafka(broker.servers, proxy, batch, chance)


@contextmanager
def busy_kafka(batch: int, chance: random.Random) -> Iterator[BusyKafka]:
    with MockKafka() as cluster, TcpProxy(int(cluster.servers.rpartition(":")[2])) as proxy:
        cluster.make_topic(Kafka.topic, PARTITIONS)
        cluster.advertise(HOST, proxy.port)
        yield BusyKafka(cluster, proxy, batch, chance)


def copy_of(payload: dict[str, Any], stream: str = "") -> Copy:
    return Copy(_place(payload), payload["anonymousId"], stream)


def _place(payload: dict[str, Any]) -> int:
    return int(payload["properties"]["place"])
