"""What a destination's owner declared, ready to be applied to events. Pure: the same event and declaration
give the same bytes, as long as the owner's own functions do."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pixelwire.errors import InvalidFields
from pixelwire.event import StoredEvent
from pixelwire.limits import ROUTE_RULES_MAX, ROUTED_BYTES_MAX
from pixelwire.routing.choosing import FunctionCall, Sample, parse_call, parse_sample
from pixelwire.routing.declaration import Problems, check_json, unknown
from pixelwire.routing.filters import Filters, parse_filters
from pixelwire.routing.members import parse_flatten, parse_remove, parse_rename, parse_set
from pixelwire.routing.payload import Object, RouteFailed, facts_of, read, read_name, written
from pixelwire.routing.values import parse_cast, parse_hash, parse_mask
from pixelwire.routing.work import Transform, Work


class Routed(msgspec.Struct, frozen=True):
    """An event as it is to be sent."""

    payload: bytes  # UTF-8 JSON
    failed_casts: int = 0  # values that stayed text


class Filtered(msgspec.Struct, frozen=True):
    """The owner does not want this event here. The reason holds nothing that a visitor sent."""

    reason: str


class Failed(msgspec.Struct, frozen=True):
    """The event can not be brought into shape: not now, and not later with the same declaration."""

    reason: str


class Route:
    """Never raises but in `load`; belongs to one thread at a time."""

    def __init__(self, filters: Filters | None, transforms: tuple[Transform, ...]) -> None:
        self.filters = filters
        self.transforms = transforms
        self.is_plain = filters is None and not transforms
        self._reads_facts = any(isinstance(one, Sample | FunctionCall) for one in transforms)

    def load(self) -> None:
        """Loads the functions it calls, as `apply` would do. Misconfigured when one can not be loaded."""
        for transform in self.transforms:
            if isinstance(transform, FunctionCall):
                transform.function.load()

    def verdict(self, event: StoredEvent) -> Filtered | None:
        """What the filters alone say; None for an event to `apply`, one that can not be read included."""
        try:
            reason, _ = self._judged(event)
            return Filtered(reason) if reason else None
        except RouteFailed:
            return None

    def apply(self, event: StoredEvent) -> Routed | Filtered | Failed:
        """Filters, then transforms in their order."""
        if self.is_plain:
            return Routed(event.payload)
        try:
            reason, payload = self._judged(event)
            if reason:
                return Filtered(reason)
            if not self.transforms:
                return Routed(event.payload)
            return self._transformed(event, read(event.payload) if payload is None else payload)
        except RouteFailed as exc:
            return Failed(str(exc))

    def _judged(self, event: StoredEvent) -> tuple[str, Object | None]:
        """Why the event is filtered, "" when it is not; and the payload, if it had to be read.

        The cheap questions come first.
        """
        filters = self.filters
        if filters is None:
            return "", None
        if reason := filters.against_facts(event):
            return reason, None
        payload = read(event.payload) if filters.conditions else None
        if filters.reads_name(event):
            name = read_name(event.payload) if payload is None else payload.get("event")
            if reason := filters.against_name(name):
                return reason, payload
        return ("" if payload is None else filters.against_conditions(payload)), payload

    def _transformed(self, event: StoredEvent, payload: Object) -> Routed | Filtered:
        work = Work(payload, facts_of(event, payload) if self._reads_facts else None)
        try:
            for transform in self.transforms:
                if reason := transform.apply(work):
                    return Filtered(reason)
            return Routed(checked(work.payload), work.failed_casts)
        except RecursionError as exc:
            raise RouteFailed("the payload has too many levels") from exc


def checked(payload: Object) -> bytes:
    """The bytes that go out. RouteFailed when there are too many: then the transforms made them."""
    routed = written(payload)
    if len(routed) > ROUTED_BYTES_MAX:
        raise RouteFailed(f"the transforms made the payload larger than {ROUTED_BYTES_MAX} bytes")
    return routed


def parse_route(filters: dict[str, Any] | None, transforms: list[Any] | None) -> Route:
    """InvalidFields, with every problem at once. None, and nothing inside, is a plain route."""
    problems = Problems()
    problems.take("filters", check_json, filters)
    problems.take("transforms", check_json, transforms)
    if problems.texts:
        raise InvalidFields(problems.texts)
    parsed_filters = parse_filters(filters, problems) if filters else None
    parsed_transforms = _transforms(transforms or [], problems)
    if problems.texts:
        raise InvalidFields(problems.texts)
    return Route(parsed_filters, parsed_transforms)


VERBS: Final[dict[str, Callable[[Any, str, Problems], Transform | None]]] = {
    "rename": parse_rename,
    "remove": parse_remove,
    "set": parse_set,
    "flatten": parse_flatten,
    "cast": parse_cast,
    "hash": parse_hash,
    "mask": parse_mask,
    "sample": parse_sample,
    "function": parse_call,
}


def _transforms(given: Any, problems: Problems) -> tuple[Transform, ...]:
    if not isinstance(given, list) or len(given) > ROUTE_RULES_MAX:
        problems.add("transforms", f"must be a list of tables, at most {ROUTE_RULES_MAX}")
        return ()
    parsed = [_transform(one, f"transform {number}", problems) for number, one in enumerate(given, 1)]
    return tuple(transform for transform in parsed if transform is not None)


def _transform(given: Any, place: str, problems: Problems) -> Transform | None:
    if not isinstance(given, dict) or len(given) != 1:
        problems.add(place, f"must be a table with one of {', '.join(VERBS)}")
        return None
    ((verb, declared),) = given.items()
    if verb not in VERBS:
        problems.add(place, unknown(str(verb), VERBS))
        return None
    return VERBS[verb](declared, f"{place} ({verb})", problems)
