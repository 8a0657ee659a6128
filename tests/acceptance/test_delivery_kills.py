"""Each destination before a real server that fails in every way it can, the courier's own process killed
again and again: every event arrives, repeats are few, and the order of every visitor holds.
"""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from support import ordeal_stores as stores
from support import ordeal_targets as targets
from support.ordeal import Ordeal, Target, out_of_order

SEED = 20_260_123


class Size(NamedTuple):
    events: int
    kills: int
    batch: int


SHORT = Size(events=10_000, kills=5, batch=200)
LONG = Size(events=100_000, kills=10, batch=1_000)

Prove = Callable[[str, Size], None]


@pytest.fixture
def prove(tmp_path: Path, request: pytest.FixtureRequest) -> Prove:
    """Puts one to the ordeal; the account of it is printed."""

    def run(name: str, size: Size) -> None:
        chance = random.Random(SEED)
        server = request.getfixturevalue
        makers: dict[str, Callable[[], AbstractContextManager[Target]]] = {
            "webhook": lambda: targets.webhook(chance),
            "s3": lambda: stores.s3(server("seaweed"), f"ordeal/{size.events}", size.batch, chance),
            "folder": lambda: stores.folder(tmp_path / "folder", size.batch),
            "postgres": lambda: stores.postgres(server("postgres"), size.batch, chance),
            "kafka": lambda: targets.kafka(size.batch, chance),
            "busy kafka": lambda: targets.busy_kafka(size.batch, chance),
        }
        data_dir = tmp_path / "data"
        data_dir.mkdir(mode=0o700)
        with makers[name]() as target:
            account = Ordeal(data_dir, target, events=size.events, kills=size.kills, seed=SEED).run()
            print(account.text)
            assert {copy.place for copy in account.copies} == set(range(size.events))
            assert account.repeats <= account.repeats_max
            at_once = target.repeats_come_at_once
            assert out_of_order(account.copies, repeats_come_at_once=at_once, but=target.refused) == []

    return run


@pytest.mark.parametrize("name", ["webhook", "s3", "folder", "postgres", "kafka"])
def test_every_event_arrives_whatever_fails(name: str, prove: Prove) -> None:
    """10,000 events, 5 kills, and each trouble that the target can have."""
    prove(name, SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["webhook", "s3", "folder", "postgres", "kafka", "busy kafka"])
def test_a_hundred_thousand_events_arrive_whatever_fails(name: str, prove: Prove) -> None:
    """100,000 events, 10 kills, and each trouble that the target can have."""
    prove(name, LONG)
