"""Names of tables and columns, as RudderStack's warehouse makes them for PostgreSQL. Pure.

Letters and digits of ASCII are kept, in words joined by `_`, in small letters; every other character divides
words. `orderId` is `order_id`, `Cízǔ` is `c_z`, `h264Profile` is `h264_profile`, `9mega` is `_9mega`. A name
with no such letter, which RudderStack leaves out, keeps its own letters (`цена`) or is spelt out (`u1f6d2`).
"""

import re
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize

NAME_BYTES_MAX: Final = 63  # of PostgreSQL; it cuts longer ones itself
NAMES_REMEMBERED_MAX: Final = 8_192
NAME_REMEMBERED_CHARACTERS_MAX: Final = 128  # of what a name is made from: strangers choose it
SPELT_CHARACTERS_MAX: Final = 16  # more do not fit into a name

# Where a word ends: a digit stays with the letters before it, else with those after it.
_WORD: Final = re.compile(
    r"[A-Z]?[a-z]+[0-9]+|[A-Z]+[0-9]+|[0-9]+[A-Z]?[a-z]+|[0-9]+[A-Z]+|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]+|[0-9]+"
)

# PostgreSQL's reserved words as RudderStack takes them: an underscore goes before.
RESERVED_WORDS: Final = frozenset(
    {
        "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
        "between", "binary", "both", "case", "cast", "check", "collate", "column", "constraint", "create",
        "cross", "current_date", "current_role", "current_time", "current_timestamp", "current_user",
        "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "for",
        "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in", "initially",
        "inner", "intersect", "into", "is", "isnull", "join", "leading", "left", "like", "limit",
        "localtime", "localtimestamp", "natural", "new", "not", "notnull", "null", "off", "offset", "old",
        "on", "only", "or", "order", "outer", "overlaps", "placing", "primary", "references", "right",
        "select", "session_user", "similar", "some", "symmetric", "table", "then", "to", "trailing", "true",
        "union", "unique", "user", "using", "verbose", "when", "where",
    }
)  # fmt: skip
# Every table of PostgreSQL has these itself.
SYSTEM_COLUMNS: Final = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})
# Tables that are not an event's: ours, and the others that RudderStack makes.
TABLES_NOT_OF_EVENTS: Final = frozenset(
    {
        "accounts", "aliases", "groups", "identifies", "pages", "rudder_discards", "screens", "tracks",
        "users",
    }
)  # fmt: skip


def column_name(path: str) -> str:
    """The column of a member, given its path joined by `_`. "" where there is nothing to make a name of."""
    if len(path) > NAME_REMEMBERED_CHARACTERS_MAX:
        return _column_name.__wrapped__(path)
    return _column_name(path)


def table_name(event: str) -> str:
    """The table of an event's name. "" where there is nothing to make a name of."""
    name = _cut(snake(event))
    return f"_{name}" if name in RESERVED_WORDS or name in TABLES_NOT_OF_EVENTS else name


def snake(text: str) -> str:
    """The words of a text joined by `_`; leading underscores stay, and a digit in front gets one."""
    name = "_".join(_WORD.findall(text)).lower() or _foreign(text)
    if text.startswith("_"):
        return text[: len(text) - len(text.lstrip("_"))] + name
    return f"_{name}" if name[:1].isdecimal() else name


@lru_cache(NAMES_REMEMBERED_MAX)
def _column_name(path: str) -> str:
    name = _cut(snake(path))
    return f"_{name}" if name in RESERVED_WORDS or name in SYSTEM_COLUMNS else name


def _foreign(text: str) -> str:
    """A name for what has no letter or digit of ASCII."""
    own = normalize("NFC", text).lower()
    words = "".join(character if _is_of_a_word(character) else " " for character in own).split()
    if words:
        return "_".join(words)
    return "_".join(f"u{ord(character):x}" for character in text.strip("_")[:SPELT_CHARACTERS_MAX])


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or category(character).startswith("M")  # vowels of some scripts are marks


def _cut(name: str) -> str:
    if name.isascii():
        return name[:NAME_BYTES_MAX]
    return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
