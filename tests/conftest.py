"""What a whole session of tests shares."""

from collections.abc import Iterator

import pytest

from support.postgres import PostgresServer
from support.seaweed import SeaweedServer
from support.tansu import Tansu


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real PostgreSQL; each test makes a database of its own in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedServer]:
    """One real object store; each test takes a prefix of its own in it."""
    with SeaweedServer() as server:
        yield server


@pytest.fixture(scope="session")
def tansu() -> Iterator[Tansu]:
    """One real broker of Kafka's protocol; each test takes topics of its own in it."""
    with Tansu() as broker:
        yield broker
