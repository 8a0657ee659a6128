"""What a request is answered."""

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect import answers
from pixelwire.event import Failure, Outcome
from support.pixels import GIF

COMMON = {
    b"cache-control": b"no-store, no-cache, must-revalidate, private, max-age=0",
    b"pragma": b"no-cache",
    b"expires": b"0",
    b"cross-origin-resource-policy": b"cross-origin",
    b"x-content-type-options": b"nosniff",
    b"vary": b"Origin, Accept",
}
REFUSALS = {
    "query_too_long": "query is longer than 32768 bytes",
    "write_key_missing": "writeKey is required",
    "write_key_unknown": "writeKey is not known",
    "pixel_disabled": "pixel is disabled",
    "identity_missing": "anonymousId or userId is required",
    "event_missing": "event is required",
}
BROWSER = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
OUTLOOK = b"Mozilla/4.0 (compatible; ms-office; MSOffice 16)"


def lines(answer: answers.Answer) -> dict[bytes, bytes]:
    found = dict(answer.headers)
    assert len(found) == len(answer.headers)
    return found


@pytest.mark.parametrize("image", [False, True])
@pytest.mark.parametrize(("reason", "text"), REFUSALS.items())
def test_a_refusal_says_why(reason: str, text: str, image: bool) -> None:
    """400 with the text of the table, or the image."""
    asked = {b"accept": b"image/png"} if image else {}
    answer = answers.declined(Outcome.REFUSED, reason, asked)
    assert answer.status == 400
    assert answer.body == (GIF if image else text.encode())
    found = lines(answer)
    assert found.items() >= COMMON.items()
    assert found[b"x-pixelwire-outcome"] == b"refused"
    assert found[b"x-pixelwire-reason"] == reason.encode()
    assert found[b"content-type"] == (b"image/gif" if image else b"text/plain; charset=utf-8")
    assert found[b"content-length"] == str(len(answer.body)).encode()
    assert b"retry-after" not in found


def test_a_rate_limit_says_when_to_come_back() -> None:
    """429, not 400."""
    answer = answers.declined(Outcome.REFUSED, "rate_limited", {})
    assert (answer.status, answer.body) == (429, b"too many requests")
    assert int(lines(answer)[b"retry-after"]) > 0


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failure_is_ours(failure: Failure) -> None:
    """503 with the cause and when to come back; the image still renders."""
    answer = answers.declined(Outcome.FAILED, failure, {})
    assert answer.status == 503
    assert answer.body == f"the event could not be stored: {failure.value}".encode()
    assert lines(answer)[b"x-pixelwire-outcome"] == b"failed"
    assert lines(answer)[b"x-pixelwire-reason"] == failure.value.encode()
    assert int(lines(answer)[b"retry-after"]) > 0
    assert answers.declined(Outcome.FAILED, failure, {b"accept": b"image/*"}).body == GIF


@pytest.mark.parametrize("outcome", [Outcome.STORED, Outcome.DUPLICATE])
def test_what_is_safe_has_its_id(outcome: Outcome) -> None:
    """200, the id, no reason; the number of dropped parameters when there are any."""
    answer = answers.stored(outcome, "m-1", 0, {})
    assert (answer.status, answer.body) == (200, b"OK")
    found = lines(answer)
    assert found.items() >= COMMON.items()
    assert found[b"x-pixelwire-outcome"] == outcome.value.encode()
    assert found[b"x-pixelwire-message-id"] == b"m-1"
    assert found.keys().isdisjoint({b"x-pixelwire-reason", b"x-pixelwire-dropped", b"retry-after"})
    assert lines(answers.stored(outcome, "m-1", 3, {}))[b"x-pixelwire-dropped"] == b"3"


@pytest.mark.parametrize(
    ("message_id", "shown"),
    [
        ("a-b._~/C9", b"a-b._~/C9"),
        ("a b", b"a%20b"),
        ("order/ü", b"order/%C3%BC"),
        ("🎵", b"%F0%9F%8E%B5"),
        ("a%2Fb?c#d+e:f@g", b"a%252Fb%3Fc%23d%2Be%3Af%40g"),
        ("\n", b"%0A"),
        ("a\n", b"a%0A"),
    ],
)
def test_a_message_id_can_be_pasted_into_a_path(message_id: str, shown: bytes) -> None:
    """Every byte but the few that stand in any path is escaped."""
    assert lines(answers.stored(Outcome.STORED, message_id, 0, {}))[b"x-pixelwire-message-id"] == shown


@settings(derandomize=True, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_message_id_survives_the_way_back(message_id: str) -> None:
    """Unescaped it is the id again, and no control character is in a header."""
    shown = lines(answers.stored(Outcome.STORED, message_id, 0, {}))[b"x-pixelwire-message-id"].decode(
        "ascii"
    )
    assert unquote(shown) == message_id
    assert shown.isprintable()
    assert " " not in shown


@pytest.mark.parametrize(
    ("headers", "is_image"),
    [
        ({}, False),
        ({b"accept": b"image/png"}, True),
        ({b"accept": b"text/html, IMAGE/webp;q=0.5"}, True),
        ({b"accept": b"image/*", b"sec-fetch-dest": b"document"}, True),
        ({b"accept": b"text/html,image/avif,*/*;q=0.8", b"user-agent": b"curl/8"}, True),
        ({b"accept": b"text/x-image/y", b"user-agent": BROWSER}, False),
        ({b"sec-fetch-dest": b"image"}, True),
        ({b"sec-fetch-dest": b"Image", b"accept": b"text/plain"}, True),
        ({b"sec-fetch-dest": b"empty", b"accept": b"*/*", b"user-agent": BROWSER}, False),
        ({b"sec-fetch-dest": b"", b"user-agent": BROWSER}, False),
        ({b"accept": b"text/plain", b"user-agent": BROWSER}, False),
        ({b"accept": b"application/json", b"user-agent": OUTLOOK}, False),
        ({b"accept": b"*/*", b"user-agent": OUTLOOK}, True),
        ({b"accept": b"text/html, */*;q=0.1", b"user-agent": BROWSER}, True),
        ({b"user-agent": OUTLOOK}, True),
        ({b"user-agent": b""}, False),
        ({b"user-agent": b"  "}, False),
        ({b"accept": b"*/*"}, False),
        ({b"accept": b"", b"user-agent": BROWSER}, False),
        ({b"accept": b"text/plain," * 5_000 + b"image/gif"}, True),
        ({b"accept": b"\xff\x00", b"user-agent": BROWSER}, False),
    ],
)
def test_image_or_text(headers: dict[bytes, bytes], is_image: bool) -> None:
    """The three rules of the contract, in their order."""
    assert answers.wants_image(headers) is is_image


@pytest.mark.parametrize(
    "user_agent",
    [
        "curl/8.5.0",
        "Wget/1.21",
        "python-requests/2.32.3",
        "python-httpx/0.27",
        "Python-urllib/3.11",
        "Python/3.11 aiohttp/3.9.5",
        "aiohttp/3",
        "Go-http-client/2.0",
        "okhttp/4.12",
        "axios/1.7",
        "node",
        "undici",
        "HTTPie/3.2",
        "PostmanRuntime/7.39",
        "Java/17.0.1",
        "Apache-HttpClient/4.5",
        "Ruby",
        "libwww-perl/6.72",
    ],
)
def test_programs_get_text(user_agent: str) -> None:
    """They read what became of their request."""
    assert not answers.wants_image({b"accept": b"*/*", b"user-agent": user_agent.encode()})


@pytest.mark.parametrize("origin", [b"https://shop.example", b"null", b"http://localhost:3000"])
def test_any_origin_is_reflected(origin: bytes) -> None:
    """With credentials, and our headers readable."""
    for answer in (
        answers.stored(Outcome.STORED, "m", 0, {b"origin": origin}),
        answers.declined(Outcome.REFUSED, "identity_missing", {b"origin": origin}),
    ):
        found = lines(answer)
        assert found[b"access-control-allow-origin"] == origin
        assert found[b"access-control-allow-credentials"] == b"true"
        assert found[b"access-control-expose-headers"] == (
            b"X-Pixelwire-Outcome, X-Pixelwire-Reason, X-Pixelwire-Message-Id, X-Pixelwire-Dropped"
        )


@pytest.mark.parametrize(
    "origin", [b"", b"a\r\nSet-Cookie: x=1", b"\x00", b"\xff", b"https://a b\x7f", b"x" * 600]
)
def test_an_odd_origin_is_not(origin: bytes) -> None:
    """Nothing a server could not send, and nothing that could end a header."""
    answer = answers.declined(Outcome.REFUSED, "identity_missing", {b"origin": origin})
    assert b"access-control-allow-origin" not in lines(answer)


def test_no_origin_no_cors() -> None:
    """An image tag sends none."""
    found = lines(answers.stored(Outcome.STORED, "m", 0, {}))
    assert not [name for name in found if name.startswith(b"access-control")]


def test_answers_do_not_leak_into_each_other() -> None:
    """The prepared answers stay as they were."""
    before = answers.declined(Outcome.REFUSED, "identity_missing", {})
    answers.declined(Outcome.REFUSED, "identity_missing", {b"origin": b"https://a.example"})
    assert answers.declined(Outcome.REFUSED, "identity_missing", {}) == before
    assert b"access-control-allow-origin" not in lines(before)


def test_a_preflight_allows_what_is_there() -> None:
    """204 without a body and without a trace of the pixel."""
    answer = answers.preflight(
        {b"origin": b"https://a.example", b"access-control-request-headers": b"x-one, x-two"}
    )
    found = lines(answer)
    assert (answer.status, answer.body) == (204, b"")
    assert found[b"access-control-allow-origin"] == b"https://a.example"
    assert found[b"access-control-allow-credentials"] == b"true"
    assert found[b"access-control-allow-methods"] == b"GET, HEAD, OPTIONS"
    assert found[b"access-control-allow-headers"] == b"x-one, x-two"
    assert found[b"access-control-max-age"] == b"900"
    assert not [name for name in found if name.startswith(b"x-pixelwire")]


def test_a_preflight_echoes_nothing_odd() -> None:
    """The header names asked for are a stranger's text."""
    found = lines(answers.preflight({b"access-control-request-headers": b"x\r\ny: z"}))
    assert b"access-control-allow-headers" not in found
