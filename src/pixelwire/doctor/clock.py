"""The machine's clock: whether something keeps it right, and whether it went back. Hours are counted by it.
Reads what the kernel knows, asks no time server.
"""

import ctypes
import os
from typing import Final, NamedTuple

from pixelwire.doctor.finding import Finding, fail, left_out, ok, warn
from pixelwire.times import iso_ms

CHECK: Final = "clock"
UNSYNCHRONISED: Final = 0x0040  # STA_UNSYNC
BACK_MS: Final = 5_000  # workers and recorder hold requests for less
UNSURE_US: Final = 1_000_000
LONG_AGO_MS: Final = 1_735_689_600_000  # 2025, before there was a Pixelwire


class Discipline(NamedTuple):
    """What the kernel knows of its clock."""

    is_synchronised: bool
    error_us: int  # at most


class _Timex(ctypes.Structure):
    """struct timex, up to the fields that are read; the kernel fills the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 40),
    )


def discipline() -> Discipline:
    """Asks the kernel, changes nothing. OSError where it does not tell."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return Discipline(not timex.status & UNSYNCHRONISED, timex.maxerror)


def check_synchronised() -> Finding:
    try:
        return judge(discipline())
    except (OSError, AttributeError) as error:
        return left_out(CHECK, f"the kernel does not tell whether something keeps it right ({error})")


def judge(found: Discipline) -> Finding:
    if not found.is_synchronised:
        text = "nothing keeps it right: hours are counted by it, and signatures of webhooks are judged by it"
        do = "switch on NTP (systemd-timesyncd or chrony); in a container, on its host"
        return warn(CHECK, text, do)
    if found.error_us > UNSURE_US:
        text = f"it is kept right, to within {found.error_us / 1e6:.1f} s only"
        return warn(CHECK, text, "see whether the time servers answer")
    return ok(CHECK, f"kept right by NTP, to within {max(found.error_us // 1_000, 1)} ms")


def check_jump(now_ms: int, newest_ms: int | None) -> Finding:
    """Against the newest stored event; None when there is none."""
    if now_ms < LONG_AGO_MS:
        return fail(CHECK, f"it says {iso_ms(now_ms)}", "set it: events are counted in the hour it shows")
    if newest_ms is None:
        return ok(CHECK, f"it says {iso_ms(now_ms)}")
    if newest_ms - now_ms > BACK_MS:
        found = f"it says {iso_ms(now_ms)}, and the newest event was received at {iso_ms(newest_ms)}"
        do = "it went back, or was ahead for a while: set it right; retention by age waits for you to confirm"
        return fail(CHECK, found, do)
    return ok(CHECK, f"it says {iso_ms(now_ms)}; the newest event is of {iso_ms(newest_ms)}")
