"""Memory over a while."""

from steady import ends


def test_the_ends_are_compared_after_the_warm_up() -> None:
    """What a server grows by while it takes up its work is no leak."""
    looks = [(float(second), {"worker": 100 + second, "recorder": 7}) for second in range(100)]
    looks[5] = (5.0, {"worker": 10_000})
    early, late = ends(looks, warm_s=10.0)
    assert (early, late) == ({"worker": 114, "recorder": 7}, {"worker": 195, "recorder": 7})


def test_a_short_run_has_ends_too() -> None:
    """One look is both ends."""
    assert ends([(1.0, {"worker": 5})], warm_s=0.0) == ({"worker": 5}, {"worker": 5})
