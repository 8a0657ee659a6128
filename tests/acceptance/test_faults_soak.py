"""Random faults, one after the other, for as long as FAULTS_SOAK_S says (an hour by default); at the end the
accounts must agree with what the senders were told, and with what a proxy in between wrote down. `make soak`
calls it; TEST_SEED repeats a run.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixelwire.clock import HOUR_MS, SystemClock
from pixelwire.reconcile.compare import reconcile
from pixelwire.reconcile.store import DataDirectory
from support.faults import OPEN_METRICS, injected, see_ready, stopped
from support.load import Load
from support.nginx import Nginx
from support.promise import check_promise
from support.server import Server
from support.waiting import wait_until

SOAK_S = 3_600.0
PAUSE_S = 0.04  # for each of the senders: an hour is some hundred thousand events
SENDERS = 4
CALLS = ("pwrite64", "fdatasync,fsync")


class Steady(Load):
    """A load that an hour of can be read back."""

    def _targets(self, mark: str) -> Iterator[tuple[str, str]]:
        for target in super()._targets(mark):
            self._stopping.wait(PAUSE_S)
            yield target


def kill(server: Server, role: str) -> None:
    victims = server.children(role)
    os.kill(victims[0], signal.SIGKILL)
    wait_until(lambda: len(set(server.children(role)) - {victims[0]}) == len(victims), 20, f"another {role}")


def hang(server: Server, load: Load, chance: random.Random) -> None:
    """For a moment, or for so long that requests are refused."""
    with stopped(server.children("recorder")[0]):
        if chance.random() < 0.5:
            goal = load.failed + SENDERS
            wait_until(lambda: load.failed >= goal, 20, "requests are answered 503")


def break_disk(server: Server, calls: str) -> None:
    (recorder,) = server.children("recorder")
    with injected(recorder, calls=calls, error="EIO"):
        wait_until(lambda: server.children("recorder") not in ([], [recorder]), 20, "another recorder")


@pytest.mark.soak
def test_random_faults(tmp_path: Path) -> None:
    """Whatever happens in whatever order: nothing acknowledged is lost, nothing stored or counted twice."""
    seed = int(os.environ.get("TEST_SEED", time.time_ns()))
    print(f"TEST_SEED={seed}")
    chance = random.Random(seed)
    from_ms = SystemClock().now_ms() // HOUR_MS * HOUR_MS
    with (
        Server(tmp_path / "data", environment=OPEN_METRICS) as server,
        Nginx(tmp_path / "nginx", server.port) as nginx,
    ):
        with Steady(nginx.port, server.facts["write_key"], connections=SENDERS, mark="soak") as load:
            faults: list[Callable[[], object]] = [
                lambda: kill(server, "recorder"),
                lambda: kill(server, "courier"),
                lambda: kill(server, "manage"),
                # A worker's own death is not among them: the proxy asks again by itself then, as it may,
                # and the senders' accounts are no longer what the server saw. See test_kill.
                server.hang_up,
                lambda: hang(server, load, chance),
                lambda: break_disk(server, chance.choice(CALLS)),
                server.take_over,
            ]
            end = time.monotonic() + float(os.environ.get("FAULTS_SOAK_S", SOAK_S))
            rounds = 0
            while time.monotonic() < end:
                rounds += 1
                chance.choice(faults)()
                goal = load.acknowledged + chance.randint(1, 300)
                wait_until(lambda goal=goal: load.acknowledged >= goal, 60, "events are stored")
        ledger = load.stop()
        see_ready(server)
        print(f"{rounds} faults, {len(ledger.acknowledged)} events, {dict(ledger.outcomes)}")
        check_promise(server, ledger)
        with closing(DataDirectory(server.data_dir)) as store:
            to_ms = SystemClock().now_ms() + HOUR_MS
            report = reconcile([nginx.log("full")], store, from_ms=from_ms, to_ms=to_ms)
        assert not report.has_faults, report
