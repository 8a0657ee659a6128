"""Requests of the same shape: the same call with the same keys in the same order, as a tag makes them again
and again. Their payloads differ in nothing but the values, so the way from keys to JSON is gone once, and
after that values are put into the text it gave. Knows neither what is missing nor what is answered.

A shape's text is made by the very steps that every other request goes through (`compose`), with marks in
place of values; it is one of a few, by what the headers and the policies add.
"""

import re
import secrets
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, NamedTuple

from pixelwire.collect import payload
from pixelwire.collect.compose import compose
from pixelwire.collect.nest import Object, Value, nest
from pixelwire.collect.paths import Paths
from pixelwire.collect.query import Parameters, regular
from pixelwire.event import Call
from pixelwire.limits import SHAPE_CHARACTERS_MAX, SHAPE_KEYS_MAX, SHAPES_REMEMBERED_MAX

NOT_THERE: Final = -1
OWN: Final = ("now", "message_id", "rudder_id", "address", "user_agent", "locale", "page_url")

_SECRET: Final = secrets.token_hex(8)  # nobody can send a mark
_OWN_MARKS: Final = tuple(f"https://{_SECRET}/{name}" for name in OWN)  # one is read as a page's address
_MARK: Final = re.compile(rf'"https://{_SECRET}/(\w+)"'.encode())


class Added(NamedTuple):
    """What headers and policies add to a payload, as far as its shape leaves room for it. Empty: nothing."""

    address: str
    shows_user_agent: bool
    user_agent: str
    locale: str
    page_url: str


class Template(NamedTuple):
    """The JSON of a payload; `pick` gives the values that fill it, out of the query's and then OWN."""

    text: bytes
    pick: Callable[[list[str]], tuple[str, ...]]


class Shape:
    """Where in the values of such a request stands what is looked at: NOT_THERE, or a position."""

    def __init__(self, call: Call, keys: tuple[str, ...], paths: Paths) -> None:
        """ValueError when a payload of these keys depends on more than its values."""
        self._call = call
        self._keys = keys
        self._paths = paths
        self._templates: dict[tuple[bool, ...], Template] = {}
        root, write_key = self._begin()
        self.write_key = _position(write_key)
        self.anonymous_id = _position(root.get("anonymousId"))
        self.user_id = _position(root.get("userId"))
        self.event = _position(root.get("event"))
        self.message_id = _position(root.get("messageId"))
        self.name = _position(root.get("name")) if call is Call.PAGE else NOT_THERE
        context, properties = root.get("context"), root.get("properties")
        context = context if type(context) is dict else {}
        page = context.get("page")
        self.wants_user_agent = "userAgent" not in context
        self.wants_locale = "locale" not in context
        self.wants_page_url = not any(type(place) is dict and "url" in place for place in (page, properties))

    def fill(self, values: list[str], now: str, message_id: str, rudder_id: str, added: Added) -> bytes:
        """The payload, encoded."""
        variant = (
            added.address != "",
            added.shows_user_agent,
            added.user_agent != "",
            added.locale != "",
            added.page_url != "",
        )
        template = self._templates.get(variant)
        if template is None:
            template = self._templates[variant] = self._make(variant)
        values += (
            now,
            message_id,
            rudder_id,
            added.address,
            added.user_agent,
            added.locale,
            added.page_url,
        )
        return template.text % tuple(map(payload.encode, template.pick(values)))

    def _make(self, variant: tuple[bool, ...]) -> Template:
        has_address, shows_user_agent, has_user_agent, has_locale, has_page_url = variant
        now, message_id, rudder_id, address, user_agent, locale, page_url = _OWN_MARKS
        headers = {
            name: mark.encode()
            for name, mark, is_there in (
                (b"user-agent", user_agent, has_user_agent),
                (b"accept-language", locale, has_locale),
                (b"referer", page_url, has_page_url),
            )
            if is_there
        }
        root, _ = self._begin(now)
        root.pop("messageId", None)
        compose(
            root,
            self._call,
            headers,
            message_id=message_id,
            rudder_id=rudder_id,
            now=now,
            address=address if has_address else "",
            shows_user_agent=shows_user_agent,
        )
        return self._template(payload.encode(root))

    def _begin(self, now: str = "") -> tuple[Object, str]:
        """The parameters as an object, with marks for values, and the write key's mark."""
        root = payload.begin(now)
        marks = {key: f"https://{_SECRET}/{position}" for position, key in enumerate(self._keys)}
        write_key, dropped = nest(root, Parameters(marks, {}), self._paths)
        kept = _MARK.findall(payload.encode(root))
        if dropped or len(marks) != len(self._keys) or "" in marks or not write_key:
            raise ValueError("some parameters are left out")
        if len({mark for mark in kept if mark.isdigit()}) != len(marks) - 1:
            raise ValueError("one parameter takes the place of another, or is ours")
        return root, write_key

    def _template(self, text: bytes) -> Template:
        """Cuts a payload at its marks."""
        *pieces, rest = _MARK.split(text)
        fixed, found = pieces[::2], pieces[1::2]
        order = [
            int(mark) if mark.isdigit() else len(self._keys) + OWN.index(mark.decode()) for mark in found
        ]
        pick: Any = itemgetter(*order)
        return Template(b"%b".join(piece.replace(b"%", b"%%") for piece in (*fixed, rest)), pick)


class Shapes:
    """The shapes seen lately. One is made when it comes again: strangers may send ever new ones."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._known: dict[tuple[Any, ...], Shape | None] = {}  # None: goes the long way
        self._seen_once: set[tuple[Any, ...]] = set()

    def find(self, call: Call, query: bytes) -> tuple[Shape, list[str]] | None:
        """The shape of a query and its values. None for a query that has to go the long way."""
        flat = regular(query)
        if flat is None or len(flat) > 2 * SHAPE_KEYS_MAX:
            return None
        key = (call, *flat[::2])
        try:
            shape = self._known[key]
        except KeyError:
            shape = self._meet(key)
        return None if shape is None else (shape, flat[1::2])

    def _meet(self, key: tuple[Any, ...]) -> Shape | None:
        call, *keys = key
        if key not in self._seen_once:
            if sum(map(len, keys)) <= SHAPE_CHARACTERS_MAX:
                if len(self._seen_once) >= SHAPES_REMEMBERED_MAX:
                    self._seen_once.clear()
                self._seen_once.add(key)
            return None
        self._seen_once.discard(key)
        if len(self._known) >= SHAPES_REMEMBERED_MAX:
            self._known.clear()
        try:
            self._known[key] = Shape(call, tuple(keys), self._paths)
        except ValueError:
            self._known[key] = None
        return self._known[key]


def _position(value: Value) -> int:
    """Of the value that a mark stands for."""
    mark = value.rpartition("/")[2] if type(value) is str else ""
    return int(mark) if mark.isdigit() else NOT_THERE
