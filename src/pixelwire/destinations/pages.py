"""What the documentation takes from the declarations: the table of kinds and each kind's table of options.

`python -m pixelwire.destinations.pages docs` (`make docs`) writes it into the pages. Knows no destination.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from pixelwire.destinations import registry
from pixelwire.destinations.options import default_of, described, is_operator_only
from pixelwire.destinations.plain_types import plain_types

OVERVIEW: Final = "destinations.md"
OPERATORS: Final = " Only the server's operator may set it."


def page_of(kind: str) -> str:
    """The path of a kind's page, from the folder of the documentation."""
    return f"destinations/{kind.replace('_', '-')}.md"


def written(docs: Path) -> dict[Path, str]:
    """Every page about destinations as it should be. LookupError when a page or its block is not there."""
    kinds = registry.built_in_kinds()
    pages = {docs / OVERVIEW: _replaced(docs / OVERVIEW, "kinds", _kinds_table(kinds))}
    for kind in kinds:
        path = docs / page_of(kind)
        pages[path] = _replaced(path, "options", options_table(kind), kind)
    return pages


def options_table(kind: str) -> str:
    """A kind's options in Markdown."""
    options = registry.spec(kind).options
    types, descriptions = plain_types(options), described(options)
    rows = ["| option | type | default | what it is for |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(options):
        name = field.encode_name
        whose = OPERATORS if is_operator_only(field.type) else ""
        cells = (f"`{name}`", types[name], _default(field), descriptions[name] + whose)
        rows.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(rows)


def _kinds_table(kinds: list[str]) -> str:
    rows = ["| kind | what it does |", "|---|---|"]
    rows += [f"| [`{kind}`]({page_of(kind)}) | {_cell(registry.spec(kind).summary)} |" for kind in kinds]
    return "\n".join(rows)


def _replaced(path: Path, block: str, text: str, kind: str = "") -> str:
    begin, end = f"<!-- {f'{block}: {kind}' if kind else block} -->", f"<!-- /{block} -->"
    if not path.is_file():
        raise LookupError(f"{path} is not there: write the page, with {begin} and {end} in it")
    page, count = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n{text}\n{end}",
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        raise LookupError(f"{path} has {count} blocks of {begin} to {end}: it needs one")
    return page


def _default(field: Any) -> str:
    if field.required:
        return "required"
    default = default_of(field)
    if default is None or default in ({}, [], ()):
        return "none"
    return f"`{json.dumps(msgspec.to_builtins(default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for page, content in written(Path(sys.argv[1])).items():
        page.write_text(content, encoding="utf-8")
