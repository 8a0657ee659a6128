"""Orders to the courier in the catalog."""

from pathlib import Path

import pytest

from pixelwire.catalog.snapshot import Snapshot
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import ORDER_LAPSES_MS, DropLetters, RetryLetters
from pixelwire.errors import NotFound
from pixelwire.testing.manual_clock import ManualClock
from support.catalogs import make_shop


def test_the_courier_reads_what_was_ordered(tmp_path: Path) -> None:
    """Whole, and in the order it was given."""
    catalog, business, _ = make_shop(tmp_path)
    hook = catalog.create_destination(business.id, "webhook", "Hook", {})
    given = [
        catalog.give_order(hook.id, wish)
        for wish in (RetryLetters(7), DropLetters(reason="422", from_ms=5, to_ms=9), RetryLetters())
    ]
    snapshot = Snapshot(tmp_path)
    assert snapshot.orders() == given
    assert [order.number for order in given] == [1, 2, 3]
    snapshot.close()


def test_an_order_that_this_version_does_not_know_is_left_out(tmp_path: Path) -> None:
    """One of a newer version stops nobody."""
    catalog, business, _ = make_shop(tmp_path)
    hook = catalog.create_destination(business.id, "webhook", "Hook", {})
    first, second = catalog.give_order(hook.id, RetryLetters()), catalog.give_order(hook.id, RetryLetters())
    catalog._connection.execute(
        'UPDATE delivery_order SET wish = \'{"verb":"juggle"}\' WHERE id = ?', (first.id,)
    )
    snapshot = Snapshot(tmp_path)
    assert snapshot.orders() == catalog.orders(hook.id) == [second]
    assert snapshot.orders(after=second.number) == []
    snapshot.close()


def test_there_are_no_orders_without_their_destination(tmp_path: Path) -> None:
    """None is given to one that is not there, and those of one that is deleted go with it."""
    catalog, business, _ = make_shop(tmp_path)
    hook = catalog.create_destination(business.id, "webhook", "Hook", {})
    with pytest.raises(NotFound, match="no such destination"):
        catalog.give_order("nowhere", RetryLetters())
    catalog.give_order(hook.id, RetryLetters())
    catalog.delete_destination(hook.id)
    snapshot = Snapshot(tmp_path)
    assert snapshot.orders() == []
    snapshot.close()


def test_old_orders_are_forgotten_and_their_numbers_are_not_used_again(tmp_path: Path) -> None:
    """A new one finds those of a month ago gone."""
    clock = ManualClock()
    make_shop(tmp_path).catalog.close()
    catalog = Catalog.open(tmp_path, clock)
    hook = catalog.create_destination(catalog.businesses()[0].id, "webhook", "Hook", {})
    catalog.give_order(hook.id, RetryLetters())
    clock.advance(ORDER_LAPSES_MS / 1_000)
    kept = catalog.give_order(hook.id, RetryLetters())
    clock.advance(1)
    newest = catalog.give_order(hook.id, RetryLetters())
    snapshot = Snapshot(tmp_path)
    assert snapshot.orders() == [kept, newest]
    assert newest.number == 3
    snapshot.close()
    catalog.close()
