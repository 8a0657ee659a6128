"""The real command, as a person or a program starts it for the first time."""

import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from support import processes
from support.server import COMMAND, Server
from support.waiting import wait_until

START_S = 30.0
STOP_S = 10.0
MEMBERS = ["pixel_url", "manage_url", "business_id", "pixel_id", "write_key", "dataset_id", "token"]


class Quickstart:
    """`pixelwire quickstart` with stdout and stderr apart, in a session of its own."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(COMMAND), "quickstart", "--data-dir", str(data_dir), "--workers", "1", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def said(self, end: bytes) -> str:
        """What is on stdout up to `end`."""
        assert self.process.stdout is not None
        found, deadline = b"", time.monotonic() + START_S
        while end not in found and time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.5)[0]:
                piece = os.read(self.process.stdout.fileno(), 65_536)
                if not piece:
                    break
                found += piece
        return found.decode()

    def interrupt(self) -> tuple[int, str, str]:
        """Ctrl-C, as a terminal sends it to the whole group: status, the rest of stdout, stderr."""
        os.killpg(self.process.pid, signal.SIGINT)
        out, err = self.process.communicate(timeout=STOP_S)
        return self.process.returncode, out.decode(), err.decode()

    def end(self) -> None:
        """Whatever is left of it."""
        for found in processes.of_session(self.process.pid):
            os.kill(found.pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()


Start = Callable[..., Quickstart]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts quickstarts over one data directory, on free ports, and leaves none behind."""
    started: list[Quickstart] = []

    def start_one(*arguments: str) -> Quickstart:
        ports = ("--port", "0", "--manage-port", "0")
        started.append(Quickstart(tmp_path / "data", *ports, *arguments))
        return started[-1]

    yield start_one
    for one in started:
        one.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("quickstart") / "data", workers=1) as running:
        yield running


def command(*arguments: str, data_dir: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [str(COMMAND), *arguments, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **options,
    )
    return done


class Tag(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.attributes = dict(attrs)


def test_what_is_printed_can_be_pasted(start: Start, tmp_path: Path) -> None:
    """The tag's address records a page view, the first line fires the pixel, the second reads it back."""
    running = start()
    text = running.said(b"Ctrl-C")
    fire, read = re.findall(r"^  (curl .*)$", text, re.MULTILINE)
    fired = subprocess.run(["bash", "-c", fire], capture_output=True, text=True, timeout=10, check=True)
    assert "x-pixelwire-outcome: stored" in fired.stdout.lower()
    address = str(Tag(text).attributes["src"])
    embedded = subprocess.run(
        ["curl", "-si", address], capture_output=True, text=True, timeout=10, check=True
    )
    assert "x-pixelwire-outcome: stored" in embedded.stdout.lower()
    back = subprocess.run(["bash", "-c", read], capture_output=True, text=True, timeout=10, check=True)
    pixel = json.loads(back.stdout)
    assert sum(row["count"] for row in pixel["historical_events"]) == 2
    assert str(tmp_path / "data") in text
    status, rest, _ = running.interrupt()
    assert (status, rest.count("\n")) == (0, 0)
    wait_until(lambda: processes.of_session(running.process.pid) == [], STOP_S, "no process is left")


def test_a_program_gets_one_line_and_nothing_else(start: Start) -> None:
    """On stdout, from the start to the end; both ports answer when it comes."""
    running = start("--json")
    line = running.said(b"\n")
    told = json.loads(line)
    assert list(told) == MEMBERS
    for url in (told["pixel_url"], told["manage_url"]):
        host, port = url.removeprefix("http://").split(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), 5).close()
    status, rest, _ = running.interrupt()
    assert (status, rest, line.count("\n")) == (0, "", 1)


def test_the_second_start_finds_the_same(start: Start) -> None:
    """Ids, token and counts."""
    first = start("--json")
    told = json.loads(first.said(b"\n"))
    curl = shlex.split(f"curl -s '{told['pixel_url']}/pixel/v1/page?writeKey={told['write_key']}&userId=u'")
    subprocess.run(curl, check=True, capture_output=True, timeout=10)
    assert first.interrupt()[0] == 0
    second = start("--json")
    again = json.loads(second.said(b"\n"))
    urls = {"pixel_url", "manage_url"}
    assert {name: again[name] for name in MEMBERS if name not in urls} == {
        name: told[name] for name in MEMBERS if name not in urls
    }
    url = f"{again['manage_url']}/ads/v3/businesses/{again['business_id']}/pixels/{again['pixel_id']}"
    header = f"Authorization: Bearer {again['token']}"
    read = subprocess.run(["curl", "-s", "-H", header, url], capture_output=True, check=True, timeout=10)
    assert [row["count"] for row in json.loads(read.stdout)["historical_events"]] == [1]


def test_a_kill_while_it_sets_up_is_healed_by_the_next_start(start: Start, tmp_path: Path) -> None:
    """Killed when the file was just there: the next start makes the rows of the same ids."""
    first = start("--json")
    path = tmp_path / "data" / "quickstart.json"
    wait_until(path.exists, START_S, "quickstart.json is there")
    first.end()
    chosen = json.loads(path.read_text())
    told = json.loads(start("--json").said(b"\n"))
    assert {name: told[name] for name in MEMBERS[2:]} == {name: chosen[name] for name in MEMBERS[2:]}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_stops_the_start(start: Start, tmp_path: Path) -> None:
    """One line that says what to do, and nothing on stdout."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "quickstart.json").write_text('{"token": "pw_')
    out, err = start("--json").process.communicate(timeout=START_S)
    assert out == b""
    assert err.startswith(b"error: ")
    assert err.count(b"\n") == 1
    assert b"quickstart.json is damaged" in err


def test_it_listens_on_loopback_only(server: Server) -> None:
    """No other machine reaches it until its owner says so."""
    inodes = set()
    for process in server.processes():
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                inodes.add(re.sub(r"\D", "", str(entry.readlink())))
            except FileNotFoundError:
                continue  # closed meanwhile
    listening = [
        fields[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in inodes
    ]
    assert set(listening) == {"0100007F"}


@pytest.mark.parametrize("taken", ["--port", "--manage-port"])
def test_a_port_in_use_is_said_by_its_setting(tmp_path: Path, taken: str) -> None:
    """Exit code 2, nothing on stdout, no process left."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ports = {"--port": "0", "--manage-port": "0"} | {taken: str(port)}
        done = command(
            "quickstart", *(word for pair in ports.items() for word in pair), data_dir=tmp_path / "data"
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    """Two would be two writers."""
    done = command("quickstart", "--port", "0", "--manage-port", "0", data_dir=server.data_dir)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is in use by another Pixelwire" in done.stderr


def test_send_and_tail_find_the_server(server: Server) -> None:
    """With nothing but the data directory; an event's id is its receipt's path."""
    sent = command(
        "send", "track", "Order Completed", "--message-id", "a/b ü", "--json", data_dir=server.data_dir
    )
    assert sent.returncode == 0, sent.stderr
    said = json.loads(sent.stdout)
    assert said["outcome"] == "stored"
    receipt = server.get(f"/api/v1/pixels/{server.facts['pixel_id']}/events/{said['message_id']}")
    assert receipt["message_id"] == "a/b ü"
    again = command("send", "track", "Order Completed", "--message-id", "a/b ü", data_dir=server.data_dir)
    assert "duplicate" in again.stdout
    tail = command("tail", "--from-start", "--no-follow", "--json", data_dir=server.data_dir)
    assert "a/b ü" in [json.loads(line)["message_id"] for line in tail.stdout.splitlines()]


def test_a_refused_pixel_is_exit_code_5(server: Server) -> None:
    """The reason is on stdout."""
    done = command("send", "page", "--write-key", "nobody's", data_dir=server.data_dir)
    assert done.returncode == 5
    assert "write_key_unknown" in done.stdout


def test_what_commands_change_works_at_once(server: Server) -> None:
    """A pixel that was just made collects, a token just made reads, a deleted one does not."""
    made = command("pixel", "create", "https://new.example", "New", "--json", data_dir=server.data_dir)
    pixel_id = json.loads(made.stdout)["id"]
    assert command("send", "page", "--write-key", pixel_id, data_dir=server.data_dir).returncode == 0
    token = json.loads(command("token", "create", "t", "--json", data_dir=server.data_dir).stdout)
    environment = {**os.environ, "PIXELWIRE_TOKEN": token["token"]}
    follow = ("tail", "New", "--from-start", "--no-follow")
    assert "pixelwire-send" in command(*follow, data_dir=server.data_dir, env=environment).stdout
    assert command("token", "delete", token["id"], data_dir=server.data_dir).returncode == 0
    assert command(*follow, data_dir=server.data_dir, env=environment).returncode == 5


def test_a_disabled_pixel_refuses_within_a_second(server: Server) -> None:
    """Every worker looks at the catalog twice a second."""
    command("pixel", "create", "https://off.example", "Off", data_dir=server.data_dir)
    shown = command("pixel", "show", "Off", "--json", data_dir=server.data_dir)
    key = json.loads(shown.stdout)["id"]
    assert command("send", "page", "--write-key", key, data_dir=server.data_dir).returncode == 0
    assert command("pixel", "disable", "Off", data_dir=server.data_dir).returncode == 0
    started = time.monotonic()
    wait_until(
        lambda: command("send", "page", "--write-key", key, data_dir=server.data_dir).returncode == 5,
        5.0,
        "the pixel refuses",
    )
    assert time.monotonic() - started < 2.0  # a second, and what the command itself takes to start


def test_tail_goes_on_over_a_restart(tmp_path: Path) -> None:
    """It says that it waits, and shows each event once."""
    with Server(tmp_path / "data", workers=1) as server:
        tail = subprocess.Popen(
            [
                str(COMMAND),
                "tail",
                "--from-start",
                "--count",
                "2",
                "--json",
                "--data-dir",
                str(server.data_dir),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert command("send", "page", "--message-id", "m1", data_dir=server.data_dir).returncode == 0
            assert tail.stdout is not None
            assert json.loads(tail.stdout.readline())["message_id"] == "m1"
            server.stop()
            assert tail.stderr is not None
            assert "waiting for it" in tail.stderr.readline()
            server.start()
            assert command("send", "page", "--message-id", "m2", data_dir=server.data_dir).returncode == 0
            out, err = tail.communicate(timeout=20)
        finally:
            tail.kill()
            tail.wait()
    assert [json.loads(line)["message_id"] for line in out.splitlines()] == ["m2"]
    assert "the server is back" in err


def test_the_command_starts_quickly() -> None:
    """Help needs neither the web framework nor the server: half a second on a busy machine."""
    best = min(
        _seconds([sys.executable, "-c", "from pixelwire.cli.main import main; main()"]) for _ in range(3)
    )
    assert best < 2.0


def _seconds(arguments: list[str]) -> float:
    started = time.monotonic()
    subprocess.run(arguments, capture_output=True, check=False, timeout=20)
    return time.monotonic() - started
