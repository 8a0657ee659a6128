"""The ordeal of a destination: the courier's own process before a target that fails, killed again and again.

Events come in all the time, a part of them before each step. Knows no kind of destination: how it fails, and
what has come, is its target's to say (ordeal_targets.py, ordeal_stores.py).
"""

import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.wishes import RetryLetters
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.state import Deliveries, DestinationSummary
from pixelwire.event import Call, Event
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.waiting import wait_until

NOBODY: Final = "anonymous"
VISITORS: Final = 200  # few, so that events of one meet often
RECORD_EVENTS_MAX: Final = 5_000
NOTICED_S: Final = 60.0
DONE_S: Final = 900.0
PATIENT: Final = RetryPolicy(
    first_s=0.05, delay_s_max=0.5, probe_first_s=0.05, probe_delay_s_max=0.5, failures_to_down=3
)
KILL: Final = "kill"

Blow = Callable[[], object]


class Copy(NamedTuple):
    """A copy of an event at the target."""

    place: int  # of the event among all
    identity: str
    stream: str = ""  # within one, the target keeps the order in which it got them


class Target(Protocol):
    kind: str
    options: dict[str, object]
    troubles: tuple[str, ...]  # how it can fail
    refused: frozenset[int]  # places of the events it takes only when it has relented
    repeats_come_at_once: bool  # no later event of the identity is between two copies

    def strike(self, blow: Blow) -> Callable[[], None]:
        """Deals a blow in the middle of what will go on between the courier and the target. What is returned
        waits for it.
        """

    def trouble(self, name: str) -> bool:
        """Fails from now on. Whether that lasts until `heal`, so that the destination goes down."""

    def heal(self) -> None: ...

    def relent(self) -> None:
        """Takes what it refused."""

    def copies(self) -> list[Copy]:
        """All that came, stream by stream in their order. AssertionError where one is not whole."""

    def repeats_max(self, kills: int, troubles: int) -> int:
        """How many copies there may be beyond the first ones."""


class Account(NamedTuple):
    """What came of it."""

    copies: list[Copy]
    repeats: int
    repeats_max: int
    summary: DestinationSummary
    text: str  # for people


class Ordeal:
    """Every draw is made from the seed; where in the traffic a blow falls is the machine's."""

    def __init__(self, data_dir: Path, target: Target, *, events: int, kills: int, seed: int) -> None:
        self._data_dir = data_dir
        self._target = target
        self._events = events
        self._kills = kills
        self._chance = random.Random(seed)
        self._steps = self._plan()
        self._recorded = 0
        self._shop = make_shop(data_dir)
        self._destination = self._shop.catalog.create_destination(
            self._shop.business.id, target.kind, "target", target.options, start_after=0
        )
        self._pixel = _only_pixel(data_dir)
        self._door = Deliveries(data_dir)
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> Account:
        """Through all steps, until every event has come to its end."""
        started_s = time.monotonic()
        try:
            self._start()
            share = self._events // (len(self._steps) + 1)
            for step in self._steps:
                self._take(step, share)
            self._record(self._events)
            self._finish()
            took_s = time.monotonic() - started_s
            summary = self._summary()
        finally:
            self._running.close()
            self._door.close()
            self._shop.catalog.close()
        return self._account(summary, took_s)

    def _plan(self) -> list[list[str]]:
        """Each step is a trouble, a kill, or a kill in the middle of a trouble; in no order."""
        steps = [[name] for name in self._target.troubles]
        self._chance.shuffle(steps)
        inside = min(self._kills // 3, len(steps))
        for step in steps[:inside]:
            step.append(KILL)
        steps += [[KILL] for _ in range(self._kills - inside)]
        self._chance.shuffle(steps)
        return steps

    def _take(self, step: list[str], share: int) -> None:
        """With so many further events; in a trouble half of them come when it has begun."""
        if step == [KILL]:
            assert self._process is not None
            struck = self._target.strike(self._process.kill)
            self._record(self._recorded + share)
            struck()
            self._start()
            return
        self._wait_for("running")
        struck = self._target.strike(lambda: None)
        self._record(self._recorded + share // 2)
        struck()
        lasts = self._target.trouble(step[0])
        self._record(self._recorded + share // 2)
        if lasts:
            self._wait_for("down")
        if KILL in step:
            assert self._process is not None
            self._process.kill()
            self._start()
        self._target.heal()

    def _start(self) -> None:
        """The courier, after the end of the one before."""
        self._running.close()
        self._process = self._running.enter_context(courier(self._data_dir, PATIENT))

    def _record(self, up_to: int) -> None:
        while self._recorded < up_to:
            end = min(up_to, self._recorded + RECORD_EVENTS_MAX)
            record(self._data_dir, [self._event(place) for place in range(self._recorded, end)])
            self._recorded = end

    def _event(self, place: int) -> Event:
        """Every tenth is nobody's, every third a track."""
        return make_event(
            self._pixel,
            call=Call.TRACK if place % 3 == 0 else Call.PAGE,
            name="Order Completed" if place % 3 == 0 else None,
            message_id=f"m-{place}",
            anonymous_id=NOBODY if place % 10 == 0 else f"visitor-{self._chance.randrange(VISITORS)}",
            payload={"properties": {"place": place}},
        )

    def _summary(self) -> DestinationSummary:
        [found] = self._door.summary()
        return found

    def _wait_for(self, state: str) -> None:
        def is_it() -> bool:
            return [one.state for one in self._door.summary()] == [state]

        wait_until(is_it, NOTICED_S, state, last=self._door.summary)

    def _finish(self) -> None:
        def are_at_their_end(dead: int) -> bool:
            now = self._summary()
            return (now.cursor, now.parked, now.dead, now.sent_total) == (
                self._events,
                0,
                dead,
                self._events - dead,
            )

        refused = sorted(self._target.refused & set(range(self._events)))
        what = "every event is sent or refused"
        wait_until(lambda: are_at_their_end(len(refused)), DONE_S, what, last=self._summary)
        if refused:
            letters = self._door.dead_letters(self._destination.id, limit=len(refused))
            assert sorted(letter.message_id for letter in letters) == sorted(f"m-{one}" for one in refused)
            self._target.relent()
            self._shop.catalog.give_order(self._destination.id, RetryLetters())
            wait_until(lambda: are_at_their_end(0), DONE_S, "what was refused is sent", last=self._summary)

    def _account(self, summary: DestinationSummary, took_s: float) -> Account:
        copies = self._target.copies()
        troubles = sum(step != [KILL] for step in self._steps)
        repeats = len(copies) - len({copy.place for copy in copies})
        repeats_max = self._target.repeats_max(self._kills, troubles)
        text = (
            f"{self._target.kind}: {self._events:,} events, {self._kills} kills, {troubles} troubles"
            f" ({', '.join('+'.join(step) for step in self._steps)}): {repeats} repeats of {repeats_max:,}"
            f" allowed, {summary.retried_total:,} retried, {took_s:.0f} s"
        )
        return Account(copies, repeats, repeats_max, summary, text)


def out_of_order(
    copies: Iterable[Copy], *, repeats_come_at_once: bool, but: frozenset[int] = frozenset()
) -> list[str]:
    """Identities whose events did not come in their order; by their first copies, or, where repeats come at
    once, by all copies.
    """
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    seen: set[int] = set()
    for copy in copies:
        if copy.identity == NOBODY or copy.place in but or (copy.place in seen and not repeats_come_at_once):
            continue
        seen.add(copy.place)
        places[copy.stream, copy.identity].append(copy.place)
    return [identity for (_, identity), found in places.items() if found != sorted(found)]


def _only_pixel(data_dir: Path) -> int:
    snapshot = Snapshot(data_dir)
    number = next(iter(snapshot.keys().values())).number
    snapshot.close()
    return number
