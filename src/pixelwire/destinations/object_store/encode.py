"""Events as the content of a file, and which events a content holds. Knows no store, and no key.

Both directions take CPU time in proportion to the file: call them in a thread.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, Literal, Protocol

import msgspec

from pixelwire.destinations.base import Item, Misconfigured, Refused
from pixelwire.destinations.object_store.options import FILE_BYTES_MAX, FILE_EVENTS_MAX, MIB
from pixelwire.limits import PAYLOAD_BYTES_MAX

GZIP_LEVEL: Final = 6  # 1.4 ms more than level 1 for a thousand events, and a fifth smaller
# The largest content there can be of ours, unpacked. Payloads are bounded; a column or two comes on top.
CONTENT_BYTES_MAX: Final = 2 * FILE_BYTES_MAX + PAYLOAD_BYTES_MAX + MIB


class Format(Protocol):
    """A kind of file. A mark tells an event within the files of its pixel."""

    suffix: str
    content_type: str

    def encode(self, items: Sequence[Item]) -> bytes:
        """The items as a file. Refused when one of them can not be in such a file."""

    def mark(self, item: Item) -> str | bytes:
        """What tells this item's event."""

    def marks(self, content: bytes) -> Counter[str | bytes]:
        """The marks of the events in a file; none in a file that is not ours."""


class Ndjson:
    """A payload a line, gzip. The same items are the same bytes."""

    suffix = ".json.gz"
    content_type = "application/gzip"

    def encode(self, items: Sequence[Item]) -> bytes:
        lines = b"\n".join([_line(item) for item in items]) + b"\n"
        return gzip.compress(lines, GZIP_LEVEL, mtime=0)

    def mark(self, item: Item) -> str | bytes:
        return _mark(_line(item))

    def marks(self, content: bytes) -> Counter[str | bytes]:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            lines = unpacking.decompress(content, CONTENT_BYTES_MAX)
        except zlib.error:
            return Counter()
        if not unpacking.eof or not lines.endswith(b"\n"):
            return Counter()
        return Counter(_mark(line) for line in lines[:-1].split(b"\n"))


class Parquet:
    """Columns, zstd."""

    suffix = ".parquet"
    content_type = "application/vnd.apache.parquet"

    def __init__(self) -> None:
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        self._arrow, self._parquet = arrow, parquet
        self._schema = arrow.schema(
            [
                ("message_id", arrow.string()),
                ("pixel_id", arrow.string()),
                ("call", arrow.string()),
                ("event", arrow.string()),
                ("received_at", arrow.timestamp("ms", tz="UTC")),
                ("anonymous_id", arrow.string()),
                ("user_id", arrow.string()),
                ("payload", arrow.string()),
            ]
        )

    def encode(self, items: Sequence[Item]) -> bytes:
        rows = [_row(item) for item in items]
        columns = [
            self._arrow.array(values, field.type)
            for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
        ]
        sink = self._arrow.BufferOutputStream()
        table = self._arrow.Table.from_arrays(columns, schema=self._schema)
        self._parquet.write_table(table, sink, compression="zstd")
        return bytes(sink.getvalue())

    def mark(self, item: Item) -> str | bytes:
        return item.message_id.encode("utf-8", "replace")

    def marks(self, content: bytes) -> Counter[str | bytes]:
        try:
            file = self._parquet.ParquetFile(self._arrow.BufferReader(content))
            if not self._is_ours(file):
                return Counter()
            ids = file.read(columns=["message_id"]).column("message_id").to_pylist()
        except (self._arrow.ArrowException, OSError):
            return Counter()
        return Counter(str(one).encode() for one in ids)

    def _is_ours(self, file: Any) -> bool:
        """Whether it is small enough to be read, and has the column."""
        metadata = file.metadata
        sizes = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        fits = metadata.num_rows <= FILE_EVENTS_MAX and sizes <= CONTENT_BYTES_MAX
        return fits and "message_id" in file.schema_arrow.names


def format_of(name: Literal["ndjson", "parquet"]) -> Format:
    """Misconfigured when its library is not installed."""
    if name == "ndjson":
        return Ndjson()
    try:
        return Parquet()
    except ModuleNotFoundError as exc:
        hint = 'install it, pip install "pixelwire[parquet]", then resume the destination'
        raise Misconfigured("Parquet needs the library pyarrow", hint=hint) from exc


class _Members(msgspec.Struct):
    """The payload's own names."""

    messageId: Any = None  # noqa: N815
    event: Any = None
    name: Any = None
    anonymousId: Any = None  # noqa: N815
    userId: Any = None  # noqa: N815


class _Id(msgspec.Struct):
    messageId: Any = None  # noqa: N815


_members: Final = msgspec.json.Decoder(_Members)
_id: Final = msgspec.json.Decoder(_Id)


def _line(item: Item) -> bytes:
    # In JSON a raw line break stands between values only: as a space it means the same.
    return item.payload.replace(b"\n", b" ") if b"\n" in item.payload else item.payload


def _mark(line: bytes) -> str | bytes:
    """The line's message id; its digest where a transform has left none."""
    try:
        message_id = _id.decode(line).messageId
    except (msgspec.MsgspecError, UnicodeError):
        message_id = None
    is_told = isinstance(message_id, str) and message_id
    return message_id if is_told else blake2b(line, digest_size=16).digest()


def _row(item: Item) -> tuple[str | int | None, ...]:
    try:
        payload = item.payload.decode()
        members = _members.decode(item.payload)
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise Refused("a payload is not JSON in UTF-8") from exc
    return (
        item.message_id.encode("utf-8", "replace").decode(),
        item.pixel_id,
        item.call,
        _text(members.event if item.call == "track" else members.name),
        item.received_ms,
        _text(members.anonymousId),
        _text(members.userId),
        payload,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
