"""Kinds that other packages bring, read from real metadata on disk."""

import sys
from collections.abc import Callable
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from pixelwire.destinations.plug_ins import PlugInFault, PlugIns

Install = Callable[..., PlugIns]

DECLARATION = """
from pixelwire.destinations.base import BatchLimits, DestinationSpec, Options

class Pigeons(Options, frozen=True, kw_only=True):
    loft: str = "roof"

SPEC = DestinationSpec("pigeon", "By air.", Pigeons, None, lambda options: BatchLimits())
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts packages on the path, `name={"entries": ..., "module": ...}`, and finds what they bring."""
    monkeypatch.syspath_prepend(tmp_path)

    def installed(**packages: dict[str, str]) -> PlugIns:
        entries = []
        for name, files in packages.items():
            folder = tmp_path / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (folder / "entry_points.txt").write_text(f"[pixelwire.destinations]\n{files['entries']}\n")
            (tmp_path / f"{name}.py").write_text(files.get("module", DECLARATION))
            monkeypatch.delitem(sys.modules, name, raising=False)
            entries += list(Distribution.at(folder).entry_points)
        return PlugIns(entries, {"webhook"})

    return installed


def test_a_kind_of_another_package_is_found(install: Install) -> None:
    """By its entry point, and imported no sooner than its declaration is asked for."""
    found = install(dovecote={"entries": "pigeon = dovecote:SPEC"})
    assert (found.kinds(), found.problems) == (["pigeon"], [])
    assert "dovecote" not in sys.modules
    assert found.spec("pigeon").summary == "By air."
    assert "dovecote" in sys.modules


def test_nothing_is_wrong_where_nothing_is_installed(install: Install) -> None:
    """An unknown kind is a KeyError."""
    found = install()
    assert (found.kinds(), found.problems) == ([], [])
    with pytest.raises(KeyError):
        found.spec("pigeon")


def test_a_kind_of_our_own_can_not_be_taken_over(install: Install) -> None:
    """It would get the options, and the secrets, of destinations that were made for ours."""
    found = install(thief={"entries": "webhook = thief:SPEC"})
    assert found.kinds() == []
    assert found.problems == ["`webhook` of thief 1.0 is ignored: Pixelwire has this kind itself"]


def test_of_two_packages_with_one_kind_neither_is_used(install: Install) -> None:
    """Which one came first on the path is nobody's decision."""
    found = install(
        dovecote={"entries": "pigeon = dovecote:SPEC"}, aviary={"entries": "pigeon = aviary:SPEC"}
    )
    assert found.kinds() == []
    assert found.problems == ["`pigeon` is in dovecote 1.0 and aviary 1.0: uninstall all but one"]


@pytest.mark.parametrize("name", ["Pigeon", "carrier-pigeon", "1pigeon"])
def test_a_name_that_no_kind_can_have_is_ignored(install: Install, name: str) -> None:
    """Options, pages and examples are named after it."""
    found = install(dovecote={"entries": f"{name} = dovecote:SPEC"})
    assert found.kinds() == []
    assert found.problems[0].startswith(f"`{name}` of dovecote 1.0 is ignored: the name of a kind is")


@pytest.mark.parametrize(
    ("entry", "module", "fault"),
    [
        ("pigeon = d:SPEC", "import no_such_library", r"can not be loaded \(ModuleNotFoundError"),
        ("pigeon = d:SPEC", "raise RuntimeError('two\\nlines')", r"\(RuntimeError: two lines\)"),
        ("pigeon = d:OTHER", DECLARATION, r"can not be loaded \(AttributeError"),
        ("pigeon = d:Pigeons", DECLARATION, "is no DestinationSpec: correct its entry point d:Pigeons"),
        ("dove = d:SPEC", DECLARATION, "declares itself as `pigeon`"),
        ("pigeon = d:SPEC", DECLARATION.replace("Pigeons, None", "dict, None"), "no subclass of Options"),
    ],
)
def test_a_kind_that_is_of_no_use_says_why(install: Install, entry: str, module: str, fault: str) -> None:
    """In one line, with the name and version of its package."""
    found = install(d={"entries": entry, "module": module})
    with pytest.raises(PlugInFault, match=fault) as raised:
        found.spec(found.kinds()[0])
    assert "of d 1.0" in str(raised.value)
    assert "\n" not in str(raised.value)
