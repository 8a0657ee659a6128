"""One worker process: puts the app together and gives it a life. Knows this room's parts and nothing of
the server that calls it but ASGI.
"""

import asyncio
import logging
import multiprocessing
import os
import resource
import threading
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.clock import SystemClock
from pixelwire.collect.address import ClientAddress
from pixelwire.collect.app import PixelApp, Receive, Scope, Send
from pixelwire.collect.intake import Intake
from pixelwire.collect.keys import Keys
from pixelwire.collect.options import WorkerOptions
from pixelwire.collect.outbox import Outbox
from pixelwire.collect.rate import Door
from pixelwire.event import UNHEARD
from pixelwire.limits import CATALOG_TICK_S
from pixelwire.times import hour_of

log = logging.getLogger("pixelwire.collect")

LOOK_S: Final = 0.01


def load_app(options_path: str) -> "Worker":
    """The ASGI app of a worker, by options that lie in a file: a worker started later reads them anew."""
    return build_app(msgspec.json.decode(Path(options_path).read_bytes(), type=WorkerOptions))


def build_app(options: WorkerOptions) -> "Worker":
    """The ASGI app of a worker. Called in the worker's process, before its event loop runs."""
    _end_with_parent()
    _raise_descriptor_limit()
    clock = SystemClock()
    keys = Keys(Snapshot(Path(options.data_dir)), clock)
    outbox = Outbox(options.socket_path)
    address = ClientAddress(options.trusted_proxies, options.client_address_header)
    app = PixelApp(Intake(keys, address, _door(options, clock)), outbox, clock)
    return Worker(app, keys, outbox, address, Recorder(Path(options.socket_path), options.recorder_wait_s))


def _door(options: WorkerOptions, clock: SystemClock) -> Door | None:
    if not (options.rate_limit_per_address or options.rate_limit_per_pixel):
        return None
    return Door(
        clock,
        per_address=options.rate_limit_per_address,
        per_pixel=options.rate_limit_per_pixel,
        burst_s=options.rate_limit_burst_s,
    )


class Recorder(NamedTuple):
    """The recorder as a worker that starts sees it."""

    socket_path: Path
    wait_s: float

    async def begun(self) -> None:
        """Returns once it has opened the store, for the first time since the server was started: until then
        visitors wait in the queue of the listening socket. One that dies later is no reason to let them wait:
        its socket stays where it was."""
        for _ in range(int(self.wait_s / LOOK_S)):
            if self.socket_path.exists():
                return
            await asyncio.sleep(LOOK_S)


class Worker:
    """The app with its life: what it needs is there before the first request and flushed after the last."""

    def __init__(
        self, app: PixelApp, keys: Keys, outbox: Outbox, address: ClientAddress, recorder: Recorder
    ) -> None:
        self.app = app
        self._recorder = recorder
        self._keys = keys
        self._outbox = outbox
        self._address = address
        self._clock = SystemClock()
        self._is_catalog_readable = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._renew()
            await self._outbox.start()
            await self._recorder.begun()
        except Exception as exc:  # noqa: BLE001 told to the server, which would else serve without a start
            await send({"type": "lifespan.startup.failed", "message": f"the worker can not start: {exc!r}"})
            return
        renewing = asyncio.create_task(self._keep_renewing())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._outbox.stop()
        renewing.cancel()
        self._keys.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(CATALOG_TICK_S)
            self._renew()
            self._tally_unheard()

    def _renew(self) -> None:
        error = self._keys.renew()
        if error is not None and self._is_catalog_readable:
            log.error("the catalog can not be read, keys made from now on are not known: %s", error)
        elif error is None and not self._is_catalog_readable:
            log.warning("the catalog can be read again")
        self._is_catalog_readable = error is None

    def _tally_unheard(self) -> None:
        """Counted here and not with each request, whose time is dear."""
        for kind, amount in self._address.take_unheard().items():
            self._outbox.tally(hour_of(self._clock.now_ms()), 0, UNHEARD, kind, amount)


def _end_with_parent() -> None:
    """A worker whose supervisor is gone has nobody to start it again: it ends."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _raise_descriptor_limit() -> None:
    """As many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
