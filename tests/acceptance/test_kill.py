"""Processes are killed under load: what was acknowledged is there, once, and nothing stays behind."""

import os
import random
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from support.load import Connection, Ledger, Load
from support.promise import check_promise, check_receipts, check_stored
from support.server import STOP_S, Server
from support.waiting import wait_until

ROUNDS = 20
SOAK_ROUNDS = 100
DEATHS = 3  # of one process in a row; the back-off before the fourth start is longer than requests are held
SILENT_CONNECTIONS = 2_000


def load_of(server: Server, mark: str) -> Load:
    return Load(server.port, server.facts["write_key"], mark=mark)


def kill_rounds(server: Server, rounds: int) -> None:
    """Each round ends with kill -9 for the whole group at an arbitrary point of the load."""
    seed = int(os.environ.get("TEST_SEED", time.time_ns()))
    print(f"TEST_SEED={seed}")
    chance = random.Random(seed)
    total = Ledger()
    for number in range(rounds):
        enough = chance.randint(1, 800)
        with load_of(server, f"r{number}") as load:
            wait_until(lambda load=load, enough=enough: load.acknowledged >= enough, 30, "acknowledgements")
            server.kill_group()
        ledger = load.stop()
        total.add(ledger)
        server.start()
        check_receipts(server, ledger.acknowledged)
    check_promise(server, total)


def test_acknowledged_events_survive_kill_9_of_the_whole_group(tmp_path: Path) -> None:
    """After 20 kills of all processes every acknowledged id has a receipt, and nothing is counted twice."""
    with Server(tmp_path / "data") as server:
        kill_rounds(server, ROUNDS)


@pytest.mark.soak
def test_acknowledged_events_survive_100_kills(tmp_path: Path) -> None:
    """The same over 100 rounds."""
    with Server(tmp_path / "data") as server:
        kill_rounds(server, SOAK_ROUNDS)


@pytest.mark.parametrize("role", ["recorder", "manage", "courier"])
def test_a_process_that_dies_alone_costs_no_request(role: str, tmp_path: Path) -> None:
    """Requests are held or go on while the process is started again: none fails, none is lost."""
    with Server(tmp_path / "data") as server:
        with load_of(server, role) as load:
            for _ in range(DEATHS):
                goal = load.acknowledged + 300
                wait_until(lambda goal=goal: load.acknowledged >= goal, 30, "load")
                (victim,) = server.children(role)
                os.kill(victim, signal.SIGKILL)
                wait_until(
                    lambda victim=victim: server.children(role) not in ([], [victim]), 10, f"a new {role}"
                )
            goal = load.acknowledged + 300
            wait_until(lambda: load.acknowledged >= goal, 30, "load after the kills")
        ledger = load.stop()
        assert set(ledger.outcomes) <= {"stored"}
        assert ledger.unanswered == 0
        wait_until(lambda: is_ready(server), 10, "ready again")
        check_promise(server, ledger)


def test_a_worker_that_dies_costs_only_its_own_connections(tmp_path: Path) -> None:
    """The other worker goes on, a new one comes, and nothing acknowledged is lost."""
    with Server(tmp_path / "data", workers=2) as server:
        victim = server.children("worker")[0]
        with load_of(server, "worker") as load:
            wait_until(lambda: load.acknowledged >= 200, 30, "load")
            os.kill(victim, signal.SIGKILL)
            wait_until(
                lambda: len(set(server.children("worker")) - {victim}) == 2,
                15,
                "two workers, one of them new",
            )
            goal = load.acknowledged + 200
            wait_until(lambda: load.acknowledged >= goal, 30, "load after the kill")
        ledger = load.stop()
        assert set(ledger.outcomes) <= {"stored", "duplicate"}
        check_promise(server, ledger)


def test_the_server_goes_on_when_all_workers_die_again_and_again(tmp_path: Path) -> None:
    """Three times in a row all workers are killed at once: new ones come and nothing acknowledged is lost."""
    with Server(tmp_path / "data", workers=2) as server:
        with load_of(server, "workers") as load:
            for _ in range(DEATHS):
                goal = load.acknowledged + 100
                wait_until(lambda goal=goal: load.acknowledged >= goal, 30, "load")
                victims = set(server.children("worker"))
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                wait_until(
                    lambda victims=victims: len(set(server.children("worker")) - victims) == 2, 15, "workers"
                )
            goal = load.acknowledged + 100
            wait_until(lambda: load.acknowledged >= goal, 30, "load after the kills")
        ledger = load.stop()
        assert set(ledger.outcomes) <= {"stored", "duplicate"}
        check_promise(server, ledger)


def test_a_recorder_that_hangs_makes_honest_failures(tmp_path: Path) -> None:
    """Requests are held, then answered 503; what is stored after all is within what was called doubtful."""
    with Server(tmp_path / "data") as server:
        (recorder,) = server.children("recorder")
        with load_of(server, "hang") as load:
            wait_until(lambda: load.acknowledged >= 300, 30, "load")
            os.kill(recorder, signal.SIGSTOP)
            wait_until(lambda: load.failed >= 16, 20, "requests are answered 503")
            os.kill(recorder, signal.SIGCONT)
            goal = load.acknowledged + 300
            wait_until(lambda: load.acknowledged >= goal, 30, "load after the hang")
        ledger = load.stop()
        assert ledger.unanswered == 0
        check_promise(server, ledger)


def test_a_stop_while_the_recorder_is_gone_ends_in_time(tmp_path: Path) -> None:
    """A recorder that hangs is ended by force within 10 s; nothing acknowledged is lost.

    The last failures are not in the accounts then: there was no recorder to write them down.
    """
    with Server(tmp_path / "data") as server:
        with load_of(server, "stuck") as load:
            wait_until(lambda: load.acknowledged >= 100, 30, "load")
            os.kill(server.children("recorder")[0], signal.SIGSTOP)
            server.stop()
        ledger = load.stop()
        server.start()
        check_stored(server, ledger)


def test_no_process_outlives_the_supervisor(tmp_path: Path) -> None:
    """kill -9 of the supervisor alone: all others end within seconds, and the next start finds everything."""
    with Server(tmp_path / "data") as server:
        with load_of(server, "orphans") as load:
            wait_until(lambda: load.acknowledged >= 200, 30, "load")
            os.kill(server.pid, signal.SIGKILL)
            server.wait_gone(STOP_S)
        ledger = load.stop()
        server.start()
        check_promise(server, ledger)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_stop_under_load_answers_or_closes(number: signal.Signals, tmp_path: Path) -> None:
    """All processes end within 10 s with status 0; no request gets an answer that is not true."""
    with Server(tmp_path / "data") as server:
        with load_of(server, number.name) as load:
            wait_until(lambda: load.acknowledged >= 200, 30, "load")
            # Ctrl-C reaches the whole group, SIGTERM the supervisor only.
            stop = server.stop_group if number == signal.SIGINT else server.stop
            assert stop(number) == 0
        ledger = load.stop()
        assert set(ledger.outcomes) <= {"stored", "duplicate"}
        server.start()
        check_promise(server, ledger)


def test_connections_that_say_nothing_do_not_stop_a_pixel(tmp_path: Path) -> None:
    """2,000 open connections, half of them in the middle of a request: a pixel is answered at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
    silent = []
    with Server(tmp_path / "data") as server:
        try:
            for number in range(SILENT_CONNECTIONS):
                connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
                if number % 2:
                    connection.sendall(b"GET /pixel/v1/page?writeKey=")
                silent.append(connection)
            started = time.monotonic()
            target = f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1"
            for _ in range(10):
                visitor = Connection(server.port, timeout_s=2)
                assert visitor.get(target).status == 200
                visitor.close()
            assert time.monotonic() - started < 2
            assert server.counted() == 10
        finally:
            for connection in silent:
                connection.close()


def is_ready(server: Server) -> bool:
    try:
        return server.get("/readyz") is not None
    except OSError:
        return False
