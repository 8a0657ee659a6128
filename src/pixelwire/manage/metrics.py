"""`/metrics` for Prometheus: read from the files when asked, so that no restart loses a count.

Names are `pixelwire_<subject>_<measure>_<unit>`. No label comes from a stranger: reasons and signals are our
own words, destinations are named by id.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw
from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from pixelwire.errors import PixelwireError
from pixelwire.event import BESIDE_OUTCOMES, DROPPED, RECEIVED, UNHEARD
from pixelwire.manage.auth import authenticate
from pixelwire.manage.desks import Desk
from pixelwire.manage.documented import problems
from pixelwire.manage.health import Check, look
from pixelwire.manage.office import TheOffice
from pixelwire.manage.processes import Processes, read_processes, resident_bytes
from pixelwire.record.reader import RetentionState
from pixelwire.times import hour_of

HOLDERS: Final = ("destination", "duplicates", "clock")
SETTLED_HOURS: Final = 6  # a worker's tallies may come late; older hours are added up once
LAST_HOUR: Final = 2**40  # what was counted while the clock was ahead counts too

CHECK_STATES: Final = {"ok": 0, "unknown": 0, "warning": 1, "failing": 2}

Ledger = dict[tuple[str, str], int]

router = APIRouter(tags=["Health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **problems(401, 403),
        200: {"content": {CONTENT_TYPE_PLAIN_0_0_4: {"schema": {"type": "string"}}}},
    },
    summary="Metrics for Prometheus",
)
async def metrics(office: TheOffice, request: Request) -> Response:
    """Needs an admin token without a business, unless the setting `metrics_public` is on."""
    if not office.options.metrics_public:
        (await authenticate(office, request)).require_server()
    now_ms = office.clock.now_ms()
    checks = await look(office)
    ledger = request.app.state.ledger
    text = await office.desks.long(_scrape, ledger, office.options.processes, now_ms, checks)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class SettledLedger:
    """The sums of the whole ledger; hours that are long over are read only once.

    By this clock: when it goes back, some of them are not over after all, and are read anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Ledger = {}
        self._settled_to = -1

    def read(self, desk: Desk, now_hour: int) -> Ledger:
        """(outcome, reason) -> requests since the data directory was made."""
        settle_to = now_hour - SETTLED_HOURS
        with self._lock:
            if settle_to < self._settled_to:
                self._sums, self._settled_to = {}, -1
            if settle_to > self._settled_to:
                _add(self._sums, desk, self._settled_to + 1, settle_to)
                self._settled_to = settle_to
            sums = dict(self._sums)
            _add(sums, desk, self._settled_to + 1, LAST_HOUR)
        return sums


class ServerCollector(Collector):
    """One reading of everything."""

    def __init__(
        self,
        desk: Desk,
        ledger: Callable[[], Ledger],
        processes: Processes | None,
        checks: Sequence[Check],
        now_ms: int,
    ) -> None:
        self._desk = desk
        self._now_ms = now_ms
        self._ledger = ledger
        self._processes = processes
        self._checks = checks

    def collect(self) -> Iterator[Metric]:
        yield from self._health()
        parts = (self._requests, self._events, self._kept, self._deliveries)
        for part in parts:
            try:
                yield from list(part())
            except (OSError, apsw.Error, PixelwireError):
                continue  # what can not be read is left out; the checks say why
        if self._processes is not None:
            yield from _of_processes(self._processes)

    def _health(self) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "pixelwire_health_check_state", "As in /readyz: 0 ok, 1 warning, 2 failing.", labels=["check"]
        )
        for check in self._checks:
            states.add_metric([check.name], CHECK_STATES[check.state])
        yield states

    def _requests(self) -> Iterator[Metric]:
        ledger = self._ledger()
        received = ledger.get((RECEIVED, ""), 0)
        yield CounterMetricFamily(
            "pixelwire_requests_received", "Requests that reached the pixel routes.", received
        )
        answered = CounterMetricFamily(
            "pixelwire_requests_answered", "What became of requests.", labels=["outcome", "reason"]
        )
        dropped = CounterMetricFamily(
            "pixelwire_parameters_dropped", "Parameters that were left out.", labels=["reason"]
        )
        unheard = CounterMetricFamily(
            "pixelwire_requests_untrusted_proxy",
            "Events whose peer named a client's address and is not in trusted_proxies.",
            labels=["peer"],
        )
        beside = {DROPPED: dropped, UNHEARD: unheard}
        for (outcome, reason), amount in sorted(ledger.items()):
            if outcome in beside:
                beside[outcome].add_metric([reason], amount)
            elif outcome not in BESIDE_OUTCOMES:
                answered.add_metric([outcome, reason], amount)
        yield from (answered, dropped, unheard)

    def _events(self) -> Iterator[Metric]:
        reader = self._desk.reader
        yield CounterMetricFamily("pixelwire_events_stored", "Events ever stored.", reader.stored_total())
        yield GaugeMetricFamily("pixelwire_events_head_seq", "The newest event's place.", reader.head())
        yield GaugeMetricFamily("pixelwire_events_oldest_seq", "The oldest on disk.", reader.oldest())
        segments, size = _files(self._desk.data_dir / "events")
        yield GaugeMetricFamily("pixelwire_segments_stored_files", "Files of events.", segments)
        yield GaugeMetricFamily("pixelwire_segments_size_bytes", "Their size.", size)
        damaged = len(reader.damaged())
        yield GaugeMetricFamily("pixelwire_segments_damaged_files", "Set aside, not served.", damaged)
        free = shutil.disk_usage(self._desk.data_dir).free
        yield GaugeMetricFamily("pixelwire_disk_free_bytes", "What is left of the data's disk.", free)

    def _kept(self) -> Iterator[Metric]:
        yield from _retention(self._desk.reader.retention())

    def _deliveries(self) -> Iterator[Metric]:
        labels = ["destination"]
        lag = GaugeMetricFamily(
            "pixelwire_delivery_lag_events", "From a destination's cursor to the head.", labels=labels
        )
        lag_s = GaugeMetricFamily(
            "pixelwire_delivery_lag_seconds", "Age of the first event after the cursor.", labels=labels
        )
        parked = GaugeMetricFamily(
            "pixelwire_delivery_parked_events", "Waiting for another attempt.", labels=labels
        )
        running = GaugeMetricFamily("pixelwire_delivery_running_state", "1: events are sent.", labels=labels)
        held_up = GaugeMetricFamily(
            "pixelwire_delivery_held_up_state",
            "1: events are sent, but many wait for some that fail.",
            labels=labels,
        )
        sent = CounterMetricFamily("pixelwire_delivery_sent_events", "Confirmed.", labels=labels)
        send_s = CounterMetricFamily(
            "pixelwire_delivery_send_seconds", "In sends, over all confirmed events.", labels=labels
        )
        filtered = CounterMetricFamily(
            "pixelwire_delivery_filtered_events", "Held back by its owner's rules.", labels=labels
        )
        uncast = CounterMetricFamily(
            "pixelwire_delivery_failed_casts_values", "That stayed text.", labels=labels
        )
        retried = CounterMetricFamily("pixelwire_delivery_retried_events", "Tried again.", labels=labels)
        dead = CounterMetricFamily("pixelwire_delivery_dead_events", "Refused for good.", labels=labels)
        letters = GaugeMetricFamily(
            "pixelwire_delivery_dead_letters", "Kept, without those being sent again.", labels=labels
        )
        dropped = CounterMetricFamily(
            "pixelwire_delivery_dropped_letters", "Dead letters that were dropped.", labels=labels
        )
        replays = GaugeMetricFamily(
            "pixelwire_delivery_open_replays", "Replays that are not at their end.", labels=labels
        )
        expired = CounterMetricFamily(
            "pixelwire_delivery_expired_events", "Removed by retention before they were sent.", labels=labels
        )
        head = self._desk.reader.head()
        going = self._desk.deliveries.replays_going()
        for summary in self._desk.deliveries.summary():
            name = [summary.destination_id]
            lag.add_metric(name, max(head - summary.cursor, 0))
            lag_s.add_metric(name, self._lag_s(summary.cursor, head))
            parked.add_metric(name, summary.parked)
            running.add_metric(name, summary.state == "running")
            held_up.add_metric(name, summary.is_held_up)
            sent.add_metric(name, summary.sent_total)
            send_s.add_metric(name, summary.send_ms_total / 1_000)
            filtered.add_metric(name, summary.filtered_total)
            uncast.add_metric(name, summary.failed_casts_total)
            retried.add_metric(name, summary.retried_total)
            dead.add_metric(name, summary.dead_total)
            letters.add_metric(name, summary.dead)
            dropped.add_metric(name, summary.dropped_total)
            replays.add_metric(name, going.get(summary.destination_id, 0))
            expired.add_metric(name, summary.expired)
        yield from (lag, lag_s, parked, running, held_up)
        yield from (sent, send_s, filtered, uncast, retried, dead, letters, dropped, replays, expired)

    def _lag_s(self, cursor: int, head: int) -> float:
        """0 for a destination that has passed everything."""
        if cursor >= head:
            return 0.0
        page = self._desk.reader.read(cursor, limit=1)
        return max(self._now_ms - page.events[0].received_ms, 0) / 1_000 if page.events else 0.0


def _retention(state: RetentionState) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "pixelwire_retention_removed_events", "Events removed with their files.", state.removed_events
    )
    yield CounterMetricFamily(
        "pixelwire_retention_removed_bytes", "The room that was made by it.", state.removed_bytes
    )
    yield CounterMetricFamily(
        "pixelwire_retention_expired_events",
        "Events removed before every destination had them.",
        state.expired_events,
    )
    waiting = GaugeMetricFamily(
        "pixelwire_retention_waiting_state", "1: a limit is passed and something holds.", labels=["reason"]
    )
    for holder in HOLDERS:
        waiting.add_metric([holder], state.held_by == holder)
    yield waiting


def _of_processes(processes: Processes) -> Iterator[Metric]:
    restarts = CounterMetricFamily(
        "pixelwire_process_restarts", "Restarts since the server was started.", labels=["process"]
    )
    memory = GaugeMetricFamily(
        "pixelwire_process_resident_memory_bytes", "Memory, shared pages included.", labels=["process"]
    )
    pids: dict[str, int | None] = {name: child.pid for name, child in processes.children.items()}
    pids |= {f"worker-{number}": pid for number, pid in enumerate(processes.workers.pids, 1)}
    for name, child in processes.children.items():
        restarts.add_metric([name], child.restarts)
    restarts.add_metric(["workers"], processes.workers.restarts)
    for name, pid in pids.items():
        resident = resident_bytes(pid) if pid is not None else None
        if resident is not None:
            memory.add_metric([name], resident)
    alive = processes.workers_alive
    yield from (restarts, memory)
    yield GaugeMetricFamily("pixelwire_workers_alive_processes", "Workers that run.", alive)


def _files(directory: Path) -> tuple[int, int]:
    """How many segments there are, and the bytes of their files."""
    segments = size = 0
    for path in directory.glob("*.db*"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue  # removed by retention just now
        segments += path.suffix == ".db"
    return segments, size


def _scrape(
    desk: Desk, ledger: SettledLedger, processes_path: str, now_ms: int, checks: Sequence[Check]
) -> bytes:
    registry = CollectorRegistry()
    processes = read_processes(processes_path)
    registry.register(
        ServerCollector(desk, lambda: ledger.read(desk, hour_of(now_ms)), processes, checks, now_ms)
    )
    text: bytes = generate_latest(registry)
    return text


def _add(sums: Ledger, desk: Desk, first_hour: int, last_hour: int) -> None:
    for (_, outcome, reason), amount in desk.reader.outcomes(None, first_hour, last_hour).items():
        sums[outcome, reason] = sums.get((outcome, reason), 0) + amount
