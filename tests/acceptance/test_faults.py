"""The fault table of docs/faults.md, disk and recorder: what the sender and the owner see, how it ends.

The real command and real faults. Each row also ends with the promise: what was acknowledged is there, once.
"""

import os
import signal
from pathlib import Path

import pytest

from support.faults import (
    FAILING,
    OPEN_METRICS,
    WARNING,
    injected,
    read_only,
    see_check,
    see_log,
    see_metric,
    see_ready,
    stopped,
)
from support.load import Ledger, Load
from support.promise import check_promise
from support.server import Server
from support.waiting import wait_until

CHECK = "pixelwire_health_check_state"
RESTARTS = "pixelwire_process_restarts_total"
SYNCS = "fdatasync,fsync"
WRITES = "pwrite64"


def serve(data_dir: Path) -> Server:
    return Server(data_dir, environment=OPEN_METRICS)


def load_of(server: Server) -> Load:
    return Load(server.port, server.facts["write_key"], mark="f")


def wait_stored(load: Load, more: int = 200) -> None:
    goal = load.acknowledged + more
    wait_until(lambda: load.acknowledged >= goal, 30, "events are stored")


def wait_refused(load: Load, more: int = 16) -> None:
    goal = load.failed + more
    wait_until(lambda: load.failed >= goal, 30, "requests are answered 503")


def reasons(ledger: Ledger) -> set[str]:
    return set(ledger.outcomes)


@pytest.mark.parametrize(("calls", "error"), [(WRITES, "EIO"), (SYNCS, "EIO"), (SYNCS, "ENOSPC")])
def test_a_disk_that_fails_once(calls: str, error: str, tmp_path: Path) -> None:
    """The recorder ends instead of trying again, the next one opens the files anew; nobody is refused."""
    with serve(tmp_path / "data") as server:
        (recorder,) = server.children("recorder")
        with load_of(server) as load:
            wait_stored(load)
            with injected(recorder, calls=calls, error=error) as trace:
                wait_until(
                    lambda: server.children("recorder") not in ([], [recorder]), 15, "another recorder"
                )
                failed = [line for line in trace.read_text().splitlines() if "(INJECTED)" in line]
            wait_stored(load)
        ledger = load.stop()
        assert len(failed) == 1, "a failed write is never tried again"
        assert reasons(ledger) == {"stored"}
        assert ledger.unanswered == 0
        see_log(server, "sync_failed", "check the disk")
        see_log(server, "process_died", "recorder", "74")
        see_metric(server, RESTARTS, 1, process="recorder")
        see_ready(server)
        check_promise(server, ledger)


@pytest.mark.parametrize("calls", [WRITES, SYNCS])
def test_a_disk_that_goes_on_failing(calls: str, tmp_path: Path) -> None:
    """503 after the hold; each recorder that is started ends at once, until the disk works again."""
    with serve(tmp_path / "data") as server:
        (recorder,) = server.children("recorder")
        with load_of(server) as load:
            wait_stored(load)
            with injected(server.pid, recorder, calls=calls, error="EIO"):
                wait_refused(load)
                see_check(server, "recorder", "failing", "the recorder is")
                see_metric(server, CHECK, FAILING, check="recorder")
                see_log(server, "sync_failed", "check the disk")
                see_log(server, "check_failed", "recorder")
            wait_stored(load)
        ledger = load.stop()
        assert reasons(ledger) <= {"stored", "duplicate", "failed recorder_unreachable", "failed unconfirmed"}
        see_ready(server)
        check_promise(server, ledger)


def test_a_recorder_that_stands_still(tmp_path: Path) -> None:
    """503 after the hold, seen by management within seconds, over when it goes on."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            wait_stored(load)
            with stopped(server.children("recorder")[0]):
                see_check(server, "recorder", "failing", "does not answer")
                see_metric(server, CHECK, FAILING, check="recorder")
                see_log(server, "check_failed", "recorder", "does not answer")
                wait_refused(load)
            wait_stored(load)
        ledger = load.stop()
        assert reasons(ledger) <= {"stored", "duplicate", "failed recorder_unreachable", "failed unconfirmed"}
        assert ledger.unanswered == 0
        see_ready(server)
        check_promise(server, ledger)


@pytest.mark.parametrize("role", ["courier", "manage"])
def test_a_process_beside_the_path_that_stays_away(role: str, tmp_path: Path) -> None:
    """Pixels do not notice; the courier's absence is a warning, and both are started again."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            wait_stored(load)
            for _ in range(3):  # the back-off after the third is long enough to be seen
                victims = server.children(role)
                os.kill(victims[0], signal.SIGKILL)
                wait_until(lambda victims=victims: server.children(role) not in ([], victims), 15, role)
            wait_stored(load)
        ledger = load.stop()
        assert reasons(ledger) == {"stored"}
        see_ready(server)
        see_metric(server, RESTARTS, 3, process=role)
        see_log(server, "process_died", role)
        check_promise(server, ledger)


def test_a_data_directory_that_takes_no_writes(tmp_path: Path) -> None:
    """503 after the hold while the recorder can not open its files; over when it is mounted writable."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            wait_stored(load)
            with read_only(server.data_dir):
                # As a kernel does it: an error first, then no more writes.
                os.kill(server.children("recorder")[0], signal.SIGKILL)
                wait_refused(load)
                see_check(server, "data_directory", "failing", "not writable")
                see_metric(server, CHECK, FAILING, check="data_directory")
                see_log(server, "check_failed", "data_directory", "mount")
            wait_stored(load)
        ledger = load.stop()
        see_ready(server)
        check_promise(server, ledger)


def test_a_data_directory_that_vanishes(tmp_path: Path) -> None:
    """Nothing is acknowledged into files that nobody will find, and no empty store is made in its place."""
    with serve(tmp_path / "data") as server:
        elsewhere = tmp_path / "elsewhere"
        with load_of(server) as load:
            wait_stored(load)
            server.data_dir.rename(elsewhere)
            wait_refused(load)
            see_check(server, "data_directory", "failing", "not at its place")
            see_metric(server, CHECK, FAILING, check="data_directory")
            see_log(server, "check_failed", "data_directory", "mount it again")
            assert not server.data_dir.exists()
            server.data_dir.mkdir()  # a mount point without its disk
            acknowledged = load.acknowledged
            wait_refused(load)
            assert load.acknowledged == acknowledged
            server.data_dir.rmdir()
            elsewhere.rename(server.data_dir)
            wait_stored(load)
        ledger = load.stop()
        see_ready(server)
        check_promise(server, ledger)


assert WARNING < FAILING
