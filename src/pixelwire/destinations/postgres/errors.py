"""psycopg's errors as ours, in one function. Knows SQLSTATE; no text of it holds a value of an event.

A repeat is harmless, so whatever may pass is Unreachable: the whole batch is sent again.
"""

import re
from typing import TYPE_CHECKING, Final

from pixelwire.destinations.base import Misconfigured, Refused, Unreachable
from pixelwire.errors import DestinationError

if TYPE_CHECKING:
    import psycopg

REASON_CHARACTERS_MAX: Final = 240
CERTAIN_S: Final = 30.0  # for so long a row's fault is not taken for a change of the tables

# What a server, a pooler or the TLS library says before there is a session, when there is no SQLSTATE. In
# English, as libpq and most servers write it; anything else is tried again, with its text as the reason.
_BEFORE_A_SESSION: Final = (
    (r"database \S+ does not exist|no such database", "create the database, or correct `database`"),
    (
        r"password authentication failed|no password supplied|role \S+ does not exist|no such user"
        r"|is not permitted to log in|authentication (method|failed)|SASL|SCRAM",
        "correct `user` and `password`",
    ),
    (
        r"server does not support SSL|SSL was required",
        'turn on TLS at the server, or set sslmode = "disable" where nobody can listen',
    ),
    (
        r"certificate verify failed|root certificate|does not match host name|server certificate",
        "set `ca_file` to the authority of the server's certificate, and `host` to the name in it",
    ),
    (
        r"pg_hba\.conf|permission denied for database",
        "let the role in: by pg_hba.conf, and with CONNECT on the database",
    ),
)

# By SQLSTATE or its class; what stands first counts.
_PASSES: Final = (
    "08", "25", "40", "53", "55006", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "58", "XX",
    "42P06", "42P07", "42701", "42710",  # somebody else made the same a moment ago
)  # fmt: skip
_HINTS: Final = {
    "28": "correct `user` and `password`",
    "3D000": "create the database, or correct `database`",
    "57P04": "create the database again, or correct `database`",
    "42501": "grant the role what it lacks: it must own the tables, or be let into the schema",
    "0A000": "PostgreSQL 12 or newer is needed, with tables that are tables",
}
_OF_EVENTS: Final = ("21", "22", "23", "44", "54", "P0")


def translate(exc: "psycopg.Error", *, looked_s_ago: float = 0.0) -> DestinationError:
    """`looked_s_ago`: how old what we know of the tables is; 0 when it was looked up for this very send."""
    state = exc.sqlstate or ""
    if not state:
        return _before_a_session(one_line(str(exc)))
    text = f"{one_line(exc.diag.message_primary or type(exc).__name__)} (SQLSTATE {state})"
    if state.startswith(_PASSES) or exc.diag.schema_name == "pg_catalog":
        return Unreachable(text)
    for prefix, hint in _HINTS.items():
        if state.startswith(prefix):
            return Misconfigured(text, hint=f"{hint}; then resume the destination")
    is_of_events = state.startswith(_OF_EVENTS)
    if looked_s_ago > (CERTAIN_S if is_of_events else 0.0):
        return Unreachable(f"the tables may have changed: {_without_values(exc, state)}")
    if is_of_events:
        return Refused(f"PostgreSQL refused a row: {_without_values(exc, state)}")
    if state.startswith("42"):
        return Misconfigured(text, hint="bring the tables back into shape, then resume the destination")
    return Unreachable(text)


def one_line(text: str) -> str:
    """The first line of libpq's, which has what matters."""
    first = (
        text.strip()
        .partition("\n")[0]
        .removeprefix("connection failed: ")
        .removeprefix("connection is bad: ")
    )
    return "".join(character if character.isprintable() else " " for character in first)[
        :REASON_CHARACTERS_MAX
    ]


def _before_a_session(text: str) -> DestinationError:
    for pattern, hint in _BEFORE_A_SESSION:
        if re.search(pattern, text):
            return Misconfigured(text, hint=f"{hint}; then resume the destination")
    return Unreachable(text or "the connection broke")


def _without_values(exc: "psycopg.Error", state: str) -> str:
    """Messages about data quote it; the names of the error, the table and the constraint do not."""
    where = [word for word in (exc.diag.table_name, exc.diag.column_name, exc.diag.constraint_name) if word]
    return " ".join([f"{type(exc).__name__} (SQLSTATE {state})", *(["at", ".".join(where)] if where else [])])
