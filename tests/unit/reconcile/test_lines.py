"""Files of lines, in whatever state they are."""

import gzip
import io
import sys
from pathlib import Path

import pytest

from pixelwire.reconcile.lines import LINE_BYTES_MAX, LogUnreadable, lines


def test_lines_are_numbered(tmp_path: Path) -> None:
    """The last one may be in the making."""
    (tmp_path / "a.log").write_bytes(b"one\n\ntwo\nthr")
    found = [tuple(line) for line in lines(str(tmp_path / "a.log"))]
    assert found == [(1, b"one\n", True), (2, b"\n", True), (3, b"two\n", True), (4, b"thr", False)]


def test_compressed_logs_are_known_by_their_content(tmp_path: Path) -> None:
    """Rotation gives them all sorts of names."""
    (tmp_path / "a.log.old").write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [line.text for line in lines(str(tmp_path / "a.log.old"))] == [b"one\n", b"two\n"]


def test_stdin_is_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed or not."""
    for content in (b"one\n", gzip.compress(b"one\n")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))  # type: ignore[arg-type]
        assert [line.text for line in lines("-")] == [b"one\n"]


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    """Memory stays bounded, the lines after it keep their numbers."""
    (tmp_path / "a.log").write_bytes(b"x" * (3 * LINE_BYTES_MAX) + b"\nnext\n")
    first, second = lines(str(tmp_path / "a.log"))
    assert (len(first.text), first.is_whole) == (LINE_BYTES_MAX, False)
    assert second == (2, b"next\n", True)


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(LogUnreadable, match=r"none\.log can not be read: No such file"):
        list(lines(str(tmp_path / "none.log")))


def test_a_damaged_log_is_an_error(tmp_path: Path) -> None:
    """Half of it would look like lost events."""
    whole = gzip.compress(b"line\n" * 10_000)
    (tmp_path / "a.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LogUnreadable, match=r"a\.gz is damaged after line"):
        list(lines(str(tmp_path / "a.gz")))
    (tmp_path / "b.gz").write_bytes(whole[:20] + b"\0" * 20 + whole[40:])
    with pytest.raises(LogUnreadable):
        list(lines(str(tmp_path / "b.gz")))
