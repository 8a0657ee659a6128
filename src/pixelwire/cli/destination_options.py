"""A destination's options as they are given on a command line: a TOML file, pairs, and secrets by reference.

Knows how text becomes the type an option wants; what the options mean is the destination's.
"""

import os
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from pixelwire.destinations import registry
from pixelwire.destinations.secret import decode
from pixelwire.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])

_GIVEN = (
    click.option(
        "--options",
        "file",
        type=click.Path(path_type=Path),
        help="A TOML file of options.  [see examples/]",
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
)


def options_given(command: Command) -> Command:
    """`--options` and `--option`; `--option-env` and `--option-file` for what must not be seen."""
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
            found[name] = _typed(text, fields[name].type) if name in fields else text
    return found


def _typed(text: str, kind: Any) -> Any:
    """The text as the option's type; as it is where it does not fit, for the check to name it."""
    for strict in (True, False):
        try:
            value = msgspec.convert(text, kind, strict=strict, dec_hook=decode)
        except msgspec.ValidationError:
            continue
        return value if isinstance(value, bool | int | float) else text
    return text


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
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: can not be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML ({error})"]) from error
