"""What a track event counts as."""

import pytest

from pixelwire.event import NO_SIGNAL, Signal
from pixelwire.signals import of_track

TABLE = {
    Signal.VIEW: "pageview pageviewed viewedpage",
    Signal.PURCHASE: "ordercompleted purchase purchased completedorder checkoutcompleted",
    Signal.ADDTOCART: "productadded addtocart addedtocart addedproduct",
    Signal.LEAD: "lead leadgenerated generatelead formsubmitted",
    Signal.SIGNUP: "signedup signup completeregistration accountcreated",
    Signal.PRODUCT: "productviewed viewedproduct viewitem viewcontent",
    Signal.CHECKOUT: "checkoutstarted startedcheckout begincheckout initiatecheckout",
}


@pytest.mark.parametrize(("signal", "names"), TABLE.items())
def test_the_names_of_the_contract_are_known(signal: Signal, names: str) -> None:
    """Every row of the table."""
    assert {of_track(name, {}) for name in names.split()} == {signal}


@pytest.mark.parametrize(
    ("event", "signal"),
    [
        ("Order Completed", Signal.PURCHASE),
        ("  order_COMPLETED!! ", Signal.PURCHASE),
        ("add-to-cart", Signal.ADDTOCART),
        ("Order Completed 2", NO_SIGNAL),
        ("Ördér Completed", NO_SIGNAL),
        ("Purchasé", NO_SIGNAL),
        ("!!!", NO_SIGNAL),
        ("x" * 30_000, NO_SIGNAL),
        ("purchase" + " " * 30_000, Signal.PURCHASE),
    ],
)
def test_a_name_is_normalised(event: str, signal: int) -> None:
    """Lower case, letters and digits only; letters of every script count."""
    assert of_track(event, {}) == signal


def test_rules_win() -> None:
    """Also by taking a signal away."""
    rules = {"purchase": NO_SIGNAL, "kauf": Signal.PURCHASE, "über": Signal.CUSTOM_EVENT_1}
    assert of_track("Purchase", rules) == NO_SIGNAL
    assert of_track("Kauf!", rules) == Signal.PURCHASE
    assert of_track("ÜBER", rules) == Signal.CUSTOM_EVENT_1
    assert of_track("Lead", rules) == Signal.LEAD
