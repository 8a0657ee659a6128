"""What a file changes in a catalog, and that it is done whole, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelwire.apply.document import read_document
from pixelwire.apply.perform import perform
from pixelwire.apply.plan import Plan, make_plan
from pixelwire.catalog.store import Catalog
from pixelwire.errors import Conflict
from pixelwire.limits import DESTINATIONS_MAX

FILE = """
[[businesses]]
name = "Shop"
type = "AGENCY"

[[businesses.pixels]]
name = "Front"
id = "00000000000000000000000000000001"
domain = "https://shop.example"
address = "none"
event_rules = { "Trial" = "SIGNUP" }
write_keys = ["imported-key"]

[[businesses.destinations]]
name = "Hook"
kind = "webhook"
pixels = ["Front"]
options = { url = "https://hooks.example/in?key=url-secret", headers = { A = { env = "KEY" } } }
filters = { calls = ["track"] }
transforms = [{ remove = ["context.ip"] }]
"""
HEAD = 7


class Store:
    """A catalog and a file beside it."""

    def __init__(self, folder: Path) -> None:
        self.catalog = Catalog.open(folder)
        self._path = folder / "shop.toml"

    def plan(self, text: str = FILE, key: str = "header-secret") -> tuple[Plan, Any]:
        self._path.write_text(text)
        document = read_document(self._path, {"KEY": key})
        assert document.problems == []
        return make_plan(self.catalog, document.businesses), document.businesses

    def apply(self, text: str = FILE, key: str = "header-secret") -> Plan:
        plan, businesses = self.plan(text, key)
        assert plan.problems == ()
        perform(self.catalog, plan, businesses, HEAD)
        return plan

    def changes(self, old: str, new: str) -> list[Any]:
        """Differences that a changed file makes, as (thing, member, before, after)."""
        assert old in FILE
        plan, _ = self.plan(FILE.replace(old, new))
        assert plan.problems == ()
        return [
            (step.word, entry.member, entry.before, entry.after)
            for step in plan.steps
            for entry in step.differences
        ]

    def problems(self, text: str) -> list[str]:
        """Without the file's name and line."""
        plan, _ = self.plan(text)
        return [problem.partition(": ")[2] for problem in plan.problems]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.catalog.close()


def test_everything_is_made_as_it_is_declared(store: Store) -> None:
    """And a second time there is nothing to do."""
    plan = store.apply()
    assert [(step.action, step.word, step.name) for step in plan.steps] == [
        ("make", "business", "Shop"),
        ("make", "pixel", "Front"),
        ("make", "write key", "imported-key"),
        ("make", "destination", "Hook"),
    ]
    [business] = store.catalog.businesses()
    [pixel] = store.catalog.pixels(business.id)[0]
    [hook] = store.catalog.destinations()
    assert (business.type, pixel.id, pixel.address) == ("AGENCY", "0" * 31 + "1", "none")
    assert pixel.event_rules == {"Trial": "SIGNUP"}
    assert [key.key for key in store.catalog.write_keys(pixel.id)] == [pixel.id, "imported-key"]
    assert (hook.pixel_ids, hook.start_after, hook.is_enabled) == ([pixel.id], HEAD, True)
    assert hook.options["headers"] == {"A": "header-secret"}
    assert (hook.filters, hook.transforms) == ({"calls": ["track"]}, [{"remove": ["context.ip"]}])
    again = store.apply()
    assert again.is_done
    assert store.catalog.destinations() == [hook]  # its revision too: the courier has nothing to look at


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("shop.example", "shop.test", ("pixel", "domain", "https://shop.example", "https://shop.test")),
        ('address = "none"', "enabled = false", ("pixel", "enabled", True, False)),
        ('"SIGNUP"', '""', ("pixel", "event_rules", {"Trial": "SIGNUP"}, {"Trial": None})),
        ('["Front"]', '"all"', ("destination", "pixels", ["Front"], "all")),
        ('["track"]', '["page"]', ("destination", "filters", {"calls": ["track"]}, {"calls": ["page"]})),
        ("[{ remove", "[ { remove", None),
        (
            '[{ remove = ["context.ip"] }]',
            "[]",
            ("destination", "transforms", [{"remove": ["context.ip"]}], []),
        ),
        ("url-secret", "other-secret", ("destination", "options.url", None, None)),
        (
            "hooks.example",
            "hooks.test",
            ("destination", "options.url", "https://hooks.example/...", "https://hooks.test/..."),
        ),
        ("options = { url", "options = { timeout_s = 10, url", None),
        (
            "options = { url",
            "options = { timeout_s = 9, url",
            ("destination", "options.timeout_s", 10.0, 9.0),
        ),
        ('address = "none"\n', "", None),
        ('filters = { calls = ["track"] }\n', "", None),
        ('write_keys = ["imported-key"]\n', "", None),
        ('type = "AGENCY"\n', "", None),
    ],
)
def test_only_what_is_another_is_changed(store: Store, old: str, new: str, change: Any) -> None:
    """A default that is written out is no change; what the file does not mention stays."""
    store.apply()
    assert store.changes(old, new) == ([change] if change else [])


def test_a_secret_that_changed_is_seen_and_not_told(store: Store) -> None:
    """In the environment: the values are compared."""
    store.apply()
    plan, _ = store.plan(key="other-secret")
    assert [(step.action, step.word) for step in plan.steps if step.action != "leave"] == [
        ("change", "destination")
    ]
    assert [(entry.member, entry.before) for entry in plan.steps[-1].differences] == [
        ("options.headers", None)
    ]
    assert not any(secret in repr(plan) for secret in ("header-secret", "other-secret", "url-secret"))
    store.apply(key="other-secret")
    assert store.catalog.destinations()[0].options["headers"] == {"A": "other-secret"}


def test_options_are_as_the_file_says_whole(store: Store) -> None:
    """One that is no longer in it is at its default again; options of another version are renewed."""
    store.apply()
    store.apply(FILE.replace(', headers = { A = { env = "KEY" } }', ""))
    [hook] = store.catalog.destinations()
    assert "headers" not in hook.options
    store.catalog.change_destination(hook.id, options={"of": "another version"})
    plan = store.apply()
    assert [entry.member for entry in plan.steps[-1].differences] == ["options"]
    assert store.plan()[0].is_done


def test_what_the_file_does_not_name_is_told_and_stays(store: Store) -> None:
    """Nothing is ever deleted."""
    store.apply()
    store.catalog.create_business("Other")
    store.catalog.create_pixel(store.catalog.businesses()[0].id, "https://x.example", "Old")
    plan = store.apply(FILE[: FILE.index("[[businesses.destinations]]")])
    assert plan.is_done
    assert plan.unnamed == ("business Other", "pixel Old of Shop", "destination Hook of Shop")
    assert len(store.catalog.destinations()) == 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"AGENCY"', '"ADVERTISER"', 'business "Shop": type: is AGENCY here and can not be changed'),
        ("00001", "00002", f'pixel "Front": id: is {"0" * 31}1 here and can not be changed'),
        ('["Front"]', '["Back"]', "destination \"Hook\": pixels: the business has no pixel 'Back'"),
        ('name = "Front"', 'name = "Back"', 'pixel "Back": id: another pixel has it'),
        (
            '"imported-key"',
            '"others-key"',
            'pixel "Front": write_keys: another pixel of this server has others-key',
        ),
    ],
)
def test_what_can_not_be_is_a_problem(store: Store, old: str, new: str, problem: str) -> None:
    """Each with its place, before anything is written."""
    store.apply()
    other = store.catalog.create_business("Other")
    pixel = store.catalog.create_pixel(other.id, "https://o.example", "O")
    store.catalog.create_write_key(pixel.id, "others-key")
    assert problem in store.problems(FILE.replace(old, new))


def test_what_is_missing_is_asked_for_only_where_it_is_made(store: Store) -> None:
    """A name is enough for what is there already."""
    bare = """
[[businesses]]
name = "Shop"
[[businesses.pixels]]
name = "Front"
[[businesses.destinations]]
name = "Hook"
"""
    assert store.problems(bare) == [
        'pixel "Front": domain: is required',
        'destination "Hook": kind: is required',
    ]
    kind = bare + 'kind = "webhook"\n'
    assert store.problems(kind)[1:] == ['destination "Hook": options.url: is required']
    store.apply()
    assert store.apply(bare).is_done


def test_two_businesses_of_one_name_are_a_problem(store: Store) -> None:
    """The file does not say which of them is meant."""
    for _ in range(2):
        store.catalog.create_business("Shop")
    assert "several businesses" in store.problems('[[businesses]]\nname = "Shop"')[0]


def test_a_key_that_stands_twice_in_the_file_is_a_problem(store: Store) -> None:
    """A write key is of one pixel on a server."""
    second = (
        '[[businesses.pixels]]\nname = "B"\ndomain = "https://b.example"\nwrite_keys = ["imported-key"]\n'
    )
    text = FILE.replace("[[businesses.destinations]]", f"{second}[[businesses.destinations]]")
    [problem] = store.problems(text)
    assert problem.startswith('pixel "B": write_keys: imported-key stands at')


def test_a_failure_half_way_changes_nothing(store: Store) -> None:
    """One destination too many: neither the business nor what came before is there."""
    hook = FILE[FILE.index("[[businesses.destinations]]") :]
    many = "".join(hook.replace('"Hook"', f'"Hook {number}"') for number in range(DESTINATIONS_MAX))
    plan, businesses = store.plan(FILE + many)
    assert plan.problems == ()
    with pytest.raises(Conflict, match="destinations"):
        perform(store.catalog, plan, businesses, HEAD)
    assert store.catalog.businesses() == []
    assert store.catalog.destinations() == []
    store.apply()
    assert len(store.catalog.destinations()) == 1


def test_a_catalog_that_changed_meanwhile_is_not_touched(store: Store) -> None:
    """What is done is what was shown."""
    store.apply()
    plan, businesses = store.plan(FILE.replace('"none"', '"full"'))
    [business] = store.catalog.businesses()
    store.catalog.create_pixel(business.id, "https://x.example", "Meanwhile")
    with pytest.raises(Conflict, match="nothing was done"):
        perform(store.catalog, plan, businesses, HEAD)
    assert store.catalog.pixels(business.id)[0][0].address == "none"


def test_stored_events_are_sent_to_a_new_destination_when_it_says_so(store: Store) -> None:
    """`from_start` counts only when it is made."""
    store.apply(FILE + "from_start = true\nenabled = false\n")
    [hook] = store.catalog.destinations()
    assert (hook.start_after, hook.is_enabled) == (0, False)
    assert store.plan(FILE + "from_start = false\n")[0].is_done
