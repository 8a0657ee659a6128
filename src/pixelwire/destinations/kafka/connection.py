"""The client of one destination: made when it is needed, looked after, dropped when it can not be relied on.

Knows no event and no option but those of the connection.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pixelwire.destinations.base import Unreachable
from pixelwire.destinations.kafka.addresses import refuse_private
from pixelwire.destinations.kafka.background import in_background
from pixelwire.destinations.kafka.client import Clean, Client

IDLE_S: Final = 180.0  # then we close the connections, before a broker or a firewall does
LOOK_S: Final = 60.0  # how often it is looked at where the brokers are


@dataclass(frozen=True, repr=False)  # it holds secrets
class Terms:
    """What a connection is made with."""

    properties: dict[str, Any]  # librdkafka's
    hosts: list[str]  # of `bootstrap.servers`
    clean: Clean
    timeout_s: float
    is_guarded: bool  # private addresses are refused


class Connection:
    def __init__(self, terms: Terms, make: type[Client] = Client) -> None:
        self._terms = terms
        self._make = make
        self._client: Client | None = None
        self._looked_s: float | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ends: set[asyncio.Task[None]] = set()

    async def client(self, topic: str) -> Client:
        """One whose brokers were looked at. Misconfigured, or Unreachable within the time-out."""
        self._stay()
        if self._client is None:
            await self._refuse_private(self._terms.hosts, "in bootstrap_servers")
            self._client = self._make(
                self._terms.properties, self._terms.clean, is_guarded=self._terms.is_guarded
            )
            self._looked_s = None
        await self._look(self._client, topic)
        return self._client

    def rest(self) -> None:
        """It may be a while until it is needed again."""
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self.drop)

    def drop(self) -> None:
        """The next one is a new one, and nothing of this one's is sent any more."""
        self._stay()
        client, self._client = self._client, None
        if client is not None:
            end = asyncio.get_running_loop().create_task(client.end())
            self._ends.add(end)
            end.add_done_callback(self._ends.discard)

    async def close(self) -> None:
        self.drop()
        if self._ends:
            await asyncio.wait(self._ends)

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _look(self, client: Client, topic: str) -> None:
        """Brokers come and go: those that there are now must not be private either."""
        now_s = asyncio.get_running_loop().time()
        if not self._terms.is_guarded or (self._looked_s is not None and now_s - self._looked_s < LOOK_S):
            return
        metadata = await client.metadata(topic, self._terms.timeout_s)
        hosts = [str(broker.host) for broker in metadata.brokers.values()]
        await self._refuse_private(hosts, "a broker of the cluster")
        self._looked_s = now_s

    async def _refuse_private(self, hosts: list[str], whose: str) -> None:
        if not self._terms.is_guarded:
            return
        try:
            async with asyncio.timeout(self._terms.timeout_s):
                await in_background(partial(refuse_private, hosts, whose))
        except TimeoutError as exc:
            raise Unreachable(f"no address of {', '.join(hosts)} in time") from exc
