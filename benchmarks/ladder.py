"""The ladder: the same load on every rung, in turns, so that a noisy machine tells on all of them alike.

Measures and hands back what it saw; what to make of it is the report's.
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import load
import machine
from load import Load
from rungs.rung import Rung
from rungs.tls import TlsProxy
from support.processes import Process
from usage import Meter, wait_quiet
from windows import KEEP_ALIVE, Climb, Stored, Way, Window

WARM_SECONDS = 1


Tell = Callable[[str], None]


def climb(
    directory: Path,
    kinds: Sequence[type[Rung]],
    ways: Sequence[Way],
    *,
    turns: int,
    asked: Load,
    tell: Tell = lambda line: print(line, file=sys.stderr, flush=True),
) -> Climb:
    """All rungs stand all the time; each turn goes over all of them, way by way."""
    windows: list[Window] = []
    with ExitStack() as stack:
        rungs = [stack.enter_context(kind(directory / kind.key)) for kind in kinds]
        places = {rung.key: Place(rung, stack, ways) for rung in rungs}
        for rung in rungs:
            places[rung.key].run("warm", asked._replace(seconds=WARM_SECONDS))
            wait_quiet(rung.processes)
        for turn, way, rung in _turns(turns, ways, rungs):
            rate = _half_rate(windows, rung, turn) if way.is_paced else 0
            window = places[rung.key].measure(way, turn, asked._replace(rate=rate))
            windows.append(window)
            tell(_line(window))
        stored = {rung.key: found for rung in rungs if (found := _stored(rung, directory, windows))}
    return Climb(windows, stored)


class Place:
    """A rung and where it is reached."""

    def __init__(self, rung: Rung, stack: ExitStack, ways: Sequence[Way]) -> None:
        self._rung = rung
        self._proxy: TlsProxy | None = None
        if any(way.is_tls for way in ways):
            self._proxy = stack.enter_context(TlsProxy(rung.directory / "tls", rung.port))

    def run(self, mark: str, asked: Load, *, is_tls: bool = False) -> load.Result:
        url = f"http://127.0.0.1:{self._rung.port}"
        if is_tls:
            assert self._proxy is not None
            url = f"https://127.0.0.1:{self._proxy.port}"
        return load.run(url, self._rung.write_key, mark, asked)

    def measure(self, way: Way, turn: int, asked: Load) -> Window:
        asked = asked._replace(is_closing=way.is_closing)
        busy_s, syncs, own_s = machine.busy_s(), self._rung.syncs(), _own_s()
        with Meter(self._processes if way.is_tls else self._rung.processes) as meter:
            started_s = os.times().elapsed
            result = self.run(f"{way.key}-{turn}", asked, is_tls=way.is_tls)
        assert result.answers, f"nothing was answered: {self._rung.title}"
        passed_s = os.times().elapsed - started_s
        others_s = machine.busy_s() - busy_s - sum(meter.cpu_s.values()) - (_own_s() - own_s)
        return Window(
            rung=self._rung.key,
            way=way.key,
            turn=turn,
            rate=result.rate,
            answers=result.answers,
            not_200=result.not_200,
            socket_errors=result.socket_errors,
            late=result.late,
            p50_ms=result.p50_ms,
            p99_ms=result.p99_ms,
            p999_ms=result.p999_ms,
            cpu_us={role: used / result.answers * 1e6 for role, used in meter.cpu_s.items()},
            memory=meter.memory,
            syncs_per_s=(self._rung.syncs() - syncs) / result.duration_s,
            others_percent=max(0.0, others_s / passed_s / len(os.sched_getaffinity(0)) * 100),
        )

    def _processes(self) -> list[Process]:
        assert self._proxy is not None
        return [*self._rung.processes(), *self._proxy.processes()]


def _turns(turns: int, ways: Sequence[Way], rungs: Sequence[Rung]) -> Iterator[tuple[int, Way, Rung]]:
    for turn in range(turns):
        for way in ways:
            for rung in rungs:
                yield turn, way, rung


def _half_rate(windows: Sequence[Window], rung: Rung, turn: int) -> int:
    """Of what the rung had in the same turn on the same connections."""
    full = next(
        window.rate
        for window in windows
        if (window.rung, window.way, window.turn) == (rung.key, KEEP_ALIVE.key, turn)
    )
    return max(1, round(full / 2))


def _own_s() -> float:
    """Of this process and of the load generators that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _stored(rung: Rung, directory: Path, windows: Sequence[Window]) -> Stored | None:
    kept = rung.kept()
    if kept is None:
        return None
    stored = Stored(kept.events, kept.payload_bytes, kept.disk_bytes, kept.log_bytes)
    if syncs := rung.syncs():
        stored.sync_bytes = kept.disk_bytes // syncs
        stored.sync_ms = statistics.median(
            machine.sync_ms(directory, stored.sync_bytes, times=50) for _ in range(3)
        )
    return stored


def _line(window: Window) -> str:
    return (
        f"{window.turn + 1} {window.way:<15} {window.rung:<11} {window.rate:>9,.0f}/s"
        f"  p99 {window.p99_ms:>8.2f} ms  cpu {sum(window.cpu_us.values()):>7.1f} us"
        f"  others {window.others_percent:>3.0f} %"
    )
