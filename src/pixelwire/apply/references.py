"""Values that a file does not hold but names: `{ env = "NAME" }` and `{ file = "path" }`. Knows no option.

What they lead to is a secret as a rule: no problem tells it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

WORDS: Final = ("env", "file")


def resolved(value: Any, folder: Path, environment: Mapping[str, str], problems: list[str], at: str) -> Any:
    """The value with every reference in it replaced by its text; `at` is the member's name, for problems."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in WORDS:
            return _text(value, folder, environment, problems, at)
        return {
            name: resolved(inner, folder, environment, problems, f"{at}.{name}")
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [
            resolved(inner, folder, environment, problems, f"{at}.{number}")
            for number, inner in enumerate(value, 1)
        ]
    return value


def is_reference(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in WORDS


def _text(
    reference: Mapping[str, Any], folder: Path, environment: Mapping[str, str], problems: list[str], at: str
) -> str:
    ((word, name),) = reference.items()
    if not isinstance(name, str) or not name:
        problems.append(f"{at}: {word} must be {'a variable' if word == 'env' else 'a path'}")
    elif word == "env":
        if name in environment:
            return environment[name]
        problems.append(f"{at}: the variable {name} is not set")
    else:
        try:
            return (folder / name).read_text(encoding="utf-8").removesuffix("\n")
        except OSError as exc:
            problems.append(f"{at}: {name} can not be read ({exc.strerror})")
        except UnicodeDecodeError:
            problems.append(f"{at}: {name} is not UTF-8")
    return ""
