"""SQL read from the `.sql` files beside this module. Knows nothing of what a statement means."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def load(file: str) -> dict[str, str]:
    """The statements of one file by name; each stands under a line `-- name: <name>`."""
    text = (files("pixelwire.catalog") / file).read_text("utf-8")
    parts = _NAME.split(text)
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def migrations() -> list[str]:
    """The scripts that lead from an empty file to the newest schema, oldest first."""
    folder = files("pixelwire.catalog") / "migrations"
    scripts = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name
    )
    return [entry.read_text("utf-8") for entry in scripts]
