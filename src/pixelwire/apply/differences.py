"""How two values of a member differ, for people to see; of a secret only that it does. Knows no catalog."""

from collections.abc import Iterator
from typing import Any

import msgspec

from pixelwire.destinations import registry
from pixelwire.destinations.options import parse, shown
from pixelwire.errors import InvalidFields


class Difference(msgspec.Struct, frozen=True):
    """One member. `before` and `after` are None together where the values are not shown."""

    member: str
    before: Any = None
    after: Any = None


def values_differ(member: str, before: Any, after: Any) -> Iterator[Difference]:
    """Nothing when both would be kept as the same JSON; `true` and `1` are not."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    if encode(before) != encode(after):
        yield Difference(member, before, after)


def options_differ(kind: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    """Option by option, defaults filled in. `after` is valid; where `before` is not, all of it is renewed."""
    declared = registry.spec(kind).options
    new = parse(declared, after)
    try:
        old = parse(declared, before)
    except InvalidFields:
        yield Difference("options")
        return
    shown_old, shown_new = shown(old), shown(new)
    for field in msgspec.structs.fields(declared):
        name = field.encode_name
        if getattr(old, field.name) == getattr(new, field.name):
            continue
        if shown_old[name] == shown_new[name]:
            yield Difference(f"options.{name}")
        else:
            yield Difference(f"options.{name}", shown_old[name], shown_new[name])
