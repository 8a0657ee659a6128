"""The management process as the supervisor starts it, over a real socket."""

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from pixelwire.manage import server
from pixelwire.manage.app import build_app
from pixelwire.manage.options import ManageOptions
from pixelwire.manage.processes import resident_bytes
from pixelwire.manage.server import ManageServer
from support.asgi import Answer
from support.catalogs import make_shop
from support.events import make_event, record
from support.waiting import wait_until

pytestmark = pytest.mark.alone

START_S = 30.0
STOP_S = 1.0  # what the supervisor gives it is more


class Manage:
    """The process, its address and a token."""

    def __init__(self, data_dir: Path) -> None:
        shop = make_shop(data_dir)
        self.pixel = shop.pixel.id
        self.token = shop.catalog.create_token("test", None, "admin").token
        record(data_dir, [make_event(shop.pixel.number)])
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        options = ManageOptions(str(data_dir), self.listening.fileno(), "http://p.test", "http://m.test")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pixelwire.manage"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self.listening.fileno()],
        )
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(options) + b"\n")
        self.process.stdin.flush()

    def get(self, path: str, timeout_s: float = 10) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def release(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


@contextmanager
def running(data_dir: Path) -> Iterator[Manage]:
    manage = Manage(data_dir)
    try:
        assert manage.process.stdout is not None
        assert manage.process.stdout.readline() == b"ready\n"
        yield manage
    finally:
        manage.process.kill()
        manage.process.wait()
        for stream in (manage.process.stdin, manage.process.stdout):
            if stream is not None:
                stream.close()
        manage.listening.close()


def test_it_serves_once_it_says_so(tmp_path: Path) -> None:
    """Over the socket it was given, with no header that names its server."""
    with running(tmp_path) as manage:
        answer = manage.get(f"/api/v1/pixels/{manage.pixel}/events")
        assert (answer.status, len(answer.json()["events"])) == (200, 1)
        assert "server" not in answer.headers


def test_signals_are_the_supervisors(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group; this process waits until it is let go."""
    with running(tmp_path) as manage:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            manage.process.send_signal(number)
        assert manage.get("/healthz").status == 200


def test_it_ends_at_once_when_it_is_let_go(tmp_path: Path) -> None:
    """Who waits for events is answered first, and connections that say nothing do not hold it."""
    with running(tmp_path) as manage:
        silent = [socket.create_connection(("127.0.0.1", manage.port)) for _ in range(20)]
        answers: list[int] = []
        waiting = threading.Thread(
            target=lambda: answers.append(
                manage.get(f"/api/v1/pixels/{manage.pixel}/events?after=1&wait=30", 30).status
            )
        )
        waiting.start()
        wait_until(lambda: len(open_sockets(manage.process.pid)) > 20, 10, "the waiting request is there")
        started = time.monotonic()
        manage.release()
        assert manage.process.wait(10) == 0
        assert time.monotonic() - started < STOP_S
        waiting.join(10)
        assert answers == [200]
        for connection in silent:
            connection.close()


def test_it_stays_small(tmp_path: Path) -> None:
    """All processes of the server share 350 MB."""
    with running(tmp_path) as manage:
        for path in ("/docs", "/metrics", "/readyz", f"/api/v1/pixels/{manage.pixel}/counts"):
            assert manage.get(path).status == 200
        assert (resident_bytes(manage.process.pid) or 0) < 110 * 1_048_576


def open_sockets(pid: int) -> list[str]:
    """The sockets of a process."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.append(target)
    return found


# -- Connections that do not come to the point -----------------------------------------------------


@contextmanager
def serving(tmp_path: Path, route: Callable[[Request], Awaitable[Response]] | None = None) -> Iterator[int]:
    """The server in a thread, with a further route when one is given; yields its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    options = ManageOptions(str(tmp_path), listening.fileno(), "http://p.test", "http://m.test")
    app = build_app(options)
    if route is not None:
        app.add_route("/slow", route, methods=["POST"])
    manage = ManageServer(app, ready.set)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=manage.serve_on, args=(listening,))
    thread.start()
    try:
        assert ready.wait(10)
        yield port
    finally:
        manage.release()
        thread.join(10)
        assert not thread.is_alive()


async def dripped(port: int, pieces: list[bytes], gap_s: float) -> bytes:
    """What the server answers to a request that comes in pieces, until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    for piece in pieces:
        if answer.done():
            break
        try:
            writer.write(piece)
            await writer.drain()
        except ConnectionError:
            break
        await asyncio.wait({answer}, timeout=gap_s)
    try:
        return await asyncio.wait_for(answer, 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_a_request_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a silent connection nor one that drips its head holds a place for ever."""
    monkeypatch.setattr(server, "HEAD_S_MAX", 0.3)
    head = [bytes([byte]) for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 400]
    with serving(tmp_path) as port:
        assert asyncio.run(dripped(port, [], 0)) == b""
        assert asyncio.run(dripped(port, head, 0.02)) == b""


async def crowded(port: int, silent: int, is_under_way: threading.Event) -> tuple[list[bytes], int, bytes]:
    """Answers to three requests behind more silent connections than may be, how many of those were ended, and
    the answer to a request that was under way all the time.
    """
    slow = await asyncio.open_connection("127.0.0.1", port)
    slow[1].write(b"POST /slow HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\nConnection: close\r\n\r\n")
    assert await asyncio.to_thread(is_under_way.wait, 10)
    crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(silent)]
    request = b"GET /healthz HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n"
    answers = [await dripped(port, [request], 0) for _ in range(3)]
    ended = [reader for reader, _ in crowd if reader.at_eof() or await is_ended(reader)]
    slow[1].write(b"x")
    answer = await asyncio.wait_for(slow[0].read(), 10)
    for _, writer in (slow, *crowd):
        writer.close()
    return answers, len(ended), answer


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server has ended a connection that it sent nothing on."""
    try:
        return await asyncio.wait_for(reader.read(1), 0.01) == b""
    except TimeoutError:
        return False


def test_who_asks_for_nothing_makes_room_for_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent connections beyond the bound end, the oldest first; a request under way is not touched."""
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 20)
    is_under_way = threading.Event()

    async def slow_route(request: Request) -> Response:
        is_under_way.set()
        return Response(await request.body())

    with serving(tmp_path, slow_route) as port:
        answers, ended, slow = asyncio.run(crowded(port, 30, is_under_way))
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 3
    assert ended == 30 + 1 + 1 - 20  # the slow one and the last who asks have their places
    assert slow.startswith(b"HTTP/1.1 200")


def test_a_second_request_has_its_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is kept open between requests is not cut while it is used."""
    monkeypatch.setattr(server, "HEAD_S_MAX", 0.3)
    request = b"GET /healthz HTTP/1.1\r\nHost: m.test\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with serving(tmp_path) as port:
        answers = asyncio.run(dripped(port, [request, request[:20], request[20:], last], 0.2))
    assert answers.count(b"HTTP/1.1 200") == 3


def test_a_body_that_does_not_come_is_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the contract's shape."""
    monkeypatch.setattr("pixelwire.manage.routes.BODY_S_MAX", 0.2)
    token = make_shop(tmp_path).catalog.create_token("test", None, "admin").token
    head = f"POST /ads/v3/businesses HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {token}\r\n"
    with serving(tmp_path) as port:
        answer = asyncio.run(
            dripped(port, [head.encode() + b"Content-Length: 9\r\nConnection: close\r\n\r\n{"], 0.1)
        )
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"sp_trace_id" in answer
