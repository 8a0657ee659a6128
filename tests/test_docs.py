"""The documentation can not lag: what exists is documented, what is documented exists."""

import importlib
import json
import pkgutil
import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import pixelwire
from pixelwire.apply.document import read_document
from pixelwire.cli.destination_options import ROUTING
from pixelwire.cli.exits import Exit
from pixelwire.cli.group import COMMANDS, group
from pixelwire.config import OTHER_VARIABLES, Settings
from pixelwire.destinations import registry
from pixelwire.errors import PixelwireError
from pixelwire.event import Failure, Outcome, Signal
from pixelwire.routing.route import parse_route

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for path, name in zip(PAGES, NAMES, strict=True):
        for found, text in FENCE.findall(path.read_text()):
            if found == language:
                yield name, text


def commands() -> dict[str, click.Command]:
    """Path -> command, for all that are not groups."""

    def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
        if not isinstance(command, click.Group):
            yield path, command
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from walk(child, f"{path} {name}")

    return dict(walk(group, "pixelwire"))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Every file and heading that a page links to is there."""
    source = ROOT / name
    broken = []
    for target in LINK.findall(FENCE.sub("", source.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (source.parent / file) if file else source
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """With the default that the program has."""
    (row,) = [line for line in page("configuration.md").splitlines() if line.startswith(f"| `{name}` |")]
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return  # it depends on the machine
    default = field.get_default()
    if default is None:
        assert "| none |" in row
    else:
        said = default if isinstance(default, str | Path) else json.dumps(default)
        assert f"| `{said}` |" in row


def test_every_variable_is_documented() -> None:
    """Those that are no settings too."""
    assert [name for name in OTHER_VARIABLES if name not in page("configuration.md")] == []


@pytest.mark.parametrize("path", list(commands()))
def test_every_command_is_documented(path: str) -> None:
    """With each of its options, on the page of commands."""
    text = page("command-line.md")
    assert f"`{path}" in text
    section = text.split(f"## `{' '.join(path.split()[:2])}`\n")[1].split("\n## ")[0]
    shared = {"--config", "--data-dir", "--json", "--help"}
    if path in ("pixelwire quickstart", "pixelwire check"):
        section += text.split("## `pixelwire serve`\n")[1].split("\n## ")[0]
    if path.startswith("pixelwire destination"):
        section += "--name"
    options = {
        option
        for parameter in commands()[path].params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert [option for option in sorted(options - shared) if option not in section] == []


def test_no_command_is_documented_that_is_not_there() -> None:
    """What the pages tell people to type exists, with its options."""
    known = commands()
    wrong = []
    for name, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = re.sub(r"\[.*?\]|\s#.*", "", line).split()
            if not words or not words[0].endswith("pixelwire"):
                continue
            path = max(
                (path for path in known if f"{path} " in f"pixelwire {' '.join(words[1:])} "),
                key=len,
                default="",
            )
            options = (
                {option for parameter in known[path].params for option in parameter.opts} if path else set()
            )
            used = {word.split("=")[0] for word in words if word.startswith("--")}
            if not path or used - options - {"--help"}:
                wrong.append(f"{name}: {line}")
    assert wrong == []


def test_commands_are_in_the_table() -> None:
    """The page begins with all of them."""
    assert [name for name in COMMANDS if f"| [`pixelwire {name}`]" not in page("command-line.md")] == []


def test_exit_codes_are_documented() -> None:
    """Each has its row."""
    assert [code for code in Exit if f"| {int(code)} |" not in page("command-line.md")] == []


def test_every_metric_is_documented() -> None:
    """By the name it has on the wire, and no other."""
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    names = re.findall(r'(Counter|Gauge|Histogram)MetricFamily\(\s*"(pixelwire_\w+)"', source)
    existing = {f"{name}_total" if kind == "Counter" else name for kind, name in names}
    assert existing
    documented = set(re.findall(r"pixelwire_[a-z_]+", page("operations.md")))
    assert (existing - documented, documented - existing) == (set(), set())


def test_every_error_code_is_documented() -> None:
    """In the page of the API: those in answers and those in logs."""
    for module in pkgutil.walk_packages(pixelwire.__path__, "pixelwire."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def below(kind: type[PixelwireError]) -> Iterator[type[PixelwireError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    codes = {kind.code for kind in below(PixelwireError)} - {"error", "request"}
    assert sorted(code for code in codes if f"`{code}`" not in page("api.md")) == []


def test_outcomes_reasons_and_signals_are_documented() -> None:
    """The words an operator meets are explained."""
    text = page("operations.md")
    assert [word for word in (*Outcome, *Failure) if f"`{word}`" not in text] == []
    commands_text = page("command-line.md")
    missing = [name for name in Signal.__members__ if f"`{name}`" not in commands_text]
    assert [name for name in missing if not name.startswith("CUSTOM_EVENT_")] == []


def problems_to_apply(text: str) -> list[str]:
    """Those of a file for `pixelwire apply`, whose variables are set and whose files are there."""
    with tempfile.TemporaryDirectory() as folder:
        for name in re.findall(r'file = "([^"]+)"', text):
            Path(folder, name).write_text("0123456789abcdef")
        path = Path(folder, "apply.toml")
        path.write_text(text)
        variables = dict.fromkeys(re.findall(r'env = "([^"]+)"', text), "https://set.example/in")
        return read_document(path, variables).problems


def test_toml_in_the_pages_is_valid() -> None:
    """It can be copied into the configuration file, one for `apply`, or one of filters and transforms."""
    for name, text in blocks("toml"):
        values = tomllib.loads(text)
        if "businesses" in values:
            assert problems_to_apply(text) == [], name
        elif values.keys() <= set(ROUTING):
            parse_route(values.get("filters"), values.get("transforms"))
        else:
            assert set(values) <= set(Settings.model_fields), name


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_examples_parse(path: Path) -> None:
    """Settings by name, options of destinations by their kind, files for `apply`, filters and transforms."""
    values = tomllib.loads(path.read_text())
    kind = path.name.split(".")[0]
    if kind == "pixelwire":
        Settings(**values)
    elif kind == "apply":
        assert problems_to_apply(path.read_text()) == []
    elif kind == "routing":
        parse_route(**values)
    else:
        registry.validate(kind, values)


def test_the_readme_shows_the_tag_that_the_program_prints() -> None:
    """One tag, everywhere the same."""
    from pixelwire.cli.first_steps import image_tag

    assert image_tag("https://pixel.example.org", "KEY") in (ROOT / "README.md").read_text()


def test_the_contributors_page_fits_two_pages() -> None:
    """Nobody reads a third."""
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 110
