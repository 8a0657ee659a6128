"""Kinds of destinations that other packages bring, by the entry points of one group. Knows no kind.

Only metadata is read until a kind is asked for: a package that is broken harms nobody who does not use it.
"""

from collections.abc import Collection, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pixelwire.destinations.base import DestinationSpec
from pixelwire.destinations.options import Options

GROUP: Final = "pixelwire.destinations"
FAULT_CHARACTERS_MAX: Final = 200


class PlugInFault(Exception):
    """A kind that can not be used, and what its package's author or the operator should do; one line."""


class PlugIns:
    """The kinds that were found, by name, and what is wrong with the others."""

    def __init__(self, found: Iterable[EntryPoint], taken: Collection[str]) -> None:
        self.problems: list[str] = []
        self._entries: dict[str, EntryPoint] = {}
        by_kind: dict[str, list[EntryPoint]] = {}
        for entry in found:
            by_kind.setdefault(entry.name, []).append(entry)
        for kind, entries in sorted(by_kind.items()):
            if problem := _problem(kind, entries, taken):
                self.problems.append(problem)
            else:
                self._entries[kind] = entries[0]

    @classmethod
    def installed(cls, taken: Collection[str]) -> "PlugIns":
        """Those of the packages beside this program; the names of `taken` can not be theirs."""
        return cls(entry_points(group=GROUP), taken)

    def kinds(self) -> list[str]:
        return list(self._entries)

    def spec(self, kind: str) -> DestinationSpec[Any]:
        """The declaration, its package imported now. KeyError, or PlugInFault when it is of no use."""
        entry = self._entries[kind]
        try:
            found = entry.load()
        except Exception as exc:
            fault = " ".join(f"{type(exc).__name__}: {exc}".split())[:FAULT_CHARACTERS_MAX]
            raise PlugInFault(f"{_name(entry)} can not be loaded ({fault}): install it anew") from exc
        if not isinstance(found, DestinationSpec):
            raise PlugInFault(f"{_name(entry)} is no DestinationSpec: correct its entry point {entry.value}")
        if found.kind != kind:
            raise PlugInFault(f"{_name(entry)} declares itself as `{found.kind}`: both must be the same")
        options: object = found.options
        if not (isinstance(options, type) and issubclass(options, Options)):
            raise PlugInFault(f"{_name(entry)} has options that are no subclass of Options")
        return found


def _problem(kind: str, entries: list[EntryPoint], taken: Collection[str]) -> str:
    packages = " and ".join(_package(entry) for entry in entries)
    if kind in taken:
        return f"`{kind}` of {packages} is ignored: Pixelwire has this kind itself"
    if len(entries) > 1:
        return f"`{kind}` is in {packages}: uninstall all but one"
    if not kind.isidentifier() or kind != kind.lower():
        return f"`{kind}` of {packages} is ignored: the name of a kind is lower-case letters, digits and _"
    return ""


def _name(entry: EntryPoint) -> str:
    return f"`{entry.name}` of {_package(entry)}"


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"
