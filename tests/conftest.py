"""What a whole session of tests shares."""

from collections.abc import Iterator

import pytest

from support.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real PostgreSQL; each test makes a database of its own in it."""
    with PostgresServer() as server:
        yield server
