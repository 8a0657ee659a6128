"""Puts measured parts where they are kept, and makes the page and the picture anew of all that are there."""

import argparse
from pathlib import Path

import report
import results
from results import GrowthPart, LadderPart, SteadyPart, TablePart

HERE = Path(__file__).parent


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where to measure, and where to write."""
    parser.add_argument("--dir", type=Path, help="a directory on the disk to be measured")
    parser.add_argument("--to", type=Path, default=HERE, help="where RESULTS.md and its figures go")


def renew(directory: Path, name: str, part: object) -> None:
    """Replaces one part; prints the page."""
    results.save(directory / "results", name, part)
    kept = directory / "results"
    ladder = results.read(kept, "ladder", LadderPart)
    text = report.page(
        ladder,
        results.read(kept, "house", TablePart),
        results.read(kept, "growth", GrowthPart),
        results.read(kept, "steady", SteadyPart),
    )
    (directory / "RESULTS.md").write_text(text)
    if ladder is not None:
        (directory / "ladder.svg").write_text(report.picture(ladder))
