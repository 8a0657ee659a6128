"""On which lines of a TOML file its tables begin: the parser does not tell. Knows no member."""

import re
from typing import Final

_HEADING: Final = re.compile(r"^\s*\[\[\s*([A-Za-z_]+(?:\s*\.\s*[A-Za-z_]+)*)\s*\]\]\s*(?:#.*)?$")


def headings(text: str) -> dict[str, list[int]]:
    """The lines, from 1, of every `[[a.b]]` by its name, in order."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if matched := _HEADING.match(line):
            found.setdefault(re.sub(r"\s", "", matched[1]), []).append(number)
    return found


def line_of(lines: list[int], position: int, total: int) -> int | None:
    """The line of one of `total` tables; None when the lines are not theirs (inline tables, texts)."""
    return lines[position] if len(lines) == total else None
