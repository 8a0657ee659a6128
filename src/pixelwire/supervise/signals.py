"""The supervisor's signals: noted as they come, acted on by one thread, in their order. Knows nothing of what
is done about them.

A handler in Python would not do. It runs in the main thread only, perhaps while that holds the very lock that
the action needs; and a main thread that waits is not woken by a signal that another thread received.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

from pixelwire import telemetry

STOPS: Final = (signal.SIGINT, signal.SIGTERM)

log = telemetry.logger("supervise")


class Signals:
    """From its making on a SIGHUP ends no process; it is acted on later. SIGINT and SIGTERM do, until `take`:
    nothing runs yet that would have to be stopped in order."""

    def __init__(self) -> None:
        self._noted, noting = os.pipe()
        os.set_blocking(noting, False)
        signal.set_wakeup_fd(noting, warn_on_full_buffer=False)
        signal.signal(signal.SIGHUP, is_noted)

    def take(self, *, on_stop: Callable[[], None], on_hangup: Callable[[], None]) -> None:
        """From the main thread. From now on each signal is a call, one after the other."""
        for number in STOPS:
            signal.signal(number, is_noted)

        def act() -> None:
            while noted := os.read(self._noted, 1):
                try:
                    on_hangup() if noted[0] == signal.SIGHUP else on_stop()
                except Exception as error:  # noqa: BLE001 a loop's top: the next signal must be heard
                    log.error("signal_failed", error=repr(error), remedy="send the signal again")

        threading.Thread(target=act, name="signals", daemon=True).start()


def is_noted(*_: object) -> None:
    """The handler of signals that have been noted by then, whoever installs it."""
