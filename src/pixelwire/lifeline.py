"""How the supervisor's children live: options on the first line of stdin, `ready` on stdout, and the end
of stdin means stop; and how any process of ours ends. Knows no room.

Ctrl-C reaches a whole process group, so recorder, manage and courier ignore it: they end when the
supervisor lets go of the pipe, in the order it chose, or when it died.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

import msgspec

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

HEEDLESS: Final = ("obstore",)  # libraries, by their modules

Options = TypeVar("Options")


def take_options(kind: type[Options]) -> Options:
    """The child's options, decoded from the first line of stdin. Called before anything else."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)  # blocked by who started us, until now
    return msgspec.json.decode(_first_line(), type=kind)


def on_release(stop: Callable[[], None]) -> None:
    """Calls `stop` from a thread when the supervisor closes the pipe or dies."""
    stdin = sys.stdin.fileno()

    def wait() -> None:
        # Not by the buffered reader: its lock, held here, would abort a process that ends by itself.
        while os.read(stdin, 4096):
            pass
        stop()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def say_ready() -> None:
    """Tells the supervisor that this child does its work now. Stdout is closed by it."""
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def leave(code: int) -> NoReturn:
    """Ends this process, once everything it had to do is done. Past the interpreter's own end where a library
    has threads that take no notice of it: they abort the process (8 of 60 ends after a request of obstore's).
    """
    if not any(name in sys.modules for name in HEEDLESS):
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # its reader has gone
    os._exit(code)


def _first_line() -> bytes:
    """The supervisor writes one line and then holds the pipe open."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(sys.stdin.fileno(), 65_536)):
        line += piece
    return line
