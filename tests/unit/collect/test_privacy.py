"""Policies say what may be kept."""

import pytest

from pixelwire.collect.address import packed
from pixelwire.collect.privacy import permitted_facts, shown_address, without_person

FACTS = {
    "method": "GET",
    "Referer": "https://shop.example/",
    "Sec-CH-UA": "x",
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": "y",
    "Via": "1.1 proxy.example, 1.0 203.0.113.77:3128 (squid/5.7), 1.1 [2001:db8:1:2::3], 1.1 999.1.1.1",
}


@pytest.mark.parametrize(
    ("address", "policy", "shown"),
    [
        ("203.0.113.77", "full", "203.0.113.77"),
        ("203.0.113.77", "masked", "203.0.113.0"),
        ("203.0.113.77", "none", ""),
        ("2001:db8:1:2:3:4:5:6", "full", "2001:db8:1:2:3:4:5:6"),
        ("2001:db8:1:2:3:4:5:6", "masked", "2001:db8:1::"),
        ("2001:db8:1:2:3:4:5:6", "none", ""),
        ("::ffff:203.0.113.77", "masked", "203.0.113.0"),
        ("fe80::1%eth0", "full", "fe80::1"),
        ("nothing", "full", ""),
    ],
)
def test_an_address_is_shown_as_its_policy_says(address: str, policy: str, shown: str) -> None:
    """IPv4 to its /24, IPv6 to its /48."""
    assert shown_address(packed(address), policy) == shown


def test_full_policies_keep_every_fact() -> None:
    """Nothing is taken out that need not be."""
    assert permitted_facts(dict(FACTS), address="full", user_agent="full") == FACTS


def test_facts_of_the_user_agent_go_with_it() -> None:
    """Client hints say what the user agent says."""
    kept = permitted_facts(dict(FACTS), address="full", user_agent="none")
    assert set(kept) == {"method", "Referer", "Via"}


def test_addresses_in_via_are_masked() -> None:
    """A proxy at the visitor's names itself by the visitor's address."""
    kept = permitted_facts(dict(FACTS), address="masked", user_agent="full")
    assert kept["Via"] == (
        "1.1 proxy.example, 1.0 203.0.113.0:3128 (squid/5.7), 1.1 [2001:db8:1::], 1.1 999.1.1.1"
    )


def test_via_goes_with_the_address() -> None:
    """Without an address there is no proxy's either."""
    assert "Via" not in permitted_facts(dict(FACTS), address="none", user_agent="full")


def test_without_a_person_little_is_left() -> None:
    """Channel, integrations, times and the event of a track."""
    root = {
        "channel": "web",
        "integrations": {"All": True},
        "originalTimestamp": "o",
        "sentAt": "s",
        "userId": "u",
        "event": "E",
        "timestamp": "t",
        "context": {},
    }
    kept = without_person(root, has_event=True)
    assert list(kept) == ["channel", "integrations", "originalTimestamp", "sentAt", "timestamp", "event"]
    assert "event" not in without_person(root, has_event=False)
