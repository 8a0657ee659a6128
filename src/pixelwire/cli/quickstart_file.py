"""`quickstart.json`: the ids and the token of a first pixel, chosen once and written before any row is.

Knows how to keep a small secret file whole; not what the ids stand for.
"""

import os
import uuid
from pathlib import Path
from typing import Annotated, Final

import msgspec

from pixelwire.catalog.checks import TOKEN_CHARACTERS_MIN
from pixelwire.catalog.tokens import new_token
from pixelwire.clock import Clock
from pixelwire.errors import DataDirectoryError
from pixelwire.times import iso_s

FILE_NAME: Final = "quickstart.json"
NOTE: Final = (
    "The one place where a token of this server lies in clear: keep this file to yourself. "
    "The ids are those of the pixel that `pixelwire quickstart` made."
)

Uuid = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class Quickstart(msgspec.Struct, frozen=True):
    note: str
    created_at: str
    business_id: Uuid
    pixel_id: Hex32
    write_key: Annotated[str, msgspec.Meta(min_length=1)]
    dataset_id: Uuid
    token: Annotated[str, msgspec.Meta(min_length=TOKEN_CHARACTERS_MIN)]


def read(data_dir: Path) -> Quickstart | None:
    """What was chosen for this data directory; None when nothing was yet."""
    path = data_dir / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Quickstart)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "restore it from a backup, or remove it: a new pixel and token are then made beside the old"
        raise DataDirectoryError(f"{path} is damaged: {error}", hint=hint) from error
    except OSError as error:
        hint = "run as the user that owns the data directory"
        raise DataDirectoryError(f"{path} can not be read: {error.strerror}", hint=hint) from error


def read_or_create(data_dir: Path, clock: Clock) -> Quickstart:
    """The file's content, after choosing and writing it if it was not there.

    The file appears whole or not at all: written beside, synced, then linked to its name. The link
    fails when another process was first, and then its choice counts.
    """
    _make_directory(data_dir)
    chosen = read(data_dir)
    if chosen is None:
        try:
            _write(data_dir, _choose(clock))
        except (FileExistsError, FileNotFoundError):
            pass  # another quickstart was faster, and swept away what we had written beside
        except OSError as error:
            path = data_dir / FILE_NAME
            raise DataDirectoryError(f"{path} can not be written: {error.strerror}") from error
        chosen = read(data_dir)
        assert chosen is not None
    for left_over in data_dir.glob(f"{FILE_NAME}.*.new"):
        left_over.unlink(missing_ok=True)  # of a quickstart that was killed: the token has one place
    return chosen


def _choose(clock: Clock) -> Quickstart:
    pixel_id = uuid.uuid4().hex
    return Quickstart(
        note=NOTE,
        created_at=iso_s(clock.now_ms()),
        business_id=str(uuid.uuid4()),
        pixel_id=pixel_id,
        write_key=pixel_id,
        dataset_id=str(uuid.uuid4()),
        token=new_token(),
    )


def _write(data_dir: Path, chosen: Quickstart) -> None:
    fresh = data_dir / f"{FILE_NAME}.{uuid.uuid4().hex}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(chosen), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        (data_dir / FILE_NAME).hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_directory(data_dir)


def _make_directory(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        hint = "name another with --data-dir, or make it writable"
        raise DataDirectoryError(f"{data_dir} can not be made: {error.strerror}", hint=hint) from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
