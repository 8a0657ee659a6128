"""Keys are split into levels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwire.collect.paths import APPEND, DropReason, Paths, Reserved, may_be_reserved, parse
from pixelwire.limits import ARRAY_INDEX_MAX, LEVELS_MAX, PATH_REMEMBERED_CHARACTERS_MAX, PATHS_REMEMBERED_MAX

KEYS = st.text(r".\:-1097|*aw_writeKey", max_size=12)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a..b", ("a", "", "b")),
        (".a", ("", "a")),
        ("a.", ("a", "")),
        (r"a\.b", ("a.b",)),
        (r"a\\.b", ("a\\", "b")),
        ("a\\", ("a",)),
        (r"a\*", ("a*",)),
        (r"\:a", (":a",)),
        (":a", ("a",)),
        ("::a", (":a",)),
        ("a.:0", ("a", "0")),
        (":", ("",)),
        ("a:b", ("a:b",)),
        ("a[0]", ("a[0]",)),
        ("\\\n.b", ("\n", "b")),
    ],
)
def test_a_key_is_split(key: str, names: tuple[str, ...]) -> None:
    """At `.`; `\\` takes the next character as it is; a `:` at the start of a level is taken off."""
    path = parse(key)
    assert (*path.parents, path.leaf) == names


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        *((f"a{wildcard}b", DropReason.WILDCARD) for wildcard in "|#@*?"),
        ("a.*", DropReason.WILDCARD),
        (":*", DropReason.WILDCARD),
        ("type.*", DropReason.WILDCARD),
        (".".join("k" * (LEVELS_MAX + 1)), DropReason.TOO_DEEP),
        ("receivedAt", DropReason.SERVER_FIELD),
        ("request_ip.x", DropReason.SERVER_FIELD),
        (":rudderId", DropReason.SERVER_FIELD),
        (r"\type", DropReason.SERVER_FIELD),
        ("integrations", DropReason.INTEGRATIONS),
        (":integrations.All", DropReason.INTEGRATIONS),
        ("properties", DropReason.NOT_AN_OBJECT),
        ("context", DropReason.NOT_AN_OBJECT),
        ("traits", DropReason.NOT_AN_OBJECT),
        ("context.page", DropReason.NOT_AN_OBJECT),
        (":context.:page", DropReason.NOT_AN_OBJECT),
    ],
)
def test_a_key_is_dropped(key: str, reason: DropReason) -> None:
    """With the reason of the contract's table."""
    assert parse(key).twist is reason


@pytest.mark.parametrize(
    "key",
    [r"a\*", "types", "receivedat", "context.pages", "x.type", ".".join("k" * LEVELS_MAX), "a.properties"],
)
def test_a_key_that_only_looks_like_it_is_kept(key: str) -> None:
    """Escaped wildcards, other first levels and the deepest level allowed are plain."""
    assert parse(key).twist is None


@pytest.mark.parametrize("key", ["writeKey", ":writeKey", r"\writeKey", r"write\Key"])
def test_the_write_key_is_known_in_every_spelling(key: str) -> None:
    """`:` and `\\` are taken off first, so that the key can not slip into a payload."""
    assert parse(key).twist is Reserved.WRITE_KEY


@pytest.mark.parametrize("key", ["writeKey.x", "_pw_", "_pw_x.y", ":_pw_x", r"\_pw_*", "_pw_" + "." * 40])
def test_other_reserved_keys_have_no_meaning(key: str) -> None:
    """Reserved comes before every reason to drop."""
    assert parse(key).twist is Reserved.UNUSED


@pytest.mark.parametrize(
    ("key", "slots"),
    [
        ("a.0", (None, 0)),
        ("a.007", (None, 7)),
        ("a.255", (None, 255)),
        ("a.256", (None, 256)),
        ("a." + "9" * 5_000, (None, ARRAY_INDEX_MAX + 1)),
        ("a." + "0" * 5_000, (None, 0)),
        ("a.", (None, 0)),
        ("a.-1", (None, APPEND)),
        ("a.-1.b", (None, APPEND, None)),
        (r"a.\0", (None, 0)),
        ("properties.a.0", (None, None, 0)),
        ("context.page.x.0", (None, None, None, 0)),
        ("context.0.1", (None, None, 1)),
    ],
)
def test_a_level_may_be_an_index(key: str, slots: tuple[int | None, ...]) -> None:
    """Digits, nothing at all, and -1 for the end."""
    twist = parse(key).twist
    assert isinstance(twist, tuple)
    assert tuple(step.slot for step in twist) == slots


@pytest.mark.parametrize(
    "key", ["0", "-1", "a.:0", "a.٣", "a.-2", "a.1e3", "properties.7", "context.page.0", "traits."]
)
def test_a_level_that_is_never_an_index_is_plain(key: str) -> None:
    """At the top, under what is always an object, after `:`, and digits of other scripts."""
    assert parse(key).twist is None


@settings(derandomize=True, max_examples=500)
@given(KEYS)
def test_no_reserved_key_escapes_the_quick_look(key: str) -> None:
    """The quick look may say yes too often, never no too often."""
    if isinstance(parse(key).twist, Reserved):
        assert may_be_reserved(key)


def test_paths_are_remembered() -> None:
    """The same key is split once."""
    paths = Paths()
    assert paths["a.b"] is paths["a.b"]


def test_strangers_can_not_fill_the_memory() -> None:
    """Neither by many keys nor by long ones."""
    paths = Paths()
    for number in range(PATHS_REMEMBERED_MAX * 2 + 10):
        paths[f"k{number}"]
        assert len(paths) <= PATHS_REMEMBERED_MAX
    before = len(paths)
    assert paths["k" * (PATH_REMEMBERED_CHARACTERS_MAX + 1)].twist is None
    assert len(paths) == before
