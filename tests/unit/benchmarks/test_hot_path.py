"""The profile of one pixel."""

import hot_path


def test_every_step_is_timed() -> None:
    """Each step of a worker and of the recorder has its figure, however few the events."""
    rows = hot_path.measure(events=64, rounds=2)
    assert {process for process, _, _ in rows} == {"worker", "recorder"}
    assert all(us > 0 for _, _, us in rows)
    assert len({name for _, name, _ in rows}) == len(rows)


def test_the_profile_names_our_functions() -> None:
    """What anyone reads there can be looked up in the sources."""
    text = hot_path.profile(events=64, top=30)
    assert "intake.py" in text
    assert "writer.py" in text
