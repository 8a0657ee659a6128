"""Destinations as commands show them: secrets hidden, with how their deliveries are doing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pixelwire.catalog.destinations import Destination
from pixelwire.cli.rows import row_of
from pixelwire.deliver.state import Deliveries, DestinationSummary
from pixelwire.destinations import registry
from pixelwire.destinations.base import Options
from pixelwire.destinations.options import default_of
from pixelwire.destinations.options import described as meanings_of
from pixelwire.destinations.plain_types import plain_types
from pixelwire.errors import InvalidFields


def described(destination: Destination) -> dict[str, Any]:
    """A destination without its secrets."""
    row = row_of(destination)
    try:
        row["options"] = registry.shown_options(destination.kind, destination.options)
    except InvalidFields as error:  # of an older or newer program: better hidden than shown wrong
        row["options"] = f"not valid: {error}"
    return row


def with_state(data_dir: Path, destinations: Sequence[Destination]) -> list[dict[str, Any]]:
    """Destinations with what the courier knows of them; `new` where it has not met one yet."""
    deliveries = Deliveries(data_dir)
    try:
        met = {summary.destination_id: summary for summary in deliveries.summary()}
    finally:
        deliveries.close()
    return [described(one) | _state(one, met.get(one.id)) for one in destinations]


def option_rows(kind: type[Options]) -> list[dict[str, Any]]:
    """The options of a kind: name, type, default, meaning."""
    types, meanings = plain_types(kind), meanings_of(kind)
    return [
        {
            "option": field.encode_name,
            "type": types[field.encode_name],
            "default": "required" if field.required else msgspec.to_builtins(default_of(field)),
            "meaning": meanings[field.encode_name],
        }
        for field in msgspec.structs.fields(kind)
    ]


def _state(destination: Destination, summary: DestinationSummary | None) -> dict[str, Any]:
    if summary is None:
        return {"state": "new" if destination.is_enabled else "disabled", "waiting": 0, "dead": 0}
    return {
        "state": summary.state,
        "reason": summary.reason,
        "cursor": summary.cursor,
        "waiting": summary.parked,
        "dead": summary.dead,
        "retrying": summary.retrying,
        "expired": summary.expired,
        "sent": summary.sent_total,
        "filtered": summary.filtered_total,
        "last_error": summary.last_error,
    }
