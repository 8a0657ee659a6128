"""Writes down what came of one destination's events, and judges by it whether the destination is up.

Knows the ledger and the backlog, no destination.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from pixelwire.deliver.backlog import Backlog
from pixelwire.deliver.bounds import Bounds
from pixelwire.deliver.envelope import NOBODY, read_envelope
from pixelwire.deliver.health import Health
from pixelwire.deliver.ledger import Group, Progress, Row
from pixelwire.deliver.parking import LINE_ROWS_MAX, Parked, Trial
from pixelwire.deliver.retry import Die, decide
from pixelwire.deliver.routes import Held
from pixelwire.deliver.shared import Shared
from pixelwire.deliver.tickets import (
    EXPIRED,
    FOLLOWS,
    RETRIED,
    Outcome,
    Ticket,
    bury_row,
    expired_ticket,
    park_row,
)
from pixelwire.destinations.base import GiveUp, Retry, Sent
from pixelwire.event import StoredEvent
from pixelwire.routing.route import Failed, Filtered
from pixelwire.telemetry import logger

LETTERS_MAX: Final = 1_000  # dead letters that are parked at a time, so that they take no room from others
CARE_S: Final = 1.0  # while too many are parked, a new event that fails makes the next new ones wait


Unsent = GiveUp | Retry | Filtered | Failed


class Kept(NamedTuple):
    """Events of one identity out of one batch that are tried again: the first of them failed."""

    tickets: list[Ticket]
    reason: str
    failing_ms: int
    trial: Trial


class Books:
    def __init__(self, shared: Shared, progress: Progress, name: str, bounds: Bounds | None = None) -> None:
        self._shared = shared
        self._progress = progress
        self._log = logger("deliver").bind(destination=name)
        self.backlog = Backlog(progress.cursor, shared.ledger.lines(progress.number, progress.cursor), bounds)
        self.health = Health(shared.policy, shared.chance)
        self.letters = shared.ledger.recalled(progress.number, LETTERS_MAX)  # parked, to be sent again
        self.letter_ended = asyncio.Event()
        self._new_from_s = 0.0
        self._is_in_trouble = False

    @property
    def number(self) -> int:
        """Of its row in delivery.db."""
        return self._progress.number

    def progress_now(self) -> Progress:
        """The row as it may be written together with all that was handed in up to now."""
        self._progress.cursor = self.backlog.cursor
        if self._progress.state == "running":
            self._tell(self.backlog.trouble)
        return self._progress

    def new_wait_s(self) -> float:
        """For how long no new event should be tried: so that parking, when it is full, grows slowly."""
        return max(0.0, self._new_from_s - self._shared.clock.monotonic_s())

    def admit(
        self, events: Sequence[StoredEvent], scanned_to: int, held: Sequence[Held] = ()
    ) -> asyncio.Event | None:
        """Takes in the next events, in order; those held back do not go, and the cursor may pass them.

        What tells that these, and those parked among the others, are durable; None when there are none.
        """
        followers = self.backlog.admit(events, scanned_to, self._shared.clock.monotonic_s())
        if not (followers or held):
            return None
        group = self._gather()
        group.add("park", [self._row(row, FOLLOWS) for row in followers])
        self._hold_back(group, held)
        return group.durable

    async def recall(self, letters: Sequence[Row]) -> None:
        """Parks dead letters, (number, seq, attempts, payload) each; durable when this returns."""
        now_ms = self._shared.clock.now_ms()
        rows = [
            Parked(seq, read_envelope(payload).identity_key, 0, 0, now_ms, number, attempts)
            for number, seq, attempts, payload in letters
        ]
        self.letters += len(rows)
        for row in rows:
            self.backlog.recall(row)
        group = self._gather()
        group.add("park", [self._row(row, RETRIED) for row in rows])
        await group.durable.wait()
        await self._load(self.backlog.again(rows))

    def missed(self, first_seq: int, last_seq: int) -> None:
        """These are no longer on disk, and the cursor is about to pass them."""
        self._log.error(
            "events_expired",
            first_seq=first_seq,
            last_seq=last_seq,
            remedy="they were removed before they could be sent: see `pixelwire retention show`",
        )
        row = (self._progress.number, first_seq, last_seq, self._shared.clock.now_ms())
        self._gather().add("expire", [row])

    async def settle(
        self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome], *, took_ms: int, is_probe: bool
    ) -> None:
        """Every ticket came to this. Returns when that is durable."""
        self._judge(tickets, outcomes, is_probe)
        group = self._gather()
        sent: list[Ticket] = []
        gone: list[Ticket] = []  # dead or filtered
        kept: dict[int, Kept] = {}  # by identity; nobody's each by itself
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if isinstance(outcome, Sent):
                ticket.attempts += 1
                sent.append(ticket)
                continue
            key = ticket.identity_key or -ticket.seq
            if isinstance(outcome, Retry) and key in kept:
                kept[key].tickets.append(ticket)  # for the sake of the one before it: no attempt of its own
            elif line := self._keep_or_end(group, ticket, outcome):
                kept[key] = line
            else:
                gone.append(ticket)
        self._sent(group, sent, took_ms)
        for line in kept.values():
            self._park(group, line)
        await group.durable.wait()
        rows = [ticket.row for line in kept.values() for ticket in line.tickets if ticket.row is not None]
        starved = self.backlog.again(rows)
        await self._load([*starved, *self._freed([*sent, *gone])])

    async def expire(self, rows: Sequence[Parked]) -> None:
        """Parked events are no longer on disk: there is nothing left that a dead letter could hold."""
        tickets, group = [expired_ticket(row) for row in rows], self._gather()
        number, now_ms = self._progress.number, self._shared.clock.now_ms()
        group.add("expire_one", [(number, ticket.seq, now_ms) for ticket in tickets])
        self._remember(EXPIRED)
        for ticket in tickets:
            self._leave(group, ticket)
        remedy = "they were removed before they could be sent: see `pixelwire retention show`"
        self._log.error("events_expired", seqs=[ticket.seq for ticket in tickets[:10]], remedy=remedy)
        await group.durable.wait()
        await self._load(self._freed(tickets))

    def failed(
        self, reason: str, seq: int | None = None, after_s: float | None = None, *, is_probe: bool
    ) -> None:
        """Nothing was taken; `seq` is None when nothing was sent."""
        now_ms, now_s = self._shared.clock.now_ms(), self._shared.clock.monotonic_s()
        self._remember(reason)
        if self.health.failed(now_s, seq, after_s, is_probe=is_probe):
            self._log.warning("destination_down", reason=reason)
        if self.health.is_down:
            retry_at_ms = now_ms + int(self.health.resumes_in_s(now_s) * 1_000)
            self._progress.enter("down", reason, now_ms, retry_at_ms)

    # -- Private -----------------------------------------------------------------------------------

    def _tell(self, trouble: str) -> None:
        """The state is still that events are sent; the reason says what holds some of them up."""
        self._progress.reason = trouble
        if trouble and not self._is_in_trouble:
            remedy = "look at the destination's last error: an event that fails dies after 3 hours"
            self._log.warning("events_held_up", reason=trouble, remedy=remedy)
        self._is_in_trouble = bool(trouble)

    def _freed(self, ended: Sequence[Ticket]) -> list[int]:
        """Their ends are durable. The identities whose next rows must be looked up."""
        return [key for ticket in ended if (key := self.backlog.free(ticket)) != NOBODY]

    async def _load(self, starved: Sequence[int]) -> None:
        """The next rows of identities of which none is in memory."""
        if not starved:
            return
        await self._gather().durable.wait()  # then whoever joined a line a moment ago is in the file
        for key in starved:
            if self.backlog.is_starved(key):  # somebody else may have looked meanwhile
                rows = self._shared.ledger.next_in_line(self._progress.number, key, LINE_ROWS_MAX)
                self.backlog.load(key, rows)

    def _judge(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome], is_probe: bool) -> None:
        """What the results say of the destination as a whole."""
        answers = [outcome for outcome in outcomes if not isinstance(outcome, Filtered | Failed)]
        retries = [answer for answer in answers if isinstance(answer, Retry)]
        if not answers:
            self.health.gave_up_probing()
        elif len(retries) < len(answers):
            self._answered()
        elif (suspect := tickets[0] if is_probe else self._suspect(tickets, outcomes)) is None:
            self._remember(retries[0].reason)
        else:
            wish_s = max(retry.after_s or 0.0 for retry in retries)
            self.failed(retries[0].reason, suspect.seq, wish_s, is_probe=is_probe)
        for retry in retries:
            if retry.is_for_all and retry.after_s:
                self.health.hold(self._shared.clock.monotonic_s(), retry.after_s)

    def _suspect(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> Ticket | None:
        """The first one whose failure could be the destination's, where all of a batch failed.

        Not one that failed before although others passed, nor what failed for the sake of one before it.
        """
        seen = set()
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if ticket.identity_key in seen or not isinstance(outcome, Retry):
                continue
            if not self._others_passed(ticket.row):
                return ticket
            if ticket.identity_key != NOBODY:
                seen.add(ticket.identity_key)
        return None

    def _others_passed(self, row: Parked | None) -> bool:
        """Whether others passed since an event was tried before: then it fails by its own fault."""
        return row is not None and row.trial is not None and self.health.answers > row.trial.answers

    def _remember(self, reason: str) -> None:
        self._progress.last_error, self._progress.last_error_ms = reason, self._shared.clock.now_ms()

    def _answered(self) -> None:
        if self.health.answered():
            now_ms = self._shared.clock.now_ms()
            self.backlog.hasten(now_ms)
            self._progress.enter("running", "", now_ms)
            self._log.info("destination_up")

    def _sent(self, group: Group, tickets: Sequence[Ticket], took_ms: int) -> None:
        if not tickets:
            return
        now_ms, number = self._shared.clock.now_ms(), self._progress.number
        group.add("sent", [(number, ticket.seq, now_ms, ticket.attempts_in_all) for ticket in tickets])
        if letters := [(ticket.letter,) for ticket in tickets if ticket.letter]:
            group.add("revive", letters)
        self._progress.sent_total += len(tickets)
        self._progress.send_ms_total += took_ms * len(tickets)
        self._progress.last_sent_ms = now_ms
        self._progress.failed_casts_total += sum(ticket.failed_casts for ticket in tickets)
        for ticket in tickets:
            self._leave(group, ticket)

    def _bury(self, group: Group, ticket: Ticket, reason: str) -> None:
        now_ms = self._shared.clock.now_ms()
        if ticket.letter:
            group.add("bury_again", [(ticket.letter, ticket.attempts_in_all, reason, now_ms)])
        else:
            group.add("bury", [bury_row(self._progress.number, ticket, reason, now_ms)])
        self._progress.dead_total += 1
        self._remember(reason)
        self._leave(group, ticket)

    def _hold_back(self, group: Group, held: Sequence[Held]) -> None:
        group.add("filter", [(self._progress.number, seq, reason) for seq, reason in held])
        self._progress.filtered_total += len(held)

    def _leave(self, group: Group, ticket: Ticket) -> None:
        self.backlog.pass_by(ticket)
        if ticket.row is not None:
            group.add("unpark", [(self._progress.number, ticket.seq)])
        if ticket.letter:
            group.add("end_retry", [(self._progress.number, ticket.letter)])
            self.letters -= 1
            self.letter_ended.set()

    def _keep_or_end(self, group: Group, ticket: Ticket, outcome: Unsent) -> "Kept | None":
        """What is to be tried again; None for an event that has come to its end.

        A dead letter that the filters hold back stays one.
        """
        if isinstance(outcome, Filtered) and not ticket.letter:
            self._hold_back(group, [(ticket.seq, outcome.reason)])
            self._leave(group, ticket)
            return None
        reason = outcome.reason
        if not isinstance(outcome, Filtered | Failed):
            ticket.attempts += 1
        if isinstance(outcome, Retry):
            if kept := self._keep(ticket, outcome):
                return kept
            reason = f"{reason} (given up after {ticket.attempts} attempts)"
        self._bury(group, ticket, reason)
        return None

    def _keep(self, ticket: Ticket, result: Retry) -> "Kept | None":
        """Decides when an event is tried again. None when it is not."""
        now_s = self._shared.clock.monotonic_s()
        failing_ms = self._failing_ms(ticket.row, now_s)
        decision = decide(
            self._shared.policy,
            attempts=ticket.attempts,
            failing_ms=failing_ms,
            after_s=result.after_s,
            chance=self._shared.chance(),
        )
        if isinstance(decision, Die):
            return None
        self._progress.retried_total += 1
        if ticket.row is None and self.backlog.is_full:
            self._new_from_s = now_s + CARE_S
        trial = Trial(now_s, decision.delay_s, self.health.answers)
        return Kept([ticket], result.reason, failing_ms, trial)

    def _park(self, group: Group, kept: "Kept") -> None:
        """Parks events of one identity for another attempt, with what waits behind them."""
        first, *followers = self.backlog.park(kept.tickets)
        first.attempts, first.failing_ms = kept.tickets[0].attempts, kept.failing_ms
        first.trial = kept.trial
        first.next_ms = self._shared.clock.now_ms() + int(kept.trial.delay_s * 1_000)
        rows = [self._row(first, kept.reason), *(self._row(row, FOLLOWS) for row in followers)]
        group.add("park", rows)

    def _failing_ms(self, row: Parked | None, now_s: float) -> int:
        """How long it has failed while others passed, this attempt included.

        A wait between two attempts counts when others were taken in it, and not beyond what was meant: an
        event does not age by its destination being away, nor by having nothing beside it to tell. But where
        it holds a crowd up it ages by itself: perhaps nothing else comes that could pass. Should it be the
        destination's fault after all, the next of the line fails too, and then it is down and nothing ages.
        """
        if row is None:
            return 0
        if row.trial is None:
            return row.failing_ms
        holds_a_crowd_up = self.backlog.holds_many_up(row) and not self.health.is_down
        if not (self._others_passed(row) or holds_a_crowd_up):
            return row.failing_ms
        return row.failing_ms + int(min(now_s - row.trial.at_s, row.trial.delay_s) * 1_000)

    def _row(self, row: Parked, reason: str) -> tuple[int | str, ...]:
        return park_row(self._progress.number, row, reason)

    def _gather(self) -> Group:
        group = self._shared.ledger.gather()
        group.progress[self._progress.number] = self.progress_now
        return group
