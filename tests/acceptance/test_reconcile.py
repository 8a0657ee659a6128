"""The proxy's word against ours: a real nginx before the real command, and its logs agree with the store."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from pixelwire.clock import HOUR_MS, SystemClock
from pixelwire.reconcile.compare import reconcile
from pixelwire.reconcile.report import Report
from pixelwire.reconcile.store import DataDirectory
from pixelwire.times import hour_iso, hour_of, iso_s
from support.caddy import Caddy
from support.load import Connection, Ledger, Load
from support.nginx import Nginx
from support.server import COMMAND, Server
from support.waiting import wait_until

REPEATS = 20  # of each kind of request beside the load


class Scene(NamedTuple):
    """What was left behind: logs, data, and what the senders saw."""

    nginx: Nginx
    data_dir: Path
    pixel_id: str
    from_ms: int
    to_ms: int
    hours: tuple[str, ...]  # the same as options
    seen: Counter[str]
    remote: dict[str, Any]  # what the command said while the server ran, through its API


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Traffic of every kind through nginx, with a recorder that is killed in between; then all is stopped."""
    directory = tmp_path_factory.mktemp("reconcile")
    first_hour = hour_of(SystemClock().now_ms())
    with Server(directory / "data") as server, Nginx(directory / "nginx", server.port) as nginx:
        seen = Counter[str]()
        with Load(nginx.port, server.facts["write_key"], connections=8) as load:
            for _ in range(2):
                goal = load.acknowledged + 200
                wait_until(lambda goal=goal: load.acknowledged >= goal, 30, "load")
                (victim,) = server.children("recorder")
                os.kill(victim, signal.SIGKILL)
                wait_until(
                    lambda victim=victim: server.children("recorder") not in ([], [victim]), 10, "a recorder"
                )
            odd_requests(nginx.port, server.facts["write_key"], seen)
        ledger = load.stop()
        check(ledger)
        seen += ledger.outcomes
        end_hour = hour_of(SystemClock().now_ms()) + 1
        hours = ("--from", hour_iso(first_hour), "--to", hour_iso(end_hour))
        environment = {**os.environ, "PIXELWIRE_TOKEN": server.facts["token"]}
        api = ("--manage-url", server.facts["manage_url"], "--json")
        ran = command([nginx.log("full")], *hours, *api, env=environment)
        remote = {"code": ran.returncode, **json.loads(ran.stdout)}
        assert server.stop() == 0
        yield Scene(
            nginx,
            server.data_dir,
            server.facts["pixel_id"],
            first_hour * HOUR_MS,
            end_hour * HOUR_MS,
            hours,
            seen,
            remote,
        )


def odd_requests(port: int, key: str, seen: Counter[str]) -> None:
    """Refused, filtered, duplicate, and what is no pixel at all."""
    connection = Connection(port)
    page = f"/pixel/v1/page?writeKey={key}&anonymousId=a1"
    for number in range(REPEATS):
        for method, target in (
            ("HEAD", page),
            ("GET", "/pixel/v1/page?writeKey=nobodys&anonymousId=a1"),
            ("GET", f"/pixel/v1/page?writeKey={key}"),
            ("GET", f"/pixel/v1/p%61ge?writeKey={key}&anonymousId=%22%C3%BC%22"),
            ("GET", page + f"&messageId=odd/{number // 2}%20%C3%BC%22"),
            ("GET", "/pixel/v1/nothing"),
            ("OPTIONS", page),
        ):
            answer = connection.get(target, method=method)
            outcome = answer.headers.get("x-pixelwire-outcome")
            if outcome:
                seen[f"{outcome} {answer.headers.get('x-pixelwire-reason', '')}".strip()] += 1
    connection.close()


def check(ledger: Ledger) -> None:
    """Requests are held while the recorder comes back."""
    assert ledger.wrong == []
    assert ledger.unanswered == 0


def command(logs: list[Path], *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(COMMAND), "reconcile", *map(str, logs), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def told(
    scene: Scene, logs: list[Path], *, data_dir: Path | None = None, pixel_id: str | None = None
) -> Report:
    """What the library says; the command is a thin coat over it."""
    with closing(DataDirectory(data_dir or scene.data_dir, pixel_id)) as store:
        return reconcile(logs, store, from_ms=scene.from_ms, to_ms=scene.to_ms)


def sums(report: Report, side: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for hour in report.hours:
        found.update(getattr(hour, side))
    return found


@pytest.mark.parametrize("name", ["full", "private"])
def test_a_proxy_that_saw_it_all_agrees(scene: Scene, name: str) -> None:
    """Every outcome of the log is in the ledger and every event on disk, over a recorder's death."""
    report = told(scene, [scene.nginx.log(name)])
    assert (report.agrees, report.advice()) == (True, [])
    seen: Counter[str] = Counter()
    for outcome, amount in scene.seen.items():
        seen[outcome.partition(" ")[0]] += amount
    assert {"stored", "duplicate", "filtered", "refused"} <= seen.keys()
    assert sums(report, "logged") == seen
    assert sums(report, "ledger") == seen + Counter(received=seen.total())
    assert sum(hour.events or 0 for hour in report.hours) == seen["stored"]
    assert report.logs.requests == report.logs.with_outcome == seen.total()
    assert report.in_doubt == 0


def test_a_log_without_ids_is_compared_by_counts(scene: Scene) -> None:
    """nginx's default format is enough for that."""
    report = told(scene, [scene.nginx.log("plain")])
    assert report.agrees
    assert report.logs.with_outcome == 0
    assert sums(report, "logged").keys() == {"status 200", "status 400 or 429"}


def test_the_api_tells_the_same_as_the_files(scene: Scene) -> None:
    """From another machine, with a token."""
    local = told(scene, [scene.nginx.log("full")]).as_json()
    assert (scene.remote["code"], scene.remote["agrees"]) == (0, True)
    assert scene.remote["hours"] == local["hours"]


def test_rotated_and_compressed_logs_are_one(scene: Scene, tmp_path: Path) -> None:
    """In any order; their time is taken from the lines when nobody says it."""
    content = scene.nginx.log("full").read_bytes().splitlines(keepends=True)
    (tmp_path / "new.log").write_bytes(b"".join(content[len(content) // 2 :]))
    (tmp_path / "old.log.1.gz").write_bytes(gzip.compress(b"".join(content[: len(content) // 2])))
    logs = [tmp_path / "new.log", tmp_path / "old.log.1.gz"]
    assert told(scene, logs).agrees
    with closing(DataDirectory(scene.data_dir)) as store:
        assert reconcile(logs, store).agrees


def test_one_pixel_agrees_alone(scene: Scene) -> None:
    """Requests that named it by its write key."""
    report = told(scene, [scene.nginx.log("full")], pixel_id=scene.pixel_id)
    assert report.agrees, report.advice()
    assert sums(report, "ledger")["refused"] == REPEATS  # the other half named no pixel


def copy_of(scene: Scene, directory: Path) -> tuple[Path, apsw.Connection]:
    shutil.copytree(scene.data_dir, directory / "data")
    return directory / "data", apsw.Connection(str(directory / "data" / "events" / "000001.db"))


@pytest.mark.parametrize("name", ["full", "plain"])
def test_an_event_that_is_gone_is_missing(scene: Scene, tmp_path: Path, name: str) -> None:
    """By its id where the log has ids, else by the count."""
    data_dir, segment = copy_of(scene, tmp_path)
    (payload,) = segment.execute("DELETE FROM event WHERE seq = 100 RETURNING payload").fetchall()[0]
    segment.close()
    report = told(scene, [scene.nginx.log(name)], data_dir=data_dir)
    assert report.has_faults
    assert (report.missing_by_count, report.double.count, report.surplus) == (1, 0, 0)
    if name == "full":
        (missing,) = report.missing.first
        assert missing.message_id == json.loads(payload)["messageId"]
        file, _, line = missing.note.rpartition(":")
        assert missing.message_id in Path(file).read_text().splitlines()[int(line) - 1]


@pytest.mark.parametrize("name", ["full", "plain"])
def test_an_event_that_is_there_twice_is_double(scene: Scene, tmp_path: Path, name: str) -> None:
    """The ledger knows only one of them."""
    data_dir, segment = copy_of(scene, tmp_path)
    segment.execute(
        "INSERT INTO event SELECT (SELECT max(seq) + 1 FROM event), pixel, received_ms, call, signal,"
        " payload, extra FROM event WHERE seq = 50"
    )
    (payload,) = segment.execute("SELECT payload FROM event WHERE seq = 50").fetchall()[0]
    segment.close()
    report = told(scene, [scene.nginx.log(name)], data_dir=data_dir)
    assert report.has_faults
    assert (report.surplus, report.missing.count, report.missing_by_count) == (1, 0, 0)
    (double,) = report.double.first
    assert double.message_id == json.loads(payload)["messageId"]
    assert double.note == "stored 2 times"


def test_what_was_sent_past_the_proxy_is_in_no_log(scene: Scene, tmp_path: Path) -> None:
    """It is told, and is no fault."""
    lines = scene.nginx.log("full").read_bytes().splitlines(keepends=True)
    (tmp_path / "short.log").write_bytes(b"".join(line for line in lines if b"%20%C3%BC%22" not in line))
    report = told(scene, [tmp_path / "short.log"])
    assert (report.has_faults, report.agrees) == (False, False)
    assert report.unlogged.count == REPEATS // 2
    assert report.unlogged_by_count == REPEATS  # duplicates too


def test_the_command_says_it_with_its_exit_code(scene: Scene, tmp_path: Path) -> None:
    """People read a table and one word at the end; a fault is exit code 1 and what to do."""
    ran = command([scene.nginx.log("full")], *scene.hours, "--data-dir", str(scene.data_dir), "--strict")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "All agrees.")
    assert iso_s(scene.from_ms) in ran.stdout
    data_dir, segment = copy_of(scene, tmp_path)
    segment.execute("DELETE FROM event WHERE seq = 7")
    segment.close()
    ran = command([scene.nginx.log("full")], *scene.hours, "--data-dir", str(data_dir))
    assert ran.returncode == 1
    assert "1 missing: " in ran.stdout


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_a_client_that_goes_is_in_doubt(tmp_path: Path, kind: str) -> None:
    """The log says that nobody was told, the event is stored after all, and all agrees."""
    now_hour = hour_of(SystemClock().now_ms())
    with Server(tmp_path / "data", workers=1) as server:
        make: Any = Nginx if kind == "nginx" else Caddy
        with make(tmp_path / kind, server.port) as proxy:
            page = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1"
            connection = Connection(proxy.port)
            assert connection.get(page).status == 200
            assert connection.get(page, method="HEAD").status == 200
            (recorder,) = server.children("recorder")
            os.kill(recorder, signal.SIGSTOP)
            gone = socket.create_connection(("127.0.0.1", proxy.port))
            gone.sendall(f"GET {page} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            for _ in range(REPEATS):  # until the proxy has surely passed it on
                assert connection.get("/pixel/v1/page").status == 400
            gone.close()
            connection.close()
            log = proxy.log("full") if kind == "nginx" else proxy.log
            wait_until(lambda: len(lines(log)) == REPEATS + 3, 10, "the proxy wrote it down")
            os.kill(recorder, signal.SIGCONT)
            wait_until(lambda: server.outcomes()["refused"] == REPEATS, 10, "all is counted")
            stored = len(server.events())
        server.stop()
    with closing(DataDirectory(server.data_dir)) as store:
        report = reconcile([log], store, from_ms=now_hour * HOUR_MS, to_ms=(now_hour + 2) * HOUR_MS)
    assert report.agrees, report.advice()
    assert (report.unanswered, report.stored_after_all) == (1, stored - 1)


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines()
