"""The rows of a quickstart, whatever was cut short before."""

import json
import os
from pathlib import Path

import pytest

from pixelwire.catalog.store import Catalog
from pixelwire.cli import quickstart, quickstart_file
from pixelwire.cli.listening import Listening
from pixelwire.cli.quickstart import json_line, make_rows, prepare
from pixelwire.clock import SystemClock
from pixelwire.config import Settings


def count(data_dir: Path) -> tuple[int, int, int]:
    catalog = Catalog.open(data_dir)
    try:
        businesses = catalog.businesses()
        pixels = sum(catalog.pixels(business.id)[1] for business in businesses)
        return len(businesses), pixels, len(catalog.tokens())
    finally:
        catalog.close()


def test_it_makes_a_business_a_pixel_and_an_admin_token(tmp_path: Path) -> None:
    """The rows have the ids of the file."""
    chosen = prepare(tmp_path)
    catalog = Catalog.open(tmp_path)
    pixel = catalog.pixel(chosen.pixel_id)
    token = catalog.authenticate(chosen.token)
    keys = [key.key for key in catalog.write_keys(chosen.pixel_id)]
    catalog.close()
    assert (pixel.business_id, pixel.dataset_id) == (chosen.business_id, chosen.dataset_id)
    assert keys == [chosen.write_key]
    assert token is not None
    assert (token.role, token.business_id) == ("admin", None)


def test_a_second_start_makes_nothing(tmp_path: Path) -> None:
    """However often it is started, there is one of each."""
    for _ in range(3):
        prepare(tmp_path)
    assert count(tmp_path) == (1, 1, 1)


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_start_that_was_cut_short_is_taken_up_again(tmp_path: Path, done: int) -> None:
    """Killed after the file, the token or the business: the next start makes the rest."""
    chosen = quickstart_file.read_or_create(tmp_path, SystemClock())
    catalog = Catalog.open(tmp_path)
    if done >= 1:
        catalog.create_token("quickstart", None, "admin", token=chosen.token)
    if done >= 2:
        catalog.create_business("My business", id=chosen.business_id)
    catalog.close()
    assert prepare(tmp_path) == chosen
    assert count(tmp_path) == (1, 1, 1)


def test_what_the_owner_changed_stays_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A deleted token does not come back to life, and a new name is kept."""
    chosen = prepare(tmp_path)
    catalog = Catalog.open(tmp_path)
    catalog.rename_business(chosen.business_id, "Shop")
    (token,) = catalog.tokens()
    catalog.delete_token(token.id)
    catalog.close()
    prepare(tmp_path)
    assert count(tmp_path) == (1, 1, 0)
    assert "the token in quickstart.json was deleted" in capsys.readouterr().err


class Racing(Catalog):
    """A catalog in which another quickstart is always one step ahead."""

    def create_token(self, *arguments, **given):  # type: ignore[no-untyped-def]
        super().create_token(*arguments, **given)
        return super().create_token(*arguments, **given)

    def create_business(self, *arguments, **given):  # type: ignore[no-untyped-def]
        super().create_business(*arguments, **given)
        return super().create_business(*arguments, **given)

    def create_pixel(self, *arguments, **given):  # type: ignore[no-untyped-def]
        super().create_pixel(*arguments, **given)
        return super().create_pixel(*arguments, **given)


def test_two_quickstarts_at_once_make_one_of_each(tmp_path: Path) -> None:
    """What the other one made is taken as made."""
    chosen = quickstart_file.read_or_create(tmp_path, SystemClock())
    catalog = Racing.open(tmp_path)
    make_rows(catalog, chosen)
    catalog.close()
    assert count(tmp_path) == (1, 1, 1)


def test_the_line_for_programs_is_one_object(tmp_path: Path) -> None:
    """Exactly the members of the contract, on one line."""
    chosen = quickstart_file.read_or_create(tmp_path, SystemClock())
    line = json_line(Settings(), Listening("http://127.0.0.1:1", "http://127.0.0.1:2"), chosen)
    assert line.count("\n") == 1
    assert list(json.loads(line)) == [
        "pixel_url",
        "manage_url",
        "business_id",
        "pixel_id",
        "write_key",
        "dataset_id",
        "token",
    ]


def test_stdout_holds_the_announcement_and_nothing_else() -> None:
    """What others print on descriptor 1 lands on stderr, and a closed reader harms nobody."""
    reading, writing = os.pipe()
    kept = os.dup(1)
    os.dup2(writing, 1)
    try:
        stdout = quickstart.OwnStdout()
        os.write(1, b"a server's banner\n")
        stdout.tell("the line\n")
        os.write(1, b"a server's farewell\n")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert stream.read() == b"the line\n"
