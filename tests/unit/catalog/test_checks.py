"""What a value must look like to get into the catalog."""

from collections.abc import Callable

import pytest

from pixelwire.catalog.checks import (
    Checked,
    check_domain,
    check_event_rules,
    check_name,
    check_token,
    check_uuid,
    check_write_key,
    signals_by_name,
)
from pixelwire.errors import InvalidFields
from pixelwire.event import Signal

GOOD = [
    (check_name, "x"),
    (check_name, "x" * 255),
    (check_name, " Größe 📏 "),
    (check_domain, "https://www.example.com"),
    (check_domain, "http://example.com:8080/path?x=1"),
    (check_domain, "https://[::1]/"),
    (check_domain, "https://bücher.example"),
    (check_write_key, "a"),
    (check_write_key, "1x" * 127 + "é"),
    (check_write_key, "two words"),
    (check_token, "pw_" + "a" * 43),
]

BAD = [
    (check_name, ""),
    (check_name, "  \u3000"),
    (check_name, "x" * 256),
    (check_name, "a\x1b[2J"),
    (check_name, "a\x00"),
    (check_name, "\ud800"),
    (check_domain, ""),
    (check_domain, "example.com"),
    (check_domain, "ftp://example.com"),
    (check_domain, "javascript:alert(1)"),
    (check_domain, "https://"),
    (check_domain, "https:///path"),
    (check_domain, "https://exa mple.com"),
    (check_domain, "https://example.com\n"),
    (check_domain, "https://example.com:99999"),
    (check_domain, "https://[::1"),
    (check_domain, "https://user:secret@example.com"),
    (check_domain, "https://example.com/" + "x" * 2048),
    (check_uuid, "ce4ff15ef04d48b99ddffb3c85fbd57a"),
    (check_uuid, "{ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a}"),
    (check_uuid, "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a\n"),
    (check_write_key, ""),
    (check_write_key, "x" * 256),
    (check_write_key, " x"),
    (check_write_key, "a\u200bb"),
    (check_token, "short"),
    (check_token, "pw_" + "a" * 30 + " "),
]


@pytest.mark.parametrize(("check", "value"), GOOD)
def test_a_good_value_is_kept_as_it_is(check: Callable[[str], str], value: str) -> None:
    """What an owner wrote is not rewritten."""
    assert check(value) == value


@pytest.mark.parametrize(("check", "value"), BAD)
def test_a_bad_value_is_refused(check: Callable[[str], str], value: str) -> None:
    """Nothing unfit gets in, whichever door it comes through."""
    with pytest.raises(ValueError, match="must"):
        check(value)


def test_a_uuid_is_kept_in_lower_case() -> None:
    """One id has one form."""
    assert check_uuid("CE4FF15E-F04D-48B9-9DDF-FB3C85FBD57A") == "ce4ff15e-f04d-48b9-9ddf-fb3c85fbd57a"


def test_every_bad_field_is_named_at_once() -> None:
    """A caller mends everything in one go."""
    checked = Checked()
    checked.take("name", check_name, "")
    checked.take("domain", check_domain, "x")
    with pytest.raises(InvalidFields) as caught:
        checked.finish()
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["name", "domain"]


def test_rules_are_looked_up_by_normalised_name() -> None:
    """An owner's spelling does not matter; null means no signal."""
    rules = check_event_rules({"Sign-Up Now!": "LEAD", "Order Completed": None})
    assert signals_by_name(rules) == {"signupnow": Signal.LEAD, "ordercompleted": 0}


@pytest.mark.parametrize(
    "rules", [{"!!!": "LEAD"}, {"a b": "LEAD", "AB": None}, {"x": "NONSENSE"}, {"x": "lead"}]
)
def test_rules_that_can_not_be_followed_are_refused(rules: dict[str, str | None]) -> None:
    """Each name means one thing, and each signal exists."""
    with pytest.raises(ValueError):
        check_event_rules(rules)
