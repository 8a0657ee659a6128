"""Signals of the supervisor: each is a call, one after the other, whatever the main thread is doing."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pixelwire.supervise.signals import Signals
from support.waiting import wait_until

HEARD_S = 5.0


@pytest.fixture(autouse=True)
def _handlers_of_pytest() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
    os.close(signal.set_wakeup_fd(-1))


def test_a_hangup_before_the_server_runs_is_kept() -> None:
    """It ends no process, and is acted on when there is somebody to act."""
    signals = Signals()
    os.kill(os.getpid(), signal.SIGHUP)
    calls: list[str] = []
    signals.take(on_stop=lambda: calls.append("stop"), on_hangup=lambda: calls.append("hangup"))
    wait_until(lambda: calls == ["hangup"], HEARD_S, "it was heard", last=lambda: calls)


def test_one_action_at_a_time() -> None:
    """Two reloads at once would leave a mixture; the last one wins, and the stop comes after both."""
    signals = Signals()
    calls: list[str] = []
    first_goes_on = threading.Event()
    is_busy = threading.Lock()

    def on_hangup() -> None:
        assert is_busy.acquire(blocking=False), "two at once"
        calls.append("hangup")
        first_goes_on.wait(HEARD_S)
        is_busy.release()

    signals.take(on_stop=lambda: calls.append("stop"), on_hangup=on_hangup)
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        os.kill(os.getpid(), number)
        wait_until(lambda: calls, HEARD_S, "the first is heard")
    assert calls == ["hangup"]
    first_goes_on.set()
    wait_until(lambda: len(calls) == 3, HEARD_S, "all are heard")
    assert calls == ["hangup", "hangup", "stop"]


def test_an_action_that_fails_makes_nobody_deaf() -> None:
    """A server that no longer hears SIGTERM has to be killed."""
    signals = Signals()
    stopped = threading.Event()
    signals.take(on_stop=stopped.set, on_hangup=lambda: [][0])
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.wait(HEARD_S)


def test_a_main_thread_that_waits_is_not_asked() -> None:
    """A signal may reach any thread: with the main one blocked for ever it is heard all the same."""
    signals = Signals()
    stopped = threading.Event()
    signals.take(on_stop=stopped.set, on_hangup=lambda: None)
    sender = threading.Thread(
        target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM), daemon=True
    )
    blocked = threading.Lock()
    blocked.acquire()
    threading.Thread(target=lambda: (stopped.wait(HEARD_S), blocked.release()), daemon=True).start()
    sender.start()
    blocked.acquire()
    assert stopped.is_set()
