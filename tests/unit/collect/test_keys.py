"""The write keys in memory."""

from pathlib import Path

from pixelwire.catalog.snapshot import PixelEntry, Snapshot
from pixelwire.collect.keys import Keys
from pixelwire.errors import CatalogError
from pixelwire.event import Failure
from pixelwire.limits import KEY_LOOKUPS_PER_S
from support.catalogs import make_shop
from support.pixels import FakeClock, make_entry


class FakeCatalog:
    """A catalog that counts what it is asked."""

    def __init__(self, **entries: PixelEntry) -> None:
        self.entries = dict(entries)
        self.is_readable = True
        self.is_changed = True
        self.asked: list[str] = []

    def write(self, key: str, entry: PixelEntry) -> None:
        self.entries[key] = entry
        self.is_changed = True

    def has_changed(self) -> bool:
        self._ask("version")
        was_changed, self.is_changed = self.is_changed, False
        return was_changed

    def keys(self) -> dict[str, PixelEntry]:
        self._ask("keys")
        return dict(self.entries)

    def find_key(self, write_key: str) -> PixelEntry | None:
        self._ask("key")
        return self.entries.get(write_key)

    def close(self) -> None:
        self.asked.append("close")

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if not self.is_readable:
            raise CatalogError


def opened(catalog: FakeCatalog) -> Keys:
    keys = Keys(catalog, FakeClock())
    assert keys.renew() is None
    catalog.asked.clear()
    return keys


def test_a_known_key_asks_nobody() -> None:
    """Not even whether something changed."""
    catalog = FakeCatalog(k=make_entry(3))
    assert opened(catalog).find("k") == make_entry(3)
    assert catalog.asked == []


def test_an_unknown_key_costs_a_look_at_the_version() -> None:
    """When nothing was written since, it can not be there."""
    catalog = FakeCatalog(k=make_entry())
    keys = opened(catalog)
    assert [keys.find("x"), keys.find("y"), keys.find("x")] == [None] * 3
    assert catalog.asked == ["version"] * 3


def test_a_key_made_a_moment_ago_is_known() -> None:
    """Before the next renewal, and once it was looked up it is in the table."""
    catalog = FakeCatalog()
    keys = opened(catalog)
    catalog.write("new", make_entry(4))
    assert keys.find("new") == make_entry(4)
    assert keys.find("new") == make_entry(4)
    assert keys.find("other") is None
    assert catalog.asked == ["version", "key", "key"]


def test_the_next_renewal_takes_over_what_was_looked_up_past_it() -> None:
    """A look at the version must not hide the change from the renewal."""
    catalog = FakeCatalog(k=make_entry(1))
    keys = opened(catalog)
    catalog.write("k", make_entry(1, is_enabled=False))
    assert keys.find("other") is None
    assert keys.renew() is None
    found = keys.find("k")
    assert isinstance(found, PixelEntry)
    assert not found.is_enabled


def test_a_renewal_without_a_change_reads_nothing() -> None:
    """An idle server stays idle."""
    catalog = FakeCatalog(k=make_entry())
    keys = opened(catalog)
    keys.renew()
    assert catalog.asked == ["version"]


def test_a_deleted_key_is_gone_with_the_next_renewal() -> None:
    """A deletion works within a tick."""
    catalog = FakeCatalog(k=make_entry())
    keys = opened(catalog)
    del catalog.entries["k"]
    catalog.is_changed = True
    keys.renew()
    assert keys.find("k") is None


def test_look_ups_are_bounded_and_no_key_is_refused_for_it() -> None:
    """Past the bound the table is filled at once instead."""
    catalog = FakeCatalog()
    keys = opened(catalog)
    catalog.write("new", make_entry(5))
    for number in range(KEY_LOOKUPS_PER_S):
        assert keys.find(f"x{number}") is None
    assert catalog.asked.count("key") == KEY_LOOKUPS_PER_S
    assert keys.find("new") == make_entry(5)
    assert keys.find("y") is None
    assert catalog.asked.count("key") == KEY_LOOKUPS_PER_S
    assert catalog.asked.count("keys") == 1


def test_look_ups_are_bounded_by_the_second() -> None:
    """A new second, new look-ups."""
    catalog, clock = FakeCatalog(), FakeClock()
    keys = Keys(catalog, clock)
    keys.renew()
    for _ in range(2):
        catalog.write("new", make_entry())
        for number in range(KEY_LOOKUPS_PER_S):
            keys.find(f"x{number}")
        keys.renew()
        clock.at_ms += 1_000
    assert catalog.asked.count("key") == 2 * KEY_LOOKUPS_PER_S


def test_a_catalog_that_can_not_be_read_is_our_fault() -> None:
    """Known keys go on; nobody can tell of others, and they do not ask again and again."""
    catalog = FakeCatalog(k=make_entry())
    keys = opened(catalog)
    catalog.is_readable = False
    assert keys.find("x") is Failure.CATALOG_UNREACHABLE
    assert keys.find("y") is Failure.CATALOG_UNREACHABLE
    assert catalog.asked == ["version"]
    assert isinstance(keys.renew(), CatalogError)
    assert keys.find("k") == make_entry()
    catalog.is_readable = True
    assert keys.renew() is None
    assert keys.find("x") is None


def test_before_the_first_renewal_nobody_can_tell() -> None:
    """A worker whose catalog is not there refuses nobody."""
    assert Keys(FakeCatalog(), FakeClock()).find("x") is Failure.CATALOG_UNREACHABLE


def test_a_failed_renewal_is_done_again() -> None:
    """A change seen but not read is not forgotten."""
    catalog = FakeCatalog(k=make_entry(1))
    keys = opened(catalog)
    catalog.write("k", make_entry(2))

    def broken() -> dict[str, PixelEntry]:
        raise CatalogError

    whole, catalog.keys = catalog.keys, broken  # type: ignore[method-assign]
    assert isinstance(keys.renew(), CatalogError)
    catalog.keys = whole  # type: ignore[method-assign]
    assert keys.renew() is None
    assert keys.find("k") == make_entry(2)


def test_with_the_real_catalog_a_new_key_collects_at_once(tmp_path: Path) -> None:
    """And a pixel that is switched off stops with the next renewal."""
    shop = make_shop(tmp_path)
    keys = Keys(Snapshot(tmp_path), FakeClock())
    assert keys.renew() is None
    first = keys.find(shop.pixel.id)
    assert isinstance(first, PixelEntry)
    assert keys.find("0" * 32) is None

    second = shop.catalog.create_pixel(shop.business.id, "https://two.example", "Two")
    found = keys.find(second.id)
    assert isinstance(found, PixelEntry)
    assert found.number != first.number
    keys.close()
    shop.catalog.close()


def test_without_the_real_catalog_nobody_can_tell(tmp_path: Path) -> None:
    """An empty data directory is no reason to refuse."""
    keys = Keys(Snapshot(tmp_path), FakeClock())
    assert keys.renew() is not None
    assert keys.find("x") is Failure.CATALOG_UNREACHABLE
    keys.close()
