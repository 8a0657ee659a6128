"""Amounts of bytes for people. Knows nothing else."""

from typing import Final

UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def size_text(amount: int) -> str:
    """`1.2 MB`"""
    value = float(amount)
    for unit in UNITS:
        if value < 1_000 or unit == UNITS[-1]:
            break
        value /= 1_000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
