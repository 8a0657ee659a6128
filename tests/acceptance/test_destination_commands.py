"""A destination made, followed and mended with the command, while the server runs."""

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from support.server import COMMAND, Server
from support.waiting import wait_until


class Hook(BaseHTTPRequestHandler):
    """Takes events while it knows their sender."""

    key: ClassVar[str] = ""
    taken: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_known = self.headers["X-Key"] == self.key
        if is_known:
            type(self).taken.append(body)
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name for it
        """A test prints nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Hook.taken, Hook.key = [], "first"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/in"
        server.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", workers=1) as running:
        yield running


def run(server: Server, *arguments: str) -> Any:
    """The JSON, or the text, of a command that works."""
    done = subprocess.run(
        [str(COMMAND), *arguments, "--data-dir", str(server.data_dir)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def state(server: Server) -> str:
    (row,) = run(server, "destination", "list", "--json")
    return str(row["state"])


def test_a_destination_is_made_paused_mended_and_resumed(server: Server, hook: str) -> None:
    """Only events after it was made are sent; what was refused for the key arrives once the key is right."""
    run(server, "send", "page", "--message-id", "before")
    allowed = ("--option", "allow_private_addresses=true")
    made = run(
        server,
        *("destination", "create", "webhook", "Hook", "--option", f"url={hook}", *allowed),
        *("--option", "headers.X-Key=first", "--json"),
    )
    assert made["start_after"] == 1
    run(server, "send", "page", "--message-id", "m1")
    wait_until(lambda: [event["messageId"] for event in Hook.taken] == ["m1"], 15.0, "m1 arrived")
    Hook.key = "second"
    run(server, "send", "page", "--message-id", "m2")
    wait_until(lambda: state(server) == "paused", 15.0, "the destination is paused")
    run(server, "destination", "set", "Hook", "--option", "headers.X-Key=second")
    run(server, "destination", "resume", "Hook")
    wait_until(lambda: [event["messageId"] for event in Hook.taken] == ["m1", "m2"], 15.0, "m2 arrived")
    wait_until(lambda: state(server) == "running", 15.0, "the destination runs")
    (row,) = run(server, "destination", "list", "--json")
    assert (row["sent"], row["waiting"], row["dead"]) == (2, 0, 0)


def test_stored_events_are_sent_when_they_are_asked_for(server: Server, hook: str) -> None:
    """`--from-start` begins with the first."""
    run(server, "send", "page", "--message-id", "before")
    options = {"url": hook, "allow_private_addresses": "true", "headers.X-Key": "first"}
    given = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
    run(server, "destination", "create", "webhook", "Hook", "--from-start", *given)
    wait_until(lambda: [event["messageId"] for event in Hook.taken] == ["before"], 15.0, "it arrived")
    receipt = server.receipt("before")
    assert receipt is not None
    assert [delivery["destination_name"] for delivery in receipt["deliveries"]] == ["Hook"]


def test_a_destination_is_tried_out(server: Server, hook: str) -> None:
    """One event from the command itself, marked, or a stored one; the exit code says whether it was sent."""
    options = {"url": hook, "allow_private_addresses": "true", "headers.X-Key": "first"}
    given = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
    run(server, "destination", "create", "webhook", "Hook", *given)
    run(server, "destination", "disable", "Hook")
    done = run(server, "destination", "test", "Hook", "--json")
    assert (done["outcome"], done["message_id"][:15]) == ("sent", "pixelwire-test-")
    run(server, "send", "page", "--message-id", "m1")
    assert run(server, "destination", "test", "Hook", "--event", "m1", "--json")["message_id"] == "m1"
    assert [event["context"].get("test") for event in Hook.taken] == [True, None]
    Hook.key = "second"
    refused = subprocess.run(
        [str(COMMAND), "destination", "test", "Hook", "--data-dir", str(server.data_dir)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode == 2
    assert "answered 401" in refused.stdout
    assert "first" not in refused.stdout + refused.stderr
