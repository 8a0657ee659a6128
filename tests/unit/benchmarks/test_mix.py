"""The requests of the benchmarks."""

import re
from pathlib import Path

from mix import PAGE, TRACK, asked

LUA = (Path(__file__).parents[3] / "benchmarks" / "pixels.lua").read_text()


def lua_text(name: str) -> str:
    """A local string of the script, with its pieces joined and its `%%` and placeholders undone."""
    found = re.search(rf'^local {name} = ("[^"]*"(?:\s*\.\. "[^"]*")*)', LUA, re.MULTILINE)
    assert found is not None
    return "".join(re.findall(r'"([^"]*)"', found[1])).replace("%%", "%")


def test_the_load_generator_sends_the_same_requests() -> None:
    """What is profiled is what is measured."""
    for name, text in (("page", PAGE), ("track", TRACK)):
        there = re.sub(r"%[sd](?![0-9A-F])", "{}", lua_text(name))
        assert there == re.sub(r"\{\w+\}", "{}", text)


def test_every_request_is_distinct_and_half_have_ids() -> None:
    """Nothing is answered from a cache, and both kinds of ids are there."""
    made = [asked("key", "mark", n) for n in range(1_000)]
    assert len(set(made)) == 1_000
    assert sum("messageId=mark-" in one.query for one in made) == 500
    assert sum(one.path.endswith("/page") for one in made) == 500
