"""A destination's options as they are given on a command line: a file, pairs, and secrets by reference; and
its filters and transforms.

Knows how text becomes the type an option wants; what the options mean is the destination's.
"""

import os
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from pixelwire.destinations import registry
from pixelwire.destinations.options import typed_text
from pixelwire.errors import ConfigError
from pixelwire.routing.route import parse_route

Command = TypeVar("Command", bound=Callable[..., Any])

ROUTING: Final = ("filters", "transforms")  # tables beside the options in one file

_GIVEN = (
    click.option(
        "--options",
        "file",
        type=click.Path(path_type=Path),
        help="A TOML or JSON file of options, and of [filters] and [[transforms]].  [see examples/]",
    ),
    click.option(
        "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="One option; wins over the file."
    ),
    click.option(
        "--option-env",
        "variables",
        multiple=True,
        metavar="NAME=VARIABLE",
        help="Its value is in a variable.",
    ),
    click.option(
        "--option-file", "files", multiple=True, metavar="NAME=FILE", help="Its value is in a file."
    ),
    click.option(
        "--routing",
        type=click.Path(path_type=Path),
        help="A TOML or JSON file of filters and transforms, in place of those there are.",
    ),
)


def options_given(command: Command) -> Command:
    """`--options`, `--option`, `--routing`; `--option-env` and `--option-file` for what must not be seen."""
    for option in reversed(_GIVEN):
        command = option(command)
    return command


def collect(
    kind: str,
    file: Path | None,
    pairs: Iterable[str],
    variables: Iterable[str],
    files: Iterable[str],
) -> dict[str, Any]:
    """The options of all sources, the later winning. A dot reaches into a table: `headers.X-Api-Key=...`."""
    found: dict[str, Any] = _read(file) if file else {}
    texts = [_split(pair, "--option") for pair in pairs]
    texts += [(name, _variable(name, key)) for name, key in (_split(p, "--option-env") for p in variables)]
    texts += [(name, _content(name, path)) for name, path in (_split(p, "--option-file") for p in files)]
    fields = {field.encode_name: field for field in msgspec.structs.fields(registry.spec(kind).options)}
    for name, text in texts:
        table, dot, key = name.partition(".")
        if dot:
            inner = found.setdefault(table, {})
            if not isinstance(inner, dict):
                raise click.UsageError(f"{name}: {table} has a plain value already")
            inner[key] = text
        else:
            found[name] = typed_text(text, fields[name].type) if name in fields else text
    return found


def take_routing(given: dict[str, Any], file: Path | None) -> dict[str, Any]:
    """Filters and transforms, checked: those among the options, which are taken out, or both of a file."""
    found: dict[str, Any] = {name: given.pop(name) for name in ROUTING if name in given}
    if file is not None:
        if found:
            raise click.UsageError(f"--routing: {' and '.join(found)} are in the options too; name them once")
        found = read_routing(file)
    parse_route(found.get("filters"), found.get("transforms"))
    return found


def read_routing(file: Path) -> dict[str, Any]:
    """Both of a file; what is not in it is empty."""
    values = _read(file)
    if other := [name for name in values if name not in ROUTING]:
        raise ConfigError(
            [f"{file}: {name} is not known; there are filters and transforms" for name in other]
        )
    return {"filters": values.get("filters", {}), "transforms": values.get("transforms", [])}


def _split(pair: str, option: str) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    if not name or not separator:
        raise click.UsageError(f"{option} {name}: write it NAME=VALUE")
    return name, value


def _variable(name: str, key: str) -> str:
    if key not in os.environ:
        raise ConfigError([f"{name}: the variable {key} is not set"])
    return os.environ[key]


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{name}: {path} can not be read ({error})"]) from error


def _read(path: Path) -> dict[str, Any]:
    """Of TOML, or JSON where it begins with a brace, which no TOML does."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: can not be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 ({error})"]) from error
    try:
        return msgspec.json.decode(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise ConfigError([f"{path}: is neither TOML nor JSON ({error})"]) from error
