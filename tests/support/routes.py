"""Builders of routed events, and a package with transforms as its author would install it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixelwire.event import NO_SIGNAL, Call, Signal, StoredEvent
from pixelwire.routing.route import Routed, parse_route


def stored(
    payload: dict[str, Any] | bytes | None = None,
    *,
    call: Call = Call.TRACK,
    signal: int = NO_SIGNAL,
    name: str = "Order Completed",
) -> StoredEvent:
    """A track event as it is on disk; an object is added to the members that each has."""
    if not isinstance(payload, bytes):
        own = {"type": call.word, "messageId": "m1", "anonymousId": "a1"}
        if call is Call.TRACK:
            own["event"] = name
        payload = json.dumps({**own, **(payload or {})}, ensure_ascii=False).encode()
    return StoredEvent(7, 1, 1_700_000_000_000, call, signal, payload, b"")


def viewed(payload: dict[str, Any] | None = None) -> StoredEvent:
    return stored(payload, call=Call.PAGE, signal=Signal.VIEW)


def routed(transforms: list[dict[str, Any]], payload: dict[str, Any]) -> dict[str, Any]:
    """What goes out of these members, without those that each event has."""
    result = parse_route(None, transforms).apply(stored(payload))
    assert isinstance(result, Routed), result
    sent: dict[str, Any] = json.loads(result.payload)
    for name in ("type", "messageId", "anonymousId", "event"):
        sent.pop(name, None)
    return sent


def install_transforms(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> None:
    """Each function of the source is an entry point under its own name, `absent` one of a missing module."""
    (folder / f"{module}.py").write_text(source)
    described = folder / f"{module}-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    names = [line.split("def ")[1].split("(")[0] for line in source.splitlines() if "def " in line]
    points = "\n".join(f"{name} = {module}:{name}" for name in names)
    (described / "entry_points.txt").write_text(
        f"[pixelwire.transforms]\n{points}\nabsent = {module}_absent:run\n"
    )
    monkeypatch.syspath_prepend(folder)
