"""Which kinds of destinations there are, each loaded only when it is asked for. Knows none of their SDKs."""

from functools import cache
from importlib import import_module
from typing import Any, Final

from pixelwire.destinations.base import BatchLimits, Destination, DestinationSpec, Surroundings
from pixelwire.destinations.options import Options, parse, shown
from pixelwire.destinations.plug_ins import PlugInFault, PlugIns
from pixelwire.errors import InvalidFields, Misconfigured

_MODULES: Final[dict[str, str]] = {
    "kafka": "pixelwire.destinations.kafka.destination",
    "object_store": "pixelwire.destinations.object_store.destination",
    "postgres": "pixelwire.destinations.postgres.destination",
    "webhook": "pixelwire.destinations.webhook",
}


def built_in_kinds() -> list[str]:
    """Those that are documented here."""
    return sorted(_MODULES)


def kinds() -> list[str]:
    """Built in and plugged in; a plug-in's may turn out to be of no use when it is asked for."""
    return sorted([*_MODULES, *_plug_ins().kinds()])


def survey() -> tuple[list[DestinationSpec[Any]], list[str]]:
    """Every kind that can be used, all of them loaded, and what is wrong with the others."""
    specs, problems = [], list(_plug_ins().problems)
    for kind in kinds():
        try:
            specs.append(_load(kind))
        except PlugInFault as exc:
            problems.append(str(exc))
    return specs, problems


def spec(kind: str) -> DestinationSpec[Any]:
    """The declaration of a kind. InvalidFields when there is no such kind, or its plug-in is of no use."""
    try:
        return _load(kind)
    except KeyError as exc:
        raise InvalidFields([f"kind: `{kind}` is not known; there are {', '.join(kinds())}"]) from exc
    except PlugInFault as exc:
        raise InvalidFields([f"kind: {exc}"]) from exc


def validate(kind: str, options: dict[str, Any]) -> None:
    """InvalidFields, naming every problem, unless a destination can be built from these options."""
    parse(spec(kind).options, options)


def operator_only(kind: str, options: dict[str, Any]) -> list[str]:
    """The options, by name, that only the operator of the server may set so. InvalidFields when not valid."""
    parsed: Options = parse(spec(kind).options, options)
    return parsed.operator_only()


def shown_options(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options for people to see, secrets hidden. InvalidFields when they are not valid."""
    return shown(parse(spec(kind).options, options))


def build(kind: str, options: dict[str, Any], surroundings: Surroundings) -> tuple[Destination, BatchLimits]:
    """A destination, not open yet, and how much it takes. Misconfigured when the options are not valid."""
    try:
        declared = spec(kind)
        parsed = parse(declared.options, options)
    except InvalidFields as exc:
        raise Misconfigured(f"the options are not valid: {exc}", hint="correct them") from exc
    return declared.build(parsed, surroundings), declared.batch_limits(parsed)


@cache
def _plug_ins() -> PlugIns:
    """Read once: what is installed later is found after a restart."""
    return PlugIns.installed(_MODULES)


def _load(kind: str) -> DestinationSpec[Any]:
    """KeyError when there is no such kind."""
    if kind not in _MODULES:
        return _plug_ins().spec(kind)
    found = import_module(_MODULES[kind]).SPEC
    assert isinstance(found, DestinationSpec)
    return found
