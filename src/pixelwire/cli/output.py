"""What commands print: aligned tables for people, JSON for programs. Knows nothing of their meaning."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click


def print_json(value: object) -> None:
    """One JSON document, indented."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_line(value: object) -> None:
    """One line of NDJSON, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
    """The rows under their column names, or `empty` on stderr when there are none."""
    if not rows:
        click.echo(empty, err=True)
        return
    lines = [[column.upper().replace("_", " ") for column in columns]]
    lines += [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_fields(row: Mapping[str, Any]) -> None:
    """One thing, a field a line."""
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        click.echo(f"{name.replace('_', ' ').ljust(width)}  {cell(value)}")


def cell(value: object) -> str:
    """A value as one piece of plain text: control characters can not reach the terminal."""
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(cell(entry) for entry in value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def printable(text: str) -> str:
    """The text with everything a terminal could act on made visible."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
