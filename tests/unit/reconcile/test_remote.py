"""The store of a server elsewhere, through the real management API."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixelwire.clock import DAY_MS, HOUR_MS
from pixelwire.errors import PixelwireError
from pixelwire.event import RECEIVED, Tally
from pixelwire.reconcile.remote import ManagementApi
from pixelwire.reconcile.store import DataDirectory, Mark
from pixelwire.record.writer import Writer
from pixelwire.testing.manual_clock import ManualClock
from support.asgi import Api
from support.events import make_batch, make_event

START_MS = 491_000 * HOUR_MS
EVENTS = 60  # an hour between each


class Elsewhere:
    """A server with two pixels and events of days; counts what it is asked."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.asked: list[str] = []
        business = api.catalog.create_business("Shop")
        self.pixels = [
            api.catalog.create_pixel(business.id, "https://shop.example", name).id for name in ("A", "B")
        ]
        api.catalog.create_write_key(self.pixels[1], "imported")
        writer = Writer.open(api.data_dir, clock=ManualClock(START_MS), is_inline=True)
        for number in range(EVENTS):
            at_ms = START_MS + number * HOUR_MS
            event = make_event(1 + number % 2, message_id=f"m{number}", received_ms=at_ms)
            tallies = [
                Tally(at_ms // HOUR_MS, 0, RECEIVED, "", 2),
                Tally(at_ms // HOUR_MS, 0, "refused", "x", 1),
            ]
            writer.commit([(7, make_batch(number + 1, [event], tallies))])
        writer.close()

    def read(self, path: str, query: Mapping[str, Any]) -> Any:
        self.asked.append(path)
        answer = self._api.get(path, **query)
        if answer.status >= 400:
            raise PixelwireError(str(answer.messages))
        return answer.json()


@pytest.mark.parametrize("is_one_pixel", [False, True])
def test_it_tells_the_same_as_the_files(tmp_path: Path, is_one_pixel: bool) -> None:
    """Events of the time, outcomes by hour, write keys; the numbers of pixels are its own."""
    with Api(tmp_path) as api:
        elsewhere = Elsewhere(api)
        pixel_id = elsewhere.pixels[1] if is_one_pixel else None
        remote = ManagementApi(elsewhere.read, pixel_id)
        with closing(DataDirectory(tmp_path, pixel_id)) as local:
            first, last = START_MS // HOUR_MS + 5, START_MS // HOUR_MS + 40
            assert remote.outcomes(first, last) == local.outcomes(first, last)
            assert remote.write_keys().keys() == (
                {elsewhere.pixels[1], "imported"} if is_one_pixel else local.write_keys().keys()
            )
            from_ms, to_ms = START_MS + 10 * HOUR_MS, START_MS + 20 * HOUR_MS
            assert _ids(remote.events(from_ms, to_ms)) == _ids(local.events(from_ms, to_ms)) != []
            assert (remote.kept_from_ms(), remote.pixel) == (0, 1 if is_one_pixel else None)


def test_the_beginning_is_found_without_reading_all(tmp_path: Path) -> None:
    """By halving; what is before the first and after the last is nothing."""
    with Api(tmp_path) as api:
        elsewhere = Elsewhere(api)
        remote = ManagementApi(elsewhere.read, elsewhere.pixels[0])
        end_ms = START_MS + EVENTS * HOUR_MS
        assert _ids(remote.events(end_ms - 3 * HOUR_MS, end_ms + DAY_MS)) == [f"m{EVENTS - 2}"]
        assert len(elsewhere.asked) < 30
        assert _ids(remote.events(START_MS - DAY_MS, START_MS - 1)) == []
        assert _ids(remote.events(end_ms, end_ms + DAY_MS)) == []


def test_months_of_outcomes_are_asked_for_in_pieces(tmp_path: Path) -> None:
    """The API gives 92 days at once."""
    with Api(tmp_path) as api:
        elsewhere = Elsewhere(api)
        remote = ManagementApi(elsewhere.read)
        found = remote.outcomes((START_MS - 300 * DAY_MS) // HOUR_MS, (START_MS + 9 * DAY_MS) // HOUR_MS)
        assert sum(found.values()) == EVENTS * 4
        assert len([path for path in elsewhere.asked if path.endswith("/outcomes")]) == 4


def test_a_server_without_events_is_empty(tmp_path: Path) -> None:
    """And has lost nothing."""
    with Api(tmp_path) as api:
        api.catalog.create_business("Shop")

        def read(path: str, query: Mapping[str, Any]) -> Any:
            return api.get(path, **query).json()

        remote = ManagementApi(read)
        assert (list(remote.events(0, START_MS)), remote.kept_from_ms(), remote.write_keys()) == ([], 0, {})


def test_the_oldest_event_tells_from_when_on_there_is_something() -> None:
    """What was before may be past retention."""

    def read(path: str, _: Mapping[str, Any]) -> Any:
        if path == "/ads/v3/businesses":
            return {"businesses": [{"id": "b"}]}
        if path.endswith("/pixels"):
            return {"pixels": [] if _["offset"] else [{"id": "p"}]}
        return {"events": [{"seq": 7, "received_at": "2026-01-23T04:56:07.089Z"}], "next_after": 7}

    assert ManagementApi(read).kept_from_ms() == 1_769_144_167_089


def _ids(marks: Any) -> list[str]:
    return sorted(mark.message_id for mark in marks if isinstance(mark, Mark))
