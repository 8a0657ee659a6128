"""`pixelwire dead-letter`: events that a destination refused for good.

Reads delivery.db and writes orders into the catalog; the courier carries them out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from pixelwire.catalog.destinations import Destination
from pixelwire.catalog.store import Catalog
from pixelwire.catalog.wishes import DropLetters, RetryLetters
from pixelwire.cli import options
from pixelwire.cli.moments import span_ms
from pixelwire.cli.output import print_fields, print_json, print_table, printable
from pixelwire.cli.rows import all_pixels, destination_of, opened
from pixelwire.deliver.letters import DEAD_LETTERS_PAGE_MAX, DeadLetter
from pixelwire.deliver.state import Deliveries
from pixelwire.errors import Conflict, NotFound
from pixelwire.times import iso_ms

Command = TypeVar("Command", bound=Callable[..., Any])
Wanted = TypeVar("Wanted", RetryLetters, DropLetters)

COLUMNS: Final = ["number", "state", "died_at", "attempts", "message_id", "reason"]
WHICH: Final = "say which: NUMBER, --reason, --from, --to, or --all"

EPILOG: Final = """\b
Examples:
  pixelwire dead-letter list Warehouse
  pixelwire dead-letter show Warehouse 17
  pixelwire dead-letter retry Warehouse 17 18
  pixelwire dead-letter retry Warehouse --reason "no such field"
  pixelwire dead-letter retry Warehouse --all
  pixelwire dead-letter drop Warehouse --from 2026-01-23 --to 2026-01-23

\b
Mend first what they died of: `pixelwire destination set`, or the receiving side.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Look at events a destination refused for good; send them again, or drop them."""


def selection(command: Command) -> Command:
    """Which letters."""
    for option in reversed(
        (
            click.argument("destination"),
            click.argument("numbers", metavar="[NUMBER]...", nargs=-1, type=click.IntRange(min=1)),
            click.option("--all", "is_all", is_flag=True, help="Every one of the destination."),
            click.option("--reason", default="", metavar="TEXT", help="Those whose reason has this in it."),
            click.option("--from", "from_", metavar="TIME", help="Those that died then or later (UTC)."),
            click.option("--to", metavar="TIME", help="Those that died before, or on this day."),
        )
    ):
        command = option(command)
    return command


@command.command("list")
@click.argument("destination")
@click.option("--reason", default="", metavar="TEXT", help="Only those whose reason has this in it.")
@click.option("--after", default=0, metavar="NUMBER", help="Only those after this one.")
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(1, DEAD_LETTERS_PAGE_MAX),
    help="How many at most.",
)
@options.common
@options.as_json
def list_(destination: str, config: Path | None, data_dir: str | None, is_json: bool, **given: Any) -> None:
    """Show a destination's dead letters, oldest first."""
    with opened(config, data_dir) as catalog, _deliveries(config, data_dir) as deliveries:
        found = destination_of(catalog, destination)
        letters = deliveries.dead_letters(found.id, **given)
        pixels = _pixel_ids(catalog)
        rows = [_row(letter, pixels) for letter in letters]
    if is_json:
        print_json(rows)
        return
    print_table(rows, COLUMNS, "no dead letters")
    if len(rows) == given["limit"]:
        click.echo(f"there may be more: --after {letters[-1].number}", err=True)


@command.command()
@click.argument("destination")
@click.argument("number", type=click.IntRange(min=1))
@options.common
@options.as_json
def show(destination: str, number: int, config: Path | None, data_dir: str | None, is_json: bool) -> None:
    """Show one, with its payload as it was stored."""
    with opened(config, data_dir) as catalog, _deliveries(config, data_dir) as deliveries:
        letter, payload = _letter(deliveries, destination_of(catalog, destination), number)
        row = _row(letter, _pixel_ids(catalog))
    row["payload"] = _readable(payload)
    (print_json if is_json else print_fields)(row)


@command.command()
@selection
@options.common
@options.as_json
def retry(config: Path | None, data_dir: str | None, is_json: bool, **given: Any) -> None:
    """Send dead letters again, as if they came now.

    Each waits for its turn among what its visitor has waiting; it comes after newer events that were sent
    meanwhile. One that is refused again stays one letter.
    """
    with opened(config, data_dir) as catalog, _deliveries(config, data_dir) as deliveries:
        found = destination_of(catalog, given["destination"])
        wishes, amount = _meant(deliveries, found, RetryLetters, given)
        orders = [catalog.give_order(found.id, wish).id for wish in wishes]
        state = next((one.state for one in deliveries.summary() if one.destination_id == found.id), "")
    if is_json:
        print_json({"orders": orders, "letters": amount})
        return
    click.echo(f"{_counted(amount)} sent again to {printable(found.name)}")
    if state != "running":
        click.echo(
            f"the destination is {state or 'not known yet'}: they wait until it takes events", err=True
        )


@command.command()
@selection
@click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
@options.common
@options.as_json
def drop(config: Path | None, data_dir: str | None, is_json: bool, is_sure: bool, **given: Any) -> None:
    """Forget dead letters. Their receipts say so; they can not be brought back."""
    with opened(config, data_dir) as catalog, _deliveries(config, data_dir) as deliveries:
        found = destination_of(catalog, given["destination"])
        wishes, amount = _meant(deliveries, found, DropLetters, given)
        if not is_sure:
            click.confirm(f"Drop {amount} of {printable(found.name)} for good?", abort=True, err=True)
        orders = [catalog.give_order(found.id, wish).id for wish in wishes]
    if is_json:
        print_json({"orders": orders, "letters": amount})
    else:
        click.echo(f"{_counted(amount)} dropped")


def _meant(
    deliveries: Deliveries, destination: Destination, kind: type[Wanted], given: dict[str, Any]
) -> tuple[list[Wanted], int]:
    """What to order, and how many letters it concerns. NotFound when it is none."""
    from_ms, to_ms = span_ms(given["from_"], given["to"])
    is_limited = bool(given["reason"]) or from_ms is not None or to_ms is not None
    if bool(given["numbers"]) + is_limited + given["is_all"] != 1:
        raise click.UsageError(WHICH)
    if given["numbers"]:
        for number in given["numbers"]:
            letter, _ = _letter(deliveries, destination, number)
            if letter.is_retried:
                raise Conflict(f"dead letter {number} is being sent again already")
        wishes = [kind(number) for number in dict.fromkeys(given["numbers"])]
        return wishes, len(wishes)
    wish = kind(None, given["reason"], from_ms, to_ms)
    amount = deliveries.dead_letters_meant(destination.id, wish)
    if not amount:
        raise NotFound("there is no such dead letter", hint="see `pixelwire dead-letter list`")
    return [wish], amount


def _letter(deliveries: Deliveries, destination: Destination, number: int) -> tuple[DeadLetter, bytes]:
    found = deliveries.dead_letter(destination.id, number)
    if found is None:
        hint = "see `pixelwire dead-letter list`"
        raise NotFound(f"{destination.name} has no dead letter {number}", hint=hint)
    return found


def _pixel_ids(catalog: Catalog) -> dict[int, str]:
    return {pixel.number: pixel.id for pixel in all_pixels(catalog)}


def _row(letter: DeadLetter, pixels: dict[int, str]) -> dict[str, Any]:
    return {
        "number": letter.number,
        "state": "retrying" if letter.is_retried else "dead",
        "died_at": iso_ms(letter.died_ms),
        "attempts": letter.attempts,
        "seq": letter.seq,
        "pixel_id": pixels.get(letter.pixel),
        "message_id": letter.message_id,
        "replay_id": letter.replay_id or None,
        "reason": letter.reason,
    }


def _readable(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeError):
        return payload.decode(errors="replace")


def _counted(amount: int) -> str:
    return "1 dead letter is" if amount == 1 else f"{amount} dead letters are"


def _deliveries(config: Path | None, data_dir: str | None) -> Deliveries:
    return Deliveries(options.settings(config, data_dir=data_dir).data_dir)
