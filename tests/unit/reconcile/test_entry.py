"""What can be concluded from one line."""

from typing import Any

import pytest

from pixelwire.reconcile.entry import TOOK_AT_MOST_MS, Entry, Group, Logged, entry_of

PAGE = "/pixel/v1/page?writeKey=k+%31&anonymousId=a1"


def entry(**changed: Any) -> Entry | None:
    base: dict[str, Any] = {
        "ended_ms": 1_000_000,
        "ended_exact_ms": 0,
        "took_ms": 20,
        "method": "GET",
        "target": PAGE,
        "status": 200,
    }
    return entry_of(Logged(**(base | changed)))


def sure(**changed: Any) -> Entry:
    found = entry(**changed)
    assert found is not None
    return found


def test_an_outcome_that_is_logged_is_believed() -> None:
    """With its reason, its id decoded, and the time in which it was received."""
    found = sure(outcome="stored", message_id="a/b%20%C3%BC")
    assert found == Entry(999_980, 1_000_000, "stored", "", None, "a/b ü", "k 1", 0)
    refused = sure(outcome="refused", reason="identity_missing", status=400, message_id="x")
    assert (refused.outcome, refused.reason, refused.message_id) == ("refused", "identity_missing", "")


def test_a_path_that_a_proxy_rewrote_is_ours() -> None:
    """The outcome says so."""
    assert sure(target="/p.gif?k=1", outcome="duplicate", message_id="m").message_id == "m"


@pytest.mark.parametrize(
    ("status", "group"),
    [(200, Group.DONE), (400, Group.REFUSED), (429, Group.REFUSED), (503, Group.FAILED)],
)
def test_a_status_alone_is_one_of_several_outcomes(status: int, group: Group) -> None:
    """Of a log without our fields."""
    found = sure(status=status)
    assert (found.group, found.outcome, found.is_unanswered) == (group, "", False)


@pytest.mark.parametrize("status", [0, 408, 444, 499, 500, 502, 504])
@pytest.mark.parametrize("outcome", [None, ""])
def test_who_had_no_answer_is_in_doubt(status: int, outcome: str | None) -> None:
    """The client went, or the connection to us was lost: it may be stored."""
    assert sure(status=status, outcome=outcome, tries=("-",)).is_unanswered


def test_an_outcome_is_there_although_the_client_went() -> None:
    """nginx has our headers when it can not pass them on."""
    assert not sure(status=499, outcome="stored", message_id="m").is_unanswered


def test_what_the_proxy_answers_by_itself_is_none_of_ours() -> None:
    """Its limits, its pages, and what our HTTP server refuses before any route."""
    for status in (200, 400, 403, 429, 503):
        assert entry(status=status, outcome="", tries=("-",)) is None
    for status in (301, 404, 405, 414):
        assert entry(status=status) is None
        assert entry(status=status, outcome="", tries=(str(status),)) is None
    assert entry(status=400, outcome="", tries=("400",)) is None


def test_a_503_of_somebody_behind_the_proxy_is_in_doubt() -> None:
    """It may have come after the request was taken."""
    assert sure(status=503, outcome="", tries=("503",)).is_unanswered
    assert sure(status=503, outcome="").is_unanswered


def test_a_200_without_our_header_lost_it() -> None:
    """A proxy may take headers off."""
    assert sure(outcome="", tries=("200",)).group is Group.DONE


@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", PAGE), ("OPTIONS", PAGE), ("GET", "/"), ("GET", "/pixel/v1/pages"), ("GET", "*"), ("", "")],
)
def test_other_requests_are_none_of_ours(method: str, target: str) -> None:
    """Other methods and paths."""
    assert entry(method=method, target=target) is None


@pytest.mark.parametrize("target", ["/px/pixel/v1/track?a=b", "/pixel/v1/p%61ge", "http://h/pixel/v1/page?a"])
def test_paths_may_be_written_otherwise(target: str) -> None:
    """Below a prefix, escaped, with a host."""
    assert entry(target=target) is not None


@pytest.mark.parametrize(
    ("target", "logged", "key"),
    [
        (PAGE, None, "k 1"),
        ("/pixel/v1/page?a=1&writeKey=x&writeKey=y", None, "x"),
        ("/pixel/v1/page?a=1", None, ""),
        ("/pixel/v1/page", None, None),
        ("/pixel/v1/page", "k", "k"),
        (PAGE, "", ""),
    ],
)
def test_the_write_key_is_that_of_the_query(target: str, logged: str | None, key: str | None) -> None:
    """Or of a field of its own, where the query is left out; None is not known."""
    assert sure(target=target, write_key=logged).write_key == key


def test_tries_before_the_last_are_in_doubt() -> None:
    """Each may have been stored."""
    assert sure(outcome="stored", message_id="m", tries=("502", "504", "200")).retries == 2


def test_without_a_duration_it_was_held_at_most() -> None:
    """And the second of the line is not exact."""
    found = sure(took_ms=None, ended_exact_ms=999)
    assert (found.begun_ms, found.ended_ms) == (1_000_000 - TOOK_AT_MOST_MS, 1_000_999)
