"""Where a member of a payload is: `properties.price`, `context.traits.a\\.b`, `properties.products.0.id`.

The dots and escapes of wire.md 1.2; a number is an index where an array is, else a key. Knows no rule.
"""

from typing import Final, NamedTuple

from pixelwire.limits import LEVELS_MAX
from pixelwire.routing.payload import KEPT, Object

PATH_CHARACTERS_MAX: Final = 512
INDEX_DIGITS_MAX: Final = 9


class _Missing:
    """Stands for what is not there: null is a value."""


MISSING: Final = _Missing()


class Place(NamedTuple):
    """A member that is there."""

    holder: dict[str, object] | list[object]
    key: str | int

    @property
    def value(self) -> object:
        return self.holder[self.key]  # type: ignore[index] # a key of its own holder

    def put(self, value: object) -> None:
        self.holder[self.key] = value  # type: ignore[index] # a key of its own holder

    def remove(self) -> None:
        """Out of an object; in an array null stays, so that the others keep their places."""
        if isinstance(self.holder, dict):
            del self.holder[str(self.key)]
        else:
            self.put(None)


class Path(NamedTuple):
    text: str  # as its owner wrote it
    parents: tuple[str, ...]
    leaf: str

    def find(self, payload: Object) -> object:
        """The value, or MISSING."""
        return _inside(_walked(payload, self.parents), self.leaf)

    def place(self, payload: Object) -> Place | None:
        """Where the value is, None when it is not there."""
        node = _walked(payload, self.parents)
        if type(node) is dict:
            return Place(node, self.leaf) if self.leaf in node else None
        if type(node) is list:
            index = _index(self.leaf, node)
            return None if index is None else Place(node, index)
        return None

    def put(self, payload: Object, value: object) -> None:
        """Makes the objects on the way; what is no container gives way to one. No array is made longer."""
        node: dict[str, object] | list[object] = payload
        for name in self.parents:
            key = _key(name, node)
            if key is None:
                return
            inner = node.get(name) if isinstance(node, dict) else node[int(key)]
            if not isinstance(inner, dict | list):
                inner = {}
                Place(node, key).put(inner)
            node = inner
        key = _key(self.leaf, node)
        if key is not None:
            Place(node, key).put(value)


def parse_path(text: object) -> Path:
    """ValueError with what is wrong, worded so that the path's place can stand before it."""
    if not isinstance(text, str) or not text:
        raise ValueError("must be a path such as properties.price")
    if len(text) > PATH_CHARACTERS_MAX or not text.isprintable():
        raise ValueError(f"must be at most {PATH_CHARACTERS_MAX} characters that can be printed")
    names = _names(text)
    if len(names) > LEVELS_MAX:
        raise ValueError(f"`{text}` has more than {LEVELS_MAX} levels")
    if "" in names:
        raise ValueError(f"`{text}` has an empty part")
    if "*" in names and r"\*" not in text:
        raise ValueError(f"`{text}`: `*` does not stand for all elements; name one, as in products.0.id")
    return Path(text, names[:-1], names[-1])


def parse_changeable(text: object) -> Path:
    """A path to something that a transform may change."""
    path = parse_path(text)
    first = (*path.parents, path.leaf)[0]
    if first in KEPT:
        raise ValueError(f"`{first}` can not be changed")
    return path


def _names(text: str) -> tuple[str, ...]:
    names: list[str] = []
    name: list[str] = []
    is_escaped = is_start = False
    for character in "." + text:  # each part begins after a dot
        if is_escaped:
            name.append(character)
            is_escaped = is_start = False
        elif character == ".":
            names.append("".join(name))
            name, is_start = [], True
        elif character == "\\":
            is_escaped = True
        elif character == ":" and is_start:  # wire.md: what follows is a key, even a number
            is_start = False
        else:
            name.append(character)
            is_start = False
    names.append("".join(name))
    return tuple(names[1:])


def _walked(payload: Object, names: tuple[str, ...]) -> object:
    node: object = payload
    for name in names:
        node = _inside(node, name)
    return node


def _inside(node: object, name: str) -> object:
    if type(node) is dict:
        return node.get(name, MISSING)
    if type(node) is list:
        index = _index(name, node)
        return MISSING if index is None else node[index]
    return MISSING


def _key(name: str, node: dict[str, object] | list[object]) -> str | int | None:
    return name if isinstance(node, dict) else _index(name, node)


def _index(name: str, array: list[object]) -> int | None:
    """The element's number, None when there is no such element."""
    if not (name.isascii() and name.isdigit()) or len(name) > INDEX_DIGITS_MAX or int(name) >= len(array):
        return None
    return int(name)
