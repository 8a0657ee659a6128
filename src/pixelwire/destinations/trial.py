"""One send through a destination, here and now, past every queue. Knows no engine, no catalog, no file.

Bounded in time whatever the destination does short of blocking; what it says is cut and fit for one line.
"""

import asyncio
import time
from typing import Any, Final, Literal

import msgspec

from pixelwire import telemetry
from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    Destination,
    GiveUp,
    Item,
    Misconfigured,
    Refused,
    Retry,
    Sent,
    Surroundings,
    Unreachable,
)

TRIAL_S_MAX: Final = 20.0
CLOSE_S_MAX: Final = 2.0
REASON_CHARACTERS_MAX: Final = 300

Outcome = Literal["sent", "refused", "retry", "unreachable", "misconfigured", "fault"]

_ADVICE: Final[dict[Outcome, str]] = {
    "sent": "",
    "refused": "the same event would become a dead letter: send what the other side takes",
    "retry": "the courier would try again by itself; if it stays so, look at the other side",
    "unreachable": "check the address, its name and what lies between; the courier would go on trying",
    "misconfigured": "correct the options; the courier would pause the destination",
    "fault": "this is a fault of the program or the plug-in: the log has it",
}


class Trial(msgspec.Struct, frozen=True):
    """What came back. `reason` and `advice` are one line each, "" where there is nothing to say."""

    outcome: Outcome
    reason: str
    advice: str
    took_ms: int


async def try_out(kind: str, options: dict[str, Any], surroundings: Surroundings, item: Item) -> Trial:
    """Builds and opens the destination, sends the item, and closes it. Never raises but for a cancel."""
    started = time.monotonic()
    destination: Destination | None = None
    try:
        async with asyncio.timeout(TRIAL_S_MAX):
            destination, _ = registry.build(kind, options, surroundings)
            await destination.open()
            results = (await destination.send(Batch([item]))).results
        told = _told(results[0])
    except TimeoutError:
        told = _trial("retry", f"no result within {TRIAL_S_MAX:.0f} s")
    except Exception as exc:  # noqa: BLE001 whatever goes wrong is what was asked for
        told = _failed(exc)
    finally:
        if destination is not None:
            await _close(destination)
    took_ms = round((time.monotonic() - started) * 1_000)
    return msgspec.structs.replace(told, took_ms=took_ms)


def one_line(text: str) -> str:
    """What somebody else said, fit to be shown: printable, and not long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:REASON_CHARACTERS_MAX]


def _told(result: object) -> Trial:
    match result:
        case Sent():
            return _trial("sent", "")
        case Retry():
            return _trial("retry", result.reason)
        case GiveUp():
            return _trial("refused", result.reason)
    return _trial("fault", "the destination gave no result")


def _failed(exc: Exception) -> Trial:
    match exc:
        case Misconfigured():
            return _trial("misconfigured", exc.text, exc.hint)
        case Unreachable():
            return _trial("unreachable", exc.text, exc.hint)
        case Refused():
            return _trial("refused", exc.text, exc.hint)
    telemetry.logger("destinations").error("trial_failed", exc_info=exc)
    return _trial("fault", f"the destination failed: {type(exc).__name__}")


def _trial(outcome: Outcome, reason: str, hint: str = "") -> Trial:
    return Trial(outcome, one_line(reason), one_line(hint) or _ADVICE[outcome], 0)


async def _close(destination: Destination) -> None:
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await destination.close()
    except Exception as exc:  # noqa: BLE001 the result is known; a plug-in that can not let go changes it not
        telemetry.logger("destinations").warning("close_failed", error=type(exc).__name__)
