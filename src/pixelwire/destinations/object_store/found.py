"""What files that were there already hold beyond the items that were asked for: the next ones to come.

Bounded: what is forgotten is put a second time at worst. Knows no store.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pixelwire.destinations.base import Item
from pixelwire.destinations.object_store.encode import Format
from pixelwire.destinations.object_store.options import FILE_EVENTS_MAX

MARKS_MAX: Final = 2 * FILE_EVENTS_MAX

Whose = tuple[str, str]  # folder and replay
Marks = Counter[str | bytes]


class Found:
    def __init__(self) -> None:
        self._marks: dict[Whose, Marks] = {}  # the latest last

    def holds(self, whose: Whose) -> bool:
        return whose in self._marks

    def remember(self, whose: Whose, marks: Marks) -> None:
        """In place of what was found there before: files are passed in the order of their names."""
        self.forget(whose)
        self._marks[whose] = marks
        while len(self._marks) > 1 and sum(map(len, self._marks.values())) > MARKS_MAX:
            del self._marks[next(iter(self._marks))]

    def forget(self, whose: Whose) -> None:
        self._marks.pop(whose, None)

    def without(self, whose: Whose, items: Sequence[Item], form: Format) -> Sequence[Item]:
        """The items that were not found. Those that were are no longer expected."""
        marks = self._marks.get(whose)
        if marks is None:
            return items
        left = []
        for item in items:
            mark = form.mark(item)
            if marks[mark] > 0:  # a Counter says 0 for what it has not
                marks[mark] -= 1
            else:
                left.append(item)
        if not any(marks.values()):
            self.forget(whose)
        return left
