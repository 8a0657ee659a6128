"""What is wrong with a configuration, one line each: the setting, where it came from, what to do.

Knows how problems are said; the settings themselves are in `config.py`.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

DEFAULT: Final = "default"

# What each setting must be, as the end of "... is not".
EXPECTED: Final[dict[str, str]] = {
    "data_dir": "a directory's path",
    "host": "an IP address to listen on; use 127.0.0.1, or 0.0.0.0 for every interface",
    "port": "a port; use 0 to 65535, 0 takes a free one",
    "manage_host": "an IP address to listen on; use 127.0.0.1 unless others must reach it",
    "manage_port": "a port; use 0 to 65535, 0 takes a free one",
    "workers": "a number of processes; use 1 to 64",
    "public_url": "an http or https address without query; use one like https://pixel.example.org",
    "trusted_proxies": 'a list of networks; use one like ["10.0.0.0/8", "192.0.2.7"]',
    "client_address_header": "a header with a list of addresses; use x-forwarded-for",
    "rate_limit_per_address": "a number of requests a second; use 0 for no limit, or one like 20",
    "rate_limit_per_pixel": "a number of requests a second; use 0 for no limit, or one like 1000",
    "rate_limit_burst_s": "a number of seconds; use 1 to 3600",
    "retention_days": "a number of days; use 0 to keep events for ever, or 2 and more",
    "retention_bytes": "a size; use 0 for no limit, or one like 50GB",
    "retention_free_bytes": "a size; use 0 for no limit, or one like 5GB",
    "retention_hard_bytes": "a size; use 0 for no limit, or one like 80GB",
    "retention_hard_free_bytes": "a size; use 0 for no limit, or one like 1GB",
    "allow_network_filesystem": "true or false",
    "metrics_public": "true or false",
    "allow_private_destinations": "true or false",
    "log_format": "text or json",
    "log_level": "debug, info, warning or error",
}

# What is wrong with two settings together: which, and what to do.
TOGETHER: Final[dict[str, tuple[str, str, str]]] = {
    "ports_equal": ("port", "manage_port", "are the same port; give each its own, or 0"),
    "hard_bytes_smaller": (
        "retention_hard_bytes",
        "retention_bytes",
        "the hard limit is the smaller one; make it larger, or 0",
    ),
    "hard_free_bytes_larger": (
        "retention_hard_free_bytes",
        "retention_free_bytes",
        "the hard limit is the larger one; make it smaller, or 0",
    ),
}

# Kubernetes puts these into every pod of a namespace that has a service called `pixelwire`.
KUBERNETES_NAME: Final = re.compile(r"PIXELWIRE_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)")
KUBERNETES_VALUE: Final = re.compile(r"(tcp|udp)://")
KUBERNETES_HINT: Final = (
    "Kubernetes sets it for a service called pixelwire; set enableServiceLinks: false in the pod"
)


class Origins(dict[str, str]):
    """Setting -> where its value came from, as words: `--port`, `PIXELWIRE_PORT`, `pixelwire.toml`."""

    def __init__(
        self,
        names: Collection[str],
        flags: Mapping[str, Any],
        variables: Mapping[str, str],
        from_file: Mapping[str, Any],
        file: Path | None,
    ) -> None:
        super().__init__()
        for name in names:
            if name in flags:
                self[name] = flag(name)
            elif name in variables:
                self[name] = variables[name]
            elif name in from_file:
                self[name] = str(file)
            else:
                self[name] = DEFAULT


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def describe(error: ValidationError, origins: Origins) -> list[str]:
    """pydantic's problems in our words, one line for each setting."""
    lines: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        if not problem["loc"]:
            first, second, text = TOGETHER[problem["msg"].removeprefix("Value error, ")]
            lines[""] = f"{first}, {second} ({origins[first]} and {origins[second]}): {text}"
            continue
        name = str(problem["loc"][0])
        lines.setdefault(name, _line(name, problem["input"], problem["msg"], origins[name]))
    return list(lines.values())


def unknown_settings(from_file: Mapping[str, Any], names: Collection[str], file: Path | None) -> list[str]:
    """Keys of the file that are no settings."""
    return [
        f"{key} ({file}): is no setting; {_meant(key, names) or 'remove it'}"
        + (" (settings stand at the top, in no table)" if isinstance(value, dict) else "")
        for key, value in from_file.items()
        if key not in names
    ]


def unknown_variables(
    environment: Mapping[str, str], prefix: str, names: Collection[str], others: Collection[str]
) -> list[str]:
    """Variables with our prefix that are no settings."""
    known = {prefix + name.upper() for name in names} | set(others)
    problems = []
    for variable, value in environment.items():
        name = variable.upper()
        if not name.startswith(prefix) or name in known or not value:
            continue
        if KUBERNETES_NAME.fullmatch(name):
            problems.append(f"{variable} (environment): is no setting; {KUBERNETES_HINT}")
            continue
        hint = _meant(name, known) or "unset it"
        problems.append(f"{variable} (environment): is no setting; {hint}")
    return problems


def _line(name: str, value: object, message: str, origin: str) -> str:
    if isinstance(value, str) and origin.startswith("PIXELWIRE_") and KUBERNETES_VALUE.match(value):
        return f"{name}: {value!r} ({origin}) is not {EXPECTED[name]} ({KUBERNETES_HINT})"
    reason = message.removeprefix("Value error, ")
    why = f" ({reason})" if reason != message and name in ("trusted_proxies", "client_address_header") else ""
    return f"{name}: {value!r} ({origin}) is not {EXPECTED[name]}{why}"


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else ""
