"""origin.json in a restored data directory: which stores its events come from. Knows no backup."""

import os
from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "origin.json"


class Restored(msgspec.Struct, frozen=True):
    store_id: str  # what the store was called before
    head: int  # the events up to here are that store's
    taken_at: str
    restored_at: str


class Origin(msgspec.Struct, frozen=True):
    note: str
    restored: list[Restored]  # oldest first


NOTE: Final = "Written by `pixelwire restore`: the stores that these events were recorded in before."


def read(data_dir: Path) -> list[Restored]:
    """Oldest first; empty for a store that was never restored, or whose file is damaged."""
    try:
        return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=Origin).restored
    except (FileNotFoundError, msgspec.MsgspecError):
        return []


def former_stores(data_dir: Path) -> list[str]:
    return [restored.store_id for restored in read(data_dir)]


def add(data_dir: Path, restored: Restored) -> None:
    """Whole and on disk; into a directory that nobody else uses."""
    text = msgspec.json.encode(Origin(NOTE, [*read(data_dir), restored]))
    path = data_dir / FILE_NAME
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(text, indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
