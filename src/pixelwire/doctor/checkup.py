"""All checks, one after the other. Knows their order and what each needs; the checks know the rest."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw

from pixelwire.clock import Clock, SystemClock
from pixelwire.doctor import certificate, clock, descriptors, directory, disk, proxies, settings, trip
from pixelwire.doctor.finding import Finding, fail, left_out, ok, warn
from pixelwire.errors import PixelwireError
from pixelwire.event import Outcome
from pixelwire.limits import CATALOG_TICK_S, TALLY_INTERVAL_S
from pixelwire.manage.processes import Processes, read_processes
from pixelwire.record.damage import damaged_numbers
from pixelwire.record.reader import Reader
from pixelwire.supervise.lock import noted_runtime
from pixelwire.supervise.workers import CONNECTIONS_MAX
from pixelwire.times import hour_of

if TYPE_CHECKING:
    from pixelwire.config import Settings

READY: Final = "readyz"
STORE: Final = "events"
PROCESSES: Final = "processes.json"
DAY_HOURS: Final = 24
# Until a worker's note about a proxy is in the ledger, and a little more.
NOTED_S: Final = CATALOG_TICK_S + TALLY_INTERVAL_S + 0.5
NEEDS_DIRECTORY: Final = (
    *(directory.SERVER, directory.FILE_SYSTEM, disk.SYNC, disk.ROOM, STORE),
    *(READY, certificate.CHECK, trip.CHECK, proxies.CHECK),
)
NO_SERVER: Final = "no server runs on this data directory"


@dataclass(frozen=True)
class Subject:
    """Who is looked at, and by what ways."""

    settings: "Settings"
    public_url: str
    write_key: str | None  # None: no pixel is sent
    why_not_sent: str
    get: trip.Get
    ready: Callable[[], Any]  # the JSON of /readyz, whatever its status
    read: trip.Read | None  # None: there is no token
    clock: Clock = field(default_factory=SystemClock)
    wait: Callable[[float], object] = time.sleep

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir


def examine(subject: Subject) -> Iterator[Finding]:
    """Every finding, as it comes."""
    yield from settings.check(subject.settings)
    found = list(directory.check(subject.data_dir))
    yield from found
    if not subject.data_dir.is_dir():
        yield from (left_out(check, "there is no data directory") for check in NEEDS_DIRECTORY)
        yield clock.check_synchronised()
        yield descriptors.check([], CONNECTIONS_MAX)
        return
    is_network_allowed = subject.settings.allow_network_filesystem
    yield directory.check_file_system(subject.data_dir, is_network_allowed=is_network_allowed)
    holder = directory.holder(subject.data_dir)
    yield directory.check_server(holder)
    is_running = holder.state is directory.State.RUNNING
    yield disk.check_sync(subject.data_dir)
    yield from _of_the_store(subject)
    yield clock.check_synchronised()
    processes = _processes(subject.data_dir) if is_running else None
    yield descriptors.check(processes.workers.pids if processes else [], CONNECTIONS_MAX)
    yield from _of_the_server(subject, is_running=is_running)


def _of_the_store(subject: Subject) -> Iterator[Finding]:
    """What needs events to be read."""
    now_ms = subject.clock.now_ms()
    damaged: set[int] = set(damaged_numbers(subject.data_dir))
    with closing(Reader(subject.data_dir, damaged.add)) as reader:
        try:
            newest = reader.get(reader.head())
            stored = reader.stored_total()
            pace = _bytes_a_day(reader, subject.data_dir, hour_of(now_ms))
        except (PixelwireError, apsw.Error) as error:
            yield fail(
                STORE, f"they can not be read: {error}", "see docs/faults.md, and restore a backup if need be"
            )
            yield disk.check_room(subject.data_dir, 0)
            yield clock.check_jump(now_ms, None)
            return
    if damaged:
        files = ", ".join(f"{number:06d}.db" for number in sorted(damaged))
        yield fail(
            STORE,
            f"damaged: {files}; the others are served",
            "put copies from a backup in their place; `pixelwire verify` looks at every file",
        )
    else:
        yield ok(STORE, f"{stored:,} were stored so far")
    yield disk.check_room(subject.data_dir, pace)
    yield clock.check_jump(now_ms, newest.received_ms if newest else None)


def _bytes_a_day(reader: Reader, data_dir: Path, hour: int) -> float:
    """At the pace of the last 24 hours and the size of the events on disk."""
    on_disk = reader.head() - reader.oldest() + 1
    if on_disk <= 0:
        return 0
    size = sum(path.stat().st_size for path in (data_dir / "events").glob("*.db"))
    rows = reader.outcomes(None, hour - DAY_HOURS + 1, hour).items()
    stored = sum(amount for (_, outcome, _), amount in rows if outcome == Outcome.STORED)
    return stored * size / on_disk


def _of_the_server(subject: Subject, *, is_running: bool) -> Iterator[Finding]:
    """What needs it to answer."""
    if is_running:
        yield from _ready(subject)
        yield certificate.check(subject.public_url)
    else:
        yield left_out(READY, NO_SERVER)
        yield left_out(certificate.CHECK, NO_SERVER)
    if not is_running or subject.write_key is None:
        yield left_out(trip.CHECK, subject.why_not_sent if is_running else NO_SERVER)
        yield from _proxies(subject, None)
        return
    before = _sums(subject)
    hour = hour_of(subject.clock.now_ms())
    went = trip.travel(
        subject.data_dir, subject.public_url, subject.write_key, subject.get, subject.read, hour
    )
    yield from went.findings
    if went.was_stored:
        subject.wait(NOTED_S)
    yield from _proxies(subject, before if went.was_stored else None)


def _ready(subject: Subject) -> Iterator[Finding]:
    """What the server says of itself."""
    try:
        checks = subject.ready()["checks"]
    except PixelwireError as error:
        yield fail(READY, error.text, "see the log of the server; management may be starting again")
        return
    except (LookupError, TypeError, ValueError):
        yield fail(
            READY, "the management address answers with something else", "see manage_host and manage_port"
        )
        return
    bad = [check for check in checks if check["state"] != "ok"]
    for check in bad:
        text = f"{check['name']}: {check['reason'] or check['state']}"
        do = "docs/faults.md and docs/operations.md tell what it means"
        yield (fail if check["state"] == "failing" else warn)(READY, text, do)
    if not bad:
        yield ok(READY, f"all {len(checks)} checks of the server are ok")


def _sums(subject: Subject) -> proxies.Sums | None:
    """None when the ledger can not be read."""
    with closing(Reader(subject.data_dir)) as reader:
        try:
            return proxies.sums(reader, hour_of(subject.clock.now_ms()))
        except (PixelwireError, apsw.Error):
            return None


def _proxies(subject: Subject, before: proxies.Sums | None) -> Iterator[Finding]:
    after = _sums(subject)
    if after is None:
        yield left_out(proxies.CHECK, "the ledger can not be read")
    else:
        header = subject.settings.client_address_header
        yield proxies.check(before or after, after, header, was_sent=before is not None)


def _processes(data_dir: Path) -> Processes | None:
    runtime = noted_runtime(data_dir)
    return None if runtime is None else read_processes(str(runtime / PROCESSES))
