"""One pixel through the public URL, twice, and back: as a browser would send it, and read as its owner would.

The second time it must be a duplicate: if it is stored again or answered as before, somebody in between
answers from a cache.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote, urlencode

import apsw

from pixelwire.catalog.snapshot import PixelEntry, Snapshot
from pixelwire.doctor.finding import Finding, fail, ok, warn
from pixelwire.errors import PixelwireError
from pixelwire.event import Outcome
from pixelwire.record.reader import Reader

CHECK: Final = "pixel"
RECEIPT: Final = "receipt"
EVENT: Final = "Pixelwire Doctor"  # no signal: it is in no count of Spotify's shape
WHO: Final = "pixelwire-doctor"
TIMEOUT_S: Final = 10.0
SLOW_MS: Final = 1_000
IMAGE: Final = "image/gif"
HEADERS: Final = {
    "Accept": "image/avif,image/webp,image/*,*/*;q=0.8",
    "User-Agent": "Mozilla/5.0 (Pixelwire Doctor)",
}


class Answer(Protocol):
    """Names of headers in lower case."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def took_ms(self) -> float: ...


Get = Callable[..., Answer]  # (url, headers, *, timeout_s); PixelwireError when there is no answer
Read = Callable[[str], Any]  # a path of the management API to its JSON


class Trip(NamedTuple):
    findings: list[Finding]
    was_stored: bool


def travel(data_dir: Path, url: str, write_key: str, get: Get, read: Read | None, hour: int) -> Trip:
    """Sends the pixel and looks for it, at about this hour. Without `read`, nobody has a token: the files are
    asked alone."""
    findings: list[Finding] = []
    was_stored = False
    with closing(Snapshot(data_dir)) as catalog, closing(Reader(data_dir)) as reader:
        try:
            pixel = catalog.find_key(write_key)
            before = _count(reader, pixel, hour)
            message_id = f"{WHO}-{secrets.token_hex(8)}"
            target = f"{url.rstrip('/')}/pixel/v1/track?{urlencode(_query(write_key, message_id))}"
            answer = get(target, HEADERS, timeout_s=TIMEOUT_S)
            findings += _judge(answer, url)
            was_stored = answer.headers.get("x-pixelwire-outcome") == Outcome.STORED
            if was_stored:
                findings += _judge_again(get(target, HEADERS, timeout_s=TIMEOUT_S))
                has_grown = _count(reader, pixel, hour) > before
                findings.append(_look_back(reader, pixel, message_id, read, has_grown=has_grown))
        except (PixelwireError, apsw.Error) as error:
            text, hint = (error.text, error.hint) if isinstance(error, PixelwireError) else (str(error), "")
            findings.append(fail(CHECK, text, hint or "see the log of the server"))
    return Trip(findings, was_stored)


def _query(write_key: str, message_id: str) -> dict[str, str]:
    return {"writeKey": write_key, "anonymousId": WHO, "event": EVENT, "messageId": message_id}


def _judge(answer: Answer, url: str) -> Iterator[Finding]:
    outcome, reason = (answer.headers.get(f"x-pixelwire-{name}", "") for name in ("outcome", "reason"))
    if not outcome:
        yield _not_ours(answer, url)
    elif outcome != Outcome.STORED:
        do = "`pixelwire send` shows the same; docs/operations.md explains the reason"
        yield fail(CHECK, f"it is {outcome}: {reason} (status {answer.status})", do)
    else:
        said = f"stored through {url} in {answer.took_ms:.0f} ms"
        if answer.took_ms > SLOW_MS:
            yield warn(CHECK, said, "see where the time goes: the network, the proxy, or the disk (sync)")
        else:
            yield ok(CHECK, said)
        if answer.headers.get("content-type") != IMAGE:
            kind = answer.headers.get("content-type", "nothing")
            yield fail(
                CHECK, f"the answer is {kind} and not an image", "see what the proxy makes of our answers"
            )
        if "no-store" not in answer.headers.get("cache-control", ""):
            found = "the header Cache-Control: no-store does not get through"
            yield warn(CHECK, found, "let the proxy pass our headers on: browsers would keep the image")


def _not_ours(answer: Answer, url: str) -> Finding:
    if 300 <= answer.status < 400:
        place = answer.headers.get("location", "elsewhere").partition("?")[0]
        do = "set public_url to where it ends: each detour costs visitors time"
        return fail(CHECK, f"{url} sends browsers on, to {place}", do)
    found = f"{url} answers with status {answer.status}, and not as a Pixelwire does"
    return fail(CHECK, found, "see that the proxy leads to this server, and public_url to the proxy")


def _judge_again(answer: Answer) -> list[Finding]:
    outcome = answer.headers.get("x-pixelwire-outcome")
    if outcome == Outcome.DUPLICATE:
        return []
    if outcome == Outcome.STORED:
        found = "the same request again was answered from a cache: it never reached the server"
        return [fail(CHECK, found, "switch the proxy's cache off for /pixel/")]
    found = f"sent again it is {outcome or 'not answered by us'} (status {answer.status})"
    return [warn(CHECK, found, "try again; see the log of the server")]


def _look_back(
    reader: Reader, pixel: PixelEntry | None, message_id: str, read: Read | None, *, has_grown: bool
) -> Finding:
    if pixel is None:
        found = "it was stored by a server whose catalog is not this one"
        return fail(RECEIPT, found, "see which server the public URL leads to, and --data-dir")
    event = reader.find(pixel.number, message_id)
    if event is None:
        found = "it was answered `stored`, and is not in this data directory"
        return fail(RECEIPT, found, "see which server the public URL leads to, and --data-dir")
    if not has_grown:
        found = "it is stored, and the counts did not grow"
        return fail(RECEIPT, found, "please report this: `pixelwire reconcile` may tell more")
    if read is None:
        return ok(RECEIPT, f"stored as event {event.seq} and counted; no token, so the API was not asked")
    receipt = read(f"/api/v1/pixels/{pixel.id}/events/{quote(message_id)}")
    facts, payload = receipt["facts"], receipt["payload"]
    seen = payload.get("request_ip", "nobody (the pixel's policy)")
    via = f", through {facts['Via']}" if "Via" in facts else ""
    return ok(RECEIPT, f"event {receipt['seq']}, counted, sent by {seen}{via}")


def _count(reader: Reader, pixel: PixelEntry | None, hour: int) -> int:
    """Events of ours, in the hours around this one."""
    if pixel is None:
        return 0
    counts = reader.name_counts(pixel.number, hour - 1, hour + 1)
    return sum(amount for (_, name), amount in counts.items() if name == EVENT)
