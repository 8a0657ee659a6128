"""What an owner may say about a PostgreSQL destination."""

import subprocess
import sys
from typing import Any

import pytest

from pixelwire.destinations import registry
from pixelwire.destinations.base import Misconfigured, Surroundings
from pixelwire.errors import InvalidFields
from pixelwire.testing.manual_clock import ManualClock

GOOD = {"host": "db.example", "database": "analytics", "user": "pixelwire"}


def problems(**options: Any) -> list[str]:
    with pytest.raises(InvalidFields) as raised:
        registry.validate("postgres", {**GOOD, **options})
    return raised.value.problems


def test_host_database_and_user_are_enough() -> None:
    """A server may let a role in without a password."""
    registry.validate("postgres", GOOD)


@pytest.mark.parametrize(
    "host", ["/var/run/postgresql", "a,b", "user@db", "postgres://db", "two words", "db\n", "db\0"]
)
def test_a_host_is_one_name_or_address(host: str) -> None:
    """No socket of this machine, no list that libpq would walk, no URL."""
    assert any(problem.startswith("host: ") for problem in problems(host=host))


@pytest.mark.parametrize("schema", ["", "Analytics", "a-b", 'a"b', "a%b", "pg_temp", "1a", "a" * 64, "ж"])
def test_a_schema_is_a_plain_name(schema: str) -> None:
    """People type it, and pg_ is PostgreSQL's own."""
    assert problems(schema=schema)[0].startswith("schema: ")


def test_a_batch_is_bounded() -> None:
    """By events, by bytes and by time, and several items of an identity may be in one."""
    _, limits = registry.build("postgres", GOOD, Surroundings(ManualClock()))
    assert (limits.concurrency, limits.events_max, limits.bytes_max) == (1, 5_000, 16_777_216)
    assert (limits.linger_s, limits.keeps_order) == (1.0, True)


def test_files_and_private_addresses_are_the_operators() -> None:
    """A business's token reaches neither the server's files nor its network."""
    options = {**GOOD, "ca_file": "/etc/ssl/certs/db.pem", "allow_private_addresses": True}
    assert registry.operator_only("postgres", options) == ["ca_file", "allow_private_addresses"]


def test_checking_options_loads_no_client() -> None:
    """The library is loaded when a destination is built."""
    program = (
        "import sys; from pixelwire.destinations import registry;"
        f"registry.validate('postgres', {GOOD!r}); sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_missing_library_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Misconfigured, match=r'pip install "pixelwire\[postgres\]"'):
        registry.build("postgres", GOOD, Surroundings(ManualClock()))
