"""What earlier sends have put, and nobody heard of."""

from collections import Counter

from pixelwire.destinations.object_store.encode import Ndjson
from pixelwire.destinations.object_store.found import MARKS_MAX, Found
from pixelwire.testing.check_destination import make_item

FORM = Ndjson()
HERE = ("folder", "")


def found_with(*seqs: int) -> Found:
    found = Found()
    found.remember(HERE, Counter(FORM.mark(make_item(seq)) for seq in seqs))
    return found


def test_what_was_found_is_left_out_once() -> None:
    """Item by item, over as many batches as it takes; then nothing is remembered."""
    found = found_with(1, 2, 3)
    assert found.without(HERE, [make_item(1)], FORM) == []
    assert found.without(HERE, [make_item(2), make_item(3), make_item(4)], FORM) == [make_item(4)]
    assert not found.holds(HERE)
    assert found.without(HERE, [make_item(1)], FORM) == [make_item(1)]


def test_other_folders_are_not_concerned() -> None:
    """The same event of a replay is another."""
    found = found_with(1)
    assert found.without(("folder", "replay"), [make_item(1)], FORM) == [make_item(1)]
    assert found.holds(HERE)


def test_a_later_file_takes_the_place_of_an_earlier_one() -> None:
    """Files are passed in order: what was not asked for until then is not asked for any more."""
    found = found_with(1)
    found.remember(HERE, Counter([FORM.mark(make_item(2))]))
    assert found.without(HERE, [make_item(1), make_item(2)], FORM) == [make_item(1)]


def test_memory_is_bounded() -> None:
    """The oldest is forgotten first; the newest stays, however large."""
    found = found_with(1)
    found.remember(("large", ""), Counter(f"id-{number}" for number in range(MARKS_MAX)))
    assert not found.holds(HERE)
    assert found.holds(("large", ""))
