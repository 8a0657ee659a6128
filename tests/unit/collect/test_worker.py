"""A worker's life: ready before the first request, flushed after the last, gone with its parent."""

import asyncio
import multiprocessing
import resource
from pathlib import Path
from typing import Any

import pytest

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.clock import SystemClock
from pixelwire.collect.address import ClientAddress
from pixelwire.collect.app import PixelApp
from pixelwire.collect.intake import Intake
from pixelwire.collect.keys import Keys
from pixelwire.collect.options import WorkerOptions
from pixelwire.collect.outbox import Outbox
from pixelwire.collect.worker import Recorder, Worker, build_app
from support.catalogs import make_shop
from support.orphans import start_worker_and_wait

DEADLINE_S = 10.0
NO_WAIT = Recorder(Path("recorder.sock"), 0.0)


def options(data_dir: Path, **more: Any) -> WorkerOptions:
    return WorkerOptions(str(data_dir), str(data_dir / "recorder.sock"), **{"trusted_proxies": []} | more)


class Server:
    """The server's side of ASGI, as far as a worker sees it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self._life: asyncio.Task[None] | None = None
        self.says, self.hears = self._said.get, self._heard.put

    async def start(self) -> Any:
        self._life = asyncio.create_task(self._worker({"type": "lifespan"}, self.says, self.hears))
        await self._said.put({"type": "lifespan.startup"})
        return await self._heard.get()

    async def stop(self) -> Any:
        assert self._life is not None
        await self._said.put({"type": "lifespan.shutdown"})
        message = await self._heard.get()
        await self._life
        return message

    async def get(self, query: str) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/pixel/v1/page",
            "query_string": query.encode(),
            "headers": [],
            "client": ("127.0.0.1", 5),
            "http_version": "1.1",
        }
        await self._worker(scope, self.says, self.hears)
        start, body = await self._heard.get(), await self._heard.get()
        return start["status"], body["body"]


def make_worker(data_dir: Path) -> Worker:
    """As build_app makes it, but without patience for a recorder that is not there."""
    clock = SystemClock()
    keys = Keys(Snapshot(data_dir), clock)
    outbox = Outbox(str(data_dir / "recorder.sock"), hold_s=0.05)
    address = ClientAddress()
    return Worker(PixelApp(Intake(keys, address), outbox, clock), keys, outbox, address, NO_WAIT)


def test_a_worker_knows_its_keys_when_it_is_ready(tmp_path: Path) -> None:
    """The first request meets a full table."""
    shop = make_shop(tmp_path)

    async def play() -> None:
        server = Server(make_worker(tmp_path))
        assert await server.start() == {"type": "lifespan.startup.complete"}
        assert await server.get(f"writeKey={shop.pixel.id}") == (400, b"anonymousId or userId is required")
        assert await server.get("writeKey=x") == (400, b"writeKey is not known")
        assert await server.stop() == {"type": "lifespan.shutdown.complete"}

    asyncio.run(play())
    shop.catalog.close()


def test_a_worker_starts_without_a_catalog_and_waits_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It says that it is our fault, to the sender and once to the operator, until there is one."""

    async def play() -> None:
        server = Server(make_worker(tmp_path))
        assert await server.start() == {"type": "lifespan.startup.complete"}
        unreachable = (503, b"the event could not be stored: catalog_unreachable")
        assert await server.get("writeKey=x") == unreachable
        shop = make_shop(tmp_path)
        async with asyncio.timeout(10):
            while (answer := await server.get("writeKey=x")) == unreachable:
                await asyncio.sleep(0.02)
        assert answer == (400, b"writeKey is not known")
        await server.stop()
        shop.catalog.close()

    asyncio.run(play())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_worker_that_can_not_start_says_so(tmp_path: Path) -> None:
    """Else the server would go on without what the app needs."""

    class NoOutbox:
        async def start(self) -> None:
            raise OSError("no more descriptors")

    async def play() -> None:
        clock = SystemClock()
        keys = Keys(Snapshot(tmp_path), clock)
        outbox: Any = NoOutbox()
        address = ClientAddress()
        worker = Worker(PixelApp(Intake(keys, address), outbox, clock), keys, outbox, address, NO_WAIT)
        message = await Server(worker).start()
        assert message["type"] == "lifespan.startup.failed"
        assert "no more descriptors" in message["message"]

    asyncio.run(play())


def test_what_is_made_of_the_options_lives(tmp_path: Path) -> None:
    """Started and stopped as the server does it; other protocols are none of ours."""

    async def play() -> None:
        worker = build_app(options(tmp_path, trusted_proxies=["10.0.0.0/8"]))
        server = Server(worker)
        assert await server.start() == {"type": "lifespan.startup.complete"}
        await worker({"type": "websocket"}, server.says, server.hears)
        assert await server.stop() == {"type": "lifespan.shutdown.complete"}

    asyncio.run(play())


def test_limits_are_off_unless_they_are_set(tmp_path: Path) -> None:
    """A worker of the defaults answers whatever comes; one with a limit refuses past it."""

    async def answers(**limits: int) -> list[int]:
        server = Server(build_app(options(tmp_path, **limits)))
        await server.start()
        answered = [await server.get(f"writeKey={key}") for _ in range(25)]
        await server.stop()
        return [status for status, _ in answered]

    shop = make_shop(tmp_path, "Limits")
    key = shop.pixel.id
    shop.catalog.close()
    assert asyncio.run(answers()) == [400] * 25
    for name in ("rate_limit_per_address", "rate_limit_per_pixel"):
        statuses = asyncio.run(answers(**{name: 1, "rate_limit_burst_s": 20}))
        assert statuses[:20] == [400] * 20
        assert 429 in statuses[20:]


def test_a_worker_may_have_as_many_connections_as_the_system_allows(tmp_path: Path) -> None:
    """Silent connections must not use up the descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        build_app(options(tmp_path))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """No orphan stays when the supervisor is killed."""
    here, there = multiprocessing.Pipe()
    parent = multiprocessing.get_context("spawn").Process(
        target=start_worker_and_wait, args=(str(tmp_path), there)
    )
    parent.start()
    there.close()
    said = {here.recv(), here.recv()}
    assert "built" in said
    parent.kill()
    parent.join()
    # The pipe's other end is open in the grandchild alone now: it ends when that one does.
    assert here.poll(10)
    try:
        here.recv()
    except EOFError:
        return
    raise AssertionError("the worker still holds the pipe")


def test_a_worker_takes_no_visitor_before_the_store_is_open(tmp_path: Path) -> None:
    """Started beside the recorder it lets them wait in the queue, until the socket is there."""

    async def play() -> None:
        started = asyncio.create_task(server.start())
        await asyncio.wait([started], timeout=0.1)
        assert not started.done()
        (tmp_path / "recorder.sock").touch()
        message = await asyncio.wait_for(started, DEADLINE_S)
        assert message == {"type": "lifespan.startup.complete"}
        await server.stop()

    server = Server(build_app(options(tmp_path, recorder_wait_s=DEADLINE_S)))
    asyncio.run(play())
