"""A request becomes an event: what is stored, in which order, under which policies."""

import json

import pytest

from pixelwire.event import Call, Signal, client_id_key, own_id_key
from pixelwire.limits import (
    DROPPED_KEY_CHARACTERS_MAX,
    DROPPED_LISTED_MAX,
    EVENT_NAME_CHARACTERS_MAX,
    QUERY_BYTES_MAX,
)
from support.pixels import NOW, NOW_MS, PIXEL, WRITE_KEY, Visitor, make_entry

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11)",
    "Accept-Language": "de-CH,de;q=0.9",
    "Referer": "https://shop.example/cart",
    "Sec-Fetch-Dest": "image",
    "Sec-CH-UA": '"Chromium";v="130"',
    "Via": "1.1 203.0.113.77",
}


def asked_with(**policies: str) -> Visitor:
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(**policies)
    return visitor


def test_the_members_are_in_the_order_of_the_contract() -> None:
    """Ours, the parameters, ours, and what the headers add."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&timestamp=t&messageId=m&x=1&userId=u&name=N", headers=BROWSER)
    assert list(visitor.payload) == [
        "channel",
        "integrations",
        "originalTimestamp",
        "sentAt",
        "anonymousId",
        "x",
        "userId",
        "name",
        "type",
        "messageId",
        "rudderId",
        "receivedAt",
        "timestamp",
        "request_ip",
        "context",
        "properties",
    ]


def test_the_times_are_now_or_the_clients() -> None:
    """One moment for all, unless the client says otherwise."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1")
    times = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
    assert [visitor.payload[name] for name in times] == [NOW] * 4
    visitor.pixel("anonymousId=a1&originalTimestamp=o&sentAt=s&timestamp=t&receivedAt=r")
    assert [visitor.payload[name] for name in times] == ["o", "s", NOW, "t"]
    assert visitor.event.received_ms == NOW_MS


def test_a_page_is_a_view() -> None:
    """It counts as such and under no name."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&event=Purchase")
    event = visitor.event
    assert (event.pixel, event.call, event.signal, event.name) == (PIXEL, Call.PAGE, Signal.VIEW, None)
    assert visitor.payload["event"] == "Purchase"


def test_a_track_counts_under_its_name() -> None:
    """Also when it has a signal; the name is cut where it is counted, not where it is kept."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&event=Order+Completed", "track")
    event = visitor.event
    assert (event.call, event.signal, event.name) == (Call.TRACK, Signal.PURCHASE, "Order Completed")
    visitor.pixel("anonymousId=a1&event=" + "x" * 300, "track")
    assert visitor.event.name == "x" * EVENT_NAME_CHARACTERS_MAX
    assert visitor.payload["event"] == "x" * 300
    assert visitor.event.signal == 0


def test_a_pixels_rules_win() -> None:
    """They are the owner's word."""
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(rules={"kauf": 2, "purchase": 0})
    visitor.pixel("anonymousId=a1&event=Kauf", "track")
    assert visitor.event.signal == Signal.PURCHASE
    visitor.pixel("anonymousId=a1&event=Purchase", "track")
    assert visitor.event.signal == 0


def test_a_clients_id_has_its_key() -> None:
    """That is how duplicates are found."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&messageId=%20m1%E2%80%8B")
    assert visitor.payload["messageId"] == "m1"
    assert visitor.event.key == client_id_key(PIXEL, "m1")


@pytest.mark.parametrize("query", ["anonymousId=a1", "anonymousId=a1&messageId=%E2%80%8B+"])
def test_without_one_it_is_ours(query: str) -> None:
    """A blank one is none."""
    visitor = Visitor()
    reply = visitor.pixel(query)
    assert visitor.event.key == own_id_key(visitor.payload["messageId"])
    assert reply.headers["x-pixelwire-message-id"] == visitor.payload["messageId"]
    assert reply.dropped == 0


@pytest.mark.parametrize("given", ["messageId=" + "x" * 256, "messageId.a=1&messageId.b=2", "messageId.0=1"])
def test_an_id_that_can_not_be_used_is_dropped(given: str) -> None:
    """The event is not lost for it."""
    visitor = Visitor()
    reply = visitor.pixel("anonymousId=a1&" + given)
    assert reply.outcome == ("stored", None)
    assert visitor.extra["dropped"] == [["messageId", "message_id"]]
    assert visitor.event.key == own_id_key(visitor.payload["messageId"])


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("anonymousId=&userId=", "identity_missing"),
        ("anonymousId=%22%22", "identity_missing"),
        ("anonymousId=%22+%22", "identity_missing"),
        ("anonymousId=%E3%80%80", "identity_missing"),
        ("anonymousId.x=a1", "identity_missing"),
        ("anonymousId=a1&anonymousId.x=2", "identity_missing"),
        ("userId.0=u", "identity_missing"),
        ("anonymousId=a1", "event_missing"),
        ("anonymousId=a1&event=+", "event_missing"),
        ("anonymousId=a1&event.x=E", "event_missing"),
        ("event=E", "identity_missing"),
        ("", "identity_missing"),
    ],
)
def test_identity_and_event_must_be_strings(query: str, reason: str) -> None:
    """Blank or of another shape is missing; identity is looked for first."""
    visitor = Visitor()
    assert visitor.pixel(query, "track").outcome == ("refused", reason)
    assert visitor.outbox.events == []


def test_one_identity_is_enough() -> None:
    """The other may be anything."""
    visitor = Visitor()
    visitor.pixel("userId=u1&anonymousId.x=1")
    assert visitor.payload["anonymousId"] == {"x": "1"}
    visitor.pixel("userId=+&anonymousId=a1")
    assert visitor.payload["userId"] == " "


def test_a_long_query_is_refused_before_all_else() -> None:
    """The longest allowed is taken."""
    visitor = Visitor()
    query = f"writeKey={WRITE_KEY}&anonymousId=a1&x="
    longest = query + "y" * (QUERY_BYTES_MAX - len(query))
    assert visitor.ask("/pixel/v1/page", longest).outcome == ("stored", None)
    assert visitor.ask("/pixel/v1/page", longest + "y").outcome == ("refused", "query_too_long")
    assert visitor.ask("/pixel/v1/track", "a" * 40_000).outcome == ("refused", "query_too_long")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("anonymousId=a1", "write_key_missing"),
        ("writeKey&anonymousId=a1", "write_key_missing"),
        ("writeKey=+&anonymousId=a1", "write_key_missing"),
        (f"writeKey=&writeKey={WRITE_KEY}&anonymousId=a1", "write_key_missing"),
        (f"writeKey.x={WRITE_KEY}&anonymousId=a1", "write_key_missing"),
        ("writeKey=nope", "write_key_unknown"),
        (f"writeKey={WRITE_KEY.upper()}", "write_key_unknown"),
    ],
)
def test_the_write_key_comes_before_identity(query: str, reason: str) -> None:
    """The first refusal of the table that applies."""
    assert Visitor().ask("/pixel/v1/track", query).outcome == ("refused", reason)


def test_a_disabled_pixel_is_refused() -> None:
    """Before anybody looks at identity."""
    visitor = Visitor()
    visitor.keys.table[WRITE_KEY] = make_entry(is_enabled=False)
    reply = visitor.pixel("")
    assert (reply.status, reply.outcome, reply.body) == (
        400,
        ("refused", "pixel_disabled"),
        b"pixel is disabled",
    )


def test_the_write_key_is_in_no_payload() -> None:
    """In no spelling, and it is no dropped parameter."""
    visitor = Visitor()
    reply = visitor.ask(
        "/pixel/v1/page", f"a=1&:writeKey={WRITE_KEY}&anonymousId=a1&writeKey=x&\\writeKey.y=z&_pw_a=1"
    )
    assert reply.outcome == ("stored", None)
    assert reply.dropped == 0
    assert b"writeKey" not in visitor.event.payload
    assert WRITE_KEY.encode() not in visitor.event.payload


def test_what_was_dropped_is_listed() -> None:
    """The first hundred with their reasons, keys cut, and the number of all."""
    visitor = Visitor()
    keys = ["*" + "k" * 300, *(f"k{n}*" for n in range(DROPPED_LISTED_MAX + 20))]
    reply = visitor.pixel("anonymousId=a1&" + "&".join(keys))
    listed = visitor.extra["dropped"]
    assert len(listed) == DROPPED_LISTED_MAX
    assert listed[0] == ["*" + "k" * (DROPPED_KEY_CHARACTERS_MAX - 1), "wildcard"]
    assert listed[1] == ["k0*", "wildcard"]
    assert visitor.extra["dropped_total"] == reply.dropped == len(keys)


def test_facts_are_beside_the_payload() -> None:
    """What the request showed, under the policies."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1", headers=BROWSER)
    assert visitor.extra == {
        "facts": {
            "method": "GET",
            "http_version": "1.1",
            "Referer": "https://shop.example/cart",
            "Sec-Fetch-Dest": "image",
            "Sec-CH-UA": '"Chromium";v="130"',
            "Via": "1.1 203.0.113.0",
        }
    }


@pytest.mark.parametrize(
    ("policy", "peer", "shown"),
    [
        ("full", "203.0.113.77", "203.0.113.77"),
        ("masked", "203.0.113.77", "203.0.113.0"),
        ("none", "203.0.113.77", None),
        ("full", "2001:db8:1:2::3", "2001:db8:1:2::3"),
        ("masked", "2001:db8:1:2::3", "2001:db8:1::"),
        ("masked", None, None),
    ],
)
def test_the_address_is_under_its_policy(policy: str, peer: str | None, shown: str | None) -> None:
    """In both places, whatever the query says, and nowhere whole in what is kept."""
    visitor = asked_with(address=policy)
    visitor.pixel("anonymousId=a1&context.ip=8.8.8.8&request_ip=8.8.8.8", peer=peer, headers=BROWSER)
    assert visitor.payload.get("request_ip") == shown
    assert visitor.payload["context"].get("ip") == shown
    assert b"8.8.8.8" not in visitor.event.payload
    if policy != "full":
        assert b"203.0.113.77" not in visitor.event.payload + visitor.event.extra


def test_behind_a_proxy_the_client_is_the_visitor() -> None:
    """The header counts when the peer is trusted, and the policy all the same."""
    visitor = Visitor(trusted_proxies=["10.0.0.0/8"])
    headers = {"X-Forwarded-For": "6.6.6.6, 198.51.100.7, 10.0.0.2"}
    visitor.pixel("anonymousId=a1", headers=headers, peer="10.0.0.1")
    assert visitor.payload["request_ip"] == "198.51.100.0"
    visitor.pixel("anonymousId=a1", headers=headers, peer="192.0.2.1")
    assert visitor.payload["request_ip"] == "192.0.2.0"


def test_header_lines_of_a_proxy_go_on() -> None:
    """A visitor that sends its own line first can not hide behind it."""
    visitor = Visitor(trusted_proxies=["10.0.0.1"])
    lines = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.7")]
    visitor.pixel("anonymousId=a1", headers=lines, peer="10.0.0.1")
    assert visitor.payload["request_ip"] == "198.51.100.0"


def test_the_user_agent_is_under_its_policy() -> None:
    """Neither the header's nor the query's, nor what browsers hint."""
    visitor = asked_with(user_agent="none")
    visitor.pixel("anonymousId=a1&context.userAgent=Mozilla", headers=BROWSER)
    assert "userAgent" not in visitor.payload["context"]
    assert b"Mozilla" not in visitor.event.payload + visitor.event.extra
    assert b"Chromium" not in visitor.event.extra


GPC = {**BROWSER, "Sec-GPC": "1"}


def test_privacy_asked_for_is_counted_without_a_person() -> None:
    """Exactly what the contract leaves, under an id of its own, and no facts."""
    visitor = Visitor()
    reply = visitor.pixel(
        "anonymousId=a1&userId=u1&event=Purchase&messageId=m1&email=a%40b.example&context.ip=1&"
        "properties.x=1&timestamp=t&type=x",
        "track",
        headers=GPC,
    )
    payload = visitor.payload
    message_id = payload["messageId"]
    assert payload == {
        "channel": "web",
        "integrations": {"All": True},
        "originalTimestamp": NOW,
        "sentAt": NOW,
        "event": "Purchase",
        "type": "track",
        "messageId": message_id,
        "receivedAt": NOW,
        "timestamp": "t",
        "context": {"gpc": True},
    }
    event = visitor.event
    assert (event.signal, event.name, event.extra) == (Signal.PURCHASE, "Purchase", b"")
    assert event.key == own_id_key(message_id)
    assert reply.headers["x-pixelwire-message-id"] == message_id
    assert reply.dropped == 0


def test_the_members_kept_under_privacy_have_their_order() -> None:
    """The same as of every payload."""
    visitor = Visitor()
    visitor.pixel("event=Lead&anonymousId=a1&channel=app", "track", headers=GPC)
    assert list(visitor.payload) == [
        "channel",
        "integrations",
        "originalTimestamp",
        "sentAt",
        "event",
        "type",
        "messageId",
        "receivedAt",
        "timestamp",
        "context",
    ]
    assert visitor.payload["channel"] == "app"


def test_privacy_asked_for_does_not_make_a_request_valid() -> None:
    """Identity first."""
    assert Visitor().pixel("", headers=GPC).outcome == ("refused", "identity_missing")


def test_privacy_may_be_stored() -> None:
    """The pixel's policy decides."""
    visitor = asked_with(gpc="store")
    visitor.pixel("anonymousId=a1", headers=GPC)
    assert visitor.payload["anonymousId"] == "a1"
    assert visitor.extra["facts"]["Sec-GPC"] == "1"


def test_privacy_may_be_filtered() -> None:
    """With its reason and no trace of the event; after identity."""
    visitor = asked_with(gpc="filter")
    reply = visitor.pixel("anonymousId=a1", headers=GPC)
    assert (reply.status, reply.outcome) == (200, ("filtered", "gpc"))
    assert "x-pixelwire-message-id" not in reply.headers
    assert visitor.outbox.events == []
    assert visitor.pixel("", headers=GPC).outcome == ("refused", "identity_missing")


def test_text_is_kept_as_utf8() -> None:
    """The payload is JSON that needs no escapes for it."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&x=%F0%9F%8E%B5")
    assert '"x":"🎵"'.encode() in visitor.event.payload
    assert json.loads(visitor.event.payload)["x"] == "🎵"


def test_an_empty_page_name_is_unknown() -> None:
    """On a page; a track's name is its own business."""
    visitor = Visitor()
    visitor.pixel("anonymousId=a1&name=")
    assert visitor.payload["name"] == "Unknown Page"
    visitor.pixel("anonymousId=a1&name=&event=E", "track")
    assert visitor.payload["name"] == ""
