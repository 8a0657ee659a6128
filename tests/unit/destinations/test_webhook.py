"""The webhook: what it sends, and what it makes of answers."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import web

from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    Destination,
    GiveUp,
    Item,
    ItemResult,
    Misconfigured,
    Retry,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.signing import is_signed
from pixelwire.destinations.webhook import SPEC, judge, without
from pixelwire.errors import InvalidFields
from pixelwire.testing.check_destination import make_item
from pixelwire.testing.manual_clock import ManualClock
from support.receiver import Receiver
from support.tls import CERTIFICATE, server_context

URL = "https://hooks.example/x"
Use = Callable[[Receiver, Destination], Awaitable[None]]


def build(options: dict[str, Any], *, allow_private: bool = True) -> Destination:
    return registry.build("webhook", options, Surroundings(ManualClock(), allow_private))[0]


def with_receiver(
    use: Use, receiver: Receiver | None = None, *, allow_private: bool = True, **options: Any
) -> None:
    """Runs `use` with a receiver and an open webhook that points at it."""

    async def run() -> None:
        other_side = await (receiver or Receiver()).start()
        webhook = build({"url": other_side.url, "timeout_s": 5, **options}, allow_private=allow_private)
        try:
            await webhook.open()
            await use(other_side, webhook)
        finally:
            await webhook.close()
            await other_side.stop()

    asyncio.run(run())


async def send(webhook: Destination, item: Item) -> ItemResult:
    [result] = (await webhook.send(Batch([item]))).results
    return result


def test_a_request_is_the_payload() -> None:
    """The stored bytes as they are, with a type, our name, the ids, and the owner's own headers."""

    async def use(receiver: Receiver, webhook: Destination) -> None:
        assert await send(webhook, make_item(7, message_id="ü/1", payload=b'{"a":  1}')) == Sent()
        [arrival] = receiver.arrivals
        assert (arrival.method, arrival.path, arrival.body) == (
            "PUT",
            "/hook?token=path-secret",
            b'{"a":  1}',
        )
        headers = arrival.headers
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Pixelwire-Message-Id"] == headers["Idempotency-Key"] == "%C3%BC/1"
        assert headers["X-Pixelwire-Pixel-Id"] == "0" * 32
        assert headers["X-Pixelwire-Attempt"] == "1"
        assert headers["X-Team"] == "shop"
        assert headers["User-Agent"] == "ours/1"
        assert sum(name.lower() == "user-agent" for name in headers) == 1
        assert "X-Pixelwire-Signature" not in headers
        assert "Accept-Encoding" not in headers

    with_receiver(use, method="PUT", headers={"X-Team": "shop", "user-agent": "ours/1"})


def test_a_request_is_signed() -> None:
    """With a secret, the receiver can tell that it is ours, of now, and unchanged."""

    async def use(receiver: Receiver, webhook: Destination) -> None:
        await send(webhook, make_item(1))
        [arrival] = receiver.arrivals
        signature = arrival.headers["X-Pixelwire-Signature"]
        assert is_signed("0123456789abcdef", arrival.body, signature, ManualClock().now_ms() / 1_000)

    with_receiver(use, signing_secret="0123456789abcdef")


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 415, 422, 451, 499])
def test_what_will_not_change_is_given_up(status: int) -> None:
    """A 4xx answer is about the event, and the same event would get it again."""
    result = judge(status, None, "no such field")
    assert isinstance(result, GiveUp)
    assert result.reason.startswith(f"answered {status}")
    assert result.reason.endswith(": no such field")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599, 100, 700])
def test_what_may_change_is_retried(status: int) -> None:
    """Too early, too many, too slow, or the receiver's own trouble."""
    assert isinstance(judge(status, None, ""), Retry)


@pytest.mark.parametrize("status", [401, 403, 301, 302, 307, 308])
def test_what_the_owner_must_correct_pauses(status: int) -> None:
    """Credentials and addresses are not for the engine to guess."""
    with pytest.raises(Misconfigured) as raised:
        judge(status, None, "")
    assert "resume" in raised.value.hint


def test_a_rate_limit_holds_for_all() -> None:
    """429 with Retry-After speaks of the sender, 503 of one request."""
    assert judge(429, 7.0, "") == Retry("answered 429 Too Many Requests", 7.0, is_for_all=True)
    assert judge(503, 7.0, "") == Retry("answered 503 Service Unavailable", 7.0)


def test_retry_after_is_read() -> None:
    """The receiver's wish travels with the result."""

    def decide(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "17"}, text="later\x00 \n please")

    async def use(receiver: Receiver, webhook: Destination) -> None:
        assert await send(webhook, make_item(1)) == Retry(
            "answered 503 Service Unavailable: later please", 17.0
        )

    with_receiver(use, Receiver(decide))


def test_redirects_are_not_followed() -> None:
    """A redirect could lead a signed event anywhere: the owner sets the final address."""

    def decide(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async def use(receiver: Receiver, webhook: Destination) -> None:
        with pytest.raises(Misconfigured, match="redirect"):
            await send(webhook, make_item(1))
        assert len(receiver.arrivals) == 1

    with_receiver(use, Receiver(decide))


@pytest.mark.parametrize("status", [200, 500])
def test_a_long_answer_is_not_read(status: int) -> None:
    """Neither memory nor a dead letter grows with what a receiver says."""

    def decide(request: web.Request, body: bytes) -> web.Response:
        return web.Response(status=status, body=b"x" * 5_000_000)

    async def use(receiver: Receiver, webhook: Destination) -> None:
        for seq in (1, 2):
            result = await send(webhook, make_item(seq))
            assert isinstance(result, Sent if status == 200 else Retry)
            assert len(repr(result)) < 300

    with_receiver(use, Receiver(decide))


@pytest.mark.parametrize("breaks_off", [True, False], ids=["breaks off", "comes too slowly"])
@pytest.mark.parametrize("status", [422, 401, 503])
def test_the_status_decides_whatever_becomes_of_the_words(status: int, breaks_off: bool) -> None:
    """An answer whose body breaks off, or does not come in time, is the same answer with fewer words."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 400\r\n\r\nno such" % status)
        await writer.drain()
        if not breaks_off:
            await reader.read()  # until the other side has had enough
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()

    async def run() -> ItemResult:
        server = await asyncio.start_server(answer, "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        webhook = build({"url": f"http://127.0.0.1:{port}/", "timeout_s": 5.0 if breaks_off else 0.2})
        await webhook.open()
        try:
            return await send(webhook, make_item(1, payload=b"{}"))
        finally:
            await webhook.close()
            await ended.wait()
            server.close()

    if status == 401:
        with pytest.raises(Misconfigured, match="answered 401 Unauthorized: no such"):
            asyncio.run(run())
    else:
        result = asyncio.run(run())
        assert isinstance(result, GiveUp if status == 422 else Retry)
        assert result.reason.startswith(f"answered {status} ")
        assert result.reason.endswith(": no such")


def test_a_cut_connection_is_retried() -> None:
    """The event may or may not have arrived."""

    async def use(receiver: Receiver, webhook: Destination) -> None:
        result = await send(webhook, make_item(1))
        assert isinstance(result, Retry)
        assert "the connection broke" in result.reason

    with_receiver(use, Receiver(lambda request, body: None))


def test_a_connection_that_does_not_come_about_tells_no_secret() -> None:
    """Nobody accepts: nothing was sent, and the text holds no path."""

    async def run() -> None:
        with socket.socket() as listener, ExitStack() as waiting:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(4):  # beyond these the system answers nobody
                other = waiting.enter_context(socket.socket())
                other.setblocking(False)
                other.connect_ex(listener.getsockname())
            webhook = build(
                {"url": f"http://127.0.0.1:{listener.getsockname()[1]}/secret-path", "timeout_s": 0.2}
            )
            await webhook.open()
            try:
                with pytest.raises(Unreachable) as raised:
                    await send(webhook, make_item(1))
            finally:
                await webhook.close()
            assert str(raised.value) == "no connection in time"

    asyncio.run(run())


def test_a_private_address_is_refused() -> None:
    """Without leave nothing is sent into the server's own network, by name or by number."""

    async def use(receiver: Receiver, webhook: Destination) -> None:
        with pytest.raises(Misconfigured, match="private address") as raised:
            await send(webhook, make_item(1))
        assert "allow_private_addresses" in raised.value.hint
        for host in ("localhost", "2130706433", "0x7f.1", "0", "[::ffff:127.0.0.1]"):
            by_name = build({"url": f"http://{host}:{receiver.port}/"}, allow_private=False)
            await by_name.open()
            try:
                with pytest.raises(Misconfigured, match=r"private address|is not an address") as told:
                    await by_name.check()
                assert host == "[::ffff:127.0.0.1]" or "127.0.0.1" not in told.value.text
            finally:
                await by_name.close()
        assert receiver.arrivals == []

    with_receiver(use, allow_private=False)


def test_a_private_address_can_be_allowed() -> None:
    """The destination's own option gives leave."""

    async def use(receiver: Receiver, webhook: Destination) -> None:
        assert await send(webhook, make_item(1)) == Sent()

    with_receiver(use, allow_private=False, allow_private_addresses=True)


def test_a_certificate_must_be_trusted() -> None:
    """A receiver nobody vouches for gets nothing; one that `ca_file` vouches for does."""

    async def run() -> None:
        receiver = await Receiver(tls=server_context()).start()
        url = f"https://localhost:{receiver.port}/"
        try:
            for options, is_trusted in (({}, False), ({"ca_file": str(CERTIFICATE)}, True)):
                webhook = build({"url": url, **options})
                await webhook.open()
                try:
                    if is_trusted:
                        assert await send(webhook, make_item(1)) == Sent()
                    else:
                        with pytest.raises(Unreachable, match="certificate"):
                            await send(webhook, make_item(1))
                finally:
                    await webhook.close()
        finally:
            await receiver.stop()

    asyncio.run(run())


def test_a_ca_file_must_be_there() -> None:
    """A file that can not be used is named, and the destination pauses."""
    with pytest.raises(Misconfigured, match=r"/no/such/file\.pem"):
        asyncio.run(build({"url": URL, "ca_file": "/no/such/file.pem"}).open())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "url: is required"),
        ({"url": "ftp://hooks.example"}, "url: must begin with http"),
        ({"url": "hooks.example"}, "url: must begin with http"),
        ({"url": "https://"}, "url: must begin with http"),
        ({"url": "https://[::1"}, "url: is not an address"),
        ({"url": "https://hooks.example:99999/"}, "url: is not an address"),
        ({"url": "https://me:pass@hooks.example"}, "url: must not hold a user"),
        ({"url": "https://hooks.example/#x"}, "url: must not have a #fragment"),
        ({"url": "https://hooks.example/\nHost: x"}, "url: has a space or a control"),
        ({"url": URL, "method": "DELETE"}, "method:"),
        ({"url": URL, "timeout_s": 0}, "timeout_s:"),
        ({"url": URL, "concurrency": 257}, "concurrency:"),
        ({"url": URL, "signing_secret": "short"}, "signing_secret: is shorter than 16"),
        ({"url": URL, "headers": {"a b": "c"}}, "headers: 'a b' is not a header's name"),
        ({"url": URL, "headers": {"A": "b\r\nC: d"}}, "headers: the value of A has a line break"),
        ({"url": URL, "headers": {"Content-Length": "1"}}, "headers: Content-Length is set by Pixelwire"),
        ({"url": URL, "headers": {"x-pixelwire-attempt": "1"}}, "headers: x-pixelwire-attempt is set by"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], problem: str) -> None:
    """Each wrong option has a text that says what is wrong, and tells no secret."""
    with pytest.raises(InvalidFields) as raised:
        registry.validate(SPEC.kind, options)
    [text] = raised.value.problems
    assert text.startswith(problem)
    assert "pass@" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no such field", "no such field"),
        ("got Authorization=Bearer topsecret123 here", "got Authorization=<hidden> here"),
        ("got topsecret123!", "got <hidden>!"),
        ("cut off at topsec", "cut off at <hidden>"),
        ("short is ab", "short is ab"),
    ],
)
def test_what_a_target_repeats_holds_no_secret(text: str, shown: str) -> None:
    """Whole, by its words, and where the text ends in the middle of one."""
    assert without(text, ["Bearer topsecret123", "ab"]) == shown
