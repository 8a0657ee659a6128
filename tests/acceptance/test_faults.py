"""The fault table of docs/faults.md, a disk that fails or is away: what sender and owner see, how it ends.

The real command and real faults. Each row also ends with the promise: what was acknowledged is there, once.
"""

import os
import signal
from pathlib import Path

import pytest

from support.faults import (
    FAILING,
    OPEN_METRICS,
    injected,
    read_only,
    see_check,
    see_log,
    see_metric,
    see_ready,
)
from support.load import Ledger, Load
from support.promise import check_promise
from support.server import Server
from support.waiting import wait_until

CHECK = "pixelwire_health_check_state"
RESTARTS = "pixelwire_process_restarts_total"
ANSWERED = "pixelwire_requests_answered_total"
SYNCS = "fdatasync,fsync"
WRITES = "pwrite64"


def serve(data_dir: Path) -> Server:
    return Server(data_dir, environment=OPEN_METRICS)


def load_of(server: Server) -> Load:
    return Load(server.port, server.facts["write_key"], mark="f")


def check_some_failed(server: Server, ledger: Ledger) -> None:
    """Stored, or an honest 503: held as long as may be, or in doubt; both are in the owner's sums."""
    failed = {"failed recorder_unreachable", "failed unconfirmed"}
    assert {"stored"} <= ledger.outcomes.keys() <= {"stored", "duplicate", *failed}
    assert ledger.failed > 0
    assert ledger.unanswered == 0
    for outcome in failed & ledger.outcomes.keys():
        see_metric(server, ANSWERED, ledger.outcomes[outcome], outcome="failed", reason=outcome.split()[1])


@pytest.mark.parametrize(("calls", "error"), [(WRITES, "EIO"), (SYNCS, "EIO"), (SYNCS, "ENOSPC")])
def test_a_disk_that_fails_once(calls: str, error: str, tmp_path: Path) -> None:
    """The recorder ends instead of trying again, the next one opens the files anew; nobody is refused."""
    with serve(tmp_path / "data") as server:
        (recorder,) = server.children("recorder")
        with load_of(server) as load:
            load.wait_stored()
            with injected(recorder, calls=calls, error=error) as trace:
                wait_until(
                    lambda: server.children("recorder") not in ([], [recorder]), 15, "another recorder"
                )
                failed = [line for line in trace.read_text().splitlines() if "(INJECTED)" in line]
            load.wait_stored()
        ledger = load.stop()
        assert len(failed) == 1, "a failed write is never tried again"
        assert set(ledger.outcomes) == {"stored"}
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
            load.wait_stored()
            with injected(server.pid, recorder, calls=calls, error="EIO"):
                load.wait_failed()
                see_check(server, "recorder", "failing", "the recorder is")
                see_metric(server, CHECK, FAILING, check="recorder")
                see_metric(server, RESTARTS, 2, process="recorder")
                see_log(server, "sync_failed", "check the disk")
                see_log(server, "process_died", "recorder", "74")
                see_log(server, "check_failed", "recorder", "the disk")
            load.wait_stored()
        ledger = load.stop()
        check_some_failed(server, ledger)
        see_ready(server)
        check_promise(server, ledger)


def test_a_data_directory_that_takes_no_writes(tmp_path: Path) -> None:
    """503 after the hold while the recorder can not open its files; over when it is mounted writable."""
    with serve(tmp_path / "data") as server:
        with load_of(server) as load:
            load.wait_stored()
            with read_only(server.data_dir):
                # As a kernel does it: an error first, then no more writes.
                os.kill(server.children("recorder")[0], signal.SIGKILL)
                load.wait_failed()
                see_check(server, "data_directory", "failing", "not writable")
                see_metric(server, CHECK, FAILING, check="data_directory")
                see_log(server, "check_failed", "data_directory", "mount it again, writable")
            load.wait_stored()
        ledger = load.stop()
        check_some_failed(server, ledger)
        see_ready(server)
        check_promise(server, ledger)


def test_a_data_directory_that_vanishes(tmp_path: Path) -> None:
    """Nothing is acknowledged into files that nobody will find, and no empty store is made in its place."""
    with serve(tmp_path / "data") as server:
        elsewhere = tmp_path / "elsewhere"
        with load_of(server) as load:
            load.wait_stored()
            server.data_dir.rename(elsewhere)
            load.wait_failed()
            see_check(server, "data_directory", "failing", "not at its place")
            see_metric(server, CHECK, FAILING, check="data_directory")
            see_log(server, "check_failed", "data_directory", "mount it again")
            see_log(server, "recorder_failed", "mount it")
            assert not server.data_dir.exists()
            server.data_dir.mkdir()  # a mount point without its disk
            acknowledged = load.acknowledged
            load.wait_failed()
            assert load.acknowledged == acknowledged
            server.data_dir.rmdir()
            elsewhere.rename(server.data_dir)
            load.wait_stored()
        ledger = load.stop()
        check_some_failed(server, ledger)
        see_ready(server)
        check_promise(server, ledger)
