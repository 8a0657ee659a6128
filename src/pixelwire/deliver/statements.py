"""SQL read from the `.sql` files beside this module. Knows nothing of what a statement means."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def script(file: str, room: str = "pixelwire.deliver") -> str:
    """The text of one of a room's .sql files."""
    return (files(room) / file).read_text("utf-8")


def load(file: str, room: str = "pixelwire.deliver") -> dict[str, str]:
    """The statements of one file by name; each stands under a line `-- name: <name>`."""
    parts = _NAME.split(script(file, room))
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}
