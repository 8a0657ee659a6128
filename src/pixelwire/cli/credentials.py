"""The token a command uses. Never from the command line, where other users could see it."""

import os
from pathlib import Path
from typing import Final

from pixelwire.cli.quickstart_file import Quickstart
from pixelwire.errors import ConfigError

HINT: Final = "set PIXELWIRE_TOKEN or give --token-file; `pixelwire token create` makes one"


def find_token(file: Path | None, known: Quickstart | None) -> str | None:
    """A file's, else PIXELWIRE_TOKEN's, else quickstart.json's; None when there is none of them."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"{file}: can not be read ({error})"]) from error
    return os.environ.get("PIXELWIRE_TOKEN") or (known.token if known else None) or None


def token(file: Path | None, known: Quickstart | None) -> str:
    """The same. ConfigError when there is none."""
    found = find_token(file, known)
    if not found:
        raise ConfigError([f"a token is needed: {HINT}"])
    return found
