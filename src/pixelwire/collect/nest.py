"""Parameters become one nested object (wire.md 1.2); what does not fit is left out with its reason.

Knows the shapes of paths, not what any member means. A parameter that is dropped changes nothing.
"""

from typing import NamedTuple, TypeAlias

from pixelwire.collect.paths import APPEND, DropReason, Path, Paths, Reserved, Step, may_be_reserved
from pixelwire.collect.query import Parameters
from pixelwire.limits import ARRAY_INDEX_MAX, PADDING_NULLS_MAX

Value: TypeAlias = "str | bool | list[Value] | dict[str, Value] | None"
Object: TypeAlias = dict[str, Value]


class Nested(NamedTuple):
    write_key: str  # empty when none was given
    dropped: list[tuple[str, str]]  # (key, reason)


def nest(root: Object, parameters: Parameters, paths: Paths) -> Nested:
    """Puts the parameters into `root`, left to right."""
    odd = _Odd(root)
    for key, value in parameters.taken.items():
        parents, leaf, twist = path = paths[key]
        if twist is not None:
            odd.put(key, path, value)
            continue
        node = root
        for name in parents:
            child = node.get(name)
            if type(child) is not dict:
                if type(child) is list:
                    odd.drop(key, DropReason.ARRAY_KEY)
                    break
                child = node[name] = {}
            node = child
        else:
            node[leaf] = value
    if parameters.late:
        odd.put_late(parameters.late, paths)
    return Nested(odd.write_key or "", odd.dropped)


class _Odd:
    """What is not a plain path: reserved keys, parameters to drop, and arrays."""

    def __init__(self, root: Object) -> None:
        self.write_key: str | None = None
        self.dropped: list[tuple[str, str]] = []
        self._root = root
        self._padding = 0  # nulls that fill arrays, over the whole request

    def put(self, key: str, path: Path, value: str) -> None:
        twist = path.twist
        if isinstance(twist, Reserved):
            self._reserve(twist, value)
        elif isinstance(twist, DropReason):
            self.drop(key, twist)
        elif twist is not None and (reason := self._put_indexed(twist, value)):
            self.drop(key, reason)

    def put_late(self, late: dict[str, str], paths: Paths) -> None:
        """Reserved keys count wherever they stand; the others came too late."""
        for key, value in late.items():
            twist = paths[key].twist if may_be_reserved(key) else None
            if isinstance(twist, Reserved):
                self._reserve(twist, value)
            else:
                self.drop(key, DropReason.TOO_MANY)

    def drop(self, key: str, reason: DropReason) -> None:
        self.dropped.append((key, reason))

    def _reserve(self, reserved: Reserved, value: str) -> None:
        if reserved is Reserved.WRITE_KEY and self.write_key is None:
            self.write_key = value

    def _put_indexed(self, steps: tuple[Step, ...], value: str) -> DropReason | None:
        """Walks what is there, builds what is not, and joins the two only when nothing speaks against it."""
        node: Value = self._root
        depth = 0
        while True:
            step = steps[depth]
            if type(node) is list and (reason := _misfit(step, node)):
                return reason
            child = _child(node, step)
            if depth == len(steps) - 1 or type(child) not in (dict, list):
                break
            node = child
            depth += 1
        built = _build(steps[depth + 1 :], value)
        if built is None:
            return DropReason.INDEX
        branch, padding = built
        if type(node) is list:
            padding += max(0, _position(step, node) - len(node))
        if self._padding + padding > PADDING_NULLS_MAX:
            return DropReason.INDEX
        self._padding += padding
        _set(node, step, branch)
        return None


def _misfit(step: Step, array: list[Value]) -> DropReason | None:
    if step.slot is None:
        return DropReason.ARRAY_KEY
    return DropReason.INDEX if _position(step, array) > ARRAY_INDEX_MAX else None


def _position(step: Step, array: list[Value]) -> int:
    assert step.slot is not None
    return len(array) if step.slot == APPEND else step.slot


def _child(node: Value, step: Step) -> Value:
    if type(node) is dict:
        return node.get(step.name)
    assert type(node) is list
    position = _position(step, node)
    return node[position] if position < len(node) else None


def _set(node: Value, step: Step, branch: Value) -> None:
    if type(node) is dict:
        node[step.name] = branch
        return
    assert type(node) is list
    position = _position(step, node)
    if position < len(node):
        node[position] = branch
    else:
        node.extend([None] * (position - len(node)))
        node.append(branch)


def _build(steps: tuple[Step, ...], value: str) -> tuple[Value, int] | None:
    """What has to be built below the last container that is there, and the nulls it is padded with. None
    when an index is too high."""
    branch: Value = value
    padding = 0
    for step in reversed(steps):
        if step.slot is None:
            branch = {step.name: branch}
            continue
        position = max(step.slot, 0)
        if position > ARRAY_INDEX_MAX:
            return None
        branch = [*[None] * position, branch]
        padding += position
    return branch, padding
