"""Values and the types of columns."""

from typing import Any

import pytest

from pixelwire.destinations.postgres.fitting import ROW_BYTES_MAX, columns_of_any_value, fit, new_type

TIME = "timestamp with time zone"


def fitted(value: Any, kind: str) -> Any:
    """The value as the column takes it; the reason where it does not."""
    columns = {"a": kind}
    row, misfits = fit({"a": value}, columns, columns_of_any_value(columns), "no such column")
    return row["a"] if "a" in row else misfits[0][1]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a"], "text"),
        ([1, 2], "bigint"),
        ([1.5], "double precision"),
        ([1, 1.5], "double precision"),
        ([True, False], "boolean"),
        ([True, 1], "text"),
        ([1, "a"], "text"),
        ([["a"]], "text"),
        ([{"a": 1}], "text"),
        ([2**63 - 1, -(2**63)], "bigint"),
        ([2**63], "text"),
    ],
)
def test_a_new_column_has_the_type_of_its_values(values: list[Any], kind: str) -> None:
    """Of those of the batch that made it necessary; mixed ones are text."""
    assert new_type(values) == kind


@pytest.mark.parametrize(
    ("value", "kind", "taken"),
    [
        ("a", "text", "a"),
        (1, "bigint", 1),
        (9.0, "bigint", 9),
        (2**31 - 1, "integer", 2**31 - 1),
        (-(2**15), "smallint", -(2**15)),
        (1, "double precision", 1),
        (1.5, "double precision", 1.5),
        (2**80, "numeric", 2**80),
        (True, "boolean", True),
        ("2026-01-23T04:56:07+01:00", TIME, "2026-01-23T03:56:07+00:00"),
        ("2026-01-23", "timestamp without time zone", "2026-01-23T00:00:00+00:00"),
        (["a"], "jsonb", ["a"]),
        ("a", "json", "a"),
    ],
)
def test_what_fits_is_taken_whole(value: Any, kind: str, taken: Any) -> None:
    """As the value the column's type has."""
    assert fitted(value, kind) == taken
    assert type(fitted(value, kind)) is type(taken)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("5", "bigint"),
        (1.5, "bigint"),
        (2**63, "bigint"),
        (True, "bigint"),
        (2**31, "integer"),
        (2**15, "smallint"),
        (2**53 + 1, "double precision"),
        ("1.5", "double precision"),
        (True, "double precision"),
        (True, "numeric"),
        (1, "boolean"),
        ("true", "boolean"),
        ("soon", TIME),
        (5, TIME),
        ("a\0b", "jsonb"),
        (["\ud800"], "jsonb"),
    ],
)
def test_what_would_have_to_be_guessed_at_or_rounded_does_not_fit(value: Any, kind: str) -> None:
    """It is discarded, and the reason names the type."""
    assert fitted(value, kind) == f"it does not fit the column's type {kind}"


@pytest.mark.parametrize("kind", ["uuid", "character varying(5)", "public.mood", "text[]", ""])
def test_other_types_are_never_written(kind: str) -> None:
    """What they take is not known here, and one refusal would cost the whole batch."""
    assert "has a type that is not written" in fitted("a", kind)


@pytest.mark.parametrize("value", [1, 1.5, True, ["a"]])
def test_a_column_of_texts_takes_everything(value: Any) -> None:
    """As the text that it has in JSON, which PostgreSQL makes of it."""
    assert fitted(value, "text") == value


def test_a_value_without_a_column_has_the_reason_given() -> None:
    """Whoever knows the tables knows why."""
    assert fit({"a": 1}, {}, frozenset(), "so it is") == ({}, [("a", "so it is")])


def test_a_row_never_outgrows_a_page() -> None:
    """PostgreSQL moves long texts out of the row, but each leaves something in it, and short ones stay."""
    row = {f"c{number}": "x" * (number % 60) for number in range(1_000)}
    columns = dict.fromkeys(row, "text")
    kept, misfits = fit(row, columns, columns_of_any_value(columns), "")
    assert 300 < len(kept) < 600
    assert len(kept) + len(misfits) == 1_000
    assert {reason for _, reason in misfits} == {"the row is full"}
    assert sum(min(len(text) + 1, 24) for text in kept.values()) <= ROW_BYTES_MAX


def test_many_small_values_fit_into_one_row() -> None:
    """It is bytes that count."""
    row = {f"c{number}": "abc" for number in range(1_000)}
    columns = dict.fromkeys(row, "text")
    assert fit(row, columns, columns_of_any_value(columns), "") == (row, [])
