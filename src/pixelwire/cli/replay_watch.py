"""A replay's progress on a terminal: while it is counted, and while it runs. Knows no order and no file.

The bars are on stderr, so that results alone are on stdout; where that is no terminal, nothing is drawn.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import StartReplay
from pixelwire.cli.output import printable
from pixelwire.manage.replays import Count
from pixelwire.record.reader import Reader

LOOK_S: Final = 0.5
COUNT_STEP_S: Final = 0.2
PER_MILLE: Final = 1_000


def counted(catalog: Catalog, reader: Reader, destination: Destination, wish: StartReplay) -> Count:
    """All that would be sent, however long it takes."""
    count = Count(catalog, destination, wish)
    with _bar() as bar:
        task = bar.add_task("counting", total=PER_MILLE)
        while not count.is_whole:
            count.go_on(reader, COUNT_STEP_S)
            told = f"counting: {count.events} events"
            bar.update(task, completed=count.share * PER_MILLE, description=told)
    return count


def follow(look: Callable[[], dict[str, Any]], ends: Collection[str]) -> dict[str, Any]:
    """The replay when it has come to its end."""
    with _bar() as bar:
        task = bar.add_task("", total=PER_MILLE)
        while True:
            row = look()
            bar.update(task, completed=row["progress"] * PER_MILLE, description=_told(row))
            if row["state"] in ends:
                return row
            time.sleep(LOOK_S)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not Console(stderr=True).is_terminal,
    )


def _told(row: dict[str, Any]) -> str:
    facts = [f"{row['sent']} sent"]
    if row["sent_per_s"]:
        facts.append(f"{row['sent_per_s']:.0f} a second")
    facts += [f"{row[name]} {word}" for name, word in (("parked", "retrying"), ("dead", "dead")) if row[name]]
    reason = f" ({printable(row['reason'])})" if row["reason"] else ""
    return f"{row['state']}{reason}: {', '.join(facts)}"
