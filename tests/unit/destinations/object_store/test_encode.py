"""Events as files, and back."""

import gzip
import io
from collections import Counter
from datetime import UTC, datetime

import msgspec
import pyarrow
import pyarrow.parquet
import pytest

from pixelwire.destinations.base import Item, Refused
from pixelwire.destinations.object_store.encode import Format, Ndjson, Parquet
from pixelwire.testing.check_destination import make_item

PAGE = b'{"type":"page","name":"Home","userId":"u-1","anonymousId":7,"messageId":"message-2"}'


def items() -> list[Item]:
    page = msgspec.structs.replace(make_item(2, payload=PAGE), call="page")
    return [make_item(1), page, make_item(3, message_id="ü/\N{SNOWMAN}\n")]


@pytest.mark.parametrize("form", [Ndjson(), Parquet()], ids=["ndjson", "parquet"])
def test_a_file_tells_what_it_holds(form: Format) -> None:
    """Each of its items has its mark there, and no other has."""
    marks = form.marks(form.encode(items()))
    assert marks == Counter(form.mark(item) for item in items())
    assert form.mark(make_item(4)) not in marks


@pytest.mark.parametrize("form", [Ndjson(), Parquet()], ids=["ndjson", "parquet"])
def test_a_file_that_is_not_ours_holds_nothing(form: Format) -> None:
    """Torn, empty, of another kind, or without our column: nothing is taken for sent."""
    whole = form.encode(items())
    table = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"id": ["message-1"]}), table)
    for content in (b"", b"hello", whole[:-9], gzip.compress(b"no end of line"), table.getvalue()):
        assert form.marks(content) == Counter()


def test_a_line_is_a_payload() -> None:
    """As it was stored; a raw line break, which JSON has between values only, becomes a space."""
    broken = make_item(9, payload=b'{"a":1,\n "b":"x\\ny"}\n')
    content = gzip.decompress(Ndjson().encode([*items(), broken]))
    *payloads, last = content.splitlines()
    assert payloads == [item.payload for item in items()]
    assert msgspec.json.decode(last) == {"a": 1, "b": "x\ny"}


def test_the_same_events_are_the_same_bytes() -> None:
    """No time and no name is in them."""
    first, second = Ndjson().encode(items()), Ndjson().encode(items())
    assert first == second
    assert first[4:8] == b"\0\0\0\0"  # the time of gzip's header


def test_lines_without_an_id_are_told_by_what_they_hold() -> None:
    """A transform may have taken the id away: equal lines count as often as they are there."""
    form = Ndjson()
    same = [make_item(seq, payload=b'{"event":"x"}') for seq in (1, 2)]
    other = make_item(3, payload=b'{"event":"y"}')
    marks = form.marks(form.encode(same))
    assert marks[form.mark(same[0])] == 2
    assert marks[form.mark(other)] == 0


def test_parquet_has_columns() -> None:
    """With their types, compressed with zstd; what is no text is null."""
    content = Parquet().encode(items())
    file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
    assert {file.metadata.row_group(0).column(n).compression for n in range(8)} == {"ZSTD"}
    table = file.read()
    assert str(table.schema.field("received_at").type) == "timestamp[ms, tz=UTC]"
    first, page, odd = table.to_pylist()
    assert first == {
        "message_id": "message-1",
        "pixel_id": "0" * 32,
        "call": "track",
        "event": "Clicked",
        "received_at": datetime.fromtimestamp(1_700_000_000.001, UTC),
        "anonymous_id": "visitor-1",
        "user_id": None,
        "payload": items()[0].payload.decode(),
    }
    assert (page["call"], page["event"], page["anonymous_id"], page["user_id"]) == (
        "page",
        "Home",
        None,
        "u-1",
    )
    assert odd["message_id"] == "ü/\N{SNOWMAN}\n"


@pytest.mark.parametrize("payload", [b'{"a":"\xff"}', b"no JSON"])
def test_what_is_no_text_can_not_be_in_a_column(payload: bytes) -> None:
    """The batch is refused, so that the engine finds the event."""
    with pytest.raises(Refused):
        Parquet().encode([*items(), make_item(9, payload=payload)])
