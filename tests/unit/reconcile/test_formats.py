"""Lines of access logs, as nginx, Apache and Caddy really write them."""

import json
from typing import Any

import pytest

from pixelwire.reconcile.entry import Logged
from pixelwire.reconcile.formats import read

COMBINED = (
    '203.0.113.7 - - [23/Jan/2026:04:56:07 +0000] "GET /pixel/v1/page?writeKey=k&a=%22x HTTP/1.1" 200 43'
    ' "https://shop.example/" "Mozilla/5.0 (X11) \\x22odd\\x22 \\x5C \\xC3\\xA9"'
)
FIELDS = (
    ' msec=1769144167.089 request_time=0.501 upstream_status="200" outcome="stored" reason="-"'
    ' message_id="a/b%20%C3%BC"'
)
AT_MS = 1_769_144_167_000


def logged(line: str) -> Logged:
    found = read(line.encode())
    assert found is not None
    return found


def test_combined_has_a_status_and_a_second() -> None:
    """What became of it is not in there."""
    found = logged(COMBINED + "\n")
    assert found == Logged(
        ended_ms=AT_MS,
        ended_exact_ms=999,
        took_ms=None,
        method="GET",
        target="/pixel/v1/page?writeKey=k&a=%22x",
        status=200,
    )


def test_our_fields_tell_the_rest() -> None:
    """To the millisecond, with outcome and id; a dash is nothing."""
    found = logged(COMBINED + FIELDS)
    assert found == Logged(
        ended_ms=AT_MS + 89,
        ended_exact_ms=0,
        took_ms=501,
        method="GET",
        target="/pixel/v1/page?writeKey=k&a=%22x",
        status=200,
        outcome="stored",
        reason="",
        message_id="a/b%20%C3%BC",
        tries=("200",),
    )


def test_fields_of_others_do_not_disturb() -> None:
    """In any order, with any name, quoted or bare."""
    line = f'{COMBINED} rt=1 xff="a b" outcome="-" host=x upstream_status="502, 200" write_key="k%201"'
    found = logged(line)
    assert (found.outcome, found.tries, found.write_key) == ("", ("502", "200"), "k 1")


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        ("23/Jan/2026:04:56:07 +0000", AT_MS),
        ("23/Jan/2026:05:56:07 +0100", AT_MS),
        ("22/Jan/2026:21:26:07 -0730", AT_MS),
    ],
)
def test_times_have_a_zone(time: str, at_ms: int) -> None:
    """That of the proxy's machine."""
    assert logged(COMBINED.replace("23/Jan/2026:04:56:07 +0000", time)).ended_ms == at_ms


@pytest.mark.parametrize(
    "line",
    [
        'pixels.example:443 203.0.113.7 - - [23/Jan/2026:04:56:07 +0000] "GET / HTTP/1.1" 200 43 "-" "-"',
        '203.0.113.7 - - [23/Jan/2026:04:56:07 +0000] "GET / HTTP/1.1" 200 -',
        '- - a [1] user [23/Jan/2026:04:56:07 +0000] "GET / HTTP/1.1" 200 43 "-" "a \\"quoted\\" agent"',
        'x - [23/Jan/2020:04:56:07 +0000] [23/Jan/2026:04:56:07 +0000] "GET / HTTP/1.1" 200 43 "-" "-"',
    ],
)
def test_relatives_of_combined_are_read(line: str) -> None:
    """With a host before it, without referrer and agent, with Apache's quotes, with a user who has ideas."""
    found = logged(line)
    assert (found.method, found.target, found.status, found.ended_ms) == ("GET", "/", 200, AT_MS)


@pytest.mark.parametrize(
    ("request_line", "method", "target"),
    [
        ("GARB\\x22AGE \\x01", "GARB\\x22AGE", "\x01"),
        ("", "", ""),
        ("GET /old", "GET", "/old"),
        ("GET /a\\xFF HTTP/1.1", "GET", "/a\xff"),
    ],
)
def test_odd_requests_are_lines_too(request_line: str, method: str, target: str) -> None:
    """nginx writes down what it refused."""
    found = logged(f'x - - [23/Jan/2026:04:56:07 +0000] "{request_line}" 400 157 "-" "-"')
    assert (found.method, found.target) == (method, target)


def caddy(**changed: Any) -> str:
    """A line as Caddy 2 writes it."""
    line = {
        "level": "info",
        "ts": 1769144167.0891242,
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": {
            "remote_ip": "203.0.113.7",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": "pixels.example",
            "uri": "/pixel/v1/page?writeKey=k",
            "headers": {"User-Agent": ["curl/7.88.1"]},
        },
        "bytes_read": 0,
        "user_id": "",
        "duration": 0.5012,
        "size": 2,
        "status": 200,
        "resp_headers": {
            "Via": ["1.1 Caddy"],
            "X-Pixelwire-Outcome": ["stored"],
            "X-Pixelwire-Message-Id": ["a/b%20%C3%BC"],
        },
    }
    return json.dumps(line | changed)


def test_caddy_logs_our_headers_by_itself() -> None:
    """Nothing has to be set."""
    found = logged(caddy())
    assert found == Logged(
        ended_ms=AT_MS + 89,
        ended_exact_ms=1,
        took_ms=502,
        method="GET",
        target="/pixel/v1/page?writeKey=k",
        status=200,
        outcome="stored",
        message_id="a/b%20%C3%BC",
    )


def test_caddy_without_response_headers_has_no_outcome() -> None:
    """Somebody may filter them; a client that went has none of ours."""
    line = json.loads(caddy())
    del line["resp_headers"]
    assert logged(json.dumps(line)).outcome is None
    assert logged(caddy(status=499, resp_headers={"Server": ["Caddy"]})).outcome == ""


@pytest.mark.parametrize(
    ("ts", "at_ms"),
    [
        (1769144167, AT_MS),
        (1769144167089.5, AT_MS + 89),
        (1769144167089123456, AT_MS + 89),
        ("2026-01-23T04:56:07.089Z", AT_MS + 89),
        ("2026-01-23T05:56:07+0100", AT_MS),
    ],
)
def test_caddy_has_several_formats_of_time(ts: Any, at_ms: int) -> None:
    """As `time_format` says."""
    assert logged(caddy(ts=ts)).ended_ms == at_ms


def test_a_duration_in_words_is_not_known() -> None:
    """`duration_format string` is for people."""
    assert logged(caddy(duration="501ms")).took_ms is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "{}",
        "{not json",
        '{"ts": 1, "status": 200, "request": 5}',
        caddy(ts="yesterday"),
        caddy(ts=0.0),
        caddy(ts=1e300),
        COMBINED.replace("Jan", "Foo"),
        COMBINED.replace("23/Jan", "31/Feb"),
        COMBINED.replace('" 200', '" abc'),
        COMBINED + " msec=soon",
        COMBINED + " msec=nan",
        COMBINED + " msec=1e400",
        '2026/01/23 04:56:07 [error] 12#12: *5 upstream timed out, request: "GET / HTTP/1.1"',
    ],
)
def test_other_lines_are_not_read(line: str) -> None:
    """An answer, never an error."""
    assert read(line.encode()) is None
