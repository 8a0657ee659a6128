"""A disk whose power can be cut: what was not synced may be there, may not, or in part. Knows no SQLite.

The files themselves lie in a directory (what running programs see). Beside each of them the disk keeps
what a sync has confirmed, and the changes since; a cut writes a new directory with what survived.
Harsher than real disks on purpose: changes of one file survive in any subset and any order, sectors of
one write apart, and a name in a directory counts only after a sync of that directory.
"""

import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECTOR_BYTES = 512
VOLATILE = ("-shm", ".lock")  # shared memory and locks mean nothing after a restart


class Change(NamedTuple):
    """A write, or, with no data, a new length."""

    offset: int
    data: bytes | None

    def apply(self, content: bytearray, filler: random.Random | None = None) -> None:
        if self.data is None:
            del content[self.offset :]
        gap = self.offset - len(content)
        if gap > 0:  # never written: zeros, or whatever lay on the disk before
            content += filler.randbytes(gap) if filler else bytes(gap)
        if self.data is not None:
            content[self.offset : self.offset + len(self.data)] = self.data


@dataclass(eq=False)
class Node:
    """One file: what is surely on the disk, and what was changed since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            change.apply(self.durable)
        self.pending.clear()

    def fail_sync(self) -> None:
        """As the kernel does it: what could not be written is forgotten, though programs still read it, and
        the next sync succeeds."""
        self.pending.clear()

    def survive(self, chance: random.Random) -> bytes:
        content = bytearray(self.durable)
        filler = chance if chance.random() < 0.3 else None
        for change in _surviving(self.pending, chance):
            change.apply(content, filler)
        return bytes(content)


def _surviving(pending: list[Change], chance: random.Random) -> list[Change]:
    """One of the ways in which unsynced changes may have reached the disk."""
    way = chance.randrange(6)
    if way == 0 or not pending:
        return []
    if way == 1:
        return list(pending)
    if way == 2:  # in order, the last one torn in its middle
        count = chance.randrange(len(pending))
        return [*pending[:count], _torn(pending[count], chance)]
    if way == 3:  # any of them, in order
        return [change for change in pending if chance.random() < 0.5]
    pieces = [piece for change in pending for piece in _sectors(change)]
    kept = [piece for piece in pieces if chance.random() < chance.choice((0.2, 0.8))]
    if way == 4:  # any sector of any of them, in any order
        chance.shuffle(kept)
        return kept
    return [_torn(piece, chance) if chance.random() < 0.2 else piece for piece in kept]


def _torn(change: Change, chance: random.Random) -> Change:
    if change.data is None:
        return change
    return Change(change.offset, change.data[: chance.randint(0, len(change.data))])


def _sectors(change: Change) -> Iterator[Change]:
    if change.data is None:
        yield change
        return
    at = 0
    while at < len(change.data):
        end = at + SECTOR_BYTES - (change.offset + at) % SECTOR_BYTES
        yield Change(change.offset + at, change.data[at:end])
        at = end


class CutAt(NamedTuple):
    """The power goes off during this operation, or during this sync: the first is 1, 0 is never. Or this
    sync fails, and the power stays on."""

    operation: int = 0
    sync: int = 0
    failing_sync: int = 0


NEVER = CutAt()


class PowerIsOff(Exception):
    """The power was cut: nothing works until the disk is started again."""


class Disk:
    """A directory with a power switch. Whoever changes it from several threads holds `lock` meanwhile.

    `cut_at` counts from the start, or from `expect`.
    """

    def __init__(self, root: Path, *, cut_at: CutAt = NEVER) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.operations = 0
        self.syncs = 0
        self.is_off = False
        self.lock = threading.RLock()
        self.cut_at = cut_at
        self._nodes = {path: Node(bytearray(path.read_bytes())) for path in self._files()}
        self._durable_names = dict(self._nodes)
        self._durable_directories = {self.root, *self._directories()}

    def expect(self, cut_at: CutAt) -> None:
        """Goes on as it is, towards another cut."""
        if not self.is_off:
            self.operations = self.syncs = 0
            self.cut_at = cut_at

    def settle(self) -> None:
        """Half a minute passes: the system writes everything back by itself."""
        with self.lock:
            for node in self._nodes.values():
                node.sync()
            for directory in [self.root, *self._directories()]:
                self.directory_synced(directory)

    def operate(self, *, is_sync: bool = False) -> bool:
        """Counts an operation. True: the power goes off during this one."""
        self.check()
        self.operations += 1
        self.syncs += is_sync
        self.is_off = self.operations == self.cut_at.operation or (is_sync and self.syncs == self.cut_at.sync)
        return self.is_off

    @property
    def is_sync_failing(self) -> bool:
        """Whether the sync that was counted last is the one that fails."""
        return self.syncs == self.cut_at.failing_sync

    @property
    def has_sync_failed(self) -> bool:
        return 0 < self.cut_at.failing_sync <= self.syncs

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """Nothing changes the disk meanwhile: who tries is refused as if the power were off."""
        was_off, self.is_off = self.is_off, True
        try:
            yield
        finally:
            self.is_off = was_off

    def check(self) -> None:
        if self.is_off:
            raise PowerIsOff

    def node(self, path: Path, *, is_new: bool = False) -> Node:
        """The file behind a name; an open file keeps it when the name is gone."""
        if is_new or path not in self._nodes:
            content = bytearray() if is_new else bytearray(path.read_bytes())
            self._nodes[path] = Node(content)
        return self._nodes[path]

    def deleted(self, path: Path) -> None:
        self._nodes.pop(path, None)

    def renamed(self, source: Path, target: Path) -> None:
        self._nodes[target] = self._nodes.pop(source)

    def directory_synced(self, directory: Path) -> None:
        """The names in a directory are on the disk: files made, renamed, deleted, and directories made."""
        for path in [path for path in self._durable_names if path.parent == directory]:
            del self._durable_names[path]
        for path, node in self._nodes.items():
            if path.parent == directory:
                self._durable_names[path] = node
        self._durable_directories.update(entry for entry in directory.iterdir() if entry.is_dir())

    def cut(self, chance: random.Random, root: Path) -> None:
        """Writes what survived to a new directory: what is found when the power is back."""
        with self.lock:
            self.is_off = True
        root.mkdir(parents=True)
        for path in self._files():  # written past us and never synced
            if path not in self._nodes:
                self._nodes[path] = Node(pending=[Change(0, path.read_bytes())])
        lost: set[Path] = set()
        for path in self._directories():
            is_safe = path in self._durable_directories and lost.isdisjoint(path.parents)
            if not is_safe and chance.random() < 0.5:
                lost.add(path)
            else:
                (root / path.relative_to(self.root)).mkdir(parents=True, exist_ok=True)
        for path in sorted({*self._nodes, *self._durable_names}):
            node = chance.choice([self._durable_names.get(path), self._nodes.get(path)])
            if node is None or not lost.isdisjoint(path.parents):
                continue
            target = root / path.relative_to(self.root)
            target.write_bytes(node.survive(chance))

    def remove(self) -> None:
        shutil.rmtree(self.root)

    def _directories(self) -> list[Path]:
        return [Path(parent) / name for parent, names, _ in os.walk(self.root) for name in names]

    def _files(self) -> list[Path]:
        found = [Path(parent) / name for parent, _, names in os.walk(self.root) for name in names]
        return sorted(path for path in found if not path.name.endswith(VOLATILE))
