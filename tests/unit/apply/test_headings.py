"""Lines of tables in TOML."""

from pixelwire.apply.headings import headings, line_of

TEXT = """\
# [[a]] in a comment
[[a]]
name = "[[a]]"
  [[ a . b ]]  # the first
[a.b.c]
[[a.b]]
[["a".b]]
"""


def test_headings_are_found_by_their_names() -> None:
    """Comments, plain tables and texts are none; quoted names are not ours."""
    assert headings(TEXT) == {"a": [2], "a.b": [4, 6]}


def test_a_line_is_told_only_where_it_is_sure() -> None:
    """More or fewer tables than headings: some are written in another way."""
    assert line_of([4, 6], 1, 2) == 6
    assert line_of([4, 6], 1, 3) is None
    assert line_of([], 0, 1) is None
