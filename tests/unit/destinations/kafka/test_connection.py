"""The client of a destination: looked after, and its brokers looked at."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from pixelwire.destinations.base import Misconfigured
from pixelwire.destinations.kafka.connection import Connection, Terms


class FakeClient:
    """Knows two brokers and counts what is asked of it."""

    hosts = ("1.1.1.1", "1.0.0.1")

    def __init__(self, properties: dict[str, Any], clean: Callable[[str], str], *, is_guarded: bool) -> None:
        self.is_guarded = is_guarded
        self.asked = 0
        self.has_ended = False

    async def metadata(self, topic: str, timeout_s: float) -> Any:
        self.asked += 1
        return SimpleNamespace(brokers={host: SimpleNamespace(host=host) for host in self.hosts})

    async def end(self) -> None:
        self.has_ended = True


class Lured(FakeClient):
    """One of its brokers is inside."""

    hosts = ("1.1.1.1", "10.0.0.8")


def connection(make: Any, hosts: tuple[str, ...] = ("1.1.1.1",), *, is_guarded: bool = True) -> Connection:
    return Connection(Terms({}, list(hosts), str, 5.0, is_guarded), make)


def run(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(play())


def test_a_public_cluster_may_not_lead_to_a_private_broker() -> None:
    """What brokers advertise is looked at before anything is sent there."""
    with pytest.raises(Misconfigured, match=r"10\.0\.0\.8 \(a broker of the cluster\) is a private address"):
        asyncio.run(connection(Lured).client("events"))


def test_a_private_cluster_is_asked_nothing_where_it_is_allowed() -> None:
    """Then the operator has said so."""

    async def play() -> None:
        found: Any = await connection(Lured, ("10.0.0.8",), is_guarded=False).client("events")
        assert (found.asked, found.is_guarded) == (0, False)

    run(play)


def test_brokers_are_looked_at_once_a_while() -> None:
    """Not for every batch; a new client begins anew."""

    async def play() -> None:
        one = connection(FakeClient)
        first: Any = await one.client("events")
        assert await one.client("events") is first
        assert first.asked == 1
        one.drop()
        second: Any = await one.client("events")
        assert second is not first
        assert second.asked == 1
        await one.close()
        assert (first.has_ended, second.has_ended) == (True, True)

    run(play)


def test_it_can_be_closed_without_having_been_used() -> None:
    """And twice."""

    async def play() -> None:
        one = connection(FakeClient)
        await one.close()
        await one.close()

    run(play)
