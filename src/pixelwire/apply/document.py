"""Reads a file of businesses, pixels and destinations. Every problem is named, none holds a secret.

Knows what each member must look like; not what the catalog has.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET

from pixelwire.apply.declared import DeclaredBusiness, DeclaredDestination, DeclaredPixel, Place
from pixelwire.apply.headings import headings, line_of
from pixelwire.apply.members import (
    Members,
    a_flag,
    a_table,
    a_text,
    chosen_pixels,
    event_rules,
    tables,
    unknown,
    write_keys,
)
from pixelwire.apply.references import is_reference, resolved
from pixelwire.catalog.checks import (
    ADDRESS_POLICIES,
    BUSINESS_TYPES,
    GPC_POLICIES,
    USER_AGENT_POLICIES,
    check_domain,
    check_name,
    check_pixel_id,
    check_uuid,
    one_of,
)
from pixelwire.destinations import registry
from pixelwire.destinations.options import typed_text
from pixelwire.errors import ConfigError, InvalidFields
from pixelwire.routing.route import parse_route

ROOT: Final = "businesses"


class Document(msgspec.Struct, frozen=True):
    """What a file declares, as far as it is right, and what is wrong with it."""

    businesses: tuple[DeclaredBusiness, ...]
    problems: list[str]


def read_document(path: Path, environment: Mapping[str, str]) -> Document:
    """ConfigError when there is no such file, or it is neither TOML nor JSON."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError([f"{path}: can not be read ({exc.strerror})"]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"{path}: is not UTF-8"]) from exc
    is_json = text.lstrip().startswith("{")
    try:
        root = msgspec.json.decode(text) if is_json else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as exc:
        raise ConfigError([f"{path}: is not {'JSON' if is_json else 'TOML'} ({exc})"]) from exc
    return _Reading(path, headings("" if is_json else text), environment).read(root)


class _Reading:
    def __init__(self, path: Path, lines: dict[str, list[int]], environment: Mapping[str, str]) -> None:
        self._path = path
        self._lines = lines
        self._environment = environment
        self._problems: list[str] = []
        self._totals: dict[str, int] = {}
        self._seen: dict[str, int] = {}

    def read(self, root: dict[str, Any]) -> Document:
        file = str(self._path)
        for name in root:
            if name != ROOT:
                self._problems.append(f"{file}: {name}: {unknown(name, [ROOT])}")
        found = self._tables(root, ROOT, file)
        self._totals[ROOT] = len(found)
        for part in ("pixels", "destinations"):
            inner = [table[part] for table in found if isinstance(table.get(part), list)]
            self._totals[f"{ROOT}.{part}"] = sum(map(len, inner))
        businesses = tuple(self._business(table) for table in found)
        self._refuse_twice(businesses)
        return Document(businesses, self._problems)

    def _business(self, table: dict[str, Any]) -> DeclaredBusiness:
        members = Members(table, self._place(ROOT, "business", table), self._problems)
        declared = DeclaredBusiness(
            place=members.place,
            name=self._name(members),
            id=members.take("id", a_text(check_uuid)),
            type=members.take("type", a_text(one_of(*BUSINESS_TYPES))),
            pixels=tuple(self._pixel(inner) for inner in members.take("pixels", tables) or ()),
            destinations=tuple(
                self._destination(inner) for inner in members.take("destinations", tables) or ()
            ),
            wrong=frozenset(members.wrong),
        )
        members.finish()
        self._refuse_twice(declared.pixels)
        self._refuse_twice(declared.destinations)
        return declared

    def _pixel(self, table: dict[str, Any]) -> DeclaredPixel:
        members = Members(table, self._place(f"{ROOT}.pixels", "pixel", table), self._problems)
        values: dict[str, Any] = {
            "id": members.take("id", a_text(check_pixel_id)),
            "domain": members.take("domain", a_text(check_domain)),
            "enabled": members.take("enabled", a_flag),
            "address": members.take("address", a_text(one_of(*ADDRESS_POLICIES))),
            "user_agent": members.take("user_agent", a_text(one_of(*USER_AGENT_POLICIES))),
            "gpc": members.take("gpc", a_text(one_of(*GPC_POLICIES))),
            "event_rules": members.take("event_rules", event_rules),
            "write_keys": members.take("write_keys", write_keys),
        }
        name = self._name(members)
        members.finish()
        return DeclaredPixel(place=members.place, name=name, wrong=frozenset(members.wrong), **values)

    def _destination(self, table: dict[str, Any]) -> DeclaredDestination:
        members = Members(table, self._place(f"{ROOT}.destinations", "destination", table), self._problems)
        kind = members.take("kind", a_text(_known_kind))
        values: dict[str, Any] = {
            "kind": kind,
            "options": self._options(members, kind),
            "filters": members.take("filters", a_table),
            "transforms": members.take("transforms", tables),
            "pixels": members.take("pixels", chosen_pixels),
            "enabled": members.take("enabled", a_flag),
            "from_start": members.take("from_start", a_flag),
        }
        self._check_route(members, values)
        name = self._name(members)
        members.finish()
        return DeclaredDestination(place=members.place, name=name, wrong=frozenset(members.wrong), **values)

    def _options(self, members: Members, kind: Any) -> Any:
        """The options with their references resolved, checked when the kind is known."""
        given = members.take("options", a_table)
        if given is UNSET:
            return UNSET
        found: list[str] = []
        types = _types(kind) if kind is not UNSET else {}
        options: dict[str, Any] = {}
        for name, value in given.items():
            text = resolved(value, self._path.parent, self._environment, found, name)
            is_text = is_reference(value) and name in types
            options[name] = typed_text(text, types[name]) if is_text else text
        if kind is not UNSET and not found:
            try:
                registry.validate(kind, options)
            except InvalidFields as exc:
                found += exc.problems
        for problem in found:
            name, _, text = problem.partition(": ")
            members.problem(f"options.{name}", text)
        return UNSET if found else options

    def _check_route(self, members: Members, values: dict[str, Any]) -> None:
        given = {name: None if values[name] is UNSET else values[name] for name in ("filters", "transforms")}
        try:
            parse_route(given["filters"], given["transforms"])
        except InvalidFields as exc:
            for problem in exc.problems:
                place, _, text = problem.partition(": ")
                members.problem(place, text)

    def _name(self, members: Members) -> str:
        name = members.take("name", a_text(check_name))
        if name is UNSET and "name" not in members.wrong:
            members.problem("name", "is required")
        return name if isinstance(name, str) else ""

    def _tables(self, table: dict[str, Any], name: str, place: str) -> list[dict[str, Any]]:
        try:
            return tables(table.get(name, []))
        except ValueError as exc:
            self._problems.append(f"{place}: {name}: {exc}")
            return []

    def _place(self, heading: str, word: str, table: dict[str, Any]) -> Place:
        position = self._seen.get(heading, 0)
        self._seen[heading] = position + 1
        line = line_of(self._lines.get(heading, []), position, self._totals[heading])
        name = table.get("name")
        # As JSON: a text in the file may hold what a terminal acts on.
        what = json.dumps(name, ensure_ascii=False) if isinstance(name, str) and name else str(position + 1)
        return Place(str(self._path), line, f"{word} {what}")

    def _refuse_twice(
        self, things: Sequence[DeclaredBusiness] | Sequence[DeclaredPixel] | Sequence[DeclaredDestination]
    ) -> None:
        seen: set[str] = set()
        for thing in things:
            if thing.name and thing.name in seen:
                self._problems.append(f"{thing.place}: name: stands in the file twice")
            seen.add(thing.name)


def _known_kind(kind: str) -> str:
    try:
        registry.spec(kind)
    except InvalidFields as exc:
        raise ValueError(exc.problems[0].partition(": ")[2]) from exc
    return kind


def _types(kind: str) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(registry.spec(kind).options)}
