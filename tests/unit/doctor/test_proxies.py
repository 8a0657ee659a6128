"""Proxies that nobody trusts."""

from pathlib import Path

import pytest

from pixelwire.doctor import proxies
from pixelwire.doctor.finding import Severity
from pixelwire.event import UNHEARD, PeerKind, Tally
from pixelwire.record.reader import Reader
from pixelwire.record.writer import Writer
from support.events import make_batch, make_event

HOUR = 491_000


def seen(events: int, private: int = 0, public: int = 0) -> dict[str, int]:
    return {"stored": events, "private": private, "public": public}


@pytest.mark.parametrize(
    ("before", "after", "was_sent", "severity", "words"),
    [
        (seen(100), seen(101), True, Severity.OK, "101 events"),
        (seen(100, public=9), seen(100, public=9), False, Severity.OK, "nobody near us"),
        (seen(100, public=60), seen(101, public=60), True, Severity.WARN, "60 of 101 events"),
        (seen(100), seen(101, private=1), True, Severity.WARN, "our own pixel"),
        (seen(100), seen(101, public=1), True, Severity.WARN, "our own pixel"),
        (seen(100, private=1), seen(100, private=1), False, Severity.WARN, "1 of 100 events came through"),
        (seen(0), seen(0), False, Severity.LEFT_OUT, "no event"),
    ],
)
def test_a_proxy_near_us_should_be_trusted(
    before: dict[str, int], after: dict[str, int], was_sent: bool, severity: Severity, words: str
) -> None:
    """Strangers may claim what they like, unless most of them do."""
    finding = proxies.check(before, after, "x-forwarded-for", was_sent=was_sent)
    assert (finding.severity, words in finding.found) == (severity, True)
    assert ("trusted_proxies" in finding.do) == (severity is Severity.WARN)


def test_the_ledger_has_what_workers_noted(tmp_path: Path) -> None:
    """Of this hour and the one before."""
    writer = Writer.open(tmp_path, is_inline=True)
    events = [make_event(received_ms=(HOUR + 1) * 3_600_000)]
    tallies = [
        Tally(HOUR, 0, UNHEARD, PeerKind.PRIVATE, 2),
        Tally(HOUR + 1, 0, UNHEARD, PeerKind.PUBLIC, 3),
        Tally(HOUR - 1, 0, UNHEARD, PeerKind.PUBLIC, 5),
        Tally(HOUR, 0, "refused", "x", 7),
    ]
    writer.commit([(7, make_batch(1, events, tallies))])
    writer.close()
    reader = Reader(tmp_path)
    assert proxies.sums(reader, HOUR + 1) == seen(1, 2, 3)
    reader.close()
