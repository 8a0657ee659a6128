"""Options: checked whole, shown without secrets."""

from typing import Annotated

import pytest
from msgspec import Meta

from pixelwire.destinations.options import OPERATOR_ONLY, Options, described, parse, shown
from pixelwire.destinations.secret import Secret, SecretUrl
from pixelwire.errors import InvalidFields


class Sample(Options, frozen=True, kw_only=True):
    address: Annotated[SecretUrl, Meta(description="Where to.")]
    password: Secret | None = None
    tries: Annotated[int, Meta(ge=1, le=9)] = 3
    headers: dict[str, Secret] = {}  # noqa: RUF012 msgspec copies it

    def problems(self) -> list[str]:
        return ["tries: 4 brings bad luck"] if self.tries == 4 else []


ADDRESS = "https://hooks.example:8443/services/T0/secret-path?key=secret-key"


def problems_of(**given: object) -> list[str]:
    with pytest.raises(InvalidFields) as raised:
        parse(Sample, given)
    return raised.value.problems


def test_defaults_are_filled_in() -> None:
    """Only what has no default must be given."""
    options = parse(Sample, {"address": ADDRESS})
    assert (options.tries, options.password, options.headers) == (3, None, {})
    assert options.address.reveal() == ADDRESS


def test_every_problem_is_named_at_once() -> None:
    """Unknown, missing and wrong ones, each by its name."""
    problems = problems_of(pasword="x", tries=10, headers={"a": 1})
    assert [problem.partition(":")[0] for problem in problems] == ["pasword", "address", "tries", "headers"]
    assert "did you mean `password`?" in problems[0]


def test_what_types_can_not_say_is_asked_last() -> None:
    """A class's own problems are told once each field alone is right."""
    assert problems_of(address=ADDRESS, tries=4) == ["tries: 4 brings bad luck"]


def test_a_problem_does_not_tell_a_secret() -> None:
    """Not even when the secret is of the wrong type."""
    assert "hunter2" not in str(problems_of(address=ADDRESS, password=["hunter2"]))


@pytest.mark.parametrize(
    "given",
    [
        {"address": "https://hooks.example:8443/..."},
        {"address": "<hidden>"},
        {"address": ADDRESS, "password": "<hidden>"},
        {"address": ADDRESS, "headers": {"X-Key": "<hidden>"}},
    ],
)
def test_what_stands_for_a_secret_is_none(given: dict[str, object]) -> None:
    """Options copied from where they were shown would overwrite the secret with its mark."""
    (problem,) = problems_of(**given)
    assert "is how it is shown: give the value itself" in problem


@pytest.mark.parametrize("given", [{"password": "\ud800"}, {"headers": {"\udfff": "x"}}])
def test_a_half_of_a_character_is_refused(given: dict[str, object]) -> None:
    """JSON can hold one; no file and no request can."""
    (problem,) = problems_of(address=ADDRESS, **given)
    assert problem.endswith("holds a character that no text can have")
    assert problems_of(**{"address": ADDRESS, "\ud800": 1})[0].startswith("\\ud800: is not an option")


def test_secrets_do_not_show() -> None:
    """Neither in a repr nor among the options for people; of an address only where it is."""
    options = parse(Sample, {"address": ADDRESS, "password": "hunter2", "headers": {"X-Key": "hunter3"}})
    assert shown(options) == {
        "address": "https://hooks.example:8443/...",
        "password": "<hidden>",
        "tries": 3,
        "headers": {"X-Key": "<hidden>"},
    }
    for text in (repr(options), str(options), f"{options.password}"):
        assert "hunter" not in text
        assert "secret" not in text


def test_an_address_that_is_none_shows_nothing() -> None:
    """What can not be taken apart is hidden whole; an IPv6 host keeps its brackets."""
    assert repr(SecretUrl("https://[::1")) == "<hidden>"
    assert repr(SecretUrl("http://[2001:db8::1]:80/x")) == "http://[2001:db8::1]:80/..."


def test_equal_secrets_are_equal() -> None:
    """Options can be compared, so that a change is seen."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != SecretUrl("a")
    assert len({Secret("a"), Secret("a")}) == 1


def test_options_say_what_they_are_for() -> None:
    """The description of a field is its documentation."""
    assert described(Sample) == {"address": "Where to.", "password": "", "tries": "", "headers": ""}


class Reaching(Options, frozen=True, kw_only=True):
    """One option that is the operator's at any other than its default, one whose value decides."""

    key_file: Annotated[str | None, Meta(description="A file.", extra=OPERATOR_ONLY)] = None
    folders: Annotated[list[str], Meta(extra=OPERATOR_ONLY)] = []  # noqa: RUF012 msgspec copies it
    place: str = "https://a.example"

    def operator_only(self) -> list[str]:
        return [*super().operator_only(), *(["place"] if self.place.startswith("file:") else [])]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"key_file": None, "folders": [], "place": "https://b.example"}, []),
        ({"key_file": "/etc/shadow"}, ["key_file"]),
        ({"folders": ["/srv"], "place": "file:///srv"}, ["folders", "place"]),
    ],
)
def test_options_tell_what_only_the_operator_may_set(given: dict[str, object], expected: list[str]) -> None:
    """What is marked and not at its default, and what a kind adds to it."""
    assert parse(Reaching, given).operator_only() == expected
