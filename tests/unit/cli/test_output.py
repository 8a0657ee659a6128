"""What commands print."""

import pytest

from pixelwire.cli.output import cell, print_fields, print_json, print_line, print_table, printable


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns begin under their names, lines end without blanks."""
    print_table([{"id": "1", "is_it": True}, {"id": "22222", "is_it": None}], ["id", "is_it"], "none")
    assert capsys.readouterr().out.splitlines() == ["ID     IS IT", "1      yes", "22222  -"]


def test_an_empty_table_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A script that reads stdout gets nothing."""
    print_table([], ["id"], "nothing yet")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "nothing yet\n")


def test_text_of_strangers_can_not_reach_the_terminal() -> None:
    """Escape sequences and line breaks in an event's name are shown, not obeyed."""
    assert printable("a\x1b[2Jb\nc\x9bd\u202ee") == "a\\x1b[2Jb\\nc\\x9bd\\u202ee"
    assert printable("Käse 🧀") == "Käse 🧀"


def test_values_are_plain_text() -> None:
    """Lists, rules and switches are readable in a cell."""
    assert cell(["a", "b"]) == "a, b"
    assert cell({"A": None}) == '{"A": null}'
    assert cell(False) == "no"
    assert cell(7) == "7"
    assert cell({}) == "-"


def test_fields_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One thing for a person, a document or a line for a program."""
    print_fields({"id": "1", "created_at": "x"})
    print_json({"é": 1})
    print_line({"é": 1})
    assert capsys.readouterr().out == 'id          1\ncreated at  x\n{\n  "é": 1\n}\n{"é":1}\n'
