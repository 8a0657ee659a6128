"""The read door to delivery.db: what receipts, metrics, the command line and retention need to know of
deliveries. Writes nothing and knows no destination's options.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from pixelwire.catalog.database import catalog_path
from pixelwire.catalog.snapshot import Snapshot
from pixelwire.deliver.delivery import Delivery as Delivery
from pixelwire.deliver.delivery import DeliveryState as DeliveryState
from pixelwire.deliver.delivery import by_rows
from pixelwire.deliver.replay_state import Replays
from pixelwire.deliver.statements import load
from pixelwire.deliver.tickets import EXPIRED

DestinationState = Literal["running", "down", "paused", "failed", "disabled"]

SENT: Final = "when and how went with the event"
SENT_OR_FILTERED: Final = "or filtered: which of them went with the event"
_SQL: Final = load("state.sql")


class DestinationSummary(msgspec.Struct, frozen=True):
    """How one destination is doing.

    `running`, with a reason where parked events hold many others up; `down`: everything fails, an event is
    tried at `retry_at_ms`, nothing is lost; `paused`: its options are not right, it waits for its owner;
    `failed`: its cursor does not fit the events on disk; `disabled` by its owner.
    """

    destination_id: str
    state: DestinationState
    reason: str
    since_ms: int  # when the state began
    retry_at_ms: int | None
    start_after: int
    cursor: int  # every event up to here is sent, filtered, parked or dead
    parked: int  # events that wait for another attempt, or behind one that does
    letters: int  # dead letters kept
    retrying: int  # of these, letters that are being sent again
    expired: int  # events that retention removed before they could be sent, of all pixels
    sent_total: int
    retried_total: int
    dead_total: int
    dropped_total: int  # dead letters
    send_ms_total: int
    last_sent_ms: int | None
    last_error: str
    last_error_ms: int | None
    filtered_total: int  # events that the owner's filters and transforms held back
    failed_casts_total: int  # values that could not be cast and stayed text

    @property
    def dead(self) -> int:
        """Dead letters that nobody sends again."""
        return self.letters - self.retrying

    @property
    def is_held_up(self) -> bool:
        """Events are sent, but many wait for some that fail."""
        return self.state == "running" and self.reason != ""


class Deliveries(Replays):
    """Read-only; belongs to one thread. Works before the courier ever ran: then nothing is known.

    DeliveryError when delivery.db can not be read, SchemaMismatch when it is newer than this program.
    """

    def of_event(self, destination_ids: Sequence[str], seq: int, *, is_gone: bool = False) -> list[Delivery]:
        """One for each id, in the order given; `pending` for one the courier has not met yet.

        `is_gone`: a hard limit of retention took the event before all of them had it.
        """
        rows = self._rows("of_event", seq, msgspec.json.encode(list(destination_ids)).decode())
        tell = _of_gone if is_gone else _delivery
        known = {row[0]: tell(seq, row) for row in rows}
        unmet = Delivery("", "expired", reason=EXPIRED) if is_gone else Delivery("", "pending")
        return [
            known.get(id_) or msgspec.structs.replace(unmet, destination_id=id_) for id_ in destination_ids
        ]

    def slowest_cursor(self) -> int | None:
        """Every event up to here may go, as far as deliveries are concerned. None: nothing is delivered.

        A destination that the courier has not met yet counts from where its owner wants it to begin. Reads
        the catalog too: CatalogError when it can not be read.
        """
        rows = self._rows("cursors")
        met = {id_ for _, id_, _, _ in rows}
        wanted = self._wanted()
        cursors = [cursor for home, _, state, cursor in rows if state != "removed" or home in wanted]
        cursors += [start_after for id_, start_after in wanted.items() if id_ not in met]
        return min(cursors, default=None)

    def farthest_cursor(self) -> int:
        """Events up to here were given, whatever else is known of them."""
        cursors = [cursor for (cursor,) in self._rows("farthest")]
        return max([*cursors, *self._wanted().values()], default=0)

    def summary(self) -> list[DestinationSummary]:
        """Every destination the courier has met, oldest first."""
        return [DestinationSummary(*row) for row in self._rows("summary")]

    def _wanted(self) -> dict[str, int]:
        """The destinations of the catalog, and after which event each begins."""
        if not catalog_path(self._data_dir).exists():
            return {}
        snapshot = Snapshot(self._data_dir)
        try:
            return {entry.id: entry.start_after for entry in snapshot.destinations()}
        finally:
            snapshot.close()

    def _rows(self, name: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._ask(_SQL[name], *values)


def _of_gone(seq: int, row: tuple[Any, ...]) -> Delivery:
    """What is not known to have arrived and is no longer there will never arrive."""
    delivery = _delivery(seq, row)
    cursor, filtered_total = row[4:6]
    filtered_reason, is_retried, passed_ms = row[-3:]
    if delivery.state in ("sent", "dead") or is_retried or filtered_reason is not None:
        return delivery
    if seq <= cursor and passed_ms is None and delivery.state == "filtered":
        return Delivery(row[0], "sent", reason=SENT_OR_FILTERED if filtered_total else SENT)
    return Delivery(row[0], "expired", delivery.attempts, EXPIRED)


def _delivery(seq: int, row: tuple[Any, ...]) -> Delivery:
    id_, state, state_reason, start_after, cursor, _ = row[:6]
    if found := by_rows(id_, row[6:-1]):
        return found
    parked_reason = row[10]
    if row[-1] is not None:
        return Delivery(id_, "expired", reason=EXPIRED, at_ms=row[-1])
    if seq <= start_after:
        return Delivery(id_, "filtered", reason="recorded before the destination began")
    if seq <= cursor and parked_reason is None:
        return Delivery(id_, "filtered", reason="of a pixel this destination does not get")
    if state == "paused":
        return Delivery(id_, "paused", reason=state_reason)
    reason = parked_reason or (
        f"destination is {state}: {state_reason}" if state in ("down", "failed") else ""
    )
    return Delivery(id_, "pending", reason="destination is disabled" if state == "disabled" else reason)
