"""`pixelwire send`: fires a pixel the way a page would, and shows what became of it."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import click

from pixelwire.cli import listening, options, quickstart_file
from pixelwire.cli.client import Answer, get
from pixelwire.cli.exits import Exit
from pixelwire.cli.output import print_fields, print_json

TIMEOUT_S: Final = 10.0
BY_OUTCOME: Final = {
    "stored": Exit.OK,
    "duplicate": Exit.OK,
    "filtered": Exit.OK,
    "refused": Exit.REFUSED,
    "failed": Exit.FAILED,
}

EPILOG: Final = """\b
Examples:
  pixelwire send page
  pixelwire send page --param context.page.url=https://shop.example/cart
  pixelwire send track "Order Completed" --user-id u1 --param properties.revenue=9.50
  pixelwire send page --url https://pixel.example.org --write-key 0123... --json

\b
Exit codes: 0 stored, duplicate or filtered; 5 refused; 1 failed; 4 no server answers.
"""


@click.command(epilog=EPILOG)
@click.argument("call", type=click.Choice(["page", "track"]))
@click.argument("event", required=False)
@options.common
@click.option("--url", metavar="URL", help="The public address.  [default: the server of the data directory]")
@click.option("--write-key", metavar="KEY", help="The pixel's write key.  [default: quickstart.json's]")
@click.option("--anonymous-id", metavar="ID", help="Who it is.  [default: pixelwire-send]")
@click.option("--user-id", metavar="ID", help="Who it is, when known.")
@click.option("--message-id", metavar="ID", help="The event's own id: sent twice, stored once.")
@click.option("--param", "parameters", multiple=True, metavar="KEY=VALUE", help="Any other parameter.")
@options.as_json
def command(
    call: str, event: str | None, config: Path | None, data_dir: str | None, is_json: bool, **given: Any
) -> int:
    """Fire a pixel and show what became of it.

    CALL is page or track; EVENT is the name of a track event.
    """
    if (call == "track") != (event is not None):
        raise click.UsageError("track needs the event's name" if call == "track" else "page takes no event")
    url, write_key = given["url"], given["write_key"]
    if url is None or write_key is None:
        settings = options.settings(config, data_dir=data_dir)
        url = url or listening.of_data_dir(settings).pixel_url
        write_key = write_key or _known_key(settings.data_dir)
    query = urlencode(_parameters(write_key, event, given))
    answer = get(f"{url.rstrip('/')}/pixel/v1/{call}?{query}", {"Accept": "text/plain"}, timeout_s=TIMEOUT_S)
    report = _report(answer)
    (print_json if is_json else print_fields)(report)
    return BY_OUTCOME.get(report["outcome"], Exit.FAILED)


def _parameters(write_key: str, event: str | None, given: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = [
        ("writeKey", write_key),
        ("anonymousId", given["anonymous_id"] or ("" if given["user_id"] else "pixelwire-send")),
        ("userId", given["user_id"]),
        ("messageId", given["message_id"]),
        ("event", event),
    ]
    return [(key, value) for key, value in pairs if value] + [_pair(entry) for entry in given["parameters"]]


def _pair(entry: str) -> tuple[str, str]:
    key, separator, value = entry.partition("=")
    if not key or not separator:
        raise click.UsageError(f"--param {entry}: write it KEY=VALUE")
    return key, value


def _known_key(data_dir: Path) -> str:
    known = quickstart_file.read(data_dir)
    if known is None:
        raise click.UsageError(f"--write-key is needed: there is no {data_dir / quickstart_file.FILE_NAME}")
    return known.write_key


def _report(answer: Answer) -> dict[str, Any]:
    """What the answer's headers say; an answer without them is no Pixelwire's."""
    said = answer.headers
    return {
        "outcome": said.get("x-pixelwire-outcome", "none: this is no Pixelwire, or not its public address"),
        "reason": said.get("x-pixelwire-reason"),
        "message_id": said.get("x-pixelwire-message-id"),
        "dropped": int(said.get("x-pixelwire-dropped", "0")),
        "status": answer.status,
        "text": answer.body[:200].decode("utf-8", "replace"),
        "took_ms": round(answer.took_ms, 1),
    }
