"""One send, here and now, whatever the destination does."""

import asyncio
from typing import Any

import pytest
import structlog

from pixelwire.clock import SystemClock
from pixelwire.destinations import trial
from pixelwire.destinations.base import Surroundings
from pixelwire.destinations.trial import Trial, one_line, try_out
from pixelwire.testing.check_destination import Behaviour, make_item
from support.moody import Mood, moody
from support.receiver import Receiver

SURROUNDINGS = Surroundings(SystemClock(), allow_private_addresses=True)


def tried(kind: str, **options: Any) -> Trial:
    return asyncio.run(try_out(kind, options, SURROUNDINGS, make_item(1)))


@pytest.mark.parametrize(
    ("behaviour", "outcome", "reason"),
    [
        (Behaviour.TAKES, "sent", ""),
        (Behaviour.IS_BUSY, "retry", "answered 503 Service Unavailable: I am is_busy"),
        (Behaviour.REFUSES, "refused", "answered 422"),
        (Behaviour.LOCKS_OUT, "misconfigured", "answered 401 Unauthorized: I am locks_out"),
        (Behaviour.IS_GONE, "unreachable", "no connection"),
    ],
)
def test_what_came_back_is_told(behaviour: Behaviour, outcome: str, reason: str) -> None:
    """With what to do, but where all is well."""

    async def run() -> Trial:
        receiver = await Receiver().start()
        try:
            await receiver.behave(behaviour)
            return await try_out("webhook", {"url": receiver.url}, SURROUNDINGS, make_item(1))
        finally:
            await receiver.stop()

    done = asyncio.run(run())
    assert done.outcome == outcome
    assert done.reason.startswith(reason)
    assert bool(done.advice) == (outcome != "sent")
    assert 0 <= done.took_ms < 20_000


@pytest.mark.parametrize(
    ("mood", "outcome", "reason"),
    [
        ("takes", "sent", ""),
        ("refuses", "refused", "not in this shape"),
        ("crashes", "fault", "the destination failed: ValueError"),
        ("says_nothing", "fault", "the destination failed: IndexError"),
        ("crashes_at_end", "sent", ""),
        ("hangs_at_end", "sent", ""),
        ("hangs", "retry", "no result within 0 s"),
    ],
)
def test_it_ends_whatever_the_destination_does(
    monkeypatch: pytest.MonkeyPatch, mood: Mood, outcome: str, reason: str
) -> None:
    """What a crash says stays in the log; what never ends is ended."""
    moody(monkeypatch)
    monkeypatch.setattr(trial, "TRIAL_S_MAX", 0.2 if mood == "hangs" else 20.0)
    monkeypatch.setattr(trial, "CLOSE_S_MAX", 0.05)
    with structlog.testing.capture_logs():
        done = tried("moody", mood=mood)
    assert (done.outcome, done.reason) == (outcome, reason)


def test_what_it_says_is_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing a terminal could act on, and not more than a person reads."""
    moody(monkeypatch)
    done = tried("moody", mood="rambles")
    assert done.reason.startswith("[31mline one line two xxx")
    assert (len(done.reason), done.reason.isprintable()) == (300, True)
    assert one_line("  a\t\tb\r\n") == "a b"


def test_options_that_are_not_right_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of another version, and those that opening refuses."""
    moody(monkeypatch)
    wrong, unopened = tried("moody", mood="sings"), tried("moody", opens=False)
    assert (wrong.outcome, wrong.advice) == ("misconfigured", "correct them")
    assert "mood" in wrong.reason
    assert (unopened.outcome, unopened.reason, unopened.advice) == (
        "misconfigured",
        "there is no key",
        "bring one",
    )
