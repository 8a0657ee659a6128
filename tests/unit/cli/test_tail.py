"""Following events, against a management listener that the test scripts."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from pixelwire.cli import tail
from pixelwire.cli.client import Management
from pixelwire.cli.exits import ServerUnreachable
from pixelwire.cli.tail import Position, follow

Run = Callable[..., Any]
PIXEL = "0" * 32


def event(seq: int, **payload: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "received_at": "2026-01-23T04:56:07.089Z",
        "call": "page",
        "event_name": None,
        "signal": "VIEW",
        "dropped": {"total": 0, "parameters": []},
        "payload": {"anonymousId": "a1", **payload},
    }


class Listener(BaseHTTPRequestHandler):
    """Answers from a list, the last one again and again; a status alone is an error."""

    answers: ClassVar[list[Any]] = []
    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked.append(
            {"path": urlsplit(self.path).path, "token": self.headers["Authorization"]}
            | dict(parse_qsl(urlsplit(self.path).query))
        )
        answer = kind.answers.pop(0) if len(kind.answers) > 1 else kind.answers[0]
        status = answer if isinstance(answer, int) else 200
        body: Any = {"messages": ["said the server"]}
        if not isinstance(answer, int):
            body = {
                "events": answer,
                "next_after": answer[-1]["seq"] if answer else int(kind.asked[-1]["after"]),
            }
        self.send_response(status)
        self.send_header("X-Pixelwire-Store", "s1")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name for it
        """A test prints nothing."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(tail, "RETRY_S", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Listener.asked = []
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_events_are_followed_in_order(url: str) -> None:
    """Each page begins where the last ended, in the store it was of."""
    Listener.answers = [[event(1), event(2)], [], [event(5)], []]
    found = follow(Management(url, "t"), PIXEL, Position(0, ""))
    assert [next(found)["seq"] for _ in range(3)] == [1, 2, 5]
    assert [(asked["after"], asked.get("store")) for asked in Listener.asked] == [
        ("0", None),
        ("2", "s1"),
        ("2", "s1"),
    ]
    assert Listener.asked[0]["token"] == "Bearer t"
    assert Listener.asked[0]["path"] == f"/api/v1/pixels/{PIXEL}/events"


def test_a_restart_is_waited_for_and_said_once(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is missed, nothing comes twice."""
    Listener.answers = [[event(1)], 503, 502, 503, [event(2)]]
    found = follow(Management(url, "t"), PIXEL, Position(0, ""))
    assert [next(found)["seq"] for _ in range(2)] == [1, 2]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "waiting for it" in said[0]
    assert said[1] == "the server is back"


def test_a_server_that_never_answered_is_an_error() -> None:
    """A wrong address is told at once."""
    with pytest.raises(ServerUnreachable):
        next(follow(Management("http://127.0.0.1:9", "t"), PIXEL, Position(0, "")))


def test_it_ends_with_the_newest_when_it_is_told_to(url: str) -> None:
    """That is an export."""
    Listener.answers = [[event(1)], [event(2)], []]
    found = follow(Management(url, "t"), PIXEL, Position(0, ""), ends=True)
    assert [entry["seq"] for entry in found] == [1, 2]
    assert {asked["wait"] for asked in Listener.asked} == {"0"}


def test_programs_get_a_line_an_event(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the API says it."""
    monkeypatch.setenv("PIXELWIRE_TOKEN", "t")
    Listener.answers = [[event(1), event(2)], []]
    ran = run("tail", PIXEL, "--url", url, "--from-start", "--count", "1", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == event(1)


def test_people_get_what_matters_in_a_line(run: Run, url: str) -> None:
    """When, what it counts as, who and where; a visitor's text can not reach the terminal."""
    Path("token").write_text("t\n")
    first = event(1, context={"page": {"url": "https://a.example/\x1b[2J"}})
    second = event(2, userId="u1") | {"event_name": "Bought", "call": "track", "signal": None}
    second["dropped"] = {"total": 3, "parameters": []}
    Listener.answers = [[first, second], []]
    ran = run("tail", PIXEL, "--url", url, "--token-file", "token", "--after", "0", "--no-follow")
    assert ran.out.splitlines() == [
        "2026-01-23T04:56:07.089Z         1  page   VIEW       a1  https://a.example/\\x1b[2J",
        "2026-01-23T04:56:07.089Z         2  track  -          u1  Bought  (3 dropped)",
    ]


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (404, 3), (400, 1), (500, 1), (503, 4)])
def test_what_the_server_refuses_has_its_exit_code(
    run: Run, url: str, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    """With the server's own words, or a hint about the token."""
    monkeypatch.setenv("PIXELWIRE_TOKEN", "t")
    Listener.answers = [status]
    ran = run("tail", PIXEL, "--url", url, "--from-start")
    assert ran.code == code
    assert ("token" if status == 401 else "said the server") in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [PIXEL],
        [PIXEL, "--token-file", "none"],
        [PIXEL, "--after", "-1"],
    ],
)
def test_what_is_missing_is_said(run: Run, arguments: list[str]) -> None:
    """A pixel, a token, a place to begin."""
    ran = run("tail", *arguments)
    assert ran.code == 2
    assert ran.err.count("\n") == 1


def test_the_first_place_is_the_newest_event_of_the_data(
    ready: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word about where to begin, only what comes is shown."""
    monkeypatch.setenv("PIXELWIRE_TOKEN", "t")
    Listener.answers = [[event(7)]]
    ran = ready("tail", "Front", "--url", url, "--count", "1", "--json")
    assert json.loads(ran.out)["seq"] == 7
    assert Listener.asked[0]["after"] == "0"
