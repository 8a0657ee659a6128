"""psycopg's errors as ours."""

import psycopg
import pytest

from pixelwire.destinations.base import Misconfigured, Refused, Unreachable
from pixelwire.destinations.postgres.errors import CERTAIN_S, one_line, translate


def error(state: str) -> psycopg.Error:
    return psycopg.errors.lookup(state)("what the server says")


@pytest.mark.parametrize(
    "state",
    [
        "08006",  # connection_failure
        "25006",  # read_only_sql_transaction: a standby
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53100",  # disk_full
        "53200",  # out_of_memory
        "53300",  # too_many_connections
        "55P03",  # lock_not_available
        "57014",  # query_canceled: its time was up
        "57P01",  # admin_shutdown
        "57P03",  # cannot_connect_now
        "58030",  # io_error
        "XX000",  # internal_error
        "42P07",  # duplicate_table: somebody was faster
    ],
)
def test_what_may_pass_is_tried_again_as_a_batch(state: str) -> None:
    """A repeat is harmless: it finds the rows that are there."""
    assert isinstance(translate(error(state)), Unreachable)


@pytest.mark.parametrize(
    "state",
    [
        "28P01",  # invalid_password
        "28000",  # invalid_authorization_specification
        "3D000",  # invalid_catalog_name: no such database
        "42501",  # insufficient_privilege
        "0A000",  # feature_not_supported
    ],
)
def test_what_the_owner_must_correct_pauses(state: str) -> None:
    """With what to do."""
    found = translate(error(state), looked_s_ago=1_000)
    assert isinstance(found, Misconfigured)
    assert found.hint.endswith("then resume the destination")


@pytest.mark.parametrize("state", ["22P02", "22003", "22P05", "23514", "23502", "54000", "P0001"])
def test_what_one_row_causes_is_refused(state: str) -> None:
    """The engine finds out which by halves. The text names the error, not the value."""
    found = translate(error(state), looked_s_ago=CERTAIN_S)
    assert isinstance(found, Refused)
    assert "what the server says" not in str(found)
    assert state in str(found)


@pytest.mark.parametrize("state", ["22P02", "23514", "54000"])
def test_it_may_be_the_tables_that_changed(state: str) -> None:
    """Then they are looked at anew first."""
    assert isinstance(translate(error(state), looked_s_ago=CERTAIN_S + 1), Unreachable)


@pytest.mark.parametrize("state", ["42P01", "42703", "42804"])
def test_tables_that_are_other_than_a_moment_ago_pause_only_when_just_looked_at(state: str) -> None:
    """Somebody dropped or altered them: the next attempt sees how they are now."""
    assert isinstance(translate(error(state), looked_s_ago=0.1), Unreachable)
    assert isinstance(translate(error(state)), Misconfigured)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('FATAL:  password authentication failed for user "x"', "password"),
        ("fe_sendauth: no password supplied", "password"),
        ('FATAL:  role "x" does not exist', "user"),
        ('FATAL:  database "x" does not exist', "database"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "x", database "y"', "pg_hba"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ("SSL error: certificate verify failed", "ca_file"),
        ('server certificate for "a" does not match host name "b"', "host"),
    ],
)
def test_before_there_is_a_session_the_words_decide(text: str, word: str) -> None:
    """libpq hands no SQLSTATE out by then."""
    found = translate(psycopg.OperationalError(f"connection failed: {text}"))
    assert isinstance(found, Misconfigured)
    assert word in found.hint


@pytest.mark.parametrize(
    "text",
    [
        "Connection refused",
        "FATAL:  sorry, too many clients already",
        "FATAL:  Datenbank „x“ existiert nicht",
        "",
    ],
)
def test_unknown_words_are_tried_again(text: str) -> None:
    """Nothing is lost by it, and the owner reads them."""
    found = translate(psycopg.OperationalError(text))
    assert isinstance(found, Unreachable)
    assert found.text


def test_a_reason_is_one_short_line() -> None:
    """libpq adds advice on further lines."""
    text = "connection failed: connection to server failed: Connection refused\n\tIs the server running?\n"
    assert one_line(text) == "connection to server failed: Connection refused"
    assert len(one_line("x" * 10_000)) <= 240
