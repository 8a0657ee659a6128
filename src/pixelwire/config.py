"""Settings: flags over environment over file over defaults, checked as a whole before anything starts.

Knows what each setting means to an operator; knows no room that uses it.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pixelwire.config_problems import Origins, describe, unknown_settings, unknown_variables
from pixelwire.errors import ConfigError
from pixelwire.limits import RETENTION_AGE_DAYS_MIN

FILE_NAME: Final = "pixelwire.toml"
PREFIX: Final = "PIXELWIRE_"
WORKERS_MAX: Final = 64
RETENTION_DAYS_MAX: Final = 36_500
SIZE: Final = re.compile(r"(?P<amount>\d+(\.\d+)?)\s*(?P<unit>[kmgt]i?)b?")
UNITS: Final = {
    prefix + mark: base**power
    for power, prefix in enumerate("kmgt", 1)
    for mark, base in (("", 1_000), ("i", 1_024))
}
RATE_MAX: Final = 1_000_000
BURST_S_MAX: Final = 3_600

# Read by the command line, and no settings of the server.
OTHER_VARIABLES: Final = frozenset({"PIXELWIRE_CONFIG", "PIXELWIRE_TOKEN", "PIXELWIRE_MANAGE_URL"})


def _number(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("not a whole number")  # else `true` would be port 1
    return value


def _address(value: object) -> str:
    """`localhost` becomes an address here, once, so that every part of the server means the same."""
    text = str(value).strip().removeprefix("[").removesuffix("]")
    return "127.0.0.1" if text == "localhost" else str(ip_address(text))


def _networks(value: object) -> object:
    entries = [piece.strip() for piece in value.split(",")] if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError("not a list")
    return [_network(entry) for entry in entries if entry]


def _network(entry: str) -> str:
    try:
        return str(ip_network(entry))
    except ValueError:
        pass
    try:
        meant = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(f"{entry!r} is no network") from None
    raise ValueError(f"{entry!r} is an address inside a network; write {str(meant)!r}")


def _public_url(value: object) -> object:
    if value is None or not isinstance(value, str):
        return value
    url = urlsplit(value.strip())
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment or url.username:
        raise ValueError("no http or https address of a host")
    _ = url.port  # raises for a port that is none
    return value.strip().rstrip("/")


def _header(value: object) -> object:
    name = str(value).strip().lower()
    if not name or not all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name):
        raise ValueError("no header's name")
    if name == "forwarded":
        raise ValueError("its entries have another form (RFC 7239) that is not read")
    return name


def _size(value: object) -> object:
    """`50GB`, `1.5 TiB`, or a number of bytes."""
    if not isinstance(value, str) or value.strip().isdecimal():
        return _number(value)
    parts = SIZE.fullmatch(value.strip().lower())
    if parts is None:
        raise ValueError("no size")
    return int(float(parts["amount"]) * UNITS[parts["unit"]])


def _days(value: object) -> object:
    number = int(value) if isinstance(value, str) else _number(value)
    if isinstance(number, int) and 0 < number < RETENTION_AGE_DAYS_MIN:
        raise ValueError("shorter than the time in which a message id is a duplicate")
    return number


Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65_535)]
Address = Annotated[str, BeforeValidator(_address)]


def _workers() -> int:
    return min(2, len(os.sched_getaffinity(0)))


class Settings(BaseSettings):
    """Everything an operator can choose. `docs/configuration.md` shows each with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, str_strip_whitespace=True
    )

    data_dir: Path = Field(Path("data"), description="where events and configuration lie")
    host: Address = Field("127.0.0.1", description="the address of the public listener (pixels)")
    port: Port = Field(8080, description="the port of the public listener; 0 takes a free one")
    manage_host: Address = Field("127.0.0.1", description="the address of the management listener")
    manage_port: Port = Field(8081, description="the port of the management listener; 0 takes a free one")
    workers: Annotated[int, BeforeValidator(_number), Field(ge=1, le=WORKERS_MAX)] = Field(
        default_factory=_workers, description="processes that answer pixels"
    )
    public_url: Annotated[str | None, BeforeValidator(_public_url)] = Field(
        None, description="what browsers call the public listener, when a proxy stands before it"
    )
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_networks)] = Field(
        default=[], description="networks of proxies whose word about the client's address is taken"
    )
    client_address_header: Annotated[str, BeforeValidator(_header)] = Field(
        "x-forwarded-for", description="the one header in which a trusted proxy names the client"
    )
    rate_limit_per_address: Annotated[int, BeforeValidator(_number), Field(ge=0, le=RATE_MAX)] = Field(
        0, description="pixels a second that an address gets from a worker; 0 is no limit"
    )
    rate_limit_per_pixel: Annotated[int, BeforeValidator(_number), Field(ge=0, le=RATE_MAX)] = Field(
        0, description="requests a second that a worker takes for a pixel; 0 is no limit"
    )
    rate_limit_burst_s: Annotated[int, BeforeValidator(_number), Field(ge=1, le=BURST_S_MAX)] = Field(
        10, description="how many seconds' worth of a rate limit may come at once"
    )
    retention_days: Annotated[int, BeforeValidator(_days), Field(ge=0, le=RETENTION_DAYS_MAX)] = Field(
        0, description="how many days events are kept; 0 is for ever"
    )
    retention_bytes: Size = Field(
        0, description="how large stored events may become before the oldest go; 0 is no limit"
    )
    retention_free_bytes: Size = Field(
        0, description="how much disk to leave free by removing the oldest events; 0 is no limit"
    )
    retention_hard_bytes: Size = Field(
        0, description="as retention_bytes, but also events that a destination still waits for; 0 is no limit"
    )
    retention_hard_free_bytes: Size = Field(
        0, description="as retention_free_bytes, but also events that a destination still waits for"
    )
    allow_network_filesystem: bool = Field(
        False, description="whether the data directory may be on a network file system"
    )
    metrics_public: bool = Field(False, description="whether /metrics is open without a token")
    allow_private_destinations: bool = Field(
        False, description="whether destinations may be at private and loopback addresses"
    )
    log_format: Literal["text", "json"] = Field("text", description="how log lines look")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is logged"
    )

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        if self.port == self.manage_port != 0:
            raise ValueError("ports_equal")
        return self

    @model_validator(mode="after")
    def _hard_limits_are_harder(self) -> "Settings":
        if 0 < self.retention_hard_bytes < self.retention_bytes:
            raise ValueError("hard_bytes_smaller")
        if 0 < self.retention_free_bytes < self.retention_hard_free_bytes:
            raise ValueError("hard_free_bytes_larger")
        return self


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """The settings from file, environment and overrides (flags; None means not given).

    `path` is the file to read; without one `./pixelwire.toml` is read if it is there. Relative paths in
    the file start at the file. ConfigError names every problem at once.
    """
    return load_with_origins(path, **overrides)[0]


def load_with_origins(path: Path | None = None, **overrides: Any) -> tuple[Settings, Origins]:
    """`load`, and where each setting came from: a flag, a variable, the file or the default."""
    file = path if path is not None else Path(FILE_NAME) if Path(FILE_NAME).is_file() else None
    from_file, problems = _read_file(file) if file is not None else ({}, [])
    flags = {name: value for name, value in overrides.items() if value is not None}
    names = list(Settings.model_fields)
    origins = Origins(names, flags, _variables(os.environ), from_file, file)
    problems += unknown_settings(from_file, names, file)
    problems += unknown_variables(os.environ, PREFIX, names, OTHER_VARIABLES)
    try:
        settings = _layered(from_file, file)(**flags)
    except ValidationError as error:
        raise ConfigError([*describe(error, origins), *problems]) from None
    if settings.data_dir.exists() and not settings.data_dir.is_dir():
        where = origins["data_dir"]
        problems.append(f"data_dir: {str(settings.data_dir)!r} ({where}) is a file; name a directory")
    if problems:
        raise ConfigError(problems)
    return settings, origins


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Setting -> the variable that gives it, the way pydantic-settings reads them."""
    return {
        name.lower().removeprefix(PREFIX.lower()): name
        for name, value in environment.items()
        if name.upper().startswith(PREFIX) and value
    }


def _read_file(path: Path) -> tuple[dict[str, Any], list[str]]:
    """What the file says, and what is wrong with the file as such."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file), []
    except OSError as error:
        return {}, [f"{path}: can not be read ({error.strerror}); give another file with --config"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, [f"{path}: is not TOML ({error}); see docs/configuration.md"]


def _layered(from_file: Mapping[str, Any], file: Path | None) -> type[Settings]:
    """Settings whose lowest layer is this file."""
    values = dict(from_file)
    if file is not None and isinstance(values.get("data_dir"), str):
        values["data_dir"] = file.parent / values["data_dir"]

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, values)

    return Layered
