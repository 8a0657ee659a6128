"""Moments as people give them to an option."""

from datetime import UTC, datetime, timedelta

import click


def moment_ms(option: str, text: str | None, days: int = 0) -> int | None:
    """A time in milliseconds, UTC unless it says otherwise; a day is its start, or `days` later."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "write a time like 2026-01-23T04:00Z, or a day like 2026-01-23"
        raise click.UsageError(f"{option} {text}: {hint}") from None
    if len(text) == len("2026-01-23"):
        moment += timedelta(days=days)
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000)


def span_ms(from_: str | None, to: str | None) -> tuple[int | None, int | None]:
    """From `--from` up to `--to`; a day as the latter is meant with all its hours."""
    from_ms, to_ms = moment_ms("--from", from_), moment_ms("--to", to, 1)
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise click.UsageError("--from must be before --to")
    return from_ms, to_ms
