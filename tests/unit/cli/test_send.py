"""Firing a pixel by hand, against a small server of the test."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

Run = Callable[..., Any]


class Pixels(BaseHTTPRequestHandler):
    outcome: ClassVar[str] = "stored"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        self.send_response(200 if self.outcome in ("stored", "duplicate", "filtered") else 400)
        if self.outcome:
            self.send_header("X-Pixelwire-Outcome", self.outcome)
        if self.outcome == "refused":
            self.send_header("X-Pixelwire-Reason", "write_key_unknown")
        if self.outcome == "stored":
            self.send_header("X-Pixelwire-Message-Id", "m%2F1")
            self.send_header("X-Pixelwire-Dropped", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name for it
        """A test prints nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pixels) as server:
        Pixels.asked = []
        Pixels.outcome = "stored"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def asked() -> tuple[str, dict[str, str]]:
    parts = urlsplit(Pixels.asked[-1])
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def test_a_page_is_sent_with_what_was_given(run: Run, url: str) -> None:
    """Parameters go as they are, the identity is there."""
    ran = run(
        "send", "page", "--url", url, "--write-key", "k 1", "--param", "context.page.url=https://a/?b=c"
    )
    assert ran.code == 0
    path, query = asked()
    assert path == "/pixel/v1/page"
    assert query == {
        "writeKey": "k 1",
        "anonymousId": "pixelwire-send",
        "context.page.url": "https://a/?b=c",
    }


def test_the_answer_is_shown(run: Run, url: str) -> None:
    """Outcome, id as it can be pasted, dropped parameters, and how long it took."""
    said = run("send", "page", "--url", url + "/", "--write-key", "k", "--json").json
    assert said.pop("took_ms") > 0
    assert said == {
        "outcome": "stored",
        "reason": None,
        "message_id": "m%2F1",
        "dropped": 2,
        "status": 200,
        "text": "OK",
    }


def test_a_track_names_its_event(run: Run, url: str) -> None:
    """And a user id needs no anonymous one."""
    given = ("--user-id", "u1", "--message-id", "m1")
    assert run("send", "track", "Order Completed", "--url", url, "--write-key", "k", *given).code == 0
    path, query = asked()
    assert path == "/pixel/v1/track"
    assert query == {"writeKey": "k", "userId": "u1", "messageId": "m1", "event": "Order Completed"}


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("stored", 0), ("duplicate", 0), ("filtered", 0), ("refused", 5), ("failed", 1), ("", 1)],
)
def test_the_exit_code_follows_the_outcome(run: Run, url: str, outcome: str, code: int) -> None:
    """A script needs no parsing; what is no Pixelwire is a failure."""
    Pixels.outcome = outcome
    assert run("send", "page", "--url", url, "--write-key", "k").code == code


def test_a_server_that_does_not_answer_is_exit_code_4(run: Run) -> None:
    """With its address in the message."""
    ran = run("send", "page", "--url", "http://127.0.0.1:9", "--write-key", "k")
    assert ran.code == 4
    assert "http://127.0.0.1:9 does not answer" in ran.err


def test_the_quickstarts_pixel_is_the_default(run: Run, url: str, tmp_path: Path) -> None:
    """Write key and address are found in the data directory."""
    from pixelwire.cli.quickstart import prepare

    chosen = prepare(tmp_path / "data")
    (tmp_path / "data" / "server.json").write_text(json.dumps({"pixel_url": url, "manage_url": "http://x"}))
    assert run("send", "page").code == 0
    assert asked()[1]["writeKey"] == chosen.write_key


@pytest.mark.parametrize(
    "arguments",
    [
        ["page", "Event"],
        ["track"],
        ["page", "--write-key", "k", "--url", "http://x", "--param", "a"],
        ["page"],
        ["page", "--write-key", "k", "--url", "ftp://x"],
    ],
)
def test_wrong_usage_sends_nothing(run: Run, arguments: list[str]) -> None:
    """Exit code 2 and one line."""
    ran = run("send", *arguments)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
