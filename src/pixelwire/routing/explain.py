"""What a route does to one event, step by step, for people who try it out. Sends nothing."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec

from pixelwire.event import StoredEvent
from pixelwire.routing.payload import Object, RouteFailed, facts_of, read
from pixelwire.routing.route import Failed, Filtered, Route, Routed, checked
from pixelwire.routing.work import Work


class Change(msgspec.Struct, frozen=True):
    """One value that a step changed, made (`before` is absent) or took away (`after` is absent)."""

    path: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


class Step(msgspec.Struct, frozen=True):
    """One rule and what came of it: the last one says what became of the event."""

    rule: str  # `filters`, or `transform 2 (cast)`
    outcome: str = "passed"  # or filtered, failed
    reason: str = ""
    before: Object | None = None  # the payload, for transforms
    after: Object | None = None
    changes: list[Change] = []
    failed_casts: int = 0


class Explanation(msgspec.Struct, frozen=True):
    """What would become of an event, and by which steps."""

    outcome: str  # sent, filtered or failed
    reason: str
    payload: Object | None  # as it would be sent; None when it would not be, or can not be read
    failed_casts: int
    steps: list[Step]


def explained(route: Route, event: StoredEvent) -> Explanation:
    """The end of `route.apply` and its way there, without the payloads between the steps."""
    steps, payload, is_read = [], None, False
    for step in _steps(route, event):
        payload, is_read = step.after, is_read or step.after is not None
        steps.append(msgspec.structs.replace(step, before=None, after=None))
    if steps and steps[-1].outcome != "passed":
        return Explanation(steps[-1].outcome, steps[-1].reason, None, 0, steps)
    if not is_read:
        try:
            payload = read(event.payload)
        except RouteFailed:  # no rule had to read it: it is sent as it is
            payload = None
    return Explanation("sent", "", payload, sum(step.failed_casts for step in steps), steps)


def explain(route: Route, event: StoredEvent) -> list[Step]:
    """The same rules in the same order as `route.apply`; the last step is the one that ended it."""
    return list(_steps(route, event))


def _steps(route: Route, event: StoredEvent) -> Iterator[Step]:
    result: Routed | Filtered | Failed | None = route.verdict(event)
    if result is None and not route.transforms:
        result = route.apply(event)
    if isinstance(result, Filtered):
        yield Step("filters", "filtered", result.reason)
    elif isinstance(result, Failed):
        yield Step("filters", "failed", result.reason)
    else:
        if route.filters is not None:
            yield Step("filters")
        if route.transforms:
            yield from _transforms(route, event)


def _transforms(route: Route, event: StoredEvent) -> Iterator[Step]:
    try:
        payload = read(event.payload)
    except RouteFailed as exc:
        yield Step("payload", "failed", str(exc))
        return
    work = Work(payload, facts_of(event, payload))
    for number, transform in enumerate(route.transforms, 1):
        rule = f"transform {number} ({transform.verb})"
        before: Object | None = None
        failed_casts = work.failed_casts
        try:
            before = copy.deepcopy(work.payload)
            reason = transform.apply(work)
            if transform is route.transforms[-1] and not reason:
                checked(work.payload)
            after = copy.deepcopy(work.payload)
            changed = list(changes(before, after)) if not reason else []
        except (RouteFailed, RecursionError) as exc:
            text = str(exc) if isinstance(exc, RouteFailed) else "the payload has too many levels"
            yield Step(rule, "failed", text, before)
            return
        if reason:
            yield Step(rule, "filtered", reason, before)
            return
        yield Step(rule, "passed", "", before, after, changed, work.failed_casts - failed_casts)


def changes(before: Object, after: Object) -> Iterator[Change]:
    """The values that differ, by their paths; of a whole object that came or went, its values."""
    old, new = dict(_values(before, "")), dict(_values(after, ""))
    for path in {**old, **new}:
        was, is_now = old.get(path, msgspec.UNSET), new.get(path, msgspec.UNSET)
        if type(was) is not type(is_now) or was != is_now:
            yield Change(path, was, is_now)


def _values(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner: Any = ()
    if isinstance(node, dict):
        inner = ((str(name).replace("\\", "\\\\").replace(".", "\\."), one) for name, one in node.items())
    elif isinstance(node, list):
        inner = ((str(number), one) for number, one in enumerate(node))
    if not node or not isinstance(node, dict | list):
        yield path, node
        return
    for name, one in inner:
        yield from _values(one, f"{path}.{name}" if path else name)
