"""The fault table of docs/faults.md, connections: too many, too slow, too large. Others are served."""

import contextlib
import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelwire.limits import HELD_BYTES_MAX
from support.faults import (
    FAILING,
    OPEN_METRICS,
    WARNING,
    checks,
    see_check,
    see_log,
    see_metric,
    see_ready,
    stopped,
)
from support.load import Connection, Ledger
from support.processes import pss_bytes
from support.promise import check_accounts, doubtful
from support.server import Server
from support.waiting import wait_until

pytestmark = pytest.mark.alone

CHECK = "pixelwire_health_check_state"
ANSWERED = "pixelwire_requests_answered_total"
DESCRIPTORS = 128
CONNECTIONS = 10_000
HEADER_S = 5.0  # for a request's head
OTHERS = 1_000  # files that are open beside the connections
FLOOD = 1_500
MIB = 1_048_576


def serve(data_dir: Path, workers: int = 2) -> Server:
    return Server(data_dir, workers=workers, environment=OPEN_METRICS)


def target_of(server: Server, filler: str = "") -> str:
    return f"/pixel/v1/page?writeKey={server.facts['write_key']}&anonymousId=a1{filler}"


def request_of(server: Server, filler: str = "") -> bytes:
    return f"GET {target_of(server, filler)} HTTP/1.1\r\nHost: p.example\r\n\r\n".encode()


def ask(server: Server, within_s: float = 5.0) -> str:
    """A visitor's outcome, on a connection of its own."""
    visitor = Connection(server.port, timeout_s=within_s)
    try:
        return visitor.get(target_of(server)).headers["x-pixelwire-outcome"]
    finally:
        visitor.close()


@contextlib.contextmanager
def connections_to(server: Server, amount: int) -> Iterator[list[socket.socket]]:
    """Open connections, closed at the end."""
    allow(amount + OTHERS)
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            for _ in range(amount)
        ]


def allow(descriptors: int) -> None:
    """So many for this process and those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, descriptors), max(hard, descriptors)))
    except (ValueError, OSError) as error:
        raise AssertionError(
            f"this test opens {descriptors} files, and {hard} are allowed: raise `ulimit -Hn`"
        ) from error


def check_accounts_of(server: Server, ledger: Ledger) -> None:
    """As many events as answers that say so, each counted, and every request in the owner's sums."""
    stored = len(server.events())
    assert stored == server.counted()
    assert ledger.outcomes["stored"] <= stored <= ledger.outcomes["stored"] + doubtful(ledger)
    check_accounts(server, ledger, stored)


def test_file_descriptors_used_up(tmp_path: Path) -> None:
    """A worker that can open no more takes no more: new connections wait, and are served when others end."""
    with serve(tmp_path / "data", workers=1) as server:
        (worker,) = server.children("worker")
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        early = Connection(server.port)
        assert early.get(target_of(server)).status == 200
        with connections_to(server, 2 * DESCRIPTORS) as waiting:
            see_check(server, "workers", "warning", "file descriptors")
            see_metric(server, CHECK, WARNING, check="workers")
            see_log(server, "check_failed", "workers", "file descriptors", "allow more")
            assert early.get(target_of(server)).status == 200, "those that are open are answered"
            waiting[-1].sendall(request_of(server))
        early.close()
        wait_until(lambda: ask(server) == "stored", 15, "a visitor is served")
        assert server.children("worker") == [worker], "it did not die of it"
        see_check(server, "workers", "ok", "")
        see_ready(server)
        # The one that waited and left may have been answered all the same.
        check_accounts_of(server, Ledger(outcomes=Counter(stored=3), unanswered=1))


def test_slow_clients(tmp_path: Path) -> None:
    """Mute, half a request, a byte a second: each is let go after five seconds, and nobody waits for them."""
    with serve(tmp_path / "data") as server, connections_to(server, 60) as slow:
        head = f"GET {target_of(server)} HTTP/1.1\r\nHost: p.example\r\n".encode()
        for number, sock in enumerate(slow):
            if number % 3:
                sock.sendall(head if number % 3 == 1 else head[:1])
        started = time.monotonic()
        drips = iter(head[1:])
        ended: set[int] = set()
        asked = 0
        next_drip = started + 1
        with selectors.DefaultSelector() as selector:
            for number, sock in enumerate(slow):
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, number)
            while len(ended) < len(slow) and time.monotonic() - started < 4 * HEADER_S:
                for key, _ in selector.select(timeout=0.2):
                    with contextlib.suppress(ConnectionError):
                        if slow[key.data].recv(4_096):
                            continue
                    ended.add(key.data)
                    selector.unregister(key.fileobj)
                if time.monotonic() >= next_drip:
                    next_drip += 1
                    drop = bytes([next(drips)])
                    for number in set(range(2, len(slow), 3)) - ended:
                        with contextlib.suppress(OSError):
                            slow[number].send(drop)
                    assert ask(server, within_s=2) == "stored"
                    asked += 1
        assert len(ended) == len(slow)
        assert time.monotonic() - started < 3 * HEADER_S
        told = {name for name, seen in checks(server).items() if seen.state != "ok"}
        assert told <= {"disk"}, "nothing of them; this machine's disk may be short"
        check_accounts_of(server, Ledger(outcomes=Counter(stored=asked)))


def test_ten_thousand_connections(tmp_path: Path) -> None:
    """Every one of them is answered, and so is a new one."""
    allow(CONNECTIONS + OTHERS)  # before the server, whose workers inherit it
    with serve(tmp_path / "data") as server, connections_to(server, CONNECTIONS) as connections:
        for sock in connections:
            sock.sendall(request_of(server))
        answers = [sock.recv(64) for sock in connections]
        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
        assert ask(server) == "stored"
        see_ready(server)
        check_accounts_of(server, Ledger(outcomes=Counter(stored=CONNECTIONS + 1)))


def test_a_flood_while_the_recorder_stands_still(tmp_path: Path) -> None:
    """What is held is bounded: memory does not grow beyond it, and everybody gets an honest 503."""
    with serve(tmp_path / "data") as server:
        assert ask(server) == "stored"
        before = sum(pss_bytes(pid) for pid in server.children("worker"))
        request = request_of(server, "&properties.filler=" + "x" * 30_000)
        with connections_to(server, FLOOD) as connections:
            with stopped(server.children("recorder")[0]):
                for sock in connections:
                    sock.sendall(request)
                answers = [sock.recv(1_024).decode("latin-1") for sock in connections]
                grown = sum(pss_bytes(pid) for pid in server.children("worker")) - before
                see_check(server, "recorder", "failing", "does not answer")
                see_metric(server, CHECK, FAILING, check="recorder")
                see_log(server, "check_failed", "recorder", "a stopped process")
            assert grown < server.workers * 2 * HELD_BYTES_MAX, f"{grown / MIB:.0f} MiB"
        assert all(answer.startswith("HTTP/1.1 503") for answer in answers)
        outcomes = Counter(f"failed {reason_of(answer)}" for answer in answers)
        assert outcomes.keys() <= {"failed recorder_unreachable", "failed queue_full", "failed unconfirmed"}
        wait_until(lambda: ask(server) == "stored", 15, "served again")
        see_ready(server)
        for outcome, amount in outcomes.items():
            see_metric(server, ANSWERED, amount, outcome="failed", reason=outcome.split()[1])
        check_accounts_of(server, Ledger(outcomes=outcomes + Counter(stored=2)))


def reason_of(head: str) -> str:
    """Why a request was refused, by its headers."""
    return head.lower().partition("x-pixelwire-reason: ")[2].partition("\r\n")[0]
