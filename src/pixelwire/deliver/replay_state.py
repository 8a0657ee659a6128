"""The part of the read door to delivery.db that shows replays."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pixelwire.catalog.wishes import StartReplay, read_wish
from pixelwire.deliver.delivery import Delivery, ReplayDelivery, by_rows
from pixelwire.deliver.letters import DeadLetters
from pixelwire.deliver.statements import load

ReplayPhase = Literal["waiting", "running", "done", "cancelled", "failed"]

WAITS_FOR_ANOTHER: Final = "another replay to the destination runs first"
_SQL: Final = load("replay_state.sql")
_PHASES: Final[dict[str, ReplayPhase]] = {"running": "running", "failed": "failed"}


class ReplayState(msgspec.Struct, frozen=True):
    """How far a replay is.

    `waiting`: for the destination, or for another replay to it, as `reason` says; `failed`: its place does
    not fit the events on disk, or an error in the program; it goes on when that is mended.
    """

    id: str
    destination_id: str
    state: ReplayPhase
    reason: str
    wish: StartReplay
    first_seq: int
    last_seq: int
    cursor: int  # every event up to here is passed
    sent: int
    filtered: int  # by the destination's filters and transforms, not by the replay's own
    retried: int
    dead: int  # deaths, ever
    parked: int  # wait for another attempt, or behind one that does
    dead_letters: int  # that are kept
    expired: int  # removed by retention before they could be sent, of all pixels
    created_ms: int
    started_ms: int | None
    finished_ms: int | None

    @property
    def share(self) -> float:
        """How much of its stretch is behind it, 0 to 1."""
        whole = self.last_seq - self.first_seq + 1
        return min(max(self.cursor - self.first_seq + 1, 0) / whole, 1.0) if whole > 0 else 1.0


class Replays(DeadLetters):
    def replays(self, destination_id: str) -> list[ReplayState]:
        """Those the courier has taken, newest first. Those at their end are kept for a month."""
        return self._replays(destination_id, None)

    def replay(self, destination_id: str, replay_id: str) -> ReplayState | None:
        """None when the courier has taken none of this id for the destination."""
        found = self._replays(destination_id, replay_id)
        return found[0] if found else None

    def replays_going(self) -> dict[str, int]:
        """Destination -> how many replays to it are not at their end."""
        return dict(self._ask(_SQL["going"]))

    def replays_of_event(self, destination_ids: Sequence[str], seq: int) -> dict[str, list[ReplayDelivery]]:
        """Destination -> what became of an event in each replay that has had to do with it, oldest first."""
        found: dict[str, list[ReplayDelivery]] = {}
        ids = msgspec.json.encode(list(destination_ids)).decode()
        for destination_id, replay_id, *columns in self._ask(_SQL["of_event"], seq, ids):
            delivery = by_rows(destination_id, columns) or Delivery(
                destination_id, "pending", reason=columns[4]
            )
            found.setdefault(destination_id, []).append(ReplayDelivery(replay_id, delivery))
        return found

    def _replays(self, destination_id: str, replay_id: str | None) -> list[ReplayState]:
        states = []
        for id_, home, state, reason, outcome, is_behind, text, *rest in self._ask(
            _SQL["list"], destination_id, replay_id
        ):
            wish = read_wish(text)
            assert isinstance(wish, StartReplay), "nothing else makes such a row"
            phase, why = _phase(state, reason, outcome)
            if phase == "waiting" and is_behind:
                why = WAITS_FOR_ANOTHER
            states.append(ReplayState(id_, home, phase, why, wish, *rest))
        return states


def _phase(state: str, reason: str, outcome: ReplayPhase | None) -> tuple[ReplayPhase, str]:
    if outcome is not None:
        return outcome, ""
    if state == "waiting":
        return "waiting", ""
    phase = _PHASES.get(state, "waiting")
    if phase == "waiting":
        reason = f"the destination is {state}: {reason}" if reason else f"the destination is {state}"
    return phase, reason
