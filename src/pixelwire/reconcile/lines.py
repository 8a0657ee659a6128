"""The lines of access logs, compressed or not, one at a time. Knows no format of a line."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from pixelwire.errors import PixelwireError

LINE_BYTES_MAX: Final = 1_048_576  # the longest target, every byte of it escaped, takes a quarter
STDIN: Final = "-"
_GZIP: Final = b"\x1f\x8b"


class LogUnreadable(PixelwireError):
    """An access log can not be read."""

    code = "log_unreadable"


class Line(NamedTuple):
    number: int
    text: bytes  # cut at LINE_BYTES_MAX
    is_whole: bool  # not cut, and not the end of a log that is being written


def lines(name: str) -> Iterator[Line]:
    """The lines of a file, or of stdin. LogUnreadable when it can not be read to its end."""
    number = 0
    try:
        with _opened(name) as stream:
            while text := stream.readline(LINE_BYTES_MAX):
                number += 1
                is_whole = text.endswith(b"\n")
                if len(text) == LINE_BYTES_MAX and not is_whole:
                    _skip_line(stream)
                yield Line(number, text, is_whole)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        hint = "copy it again, or leave it out"
        raise LogUnreadable(f"{name} is damaged after line {number}: {error}", hint=hint) from error
    except OSError as error:
        hint = "run as a user who may read it"
        raise LogUnreadable(f"{name} can not be read: {error.strerror}", hint=hint) from error


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield _uncompressed(sys.stdin.buffer)
        return
    with Path(name).open("rb") as file:
        yield _uncompressed(file)


def _uncompressed(file: BinaryIO) -> BinaryIO:
    """Known by its first bytes: rotated logs have all sorts of names."""
    is_gzip = file.peek(2)[:2] == _GZIP  # type: ignore[attr-defined] # buffered readers have it
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_gzip else file


def _skip_line(stream: BinaryIO) -> None:
    while (piece := stream.readline(LINE_BYTES_MAX)) and not piece.endswith(b"\n"):
        pass
