"""What an event counts as (wire.md 1.5). The pixel's own rules come from the catalog, already normalised."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pixelwire.event import NO_SIGNAL, Signal, normalise_name
from pixelwire.limits import EVENT_NAME_CHARACTERS_MAX

_NAMES: Final[dict[Signal, tuple[str, ...]]] = {
    Signal.VIEW: ("pageview", "pageviewed", "viewedpage"),
    Signal.PURCHASE: ("ordercompleted", "purchase", "purchased", "completedorder", "checkoutcompleted"),
    Signal.ADDTOCART: ("productadded", "addtocart", "addedtocart", "addedproduct"),
    Signal.LEAD: ("lead", "leadgenerated", "generatelead", "formsubmitted"),
    Signal.SIGNUP: ("signedup", "signup", "completeregistration", "accountcreated"),
    Signal.PRODUCT: ("productviewed", "viewedproduct", "viewitem", "viewcontent"),
    Signal.CHECKOUT: ("checkoutstarted", "startedcheckout", "begincheckout", "initiatecheckout"),
}
_BY_NAME: Final = {name: int(signal) for signal, names in _NAMES.items() for name in names}
_NORMALISED_REMEMBERED_MAX: Final = 1_024

_remembered = lru_cache(_NORMALISED_REMEMBERED_MAX)(normalise_name)


def of_track(event: str, rules: Mapping[str, int]) -> int:
    """The signal of a track event, NO_SIGNAL when it has none. The rules win, with a 0 too."""
    is_short = len(event) <= EVENT_NAME_CHARACTERS_MAX
    name = _remembered(event) if is_short else normalise_name(event)
    signal = rules.get(name)
    return _BY_NAME.get(name, NO_SIGNAL) if signal is None else signal
