"""What lies in a store after sends that went well, badly, or unheard: on S3 and in a folder."""

import asyncio
import gzip
import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet
import pytest

from pixelwire.clock import SystemClock
from pixelwire.destinations import registry
from pixelwire.destinations.base import (
    Batch,
    Destination,
    Item,
    Misconfigured,
    Sent,
    Surroundings,
    Unreachable,
)
from pixelwire.destinations.object_store.destination import TURNS_MAX
from pixelwire.testing.check_destination import make_item
from support.seaweed import BUCKET, READER, WRITER, SeaweedServer, lines
from support.tcp_proxy import TcpProxy

DAY_MS = 86_400_000


class Place:
    """Somewhere to put files, and a look at what lies there."""

    def __init__(self, options: dict[str, Any], look: Callable[[], dict[str, bytes]]) -> None:
        self.options = options
        self.files = look  # content by key, in the order of the keys

    def held(self) -> list[list[str]]:
        """The message ids of each file."""
        return [ids(content) for content in self.files().values()]

    def use(self, use: Callable[[Destination], Awaitable[None]], **changes: Any) -> None:
        """Opens a destination for `use`, as a courier that was started anew would."""

        async def run() -> None:
            built, _ = registry.build("object_store", self.options | changes, Surroundings(SystemClock()))
            try:
                await built.open()
                await use(built)
            finally:
                await built.close()

        asyncio.run(run())

    def send(self, items: Sequence[Item], **changes: Any) -> None:
        """As a courier that was started anew would: it remembers nothing."""
        self.use(lambda destination: sent(destination, items), **changes)


@pytest.fixture(params=["s3", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return make_place(request, tmp_path, request.param)


def make_place(request: pytest.FixtureRequest, tmp_path: Path, kind: str = "s3") -> Place:
    if kind == "s3":
        seaweed: SeaweedServer = request.getfixturevalue("seaweed")
        return s3_place(seaweed, request.node.name)
    return Place({"url": tmp_path.as_uri()}, lambda: folder_files(tmp_path))


def s3_place(seaweed: SeaweedServer, name: str) -> Place:
    prefix = f"files/{name.replace('[', '-').strip(']')}"
    options = {
        "url": f"s3://{BUCKET}/{prefix}",
        "endpoint": seaweed.endpoint,
        "credentials": seaweed.credentials(WRITER),
        "allow_private_addresses": True,
        "timeout_s": 5,
    }
    return Place(options, lambda: seaweed.files(prefix))


def folder_files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def ids(content: bytes) -> list[str]:
    if content.startswith(b"PAR1"):
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        return [str(one) for one in table.column("message_id").to_pylist()]
    return [line["messageId"] for line in lines(content)]


def some(*seqs: int, **changes: Any) -> list[Item]:
    return [msgspec.structs.replace(make_item(seq), **changes) for seq in seqs]


def names(*seqs: int) -> list[str]:
    return [f"message-{seq}" for seq in seqs]


async def sent(destination: Destination, items: Sequence[Item]) -> None:
    assert (await destination.send(Batch(items))).results == [Sent()] * len(items)


# -- What a send leaves --------------------------------------------------------------------------------


def test_a_batch_is_a_file_of_lines(place: Place) -> None:
    """Each the payload, under RudderStack's key."""
    place.send(some(1, 2, 3))
    [(key, content)] = place.files().items()
    assert gzip.decompress(content).splitlines() == [item.payload for item in some(1, 2, 3)]
    assert key.startswith(f"rudder-logs/{'0' * 32}/2023-11-14/1700000000.")
    assert key.endswith("00001.json.gz")


def test_a_batch_is_a_parquet_file(place: Place) -> None:
    """In Hive's partitions, if its owner likes."""
    place.send(some(1, 2), format="parquet", layout="hive")
    [(key, content)] = place.files().items()
    assert key.startswith(f"pixel={'0' * 32}/date=2023-11-14/hour=22/")
    assert key.endswith(".parquet")
    assert ids(content) == names(1, 2)


def test_each_pixel_and_day_has_its_own_file(place: Place) -> None:
    """By the time the event was received, in UTC."""
    tomorrow = make_item(0).received_ms + DAY_MS
    place.send(some(1, 4) + some(2, 5, pixel_id="1" * 32) + some(3, received_ms=tomorrow))
    assert sorted(place.held()) == [names(1, 4), names(2, 5), names(3)]


def test_a_check_leaves_nothing(place: Place) -> None:
    """And passes again."""
    place.use(lambda destination: destination.check())
    place.use(lambda destination: destination.check())
    assert place.files() == {}


# -- What a kill leaves: the files are there, nobody noted it, and the batch is cut elsewhere -------------


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ([[1, 2, 3, 4]], [[1, 2, 3, 4]]),
        ([[1, 2], [3, 4]], [[1, 2, 3, 4]]),
        ([[1], [2], [3, 4, 5], [6]], [[1, 2, 3, 4], [5], [6]]),
        ([[1, 2, 3, 4, 5, 6]], [[1, 2, 3, 4], [5, 6]]),
        ([[1, 3], [5]], [[1, 2, 3, 4], [5]]),
    ],
)
def test_events_that_come_again_make_no_second_copy(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    form: str,
    again: list[list[int]],
    expected: list[list[int]],
) -> None:
    """However the batches are cut after the kill; what is new goes into further files."""
    for kind in ("s3", "folder"):
        place = make_place(request, tmp_path, kind)
        place.send(some(1, 2, 3, 4), format=form)

        async def repeat(destination: Destination) -> None:
            for seqs in again:
                await sent(destination, some(*seqs))

        place.use(repeat, format=form)
        assert place.held() == [names(*seqs) for seqs in expected]


def test_kills_may_follow_each_other(place: Place) -> None:
    """A larger batch each time, and none of them noted."""
    for seqs in ((1, 2), (1, 2, 3), (1, 2, 3, 4, 5), (1, 2, 3, 4, 5)):
        place.send(some(*seqs))
    assert place.held() == [names(1, 2), names(3), names(4, 5)]


def test_a_replay_has_files_of_its_own(place: Place) -> None:
    """The events are sent once more because their owner wants it; its repeat is none."""
    place.send(some(1, 2))
    for _ in range(2):
        place.send(some(1, 2, replay="r-1"))
    assert place.held() == [names(1, 2), names(1, 2)]


def test_a_name_that_is_taken_by_other_events_has_a_second_one(place: Place) -> None:
    """As after a restored backup, where the same numbers are given again; a repeat finds its own."""
    place.send([make_item(1, message_id="of-another-history")])
    for _ in range(2):
        place.send(some(1, 2))
    assert sorted(place.held()) == [names(1, 2), ["of-another-history"]]


def test_a_file_that_is_none_of_ours_is_let_be(tmp_path: Path) -> None:
    """Torn or strange: it stays, and the events have their own."""
    place = Place({"url": tmp_path.as_uri()}, lambda: folder_files(tmp_path))
    place.send(some(1))
    [key] = place.files()
    (tmp_path / key).write_bytes(b"torn")
    place.send(some(1))
    other = key.replace(".json.gz", "-1.json.gz")
    assert set(place.files()) == {key, other}
    assert ids(place.files()[other]) == names(1)


def test_two_servers_in_one_place_are_told(tmp_path: Path) -> None:
    """Before every name is tried."""
    place = Place({"url": tmp_path.as_uri()}, lambda: folder_files(tmp_path))
    for turn in range(TURNS_MAX + 1):
        place.send([make_item(1, message_id=f"other-{turn}")])
    with pytest.raises(Misconfigured, match="a prefix of its own"):
        place.send(some(1))


# -- What goes wrong -------------------------------------------------------------------------------------


def test_an_unheard_put_is_found_by_the_next_send(
    request: pytest.FixtureRequest, seaweed: SeaweedServer
) -> None:
    """The answer is lost, the file is there; a probe and the rest of the batch find it so."""
    with TcpProxy(seaweed.port) as proxy:
        place = s3_place(seaweed, request.node.name)
        place.options |= {"endpoint": f"http://127.0.0.1:{proxy.port}", "timeout_s": 0.5}

        async def use(destination: Destination) -> None:
            await destination.check()
            proxy.silence()
            with pytest.raises(Unreachable, match="no answer in time"):
                await destination.send(Batch(some(1, 2, 3)))
            proxy.cut()  # what it held back is lost: in its stead, the same put arrives now
            await asyncio.to_thread(s3_place(seaweed, request.node.name).send, some(1, 2, 3))
            proxy.resume()
            await sent(destination, some(1))
            await sent(destination, some(2, 3, 4))

        place.use(use)
        assert place.held() == [names(1, 2, 3), names(4)]


def test_one_files_failure_is_the_batchs(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The files that were put are found again by the repeat."""
    place = Place({"url": tmp_path.as_uri()}, lambda: folder_files(tmp_path))
    blocked = tmp_path / "rudder-logs" / ("1" * 32)
    blocked.parent.mkdir()
    blocked.write_bytes(b"a file where a folder must be")
    batch = some(1, 3) + some(2, pixel_id="1" * 32)

    async def use(destination: Destination) -> None:
        with pytest.raises(Misconfigured, match="File exists"):
            await destination.send(Batch(batch))
        blocked.unlink()
        await sent(destination, batch)

    place.use(use)
    assert place.held() == [names(1, 3), names(2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "s3://no-such-bucket/x"}, r"bucket no-such-bucket, x/.*no such bucket \(404 NoSuchBucket\)"),
        (
            {"credentials": {"access_key_id": WRITER, "secret_access_key": "hunter2-hunter2"}},
            r"access was refused \(403 SignatureDoesNotMatch\) \(correct the credentials",
        ),
        (
            {"credentials": {"access_key_id": "NOBODY", "secret_access_key": "hunter2-hunter2"}},
            r"403 InvalidAccessKeyId\) \(correct the credentials",
        ),
    ],
)
def test_what_its_owner_must_mend_is_told(
    request: pytest.FixtureRequest, seaweed: SeaweedServer, changes: dict[str, Any], words: str
) -> None:
    """With the bucket and the remedy, by the check and by a send; without the secret."""
    place = s3_place(seaweed, "mend")
    place.options["credentials"] = seaweed.credentials()

    async def use(destination: Destination) -> None:
        for attempt in (destination.check(), destination.send(Batch(some(1)))):
            with pytest.raises(Misconfigured, match=words) as raised:
                await attempt
            assert "hunter2" not in str(raised.value)

    place.use(use, **changes)


def test_who_may_not_put_is_told(request: pytest.FixtureRequest, seaweed: SeaweedServer) -> None:
    """And what must be allowed."""
    place = s3_place(seaweed, "read-only")
    with pytest.raises(
        Misconfigured,
        match=r"403 AccessDenied\) \(look at its name, allow these credentials to put and to get",
    ):
        place.send(some(1), credentials=seaweed.credentials(READER))


def test_an_endpoint_in_a_private_network_is_refused(seaweed: SeaweedServer) -> None:
    """On the address that it leads to, unless the operator allows it; plain HTTP is never let out."""
    place = s3_place(seaweed, "private")
    for host in ("127.0.0.1", "localhost"):
        guarded = {"allow_private_addresses": False, "endpoint": f"https://{host}:{seaweed.port}"}
        with pytest.raises(Misconfigured, match=r"is a private address .*allow_private_addresses"):
            place.send(some(1), **guarded)
    with pytest.raises(Misconfigured, match="for private networks only"):
        place.send(some(1), allow_private_addresses=False)
