"""Names of tables and columns, as RudderStack's warehouse makes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwire.destinations.postgres.naming import NAME_BYTES_MAX, RESERVED_WORDS, column_name, table_name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("omega", "omega"),
        ("orderId", "order_id"),
        ("OrderID", "order_id"),
        ("XMLHttpRequest", "xml_http_request"),
        ("CamelCase123Key", "camel_case123_key"),
        ("omega v2", "omega_v2"),
        ("9mega", "_9mega"),
        ("1CComega", "_1cc_omega"),
        ("&4yasdfa(84224_fs9##_____*3q", "_4yasdfa_84224_fs9_3q"),
        ("9mega________-________90", "_9mega_90"),
        ("path to $1,00,000", "path_to_1_00_000"),
        ("abc123def456", "abc123_def456"),
        ("isISO8601", "is_iso8601"),
        ("ome$ga$", "ome_ga"),
        ("Cízǔ", "c_z"),
        ("don't", "don_t"),
        ("_timestamp", "_timestamp"),
        ("__abc_123", "__abc_123"),
        ("context.page.url", "context_page_url"),
        ("context.page.7", "context_page_7"),
        ("7", "_7"),
    ],
)
def test_names_are_rudderstacks(given_name: str, name: str) -> None:
    """Words of ASCII letters and digits, in small letters, joined by underscores."""
    assert column_name(given_name) == name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("цена", "цена"),
        ("购买 成功", "购买_成功"),
        ("हिन्दी", "हिन्दी"),
        ("🛒", "u1f6d2"),
        ("@$", "u40_u24"),
        ("_🛒", "_u1f6d2"),
        ("___", "___"),
    ],
)
def test_a_name_without_ascii_is_kept_too(given_name: str, name: str) -> None:
    """RudderStack leaves such values out; here they keep their own letters, or are spelt out."""
    assert (column_name(given_name), table_name(given_name)) == (name, name)


def test_there_is_no_name_for_nothing() -> None:
    """An empty key is no column, an empty event no table."""
    assert (column_name(""), table_name("")) == ("", "")


@pytest.mark.parametrize("word", ["user", "Select", "ORDER", "table"])
def test_reserved_words_get_an_underscore(word: str) -> None:
    """So that nobody has to quote them."""
    assert column_name(word) == table_name(word) == f"_{word.lower()}"


@pytest.mark.parametrize("column", ["xmin", "ctid", "TableOid", "cmax"])
def test_system_columns_get_an_underscore(column: str) -> None:
    """PostgreSQL refuses a second column of such a name; as a table it is free, but for words that differ."""
    assert column_name(column.lower()) == f"_{column.lower()}"


@pytest.mark.parametrize(
    "table", ["Tracks", "pages", "rudder_discards", "Rudder Discards", "users", "identifies"]
)
def test_an_event_never_gets_a_table_of_ours(table: str) -> None:
    """What strangers name events must not reach the tables of all events."""
    assert table_name(table) == f"_{table.lower().replace(' ', '_')}"


def test_long_names_are_cut_between_characters() -> None:
    """At 63 bytes, as PostgreSQL would, but never inside of a character."""
    assert column_name("a" * 300) == "a" * 63
    assert column_name("ж" * 300) == "ж" * 31
    assert len(column_name("🛒" * 300)) <= 63


@given(st.text())
def test_any_text_makes_a_name_that_needs_no_care(text: str) -> None:
    """Within the bytes, without quotes or control characters, and no word of the language."""
    for name in (column_name(text), table_name(text)):
        assert len(name.encode()) <= NAME_BYTES_MAX
        assert name not in RESERVED_WORDS
        assert not any(character.isspace() or character in "\0\"'\\$%;" for character in name)
        assert name or not text
        assert not name[:1].isdecimal()
