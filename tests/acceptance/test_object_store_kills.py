"""The courier's own process before a folder, killed at moments of its own: what lies there then."""

import random
from pathlib import Path

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.deliver.state import Deliveries
from support.catalogs import make_shop
from support.couriers import courier
from support.events import make_event, record
from support.seaweed import lines
from support.waiting import wait_until

EVENTS = 20_000
VISITORS = 4_000
FILE_EVENTS_MAX = 500
KILLS = 10
SEED = 7


def test_kills_make_no_second_copy_but_of_the_file_under_way(tmp_path: Path) -> None:
    """Every event is in a file; few are in two; a visitor's first copies are in order; no file is torn."""
    folder = tmp_path / "files"
    folder.mkdir()
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    fill(data_dir, folder)
    chance = random.Random(SEED)
    for kill in range(1, KILLS + 1):
        goal = kill * EVENTS // FILE_EVENTS_MAX // (KILLS + 2) + chance.randrange(3)
        with courier(data_dir) as process:
            wait_until(lambda goal=goal: len(files(folder)) >= goal, 60, "enough for a kill")
            process.kill()
    with courier(data_dir):
        door = Deliveries(data_dir)
        wait_until(lambda: door.summary() and door.summary()[0].cursor == EVENTS, 60, "all sent")
        door.close()
    found = [line["messageId"] for path in files(folder) for line in lines(path.read_bytes())]
    assert set(found) == {message_id(number) for number in range(EVENTS)}
    repeats = len(found) - EVENTS
    print(f"{repeats} repeats after {KILLS} kills, seed {SEED}")
    assert repeats <= KILLS * FILE_EVENTS_MAX
    for visitor in range(0, VISITORS, 97):
        own = list(dict.fromkeys(one for one in found if one.startswith(f"{visitor}-")))
        assert own == sorted(own, key=lambda one: int(one.partition("-")[2]))


def fill(data_dir: Path, folder: Path) -> None:
    """A shop that sends to the folder, and its events on disk."""
    shop = make_shop(data_dir)
    options = {"url": folder.as_uri(), "file_events_max": FILE_EVENTS_MAX, "file_age_s": 1}
    shop.catalog.create_destination(shop.business.id, "object_store", "files", options, start_after=0)
    shop.catalog.close()
    snapshot = Snapshot(data_dir)
    pixel = next(iter(snapshot.keys().values())).number
    snapshot.close()
    record(
        data_dir,
        [
            make_event(pixel, message_id=message_id(number), anonymous_id=f"visitor-{number % VISITORS}")
            for number in range(EVENTS)
        ],
    )


def message_id(number: int) -> str:
    return f"{number % VISITORS}-{number}"


def files(folder: Path) -> list[Path]:
    """Those that are there under their names, in the order of the events they begin with."""
    found = (path for path in folder.rglob("*.json.gz") if not path.name.startswith("."))
    return sorted(found, key=lambda path: path.name.split(".")[2])
