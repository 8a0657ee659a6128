"""`pixelwire tail`: follows a pixel's events through the management API, over restarts of the server."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from pixelwire.catalog.checks import is_pixel_id
from pixelwire.cli import listening, options, quickstart_file
from pixelwire.cli.client import Document, Management
from pixelwire.cli.credentials import token
from pixelwire.cli.exits import ServerUnreachable
from pixelwire.cli.output import print_line, printable
from pixelwire.cli.rows import opened, pixel_of
from pixelwire.limits import EVENTS_WAIT_S_MAX
from pixelwire.record.reader import Reader

PAGE: Final = 200
ANSWER_S: Final = 15.0
RETRY_S: Final = 1.0

EPILOG: Final = """\b
Examples:
  pixelwire tail
  pixelwire tail Shop --from-start --no-follow --json > events.ndjson
  PIXELWIRE_TOKEN=pw_... pixelwire tail 0123... --url http://10.0.0.5:8081 --after 0

\b
The token is PIXELWIRE_TOKEN's, --token-file's or quickstart.json's. When the server is restarted, tail waits
and goes on where it was: no event is missed or shown twice.
"""


class Position(NamedTuple):
    """The last event that was seen, and the store it is of."""

    after: int
    store: str


@click.command(epilog=EPILOG)
@click.argument("pixel", required=False)
@options.common
@click.option("--url", envvar="PIXELWIRE_MANAGE_URL", metavar="URL", help="The management address.")
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with the token.")
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="Begin after this event.")
@click.option("--from-start", is_flag=True, help="Begin with the first event.  [default: with the next]")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@click.option("--no-follow", is_flag=True, help="End with the newest event instead of waiting for more.")
@click.option("--json", "is_json", is_flag=True, help="One JSON object a line (NDJSON).")
def command(pixel: str | None, config: Path | None, data_dir: str | None, **given: Any) -> None:
    """Show events as they arrive.

    PIXEL is an id or a name.  [default: quickstart.json's]
    """
    settings = options.settings(config, data_dir=data_dir)
    known = quickstart_file.read(settings.data_dir)
    management = Management(
        given["url"] or listening.of_data_dir(settings).manage_url, token(given["token_file"], known)
    )
    pixel_id = _pixel_id(pixel, known, config, data_dir)
    start = _start(settings.data_dir, given["after"], given["from_start"])
    show = print_line if given["is_json"] else _show
    for number, event in enumerate(follow(management, pixel_id, start, ends=given["no_follow"]), 1):
        show(event)
        if number == given["count"]:
            return


def follow(
    management: Management, pixel_id: str, position: Position, *, ends: bool = False
) -> Iterator[dict[str, Any]]:
    """A pixel's events after a position, in order; without `ends` for ever.

    A server that does not answer at all is an error only the first time: later it is being restarted.
    """
    is_known, is_away = False, False
    while True:
        try:
            page = _page(management, pixel_id, position, wait_s=0 if ends else EVENTS_WAIT_S_MAX)
        except ServerUnreachable:
            if not is_known:
                raise
            if not is_away:
                click.echo("the server does not answer; waiting for it (Ctrl-C ends)", err=True)
            is_away = True
            time.sleep(RETRY_S)
            continue
        if is_away:
            click.echo("the server is back", err=True)
        is_known, is_away = True, False
        if missed := page.headers.get("x-pixelwire-missed"):
            click.echo(f"events {missed} are no longer there: retention removed them", err=True)
        yield from page.value["events"]
        reached = page.value["next_after"]
        if ends and reached == position.after:
            return
        position = Position(reached, page.headers.get("x-pixelwire-store", position.store))


def _page(management: Management, pixel_id: str, position: Position, *, wait_s: float) -> Document:
    query: dict[str, Any] = {"after": position.after, "limit": PAGE, "wait": wait_s}
    if position.store:
        query["store"] = position.store  # another store has other events: the server says so
    return management.read(f"/api/v1/pixels/{pixel_id}/events", query, timeout_s=wait_s + ANSWER_S)


def _start(data_dir: Path, after: int | None, is_from_start: bool) -> Position:
    if after is not None or is_from_start:
        return Position(after or 0, "")
    if not data_dir.is_dir():
        raise click.UsageError(
            "say where to begin, --after SEQ or --from-start: the server's data is not here"
        )
    reader = Reader(data_dir)
    try:
        return Position(reader.head(), reader.store_id())
    finally:
        reader.close()


def _pixel_id(
    given: str | None, known: quickstart_file.Quickstart | None, config: Path | None, data_dir: str | None
) -> str:
    if given is None:
        if known is None:
            raise click.UsageError("which pixel? Give its id or name (see `pixelwire pixel list`)")
        return known.pixel_id
    if is_pixel_id(given):
        return given
    with opened(config, data_dir) as catalog:
        return pixel_of(catalog, given).id


def _show(event: dict[str, Any]) -> None:
    payload = event["payload"]
    page = payload.get("context", {}).get("page", {})
    what = event["event_name"] or payload.get("name") or page.get("url") or page.get("path") or ""
    who = payload.get("userId") or payload.get("anonymousId") or "-"
    dropped = f"  ({event['dropped']['total']} dropped)" if event["dropped"]["total"] else ""
    line = f"{event['received_at']}  {event['seq']:>8}  {event['call']:<5}  {event['signal'] or '-':<9}"
    click.echo(f"{line}  {printable(str(who))}  {printable(str(what))}{dropped}".rstrip())
