"""A plan as `pixelwire apply` shows it: in colours where there is a terminal, as data for programs.

Secrets are not in it: the plan does not tell them.
"""

from typing import Any, Final

from rich.console import Console
from rich.text import Text

from pixelwire.apply.differences import Difference
from pixelwire.apply.plan import Plan, Step
from pixelwire.cli.output import cell, printable

SIGNS: Final = {"make": ("+", "green"), "change": ("~", "yellow")}
NOT_SHOWN: Final = "changed, not shown"


def print_plan(plan: Plan) -> None:
    """What is to be made and changed, and what the file does not name."""
    console = Console(highlight=False, soft_wrap=True)
    for step in plan.steps:
        if step.action in SIGNS:
            sign, colour = SIGNS[step.action]
            console.print(Text(f"{sign} {step.word} {printable(_name(step))}", style=colour))
            for difference in step.differences:
                console.print(Text(f"    {printable(difference.member)}: {_told(difference)}"))
    if plan.unnamed:
        names = ", ".join(map(printable, plan.unnamed))
        console.print(Text(f"not in the file, stays: {names}", style="dim"))
    made, changed, left = plan.count("make"), plan.count("change"), plan.count("leave")
    console.print(
        Text(
            f"{made} to make, {changed} to change, {left} as declared" if made or changed else "nothing to do"
        )
    )


def plan_rows(plan: Plan) -> dict[str, Any]:
    """The same as data."""
    return {
        "steps": [
            {
                "action": step.action,
                "kind": step.word,
                "business": step.business,
                "name": step.name,
                "changes": [_row(difference) for difference in step.differences],
            }
            for step in plan.steps
        ],
        "not_in_file": list(plan.unnamed),
    }


def _name(step: Step) -> str:
    if step.word == "business":
        return step.name
    if step.word == "write key":
        return f"{step.business} / {step.pixel} / {step.name}"
    return f"{step.business} / {step.name}"


def _told(difference: Difference) -> str:
    if difference.before is None and difference.after is None:
        return NOT_SHOWN
    return f"{cell(difference.before)} -> {cell(difference.after)}"


def _row(difference: Difference) -> dict[str, Any]:
    if difference.before is None and difference.after is None:
        return {"member": difference.member, "changed": True}
    return {"member": difference.member, "before": difference.before, "after": difference.after}
