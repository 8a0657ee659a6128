"""Logs: structlog to stderr, one line per thing an operator should know, never a line per pixel.

A line holds no secret and nothing about a visitor: no token, no query, no address, no payload.
"""

import logging
import sys
from typing import Literal, TextIO, cast

import structlog

LogFormat = Literal["text", "json"]


class Unfailing:
    """Stderr as a stream that never fails: it may lie on the very disk whose fault is to be told."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            pass

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            pass


def configure(log_format: LogFormat = "text", log_level: str = "info") -> None:
    """Sets up logging of this process, our own lines and the standard library's, on stderr."""
    level = logging.getLevelNamesMapping()[log_level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr,
        level=max(level, logging.WARNING),
        format="%(levelname)s %(name)s %(message)s",
        force=True,
    )


def logger(room: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of one room; its name is in every line."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return log
