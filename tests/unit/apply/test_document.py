"""A file is read whole, and every problem named with its place."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from pixelwire.apply.document import Document, read_document
from pixelwire.errors import ConfigError

WHOLE = """
[[businesses]]
name = "Shop"

[[businesses.pixels]]
name = "Front"
domain = "https://shop.example"
event_rules = { "Trial" = "SIGNUP", "Order" = "" }

[[businesses.destinations]]
name = "Hook"
kind = "webhook"
pixels = "all"

[businesses.destinations.options]
url = { env = "URL" }
timeout_s = { env = "SECONDS" }
headers = { Authorization = { file = "keys/hook" }, Plain = "x" }
"""
VARIABLES = {"URL": "https://hooks.example/in", "SECONDS": "7.5", "BAD": "not-an-address secret-word"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "hook").write_text("Bearer file-secret\n")
    return tmp_path


def read(folder: Path, text: str) -> Document:
    path = folder / "shop.toml"
    path.write_text(text)
    return read_document(path, VARIABLES)


def problems(folder: Path, text: str) -> list[str]:
    """Without the folder."""
    return [problem.replace(f"{folder}/", "") for problem in read(folder, text).problems]


def test_members_are_read_and_references_followed(folder: Path) -> None:
    """Each in the type its option wants, a file's last line break apart; what is absent is UNSET."""
    document = read(folder, WHOLE)
    assert document.problems == []
    [business] = document.businesses
    [pixel], [hook] = business.pixels, business.destinations
    assert (business.name, business.type, pixel.domain, pixel.gpc) == (
        "Shop",
        UNSET,
        "https://shop.example",
        UNSET,
    )
    assert pixel.event_rules == {"Trial": "SIGNUP", "Order": None}
    assert hook.options == {
        "url": "https://hooks.example/in",
        "timeout_s": 7.5,
        "headers": {"Authorization": "Bearer file-secret", "Plain": "x"},
    }
    assert (hook.pixels, hook.filters, hook.enabled) == (None, UNSET, UNSET)
    assert "secret" not in f"{document!r} {hook}"


def test_json_does_as_well(folder: Path) -> None:
    """Where null can say that an event counts as nothing."""
    text = '{"businesses": [{"name": "S", "pixels": [{"name": "P", "event_rules": {"A": null}}]}]}'
    [business] = read(folder, text).businesses
    assert business.pixels[0].event_rules == {"A": None}


def test_every_problem_is_named_with_its_place(folder: Path) -> None:
    """The line of the thing's heading, the thing, the member; no secret."""
    text = """
[[businesses]]
name = "Shop"
typ = "AGENCY"

[[businesses.pixels]]
domain = "shop.example"
gpc = "ask"
write_keys = ["a", "a"]
event_rules = { "A" = "BUY" }

[[businesses.pixels]]
name = "Front"

[[businesses.pixels]]
name = "Front"

[[businesses.destinations]]
name = "Hook"
kind = "webhok"
options = { url = { env = "NO_SUCH" } }

[[businesses.destinations]]
name = "Other"
kind = "webhook"
pixels = []
enabled = "yes"
filters = { calls = ["paged"] }
transforms = [{ shout = 1 }]
options = { url = { env = "BAD" }, timeout_s = { env = "URL" }, headers = { A = { file = "none" } } }

[[businesses.destinations]]
name = "Third"
kind = "webhook"
options = { url = { env = "BAD" }, timeout_s = { env = "URL" }, tiemout_s = 1 }

[[busineses]]
"""
    found = problems(folder, text)
    assert [problem.split(": ")[:3] for problem in found] == [
        ["shop.toml", "busineses", "is not known here; did you mean `businesses`?"],
        *[
            ["shop.toml:6", "pixel 1", name]
            for name in ("domain", "gpc", "event_rules", "write_keys", "name")
        ],
        ["shop.toml:18", 'destination "Hook"', "kind"],
        ["shop.toml:18", 'destination "Hook"', "options.url"],
        ["shop.toml:23", 'destination "Other"', "options.headers.A"],
        ["shop.toml:23", 'destination "Other"', "pixels"],
        ["shop.toml:23", 'destination "Other"', "enabled"],
        ["shop.toml:23", 'destination "Other"', "filters.calls"],
        ["shop.toml:23", 'destination "Other"', "transform 1"],
        *[["shop.toml:32", 'destination "Third"', f"options.{name}"] for name in ("tiemout_s", "timeout_s")],
        ["shop.toml:2", 'business "Shop"', "typ"],
        ["shop.toml:15", 'pixel "Front"', "name"],
    ]
    assert "secret-word" not in str(found)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('url = { env = "" }', "options.url: env must be a variable"),
        ("url = { file = 1 }", "options.url: file must be a path"),
        ('url = { file = "keys" }', "options.url: keys can not be read (Is a directory)"),
        ('url = { env = "BAD" }', "options.url: has a space or a control character"),
        ('url = "<hidden>"', "options.url: `<hidden>` is how it is shown: give the value itself"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(folder: Path, options: str, problem: str) -> None:
    """By the option; what it leads to is not told."""
    heading = '[[businesses]]\nname = "S"\n[[businesses.destinations]]\nname = "D"\nkind = "webhook"\n'
    text = f"{heading}options = {{ {options} }}"
    assert problems(folder, text) == [f'shop.toml:3: destination "D": {problem}']


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("businesses = 1", "businesses: must be a list of tables"),
        ("[[businesses]]", "shop.toml:1: business 1: name: is required"),
        ('[[businesses]]\nname = "S"\npixels = 1', 'business "S": pixels: must be a list of tables'),
        ('[[businesses]]\nname = "S"\nid = "x"', 'business "S": id: must be a UUID'),
        ('businesses = [{ name = "S" }, { name = "S" }]', 'business "S": name: stands in the file twice'),
        (
            '[[businesses]]\nname = "\\u001b[31m"',
            'business "\\u001b[31m": name: must not hold control characters',
        ),
    ],
)
def test_what_is_no_list_of_named_tables_is_told(folder: Path, text: str, problem: str) -> None:
    """Wherever it stands."""
    [found] = problems(folder, text)
    assert problem in found


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"a = [", "is not TOML"), (b"{", "is not JSON"), (b"\xff", "is not UTF-8"), (None, "can not be read")],
)
def test_a_file_that_can_not_be_read_is_told(tmp_path: Path, content: bytes | None, text: str) -> None:
    """With its path."""
    path = tmp_path / "f.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=text) as raised:
        read_document(path, {})
    assert str(path) in str(raised.value)


def test_odd_types_never_crash(folder: Path) -> None:
    """Every member given every kind of value ends in problems, not in a traceback."""
    values: list[Any] = [
        "1",
        "1.5",
        "true",
        '"x"',
        '""',
        "[]",
        "[1]",
        "[[]]",
        "{}",
        "{ a = 1 }",
        "1979-05-27",
    ]
    members = {
        "businesses": ("name", "id", "type", "pixels", "destinations"),
        "businesses.pixels": (
            *("name", "id", "domain", "enabled", "address", "user_agent", "gpc", "event_rules", "write_keys"),
        ),
        "businesses.destinations": (
            *("name", "kind", "options", "filters", "transforms", "pixels", "enabled", "from_start"),
        ),
    }
    for heading, names in members.items():
        for name in names:
            for value in values:
                outer = "" if heading == "businesses" else '[[businesses]]\nname = "S"\n'
                text = f"{outer}[[{heading}]]\n{name} = {value}\n"
                assert isinstance(read(folder, text).problems, list)
