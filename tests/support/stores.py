"""Backups of small stores, taken and brought back by hand."""

from pathlib import Path

from pixelwire.backup import restore as restoring
from pixelwire.backup import take as taking
from pixelwire.backup import verify as verifying
from pixelwire.clock import SystemClock


def take(data_dir: Path, directory: Path, *, keep_removed: bool = False) -> taking.Report:
    return taking.take(data_dir, directory, SystemClock(), keep_removed=keep_removed, say=lambda *_: None)


def restore(directory: Path, data_dir: Path, *, accept_cursors: bool = False) -> restoring.Report:
    return restoring.restore(
        directory, data_dir, SystemClock(), accept_cursors=accept_cursors, say=lambda *_: None
    )


def problems(place: Path) -> list[str]:
    return verifying.verify(place, say=lambda _: None).problems


def names(directory: Path) -> set[str]:
    """Every file below, by its path in it."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
