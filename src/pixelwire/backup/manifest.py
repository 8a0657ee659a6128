"""manifest.json: what a backup consists of. A backup is what its manifest says; it is written last, at once.

Every file of a backup has a name of its own that is never used again, so a backup that is cut short touches
nothing of the one before it.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from pixelwire.backup.errors import BackupDamaged, BackupError
from pixelwire.errors import SchemaMismatch
from pixelwire.record.removal import sync_directory

FILE_NAME: Final = "manifest.json"
FORMAT: Final = 1


class BackupFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file: where it is, what it was in the data directory, and how to know it again."""

    path: str  # in the backup
    name: str  # in the data directory
    size: int
    sha256: str
    number: int | None = None  # of a segment
    sealed_as: str = ""  # of a sealed segment: what it says of itself, and never changes


class Manifest(msgspec.Struct, frozen=True):
    format: int
    pixelwire: str  # the version that wrote it
    taken_at: str
    store_id: str
    head: int  # the newest event in it
    folded_to: int  # the newest segment in its totals
    files: list[BackupFile]

    def named(self, name: str) -> BackupFile | None:
        return next((file for file in self.files if file.name == name), None)

    def segments(self) -> dict[int, BackupFile]:
        """By number, oldest first."""
        found = [(file.number, file) for file in self.files if file.number is not None]
        return dict(sorted(found, key=lambda pair: pair[0]))


def read(directory: Path) -> Manifest | None:
    """None when there is no backup. BackupDamaged, SchemaMismatch or BackupError when it can not be read."""
    path = directory / FILE_NAME
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=_Format).format
        if found > FORMAT:
            raise SchemaMismatch(
                f"{path} has format {found}, this Pixelwire knows {FORMAT}",
                hint="use the newer Pixelwire that wrote it",
            )
        return msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise BackupDamaged(f"{path} can not be read: {error}") from error
    except OSError as error:
        raise BackupError(f"{path} can not be read: {error.strerror}") from error


def write(directory: Path, manifest: Manifest) -> None:
    """Whole or not at all; what it names must be on disk already."""
    fresh = directory / f"{FILE_NAME}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / FILE_NAME)
    sync_directory(directory)


class _Format(msgspec.Struct):
    format: int
