"""The contract of destinations, kept by the file, and what is the file's own."""

import asyncio
import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest
from pixelwire_line_file import SPEC, LineFileOptions, line

from pixelwire.clock import SystemClock
from pixelwire.destinations.base import Batch, BatchResult, Misconfigured, Surroundings, Unreachable
from pixelwire.testing.check_destination import CHECKS, Behaviour, Trial, check_destination, make_item

# A file refuses no event, and a disk that hangs can not be had in a test.
NOT_OF_A_FILE = {"refused_is_given_up", "silence_has_an_end", "a_send_can_be_cancelled"}


class Folder:
    """The other side: a folder that can vanish, hold something else in the file's place, or be locked."""

    def __init__(self, root: Path) -> None:
        self.place, self._away = root / "events", root / "away"
        self.path = self.place / "events.ndjson"
        self._lock: IO[bytes] | None = None
        self.place.mkdir()

    async def behave(self, behaviour: Behaviour) -> None:
        self._restore()
        match behaviour:
            case Behaviour.IS_GONE:
                self.place.rename(self._away)
            case Behaviour.IS_BUSY:
                self._lock = self.path.open("ab")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            case Behaviour.LOCKS_OUT:
                self.place.rename(self._away)
                self.path.mkdir(parents=True)
            case Behaviour.TAKES:
                pass
            case _:
                raise NotImplementedError

    async def received(self) -> Sequence[str]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return [msgspec.json.decode(one)["message_id"] for one in lines]

    def _restore(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self.path.is_dir():
            self.path.rmdir()
            self.place.rmdir()
        if self._away.exists():
            self._away.rename(self.place)


def send(path: Path, *seqs: int) -> BatchResult:
    destination = SPEC.build(LineFileOptions(path=str(path)), Surroundings(SystemClock()))
    return asyncio.run(destination.send(Batch([make_item(seq) for seq in seqs])))


def lines_of(*seqs: int) -> bytes:
    return b"".join(line(make_item(seq)) for seq in seqs)


def test_the_contract_is_kept(tmp_path: Path) -> None:
    """Every check of Pixelwire's that a file can be put to."""
    folder = Folder(tmp_path)
    passed = asyncio.run(check_destination(Trial(SPEC, {"path": str(folder.path)}, folder)))
    assert set(passed) == {check.__name__ for check in CHECKS} - NOT_OF_A_FILE


def test_each_event_is_a_line(tmp_path: Path) -> None:
    """In the batch's order, with what tells a repeat."""
    send(tmp_path / "file", 1, 2)
    send(tmp_path / "file", 3)
    assert (tmp_path / "file").read_bytes() == lines_of(1, 2, 3)
    first = msgspec.json.decode(lines_of(1))
    assert (first["message_id"], first["payload"]["event"]) == ("message-1", "Clicked")


def test_half_a_line_is_ended(tmp_path: Path) -> None:
    """What a power cut left of a line spoils no other line, and nothing of it is taken away."""
    (tmp_path / "file").write_bytes(lines_of(1) + b'{"message_id":"mess')
    send(tmp_path / "file", 2)
    assert (tmp_path / "file").read_bytes() == lines_of(1) + b'{"message_id":"mess\n' + lines_of(2)


def test_a_file_that_was_renamed_is_left_alone(tmp_path: Path) -> None:
    """Rotation needs no signal: the next batch begins a new file."""
    send(tmp_path / "file", 1)
    (tmp_path / "file").rename(tmp_path / "file.1")
    send(tmp_path / "file", 2)
    assert (tmp_path / "file.1").read_bytes() == lines_of(1)
    assert (tmp_path / "file").read_bytes() == lines_of(2)


def test_a_device_is_no_file() -> None:
    """What keeps nothing must not confirm anything; its owner is told."""
    with pytest.raises(Misconfigured, match="/dev/full is not a file"):
        send(Path("/dev/full"), 1)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the folder must not choose another file of the machine."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Misconfigured, match="correct `path`"):
        send(tmp_path / "link", 1)


def test_a_file_in_use_is_waited_for(tmp_path: Path) -> None:
    """Another writer, or a write of our own that was given up: never two at a time."""
    with (tmp_path / "file").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unreachable, match="somebody else is writing to it"):
            send(tmp_path / "file", 1)


def test_a_path_begins_at_the_root() -> None:
    """The server's working directory is nobody's choice."""
    assert LineFileOptions(path="events").problems() == ["path: must begin with /"]


def test_a_reader_finds_each_event_once(tmp_path: Path) -> None:
    """The reader of the README passes by what came twice and what a power cut left."""
    (tmp_path / "file").write_bytes(lines_of(1, 2) + b'{"message_id":"mess')
    send(tmp_path / "file", 2, 3)
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    names: dict[str, Any] = {}
    exec(readme.split("```python\n")[1].split("```")[0], names)
    found = list(names["events"](tmp_path / "file"))
    assert [event["messageId"] for event in found] == ["message-1", "message-2", "message-3"]
