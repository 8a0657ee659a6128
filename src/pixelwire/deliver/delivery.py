"""What became of one event at one destination, or in one replay, as delivery.db tells it. Pure."""

from typing import Any, Final, Literal

import msgspec

from pixelwire.deliver.tickets import RETRIED

DeliveryState = Literal["pending", "sent", "filtered", "retrying", "dead", "paused", "expired"]

DROPPED: Final = "dropped by its owner"


class Delivery(msgspec.Struct, frozen=True):
    """What became of one event at one destination.

    `pending`: not tried yet; `reason` says so when it waits for more than its turn. `retrying`: tried, and
    waits for `next_at_ms`. `sent` and `dead`: at `at_ms`. `filtered`: not the destination's business.
    `paused`: it waits until the owner resumes the destination. `expired`: retention removed it first.
    """

    destination_id: str
    state: DeliveryState
    attempts: int = 0
    reason: str = ""
    at_ms: int | None = None
    next_at_ms: int | None = None


class ReplayDelivery(msgspec.Struct, frozen=True):
    """The same for a replay that has had to do with the event."""

    replay_id: str
    delivery: Delivery


def by_rows(destination_id: str, columns: Any) -> Delivery | None:
    """From the event's own rows; None when it has none, or is parked and was not tried yet.

    The columns: attempts and time of `sent`; attempts, next time and reason of `parked`; attempts, time and
    reason of `dead_letter`, and of `dropped`; reason of `filtered`; whether the letter is to be sent again.
    """
    sent, sent_ms, parked, next_ms, parked_reason, dead, died_ms, dead_reason = columns[:8]
    dropped, dropped_ms, dropped_reason, filtered_reason, is_retried = columns[8:]
    if sent_ms is not None:
        return Delivery(destination_id, "sent", sent, at_ms=sent_ms)
    if dropped_ms is not None:
        return Delivery(destination_id, "dead", dropped, f"{DROPPED}: {dropped_reason}", at_ms=dropped_ms)
    if is_retried:
        attempts = dead + (parked or 0)
        return Delivery(destination_id, "retrying", attempts, parked_reason or RETRIED, next_at_ms=next_ms)
    if died_ms is not None:
        return Delivery(destination_id, "dead", dead, dead_reason, at_ms=died_ms)
    if filtered_reason is not None:
        return Delivery(destination_id, "filtered", reason=filtered_reason)
    if parked:
        return Delivery(destination_id, "retrying", parked, parked_reason, next_at_ms=next_ms)
    return None
