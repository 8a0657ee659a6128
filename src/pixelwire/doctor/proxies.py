"""Proxies whose word about the visitor's address is not taken: without it all their visitors look like one.
Knows what workers noted in the ledger, and no request.
"""

from collections.abc import Mapping
from typing import Final

from pixelwire.doctor.finding import Finding, left_out, ok, warn
from pixelwire.event import UNHEARD, Outcome, PeerKind
from pixelwire.record.reader import Reader

CHECK: Final = "proxies"
HOURS: Final = 1  # besides the current one
MANY: Final = 0.5
DO: Final = "put the proxy's address into trusted_proxies (and its header's name into client_address_header)"

Sums = Mapping[str, int]


def sums(reader: Reader, hour: int) -> Sums:
    """Events, and those among them whose peer named another address, of the last hours."""
    found = {Outcome.STORED.value: 0, PeerKind.PRIVATE.value: 0, PeerKind.PUBLIC.value: 0}
    for (_, outcome, reason), amount in reader.outcomes(None, hour - HOURS, hour + 1).items():
        if outcome == Outcome.STORED:
            found[Outcome.STORED] += amount
        elif outcome == UNHEARD and reason in found:
            found[reason] += amount
    return found


def check(before: Sums, after: Sums, header: str, *, was_sent: bool) -> Finding:
    """`before` and `after` a pixel of our own through the public URL, if one was sent."""
    events, near, far = (after[name] for name in (Outcome.STORED, PeerKind.PRIVATE, PeerKind.PUBLIC))
    grew = near + far > before[PeerKind.PRIVATE] + before[PeerKind.PUBLIC]
    if was_sent and grew:
        found = f"our own pixel came through a proxy whose {header} is not believed: visitors look like one"
        return warn(CHECK, found, DO)
    if near:
        found = f"{near:,} of {events:,} events came through a proxy near us whose {header} is not believed"
        return warn(CHECK, f"{found}, in the last two hours", DO)
    if far > MANY * events:
        found = f"{far:,} of {events:,} events came with {header} from peers that are not trusted"
        return warn(CHECK, f"{found}, in the last two hours: a CDN?", DO)
    if not events:
        return left_out(CHECK, "no event in the last two hours shows how they come")
    return ok(CHECK, f"nobody near us names addresses in vain ({events:,} events in the last two hours)")
