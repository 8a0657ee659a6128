"""The formats of access logs, one file each. What a line is in is seen from the line itself.

A format has one function, `read`: the line's bytes to a Logged, None when it is no line of the format.
"""

from typing import Final

from pixelwire.reconcile.entry import Logged
from pixelwire.reconcile.formats import caddy, nginx

_FROM_MS: Final = 946_684_800_000  # 2000
_TO_MS: Final = 7_258_118_400_000  # 2200


def read(line: bytes) -> Logged | None:
    """What a line tells; None when it can not be read."""
    logged = (caddy if line.lstrip()[:1] == b"{" else nginx).read(line)
    return logged if logged is not None and _FROM_MS <= logged.ended_ms < _TO_MS else None
