"""`pixelwire reconcile`: access logs against the ledger and the events on disk."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pixelwire.catalog.checks import is_pixel_id
from pixelwire.cli import options, quickstart_file
from pixelwire.cli.client import Management
from pixelwire.cli.credentials import token
from pixelwire.cli.exits import Exit
from pixelwire.cli.moments import span_ms
from pixelwire.cli.output import print_json, print_table, printable
from pixelwire.cli.rows import opened, pixel_of
from pixelwire.times import hour_iso, iso_ms

if TYPE_CHECKING:
    from pixelwire.reconcile.hours import HourResult
    from pixelwire.reconcile.report import Listed, Report
    from pixelwire.reconcile.store import Store

TIMEOUT_S: Final = 60.0
LIST_MAX: Final = 20
COLUMNS: Final = ["hour", "log", "ledger", "stored_in_log", "in_ledger", "on_disk", "unanswered", "says"]

EPILOG: Final = """\b
Examples:
  pixelwire reconcile /var/log/nginx/pixels.log
  pixelwire reconcile /var/log/nginx/pixels.log.*.gz --from 2026-01-01 --to 2026-01-31
  zcat old.gz | pixelwire reconcile - --from 2026-01-23T04:00Z --to 2026-01-23T06:00Z --json
  PIXELWIRE_TOKEN=pw_... pixelwire reconcile caddy.log --manage-url http://10.0.0.5:8081

\b
Exit codes: 0 nothing is missing or double; 1 something is (with --strict: anything does not agree).
"""


@click.command(epilog=EPILOG)
@click.argument("logs", metavar="ACCESS_LOG...", nargs=-1, required=True)
@options.common
@click.option("--from", "from_", metavar="TIME", help="The logs hold everything from here on (UTC).")
@click.option("--to", metavar="TIME", help="The logs hold everything up to here (UTC); a day counts whole.")
@click.option("--pixel", metavar="PIXEL", help="Only this one, by id or name.  [default: the whole server]")
@click.option(
    "--manage-url", metavar="URL", help="Ask this management address instead of the data directory."
)
@click.option("--token-file", type=click.Path(path_type=Path), help="A file with the token for it.")
@click.option(
    "--list",
    "list_max",
    type=click.IntRange(0, 10_000),
    default=LIST_MAX,
    show_default=True,
    metavar="N",
    help="Show at most N of each finding.",
)
@click.option("--strict", is_flag=True, help="Exit code 1 also for what may be harmless.")
@options.as_json
def command(
    logs: tuple[str, ...], config: Path | None, data_dir: str | None, is_json: bool, **given: Any
) -> int:
    """Compare access logs with what is stored.

    ACCESS_LOG is a log of nginx (combined, with or without our fields) or Caddy (JSON), compressed or not;
    several may be given, - is stdin. Without --from and --to the time of their lines is compared.
    """
    from_ms, to_ms = span_ms(given["from_"], given["to"])
    from pixelwire.reconcile.compare import reconcile

    with _store(config, data_dir, given) as store:
        report = reconcile(logs, store, from_ms=from_ms, to_ms=to_ms, list_max=given["list_max"])
    if is_json:
        print_json(report.as_json())
    else:
        _show(report)
    is_fine = report.agrees if given["strict"] else not report.has_faults
    return Exit.OK if is_fine else Exit.FAILED


def _store(
    config: Path | None, data_dir: str | None, given: Mapping[str, Any]
) -> "AbstractContextManager[Store]":
    settings = options.settings(config, data_dir=data_dir)
    pixel: str | None = given["pixel"]
    if given["manage_url"] is None:
        from pixelwire.reconcile.store import DataDirectory

        if pixel is not None and not is_pixel_id(pixel):
            with opened(config, data_dir) as catalog:
                pixel = pixel_of(catalog, pixel).id
        return closing(DataDirectory(settings.data_dir, pixel))
    if pixel is not None and not is_pixel_id(pixel):
        raise click.UsageError("--pixel must be an id with --manage-url")
    from pixelwire.reconcile.remote import ManagementApi

    known = quickstart_file.read(settings.data_dir)
    management = Management(given["manage_url"], token(given["token_file"], known))

    def read(path: str, query: Mapping[str, Any]) -> Any:
        return management.read(path, query, timeout_s=TIMEOUT_S).value

    return nullcontext(ManagementApi(read, pixel))


def _show(report: "Report") -> None:
    logs, period = report.logs, report.period
    click.echo(f"From {iso_ms(period.from_ms)} to {iso_ms(period.to_ms)}:")
    how = "with" if logs.with_outcome else "without"
    click.echo(f"{logs.requests} requests of pixels in {logs.lines} lines, {how} message ids.")
    for line in logs.unreadable_first:
        click.echo(f"not readable: {printable(line)}", err=True)
    click.echo()
    print_table([_row(hour) for hour in report.hours], COLUMNS, "no hour has anything")
    click.echo()
    for name, listed in (
        ("missing", report.missing),
        ("double", report.double),
        ("not in a log", report.unlogged),
    ):
        _show_listed(name, listed)
    if report.in_doubt:
        kinds = f"{report.unconfirmed} answered `unconfirmed`, {report.unanswered} not answered"
        more = f"{report.retries} sent again by the proxy"
        stored = f"at most {report.stored_after_all} are stored after all"
        click.echo(f"{report.in_doubt} in doubt: {kinds}, {more}; {stored}.")
    for line in report.advice():
        click.echo(line)
    if report.agrees:
        click.echo("All agrees.")
    elif not report.has_faults:
        click.echo("Nothing is missing, nothing is double.")


def _row(hour: "HourResult") -> dict[str, Any]:
    findings = {
        "missing": hour.missing,
        "double": hour.surplus,
        "uncounted": hour.uncounted,
        "not in a log": hour.unlogged,
    }
    says = ", ".join(f"{amount} {name}" for name, amount in findings.items() if amount)
    return {
        "hour": hour_iso(hour.hour),
        "log": sum(amount for word, amount in hour.logged.items() if word != "unanswered"),
        "ledger": sum(amount for word, amount in hour.ledger.items() if word != "received"),
        "stored_in_log": hour.logged.get("stored", 0),
        "in_ledger": hour.ledger.get("stored", 0),
        "on_disk": hour.events,
        "unanswered": hour.logged.get("unanswered", 0),
        "says": says or ("agrees" if hour.is_whole else "agrees as far as the log goes"),
    }


def _show_listed(name: str, listed: "Listed") -> None:
    for found in listed.first:
        click.echo(f"{name}: {printable(found.message_id)}  {iso_ms(found.at_ms)}  {printable(found.note)}")
    if listed.first and listed.count > len(listed.first):
        click.echo(f"... and {listed.count - len(listed.first)} more")
