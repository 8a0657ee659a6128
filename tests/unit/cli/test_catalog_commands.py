"""Commands that make and show what the catalog holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_init_makes_a_file_and_a_data_directory(run: Run, tmp_path: Path) -> None:
    """After it, every other command works."""
    ran = run("init")
    assert ran.code == 0
    assert (tmp_path / "pixelwire.toml").is_file()
    assert (tmp_path / "data" / "catalog.db").is_file()
    assert run("business", "list").code == 0


def test_init_shows_every_setting_and_changes_none(run: Run) -> None:
    """The file it writes is valid, and means the defaults."""
    from pixelwire.config import Settings, load_with_origins

    run("init")
    settings, origins = load_with_origins()
    assert [name for name, origin in origins.items() if origin != "default"] == ["data_dir"]
    text = Path("pixelwire.toml").read_text()
    assert [name for name in Settings.model_fields if f"{name} = " not in text] == []
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else "" for line in text.splitlines())
    Path("all.toml").write_text(uncommented)
    assert load_with_origins(Path("all.toml"))[0].port == settings.port


def test_init_twice_is_harmless(run: Run) -> None:
    """What is there stays."""
    run("init")
    Path("pixelwire.toml").write_text('port = 1234\ndata_dir = "data"\n')
    ran = run("init")
    assert ran.code == 0
    assert "is left as it is" in ran.out
    assert "1234" in Path("pixelwire.toml").read_text()


def test_init_takes_other_places(run: Run, tmp_path: Path) -> None:
    """A configuration elsewhere names its data directory whole."""
    ran = run("init", "--config", "etc/p.toml", "--data-dir", "var")
    assert ran.code == 0
    assert f'data_dir = "{tmp_path}/var"' in Path("etc/p.toml").read_text()
    assert (tmp_path / "var" / "catalog.db").is_file()
    assert run("init", "--config", "etc/p.toml", "--data-dir", "elsewhere").code == 2


def test_a_slip_in_the_data_directory_makes_no_empty_server(run: Run, tmp_path: Path) -> None:
    """Commands refuse a directory that holds no catalog."""
    ran = run("business", "create", "Shop", "--data-dir", "dta")
    assert ran.code == 1
    assert "dta is no data directory of Pixelwire" in ran.err
    assert not (tmp_path / "dta").exists()


def test_businesses_are_made_shown_and_renamed(run: Run) -> None:
    """By id or by name."""
    run("init")
    made = run("business", "create", "Shop", "--json").json
    assert made["type"] == "ADVERTISER"
    assert run("business", "rename", "Shop", "Our shop", "--json").json["name"] == "Our shop"
    assert run("business", "rename", made["id"], "Shop", "--json").json["id"] == made["id"]
    assert [row["name"] for row in run("business", "list", "--json").json] == ["Shop"]
    assert made["id"] in run("business", "list").out


def test_fields_that_are_wrong_are_named(run: Run) -> None:
    """Each with its own line, exit code 2."""
    run("init")
    run("business", "create", "Shop")
    ran = run("pixel", "create", "shop.example", " ")
    assert ran.code == 2
    assert [line.split(":")[1].strip() for line in ran.err.splitlines()] == ["domain", "name"]


def test_the_only_business_needs_no_naming(ready: Run) -> None:
    """With a second one the command asks which, and lists them."""
    assert ready("pixel", "create", "https://a.example", "A").code == 0
    ready("business", "create", "Other")
    ran = ready("pixel", "create", "https://b.example", "B")
    assert ran.code == 2
    assert "--business is needed" in ran.err
    assert "Other" in ran.err
    assert ready("pixel", "create", "https://b.example", "B", "--business", "Other").code == 0
    assert [row["name"] for row in ready("pixel", "list", "--business", "Other", "--json").json] == ["B"]


def test_a_pixel_without_a_business_says_what_to_do(run: Run) -> None:
    """The hint names the command."""
    run("init")
    assert "pixelwire business create" in run("pixel", "create", "https://a.example", "A").err


def test_a_name_of_several_asks_for_the_id(ready: Run) -> None:
    """Nothing is changed by guessing."""
    ready("business", "create", "Other")
    ready("pixel", "create", "https://b.example", "Front", "--business", "Other")
    ran = ready("pixel", "disable", "Front")
    assert ran.code == 2
    assert "several" in ran.err


def test_a_pixel_is_shown_with_its_keys(ready: Run) -> None:
    """Its id is its first write key."""
    shown = ready("pixel", "show", "Front", "--json").json
    assert shown["write_keys"] == [shown["id"]]
    assert shown["enabled"] is True


def test_a_pixels_settings_are_changed_and_nothing_else(ready: Run) -> None:
    """What is not named stays; rules add up until they are forgotten."""
    ready("pixel", "set", "Front", "--rule", "Trial Started=lead", "--gpc", "filter")
    ran = ready("pixel", "set", "Front", "--rule", "a=b=", "--address", "none", "--json").json
    assert ran["event_rules"] == {"Trial Started": "LEAD", "a=b": None}
    assert (ran["gpc"], ran["address"], ran["name"]) == ("filter", "none", "Front")
    ran = ready("pixel", "set", "Front", "--no-rules", "--rule", "X=PURCHASE", "--json").json
    assert ran["event_rules"] == {"X": "PURCHASE"}
    assert ready("pixel", "set", "Front", "--rule", "X").code == 2
    assert ready("pixel", "set", "Front", "--rule", "X=SALE").code == 2


def test_a_pixel_is_switched_off_and_on(ready: Run) -> None:
    """By its name."""
    assert "is disabled" in ready("pixel", "disable", "Front").out
    assert ready("pixel", "show", "Front", "--json").json["enabled"] is False
    assert "is enabled" in ready("pixel", "enable", "Front").out


def test_the_tag_of_a_pixel_is_printed(ready: Run) -> None:
    """With the address of the settings while no server has run."""
    pixel_id = ready("pixel", "show", "Front", "--json").json["id"]
    tag = ready("pixel", "tag", "Front", "--anonymous-id", "a b").out
    assert f"http://127.0.0.1:8080/pixel/v1/page?writeKey={pixel_id}&amp;anonymousId=a+b" in tag


def test_keys_are_imported_switched_and_deleted(ready: Run) -> None:
    """Tags that are out keep working; the pixel's own id can not be deleted."""
    pixel_id = ready("pixel", "show", "Front", "--json").json["id"]
    assert ready("pixel", "key", "add", "Front", "--import", "old-key", "--json").json["key"] == "old-key"
    assert len(ready("pixel", "key", "add", "Front", "--json").json["key"]) == 32
    ready("pixel", "key", "disable", "Front", "old-key")
    keys = {row["key"]: row["enabled"] for row in ready("pixel", "key", "list", "Front", "--json").json}
    assert keys["old-key"] is False
    ready("pixel", "key", "enable", "Front", "old-key")
    assert "old-key is deleted" in ready("pixel", "key", "delete", "Front", "old-key").out
    assert ready("pixel", "key", "delete", "Front", "old-key").code == 3
    refused = ready("pixel", "key", "delete", "Front", pixel_id)
    assert refused.code == 1
    assert "switch it off instead" in refused.err


@pytest.mark.parametrize("word", ["pixel", "business", "destination"])
def test_what_is_not_there_is_exit_code_3(ready: Run, word: str) -> None:
    """With the command that lists what is."""
    arguments = {"business": ["rename", "x", "y"]}.get(word, ["show", "x"])
    ran = ready(word, *arguments)
    assert ran.code == 3
    assert f"pixelwire {word} list" in ran.err


def test_a_token_is_shown_once(ready: Run) -> None:
    """The list knows its name and role, not its text."""
    made = ready("token", "create", "ops", "--role", "admin", "--json").json
    assert made["token"].startswith("pw_")
    listed = ready("token", "list", "--json")
    assert made["token"] not in listed.out
    assert [(row["name"], row["role"], row["business_id"]) for row in listed.json] == [("ops", "admin", None)]
    assert ready("token", "delete", made["id"]).code == 0
    assert ready("token", "delete", made["id"]).code == 3


def test_a_token_can_reach_one_business_only(ready: Run) -> None:
    """Named by its name."""
    made = ready("token", "create", "report", "--business", "Shop", "--json").json
    assert made["role"] == "read"
    assert made["business_id"] is not None
