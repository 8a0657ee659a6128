"""The fault table of docs/faults.md, processes: each dies or hangs under load. Who asks hardly notices, and
the owner is told.
"""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from pixelwire.limits import HOLD_S
from support.faults import (
    FAILING,
    OPEN_METRICS,
    WARNING,
    kept_dead,
    see_check,
    see_log,
    see_metric,
    see_ready,
    stopped,
)
from support.load import Connection, Load
from support.promise import check_promise
from support.server import Server
from support.visitors import Visitors
from support.waiting import wait_until

CHECK = "pixelwire_health_check_state"
RESTARTS = "pixelwire_process_restarts_total"
ANSWERED = "pixelwire_requests_answered_total"
SLACK_S = 1.0  # the load, the tests and the server share two cores


def serve(data_dir: Path) -> Server:
    return Server(data_dir, environment=OPEN_METRICS)


def load_of(server: Server) -> Load:
    return Load(server.port, server.facts["write_key"], mark="f")


def kill(server: Server, role: str) -> None:
    """One of them; returns when there is another."""
    victims = server.children(role)
    os.kill(victims[0], signal.SIGKILL)
    wait_until(lambda: len(set(server.children(role)) - {victims[0]}) == len(victims), 20, f"another {role}")


def test_the_recorder_dies(tmp_path: Path) -> None:
    """Nobody is refused: requests are held until there is another, for less than the hold."""
    with serve(tmp_path / "data") as server:
        with Visitors(server.port, server.facts["write_key"]) as visitors:
            for _ in range(3):
                visitors.wait_stored()
                kill(server, "recorder")
            visitors.wait_stored()
        print(f"longest wait {visitors.longest_s:.2f} s")
        assert visitors.refused == []
        assert set(visitors.outcomes) == {"stored"}
        assert visitors.longest_s < HOLD_S + SLACK_S
        see_log(server, "process_died", "recorder", "status=-9", "it is started again")
        see_metric(server, RESTARTS, 3, process="recorder")
        see_ready(server)
        check_promise(server, visitors.ledger())


def test_a_recorder_that_stands_still(tmp_path: Path) -> None:
    """503 after the hold, seen by management within seconds, over when it goes on."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            load.wait_stored()
            with stopped(server.children("recorder")[0]):
                see_check(server, "recorder", "failing", "does not answer")
                see_metric(server, CHECK, FAILING, check="recorder")
                see_log(server, "check_failed", "recorder", "does not answer", "a stopped process")
                wait_until(lambda: load.failed >= 32, 30, "requests are answered 503")
            load.wait_stored()
        ledger = load.stop()
        failed = {"failed recorder_unreachable", "failed unconfirmed"}
        assert "stored" in ledger.outcomes
        assert ledger.outcomes.keys() <= {"stored", "duplicate", *failed}
        assert ledger.outcomes.keys() & failed
        assert ledger.unanswered == 0
        see_metric(server, ANSWERED, 1, outcome="failed", reason="recorder_unreachable")
        see_ready(server)
        check_promise(server, ledger)


def test_the_courier_stays_away(tmp_path: Path) -> None:
    """Pixels do not notice; a warning while it is away, and deliveries go on when it is back."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            load.wait_stored()
            with kept_dead(server, "courier"):
                see_check(server, "courier", "warning", "nothing is sent on for now")
                see_metric(server, CHECK, WARNING, check="courier")
                see_log(server, "process_died", "courier", "it is started again")
                see_log(server, "check_failed", "courier", "it is started again")
                see_metric(server, RESTARTS, 2, process="courier")
                load.wait_stored()
            see_check(server, "courier", "ok", "")
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        see_ready(server)
        check_promise(server, ledger)


def test_management_stays_away(tmp_path: Path) -> None:
    """Pixels do not notice; who asks /readyz waits, and is answered when it is back."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            load.wait_stored()
            with kept_dead(server, "manage"):
                see_log(server, "process_died", "manage", "it is started again")
                with closing(Connection(server.manage_port, timeout_s=1)) as owner, pytest.raises(OSError):
                    owner.get("/readyz")
                load.wait_stored()
            with closing(Connection(server.manage_port)) as owner:
                assert owner.get("/readyz").status == 200
        ledger = load.stop()
        assert set(ledger.outcomes) == {"stored"}
        see_ready(server)
        see_metric(server, RESTARTS, 1, process="manage")
        check_promise(server, ledger)


def test_a_worker_dies(tmp_path: Path) -> None:
    """Its own connections are reset, the others go on; a new one takes what waits in its queue."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            load.wait_stored()
            kill(server, "worker")
            load.wait_stored()
        ledger = load.stop()
        assert ledger.outcomes.keys() <= {"stored", "duplicate"}
        assert 0 < ledger.unanswered <= 16, "each of its connections once"
        see_log(server, "process_died", "worker-", "status=-9", "it is started again")
        see_metric(server, RESTARTS, 1, process="workers")
        see_check(server, "workers", "ok", "")
        see_ready(server)
        check_promise(server, ledger)
