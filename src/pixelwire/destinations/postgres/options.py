"""What an owner may say about a PostgreSQL destination. Knows no library."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta

from pixelwire.destinations.base import OPERATOR_ONLY, TARGET, Options, Secret

# Quoted wherever it stands, but people have to type it: no capitals, no quotes.
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class PostgresOptions(Options, frozen=True, kw_only=True):
    host: Annotated[str, Meta(min_length=1, description="The server's name or address.", extra=TARGET)]
    database: Annotated[str, Meta(min_length=1, description="The database. Its encoding must be UTF8.")]
    user: Annotated[
        str,
        Meta(
            min_length=1,
            description="The role to connect as. It makes the tables, and the schema unless there is one.",
        ),
    ]
    password: Annotated[Secret | None, Meta(description="The role's password.")] = None
    port: Annotated[int, Meta(ge=1, le=65_535, description="The server's port.", extra=TARGET)] = 5_432
    schema: Annotated[
        str,
        Meta(description="Where the tables are. Best one of its own: events choose the names of tables."),
    ] = "pixelwire"
    sslmode: Annotated[
        Literal["disable", "require", "verify-ca", "verify-full"],
        Meta(
            description="`disable`: no TLS. `require`: TLS, whoever answers. `verify-ca`: with a certificate"
            " of an authority that is trusted. `verify-full`: and made out to `host`."
        ),
    ] = "require"
    ca_file: Annotated[
        str | None,
        Meta(
            description="A PEM file of the certificate authorities to trust, instead of the system's.",
            extra=OPERATOR_ONLY,
        ),
    ] = None
    connect_timeout_s: Annotated[float, Meta(ge=0.1, le=60, description="How long connecting may take.")] = (
        5.0
    )
    timeout_s: Annotated[
        float,
        Meta(ge=0.1, le=300, description="How long one batch may take, waiting for locks included."),
    ] = 60.0
    batch_events_max: Annotated[
        int, Meta(ge=1, le=50_000, description="How many events go in one transaction.")
    ] = 5_000
    batch_bytes_max: Annotated[
        int,
        Meta(ge=65_536, le=67_108_864, description="How many bytes of payload go in one transaction."),
    ] = 16_777_216
    linger_s: Annotated[
        float,
        Meta(ge=0, le=60, description="How long a batch that is not full may wait for more events."),
    ] = 1.0
    columns_max: Annotated[
        int,
        Meta(ge=50, le=1_500, description="How many columns a table may get. Further values are discarded."),
    ] = 1_000
    event_tables_max: Annotated[
        int,
        Meta(
            ge=1,
            le=5_000,
            description="How many event tables the schema may get. Further events' properties are discarded.",
        ),
    ] = 200
    allow_private_addresses: Annotated[
        bool,
        Meta(
            description="Whether the server may lie in a private network: loopback, 10.0.0.0/8 and so on.",
            extra=OPERATOR_ONLY,
        ),
    ] = False

    def problems(self) -> list[str]:
        found = [
            f"{name}: has a character that can not be shown"
            for name in ("host", "database", "user")
            if not getattr(self, name).isprintable()
        ]
        if any(character in self.host for character in "/,@ "):
            found.append("host: must be one name or address, not a socket, a list or a URL")
        if self.password is not None and "\0" in self.password.reveal():
            found.append("password: has U+0000")
        if not _SCHEMA.fullmatch(self.schema) or self.schema.startswith("pg_"):
            found.append("schema: must be small letters, digits and `_`, at most 63, and not begin with pg_")
        return found
