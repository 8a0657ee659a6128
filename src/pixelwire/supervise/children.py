"""The processes beside the workers: recorder, management, courier. Starts them, starts them again when
they die, and lets them go in order. Knows their module names and options, not their work.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from pixelwire import lifeline, telemetry
from pixelwire.errors import PixelwireError
from pixelwire.limits import CHILD_START_S, CHILD_STOP_S

BACKOFF_FIRST_S: Final = 0.05  # workers hold their requests for 3 s: the first restart is quick
BACKOFF_MAX_S: Final = 1.0  # well below what a request is held for
STEADY_S: Final = 10.0  # a process that ran this long starts again without back-off

State = Literal["starting", "running", "backing_off", "stopped"]

log = telemetry.logger("supervise")


class ChildFailed(PixelwireError):
    """A process of the server did not start; its own message is above."""

    code = "process_failed"


@dataclass
class Child:
    """One process, kept alive by a thread of its own."""

    name: str
    module: str
    options: msgspec.Struct
    inherited_fds: Sequence[int]
    on_change: Callable[[], None]
    is_needed: bool = True  # whether a start that fails is the server's; else it is tried again
    state: State = "starting"
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = None
    _ready: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _renewing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Returns when the process says that it is ready. ChildFailed when it ends before that."""
        self.begin()
        self.wait_ready()

    def begin(self) -> None:
        """Starts the process and the thread that keeps it alive."""
        self._spawn()
        self._thread = threading.Thread(target=self._keep_alive, name=self.name, daemon=True)
        self._thread.start()

    def wait_ready(self) -> None:
        """Returns when the process begun says that it is ready. ChildFailed when it ends before that."""
        if not self._ready.wait(CHILD_START_S) or self.state not in ("running", "stopped"):
            raise ChildFailed(f"the {self.name} did not start; what it says is above")

    def renew(self, options: msgspec.Struct) -> None:
        """An orderly restart with other options; nothing when they are the same."""
        if options != self.options:
            self.options = options
            self._renewing.set()
            self._let_go()

    def release(self) -> None:
        """Asks the process to end."""
        self._stopping.set()
        self._let_go()

    def _let_go(self) -> None:
        if self.process and self.process.stdin:
            try:
                self.process.stdin.close()
            except OSError:
                pass  # it is gone already

    def join(self, timeout_s: float = CHILD_STOP_S) -> None:
        """Waits for the end after `release`; ends it by force when it takes longer."""
        if self._thread is None:
            return
        self._thread.join(timeout_s)  # which waits without looking again and again
        if self._thread.is_alive() and self.process is not None:
            log.warning("process_killed", process=self.name, reason="it did not end when asked")
            self.process.kill()
            self.process.wait()
        self.state = "stopped"

    def _spawn(self) -> None:
        # A Ctrl-C reaches the child while it still imports: it waits until the child ignores it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, lifeline.IGNORED)
        try:
            self.process = subprocess.Popen(  # noqa: S603 our own interpreter and modules
                [sys.executable, "-m", self.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=self.inherited_fds,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(msgspec.json.encode(self.options) + b"\n")
            self.process.stdin.flush()
        except (OSError, ValueError):
            pass  # it ended at once, or was let go meanwhile; the thread sees that
        self._renewing.clear()
        if self._stopping.is_set():
            self._let_go()

    def _keep_alive(self) -> None:
        delay_s = BACKOFF_FIRST_S
        while True:
            started_s = time.monotonic()
            self._watch()
            if self._stopping.is_set() or (self.is_needed and not self._ready.is_set()):
                self._ready.set()  # `wait_ready` sees the state and raises
                return
            if self._renewing.is_set():
                self._renewing.clear()
            else:
                if time.monotonic() - started_s > STEADY_S:
                    delay_s = BACKOFF_FIRST_S
                self._become("backing_off")
                if self._stopping.wait(delay_s):
                    return
                delay_s = min(delay_s * 4, BACKOFF_MAX_S)
                self.restarts += 1
            self._become("starting")
            while not self._try_to_spawn():
                if self._stopping.wait(BACKOFF_MAX_S):
                    return

    def _try_to_spawn(self) -> bool:
        """False when the system can not start a process just now: too many of them, or no memory."""
        try:
            self._spawn()
        except OSError as error:
            log.error(
                "process_not_started",
                process=self.name,
                error=str(error),
                remedy="it is tried again; see ulimits",
            )
            return False
        return True

    def _watch(self) -> None:
        """From the start of a process to its end."""
        process = self.process
        assert process is not None
        assert process.stdout is not None
        if process.stdout.readline() == b"ready\n":
            self._become("running")
            self._ready.set()
        status = process.wait()
        process.stdout.close()
        if process.stdin:
            try:
                process.stdin.close()
            except OSError:
                pass  # it never read its options
        if not self._stopping.is_set() and not self._renewing.is_set():
            is_started_again = self._ready.is_set() or not self.is_needed
            remedy = "it is started again" if is_started_again else "see its lines above: the server ends"
            log.error("process_died", process=self.name, status=status, remedy=remedy)

    def _become(self, state: State) -> None:
        self.state = state
        self.on_change()
