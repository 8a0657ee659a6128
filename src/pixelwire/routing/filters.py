"""Which events a destination gets, by call, signal, event name and conditions. Knows no transform.

A reason is for people: it names the rule and what its owner wrote, never what a visitor sent.
"""

from typing import Any, Final, NamedTuple

from pixelwire.event import Call, Signal, StoredEvent
from pixelwire.limits import ROUTE_RULES_MAX
from pixelwire.routing.conditions import Condition, parse_condition
from pixelwire.routing.declaration import Problems, one_of, texts
from pixelwire.routing.payload import Object, call_word, signal_word

WORDS: Final = ("calls", "events", "not_events", "signals", "not_signals", "conditions")


class Names(NamedTuple):
    """Event names: some as they are, some by how they begin."""

    exact: frozenset[str]
    starts: tuple[str, ...]

    def match(self, name: str) -> str:
        """The entry that a name fits, as its owner wrote it; "" for none."""
        if name in self.exact:
            return name
        return next((f"{start}*" for start in self.starts if name.startswith(start)), "")


class Filters(NamedTuple):
    calls: frozenset[int] | None = None
    signals: frozenset[int] | None = None
    not_signals: frozenset[int] = frozenset()
    events: Names | None = None
    not_events: Names | None = None
    conditions: tuple[Condition, ...] = ()

    def reads_name(self, event: StoredEvent) -> bool:
        return event.call == Call.TRACK and (self.events is not None or self.not_events is not None)

    def against_facts(self, event: StoredEvent) -> str:
        """Why the event is filtered by what is known without its payload; "" when it is not."""
        if self.calls is not None and event.call not in self.calls:
            return f"call is {call_word(event.call)}"
        if self.signals is not None and event.signal not in self.signals:
            return f"signal is {signal_word(event.signal) or 'none'}"
        if event.signal in self.not_signals:
            return f"signal is {signal_word(event.signal)}"
        if self.events is not None and event.call != Call.TRACK:
            return "a page has no event name"
        return ""

    def against_name(self, name: object) -> str:
        """The same by the name of a track event."""
        if not isinstance(name, str):  # never written by us
            return "" if self.events is None else "there is no event name"
        if self.events is not None and not self.events.match(name):
            return "the event is none of `events`"
        if self.not_events is not None and (entry := self.not_events.match(name)):
            return f"the event is `{entry}` of `not_events`"
        return ""

    def against_conditions(self, payload: Object) -> str:
        """The same by the payload."""
        for number, condition in enumerate(self.conditions, 1):
            if not condition.holds(payload):
                return f"condition {number} ({condition.path.text}) does not hold"
        return ""


def parse_filters(given: Any, problems: Problems) -> Filters:
    """What is not valid is a problem, and left out."""
    table = problems.table("filters", given, WORDS)
    calls = {call.word: call.value for call in Call}
    signals = {signal.name: signal.value for signal in Signal}
    return Filters(
        calls=_numbers(table, "calls", calls, problems),
        signals=_numbers(table, "signals", signals, problems),
        not_signals=_numbers(table, "not_signals", signals, problems) or frozenset(),
        events=_names(table, "events", problems),
        not_events=_names(table, "not_events", problems),
        conditions=_conditions(table.get("conditions", []), problems),
    )


def _numbers(
    table: dict[str, Any], word: str, known: dict[str, int], problems: Problems
) -> frozenset[int] | None:
    if word not in table:
        return None
    place = f"filters.{word}"
    given = problems.take(place, texts, table[word]) or []
    chosen = [problems.take(place, one_of(known), one) for one in given]
    return frozenset(known[one] for one in chosen if one is not None)


def _names(table: dict[str, Any], word: str, problems: Problems) -> Names | None:
    if word not in table:
        return None
    given = problems.take(f"filters.{word}", texts, table[word]) or []
    if len(given) > ROUTE_RULES_MAX or not all(name.isprintable() for name in given):
        problems.add(f"filters.{word}", f"must be at most {ROUTE_RULES_MAX} names that can be printed")
    return Names(
        frozenset(name for name in given if not name.endswith("*")),
        tuple(name[:-1] for name in given if name.endswith("*")),
    )


def _conditions(given: Any, problems: Problems) -> tuple[Condition, ...]:
    if not isinstance(given, list) or len(given) > ROUTE_RULES_MAX:
        problems.add("filters.conditions", f"must be a list of tables, at most {ROUTE_RULES_MAX}")
        return ()
    parsed = [parse_condition(one, f"condition {number}", problems) for number, one in enumerate(given, 1)]
    return tuple(condition for condition in parsed if condition is not None)
