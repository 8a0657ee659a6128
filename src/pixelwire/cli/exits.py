"""Exit codes, and which error ends in which. `docs/command-line.md` shows the same table."""

from enum import IntEnum
from typing import Final

from pixelwire.errors import (
    ConfigError,
    Forbidden,
    InvalidFields,
    Misconfigured,
    NotFound,
    PixelwireError,
    Unauthorized,
)


class Exit(IntEnum):
    """What a script can tell from the exit status."""

    OK = 0
    FAILED = 1  # it was tried and did not work
    USAGE = 2  # the command, its values or the configuration are wrong
    NOT_FOUND = 3
    UNREACHABLE = 4  # no server answers
    REFUSED = 5  # the server said no: a refused pixel, a token that does not reach
    DIFFERENT = 6  # a dry run found something to do
    INTERRUPTED = 130  # Ctrl-C, as shells count it


class ServerUnreachable(PixelwireError):
    """The server does not answer."""

    code = "server_unreachable"


BY_ERROR: Final[tuple[tuple[type[PixelwireError], Exit], ...]] = (
    (ConfigError, Exit.USAGE),
    (InvalidFields, Exit.USAGE),
    (Misconfigured, Exit.USAGE),
    (NotFound, Exit.NOT_FOUND),
    (ServerUnreachable, Exit.UNREACHABLE),
    (Unauthorized, Exit.REFUSED),
    (Forbidden, Exit.REFUSED),
)


def exit_of(error: PixelwireError) -> Exit:
    """The exit code of an error; FAILED for those that have none of their own."""
    return next((code for kind, code in BY_ERROR if isinstance(error, kind)), Exit.FAILED)
