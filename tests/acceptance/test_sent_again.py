"""Dead letters and stored events sent once more: the courier killed in the middle, and the real command."""

import json
import random
import subprocess
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import RetryLetters, StartReplay, Wish
from pixelwire.clock import SystemClock
from pixelwire.deliver.retry import RetryPolicy
from pixelwire.deliver.state import Deliveries
from support.catalogs import make_shop
from support.commands import environment, pixelwire
from support.couriers import courier
from support.events import make_event, record
from support.receiver import Answer, Arrival, Receiver, ReceiverThread
from support.server import COMMAND, Server
from support.waiting import wait_until

EVENTS = 12_000
VISITORS = 100  # few, so that events of one meet often
KILLS = 4
CONCURRENCY = 16
SEED = 20_260_124
WAIT_S = 90.0
PATIENT = RetryPolicy(first_s=0.05, delay_s_max=0.5, probe_first_s=0.05, probe_delay_s_max=0.5)


class Moody:
    """A receiver's answers: refuses every event of a third of the visitors, and fails by chance."""

    def __init__(self) -> None:
        self.is_refusing = True
        self._chance = random.Random(SEED)

    def __call__(self, request: web.Request, body: bytes) -> Answer:
        if self.is_refusing and msgspec.json.decode(body)["properties"]["visitor"] % 3 == 0:
            return web.Response(status=422, text="no such visitor")
        draw = self._chance.random()
        if draw < 0.01:
            return None
        return web.Response(status=503 if draw < 0.03 else 200)


class Store:
    """A shop with a webhook, all events on disk, and what is known of their deliveries."""

    def __init__(self, data_dir: Path, receiver: Receiver) -> None:
        self.data_dir, self.receiver = data_dir, receiver
        shop = make_shop(data_dir)
        options = {"url": receiver.url, "concurrency": CONCURRENCY, "allow_private_addresses": True}
        hook = shop.catalog.create_destination(shop.business.id, "webhook", "hook", options)
        shop.catalog.close()
        self.hook = hook.id
        self.door = Deliveries(data_dir)
        chance = random.Random(SEED)
        for start in range(0, EVENTS, 4_000):
            visitors = [chance.randrange(VISITORS) for _ in range(4_000)]
            record(
                data_dir,
                [
                    make_event(
                        shop.pixel.number,
                        message_id=f"m-{place}",
                        anonymous_id=f"visitor-{visitor}",
                        payload={"properties": {"place": place, "visitor": visitor}},
                    )
                    for place, visitor in enumerate(visitors, start + 1)
                ],
            )

    def order(self, wish: Wish) -> str:
        catalog = Catalog.open(self.data_dir)
        try:
            return catalog.give_order(self.hook, wish).id
        finally:
            catalog.close()

    def is_through(self) -> bool:
        """Every event is sent or dead."""
        return any(one.cursor == EVENTS and not one.parked for one in self.door.summary())

    def letters(self) -> int:
        return self.door.summary()[0].dead

    def kill_at(self, goals: Sequence[int]) -> None:
        """Runs the courier and kills it, each time when the receiver has had so many requests."""
        for goal in goals:
            with courier(self.data_dir, PATIENT) as process:
                wait_until(lambda goal=goal: len(self.receiver.arrivals) >= goal, WAIT_S, "enough for a kill")
                process.kill()


@pytest.fixture
def moody() -> Moody:
    return Moody()


@pytest.fixture
def store(tmp_path: Path, moody: Moody) -> Iterator[Store]:
    with ReceiverThread(moody) as receiver:
        store = Store(tmp_path, receiver)
        yield store
        store.door.close()


def taken(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.status == 200]


def out_of_order(arrivals: Sequence[Arrival]) -> list[int]:
    """Visitors whose events did not come in the order they were recorded; a repeat right away is none."""
    places: dict[int, list[int]] = defaultdict(list)
    for arrival in arrivals:
        properties = msgspec.json.decode(arrival.body)["properties"]
        places[properties["visitor"]].append(properties["place"])
    return [visitor for visitor, found in places.items() if found != sorted(found)]


def test_thousands_of_letters_survive_kills_while_they_are_retried(store: Store, moody: Moody) -> None:
    """Every one arrives, what was under way at a kill at most twice, and each visitor's in order."""
    with courier(store.data_dir, PATIENT):
        wait_until(lambda: store.is_through(), WAIT_S, "all sent or refused")
    dead = store.letters()
    assert dead > EVENTS // 4
    moody.is_refusing = False
    store.receiver.arrivals.clear()
    order = store.order(RetryLetters())
    store.kill_at([dead * kill // (KILLS + 1) for kill in range(KILLS)])
    with courier(store.data_dir, PATIENT):
        wait_until(lambda: not store.door.dead_letters(store.hook, limit=1), WAIT_S, "no letter left")
        wait_until(lambda: store.door.summary()[0].parked == 0, WAIT_S, "nothing waits")
    told = store.door.order(order)
    assert told is not None
    assert (told.events, told.problem) == (dead, "")
    arrived = taken(store.receiver.arrivals)
    counts = Counter(arrival.message_id for arrival in arrived)
    assert len(counts) == dead
    assert counts.total() - dead <= KILLS * CONCURRENCY
    assert out_of_order(arrived) == []
    assert store.door.summary()[0].dead == 0


def test_a_replay_survives_kills(store: Store, moody: Moody) -> None:
    """Exactly its stretch arrives, what was under way at a kill at most twice, in order."""
    moody.is_refusing = False
    with courier(store.data_dir, PATIENT):
        wait_until(lambda: store.is_through(), WAIT_S, "all sent")
    store.receiver.arrivals.clear()
    first, last = EVENTS // 4, EVENTS * 3 // 4
    wish = StartReplay(0, SystemClock().now_ms(), first, last, "")
    replay, queued = store.order(wish), store.order(msgspec.structs.replace(wish, end_seq=first + 99))
    amount = last - first + 1
    store.kill_at([amount * kill // (KILLS + 1) for kill in range(KILLS)])
    with courier(store.data_dir, PATIENT):
        wait_until(lambda: state(store, replay) == "done", WAIT_S, "the replay is done")
        arrived = taken(store.receiver.arrivals[: len(store.receiver.arrivals)])
        wait_until(lambda: state(store, queued) == "done", WAIT_S, "the one behind it is done")
    ids = {f"m-{place}" for place in range(first, last + 1)}
    counts = Counter(arrival.message_id for arrival in taken(store.receiver.arrivals))
    assert set(counts) == ids
    assert 0 <= counts.total() - amount - 100 <= KILLS * CONCURRENCY
    assert out_of_order(arrived[:amount]) == []
    assert store.door.summary()[0].sent_total == EVENTS


def state(store: Store, replay_id: str) -> str:
    found = store.door.replay(store.hook, replay_id)
    return found.state if found else ""


# -- The command -----------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", workers=1) as running:
        yield running


def run(server: Server, *arguments: str) -> Any:
    """The JSON of a command that works."""
    return json.loads(pixelwire(*arguments, "--json", "--data-dir", server.data_dir))


def visit(server: Server, amount: int) -> None:
    for number in range(amount):
        run(server, "send", "page", "--message-id", f"m-{number}")


def test_an_owner_mends_retries_and_drops(server: Server) -> None:
    """From the list to the last letter, while the server runs; the receipt and the metrics tell."""
    gone_wrong = threading.Event()
    gone_wrong.set()

    def decide(request: web.Request, body: bytes) -> Answer:
        return web.Response(status=422 if gone_wrong.is_set() else 200, text="no such field")

    with ReceiverThread(decide) as receiver:
        given = ("--option", f"url={receiver.url}", "--option", "allow_private_addresses=true")
        run(server, "destination", "create", "webhook", "Hook", *given)
        visit(server, 3)
        wait_until(lambda: len(run(server, "dead-letter", "list", "Hook")) == 3, WAIT_S, "all refused")
        first, second, _ = run(server, "dead-letter", "list", "Hook", "--reason", "no such field")
        shown = run(server, "dead-letter", "show", "Hook", str(first["number"]))
        assert (shown["payload"]["messageId"], shown["attempts"]) == ("m-0", 1)
        gone_wrong.clear()
        assert run(server, "dead-letter", "drop", "Hook", str(second["number"]), "--yes")["letters"] == 1
        wait_until(lambda: len(run(server, "dead-letter", "list", "Hook")) == 2, WAIT_S, "one dropped")
        assert run(server, "dead-letter", "retry", "Hook", "--all")["letters"] == 2
        wait_until(lambda: not run(server, "dead-letter", "list", "Hook"), WAIT_S, "the others arrived")
        taken_ids = [arrival.message_id for arrival in taken(receiver.arrivals)]
    assert sorted(taken_ids) == ["m-0", "m-2"]
    deliveries = [receipt["deliveries"][0] for receipt in map(server.receipt, ("m-0", "m-1")) if receipt]
    assert [(delivery["state"], delivery["attempts"]) for delivery in deliveries] == [
        ("sent", 2),
        ("dead", 1),
    ]
    (row,) = run(server, "destination", "list")
    assert (row["state"], row["dead"], row["sent"]) == ("running", 0, 2)


def test_a_replay_is_followed_over_a_restart_of_everything(server: Server) -> None:
    """Counted, started, watched by a command that goes on while the server is away, and done once."""
    with ReceiverThread() as receiver:
        given = ("--option", f"url={receiver.url}", "--option", "allow_private_addresses=true")
        run(server, "destination", "create", "webhook", "Hook", *given, "--option", "concurrency=1")
        visit(server, 5)
        wait_until(lambda: len(receiver.arrivals) == 5, WAIT_S, "all sent")
        assert run(server, "replay", "start", "Hook", "--from", "2020-01-01", "--dry-run")["events"] == 5
        receiver.arrivals.clear()
        receiver.silent_for = b'"m-2"'
        watching = subprocess.Popen(
            [
                *(COMMAND, "replay", "start", "Hook", "--from", "2020-01-01", "--follow", "--json"),
                *("--data-dir", str(server.data_dir)),
            ],
            stdout=subprocess.PIPE,
            env=environment(),
        )
        wait_until(lambda: len(receiver.arrivals) == 2, WAIT_S, "it hangs at the third")
        server.kill_group()
        receiver.silent_for = b""
        assert watching.poll() is None
        server.start()
        out, _ = watching.communicate(timeout=WAIT_S)
        assert watching.returncode == 0
        done = json.loads(out)
        ids = Counter(arrival.message_id for arrival in receiver.arrivals)
    assert (done["state"], done["sent"], done["progress"]) == ("done", 5, 1.0)
    assert set(ids) == {f"m-{number}" for number in range(5)}
    assert ids.total() <= 5 + 1 + 1  # one was under way at the kill, and one answered when its hanging ended
    receipt = server.receipt("m-4")
    assert receipt is not None
    [delivery] = receipt["deliveries"]
    assert [replay["replay_id"] for replay in delivery["replays"]] == [done["id"]]
