"""A destination as the API shows it: without secrets, with how its deliveries are doing. Knows no route."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from pixelwire.catalog.destinations import Destination
from pixelwire.deliver.state import DestinationState, DestinationSummary
from pixelwire.manage.documented import ExactTime, HexText, Time, UuidText
from pixelwire.manage.own.destination_rules import shown_options
from pixelwire.times import iso_ms, iso_s


class StateAnswer(TypedDict):
    state: Annotated[
        DestinationState | Literal["new"],
        Field(description="`new`: the courier has not met it yet."),
    ]
    reason: Annotated[str | None, Field(description="Why, where there is more to say.")]
    since: Annotated[ExactTime | None, Field(description="When the state began.")]
    retry_at: Annotated[ExactTime | None, Field(description="When one that is down is tried again.")]
    waiting: Annotated[
        int, Field(description="Events recorded after its place, of all pixels: so many at most wait.")
    ]
    parked: Annotated[int, Field(description="Events before its place that wait for another attempt.")]
    dead: Annotated[int, Field(description="Dead letters that are kept, but for those of `retrying`.")]
    retrying: Annotated[int, Field(description="Dead letters that are being sent again.")]
    expired: Annotated[int, Field(description="Events that retention removed before they were sent.")]
    sent: Annotated[int, Field(description="Events it confirmed, ever.")]
    filtered: Annotated[int, Field(description="Events that its filters and transforms held back, ever.")]
    retried: Annotated[int, Field(description="Attempts that failed and were repeated, ever.")]
    last_sent_at: ExactTime | None
    last_error: str | None
    last_error_at: ExactTime | None


class DestinationAnswer(TypedDict):
    id: UuidText
    business_id: UuidText
    name: str
    kind: str
    options: Annotated[
        dict[str, Any], Field(description="Defaults filled in. Of a secret only that it is there.")
    ]
    filters: dict[str, Any]
    transforms: list[dict[str, Any]]
    enabled: bool
    pixel_ids: Annotated[
        list[HexText] | None, Field(description="Whose events it gets; null: all, those to come included.")
    ]
    created_at: Time
    updated_at: Time
    state: StateAnswer


_NOTHING_YET: Final[StateAnswer] = {
    "state": "new",
    "reason": None,
    "since": None,
    "retry_at": None,
    "waiting": 0,
    "parked": 0,
    "dead": 0,
    "retrying": 0,
    "expired": 0,
    "sent": 0,
    "filtered": 0,
    "retried": 0,
    "last_sent_at": None,
    "last_error": None,
    "last_error_at": None,
}


def destination_answer(
    destination: Destination, summary: DestinationSummary | None, head: int
) -> DestinationAnswer:
    """`head` is the newest event's seq; no summary while the courier has not met the destination."""
    return {
        "id": destination.id,
        "business_id": destination.business_id,
        "name": destination.name,
        "kind": destination.kind,
        "options": shown_options(destination),
        "filters": destination.filters,
        "transforms": destination.transforms,
        "enabled": destination.is_enabled,
        "pixel_ids": destination.pixel_ids,
        "created_at": iso_s(destination.created_ms),
        "updated_at": iso_s(destination.updated_ms),
        "state": _state(destination, summary, head),
    }


def place_of(destination: Destination, summary: DestinationSummary | None) -> int:
    """The seq up to which nothing of the destination waits, but what is parked."""
    return max(destination.start_after, summary.cursor if summary else 0)


def _state(destination: Destination, summary: DestinationSummary | None, head: int) -> StateAnswer:
    waiting = max(0, head - place_of(destination, summary))
    if summary is None:
        return {**_NOTHING_YET, "state": "new" if destination.is_enabled else "disabled", "waiting": waiting}
    return {
        "state": summary.state,
        "reason": summary.reason or None,
        "since": iso_ms(summary.since_ms),
        "retry_at": _time(summary.retry_at_ms),
        "waiting": waiting,
        "parked": summary.parked,
        "dead": summary.dead,
        "retrying": summary.retrying,
        "expired": summary.expired,
        "sent": summary.sent_total,
        "filtered": summary.filtered_total,
        "retried": summary.retried_total,
        "last_sent_at": _time(summary.last_sent_ms),
        "last_error": summary.last_error or None,
        "last_error_at": _time(summary.last_error_ms),
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_ms(at_ms)
