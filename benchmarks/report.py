"""The page and the picture of what was measured. Pure: parts in, text out."""

from collections.abc import Sequence

import svg
from growth_figures import P99, RATE, Flatness, flatness
from results import GrowthPart, LadderPart, SteadyPart, TablePart
from summary import Figures, summarise
from windows import KEEP_ALIVE, Stored

MIB = 2**20
TARGETS = ("durable-2", "nginx")  # whose ratio is asked for
HALF_RATE = "half-rate"
Cells = Sequence[str]


def page(
    ladder: LadderPart | None, house: TablePart | None, growth: GrowthPart | None, steady: SteadyPart | None
) -> str:
    """Markdown that reads well in a terminal too."""
    parts = ["# Results of the benchmark"]
    if asked := goals(ladder, growth, steady):
        parts += ["## Asked and measured", table(["asked", "measured"], asked)]
    if ladder is not None:
        parts += _ladder(ladder)
    if house is not None:
        parts += ["## The house", *_origin(house), table(["what", "measured", "expected"], house.rows)]
    if growth is not None:
        parts += _growth(growth)
    if steady is not None:
        parts += _steady(steady)
    return "\n\n".join(parts) + "\n"


def goals(
    ladder: LadderPart | None, growth: GrowthPart | None, steady: SteadyPart | None
) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if ladder is not None:
        figures = summarise(ladder.climb.windows, TARGETS[1])

        def of(way: str) -> Figures | None:
            return figures.get((TARGETS[0], way))

        if found := of(KEEP_ALIVE.key):
            rows.append(("of nginx's rate, 2 workers: at least 0.25", f"{found.ratio:.3f}"))
        if found := of(HALF_RATE):
            rows.append(("p99 at half the rate, 64 connections: under 10 ms", f"{found.p99_ms:.2f} ms"))
        if found := of("new-connection"):
            rows.append(("of nginx's rate, a new connection each: at least 0.5", f"{found.ratio:.3f}"))
        if stored := ladder.climb.stored.get(TARGETS[0]):
            per_byte = _per_byte(stored.disk_bytes, stored)
            rows.append(("bytes on disk per payload byte, all included: at most 1.2", per_byte))
    if steady is not None:
        rows.append((f"memory flat over {steady.minutes:g} minutes", _steadiness(steady)))
    if growth is not None:
        rows.append(("rate and p99 while events grow: within 15 %", _worst(growth)))
    return rows


def picture(ladder: LadderPart) -> str:
    """The ladder as bars: a group for each way but the paced one."""
    figures = summarise(ladder.climb.windows, ladder.rungs[0].key)
    groups = []
    for way, title in ladder.ways.items():
        if way == HALF_RATE:
            continue
        bars = [
            svg.Bar(rung.title, found.rate, f"{found.rate:,.0f}/s · {found.ratio:.3f}", rung.is_ours)
            for rung in ladder.rungs
            if (found := figures.get((rung.key, way)))
        ]
        groups.append(svg.Group(f"Pixels a second: {title}", bars))
    return svg.bars("Pixels a second, and the share of nginx's empty image", groups)


def table(head: Cells, rows: Sequence[Cells]) -> str:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Cells) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([line(head), rule, *map(line, rows)])


def _origin(part: LadderPart | TablePart | GrowthPart | SteadyPart) -> list[str]:
    origin = part.origin
    machine = " · ".join(f"{what} {value}" for what, value in origin.machine.items())
    return [f"`{origin.command}`, {origin.date}  \n{machine}"]


def _ladder(part: LadderPart) -> list[str]:
    figures = summarise(part.climb.windows, part.rungs[0].key)
    others = sorted(window.others_percent for window in part.climb.windows)
    parts = [
        "## The ladder",
        *_origin(part),
        f"{part.turns} turns over all rungs, {part.seconds} s of load each, {part.connections} connections;"
        " medians over the turns, and ratios within a turn. wrk, one thread, beside the servers; every URL is"
        " distinct, half of them have a `messageId` of the sender's, the sample page call and a short track"
        " call in turn. The machine did other work meanwhile:"
        f" {others[len(others) // 2]:.0f} % of its cores in the median, {others[-1]:.0f} % at the most.",
        table(["rung", "what it is"], [(rung.title, rung.how) for rung in part.rungs]),
    ]
    for way, title in part.ways.items():
        rows = [
            _rung_row(rung.title, found, is_compared=way != HALF_RATE)
            for rung in part.rungs
            if (found := figures.get((rung.key, way)))
        ]
        parts += [f"### {title[0].upper()}{title[1:]}", table(RUNG_HEAD, rows)]
    return [*parts, *_cpu(part, figures), *_disk(part, figures)]


RUNG_HEAD = (
    "rung",
    "a second",
    "lowest to highest",
    "ratio",
    "p50",
    "p99",
    "p99.9",
    "CPU",
    "memory",
    "failed",
)


def _rung_row(title: str, found: Figures, *, is_compared: bool) -> tuple[str, ...]:
    return (
        title,
        f"{found.rate:,.0f}",
        f"{found.rate_lowest:,.0f} to {found.rate_highest:,.0f}",
        f"{found.ratio:.3f}" if is_compared else "",
        f"{found.p50_ms:.2f} ms",
        f"{found.p99_ms:.2f} ms",
        f"{found.p999_ms:.2f} ms",
        f"{found.cpu_us_all:,.1f} us",
        f"{found.memory_bytes / MIB:,.0f} MiB",
        f"{found.failures}" + (f", {found.late_percent:.1f} % late" if found.late_percent >= 0.05 else ""),
    )


def _cpu(part: LadderPart, figures: dict[tuple[str, str], Figures]) -> list[str]:
    """Where the time goes, role by role: what the next step is chosen by."""
    rows = [
        (rung.title, part.ways[way], ", ".join(_shares(found)))
        for rung in part.rungs
        for way in part.ways
        if rung.is_ours and (found := figures.get((rung.key, way)))
    ]
    if not rows:
        return []
    return [
        "### Where ours spends it: microseconds of CPU an event, by process",
        table(["rung", "way", "by process"], rows),
    ]


def _shares(found: Figures) -> list[str]:
    ordered = sorted(found.cpu_us.items(), key=lambda pair: -pair[1])
    return [f"{role} {used:.1f}" for role, used in ordered if used >= 0.05]


def _disk(part: LadderPart, figures: dict[tuple[str, str], Figures]) -> list[str]:
    rows = []
    for rung in part.rungs:
        stored = part.climb.stored.get(rung.key)
        found = figures.get((rung.key, KEEP_ALIVE.key))
        if stored is None or not stored.events or found is None:
            continue
        per_sync = found.rate / found.syncs_per_s if found.syncs_per_s else 0.0
        rows.append(
            (
                rung.title,
                f"{stored.disk_bytes / stored.events:,.0f}",
                f"{stored.payload_bytes / stored.events:,.0f}" if stored.payload_bytes else "",
                _per_byte(stored.disk_bytes, stored),
                _per_byte(stored.disk_bytes - stored.log_bytes, stored),
                f"{found.syncs_per_s:,.0f}",
                f"{per_sync:,.1f}" if per_sync else "",
                f"{stored.sync_ms:.2f} ms" if stored.sync_bytes else "",
            )
        )
    head = (
        *("rung", "bytes on disk an event", "of payload", "per payload byte", "without the log"),
        *("syncs a second", "events a sync", "one sync of its size, alone"),
    )
    return ["### Disk", table(head, rows)] if rows else []


def _per_byte(disk_bytes: int, stored: Stored) -> str:
    return f"{disk_bytes / stored.payload_bytes:.2f}" if stored.payload_bytes else ""


def _growth(part: GrowthPart) -> list[str]:
    found = flatness(part.points)
    sizes = sorted({one.stored for one in found})
    rows = []
    for way, what in dict.fromkeys((one.way, one.what) for one in found):
        here = {one.stored: one for one in found if (one.way, one.what) == (way, what)}
        cells = [_measured(here.get(size)) for size in sizes]
        rows.append((part.ways[way], what, *cells))
    notes = dict.fromkeys(f"{part.ways[one.way]}, {one.stored:,}: {one.note}." for one in found if one.note)
    text = (
        f"{part.turns} turns over all sizes, {part.seconds} s of load each, 64 connections, 2 workers;"
        " medians over the turns, in brackets how far they are from those of a new server in the same turn"
        " (what reads: of the fewest stored events)."
    )
    head = ("what", "", *(f"{size:,} events stored" for size in sizes))
    return ["## With more and more events stored", *_origin(part), text, table(head, rows), *notes]


def _measured(one: Flatness | None) -> str:
    if one is None:
        return ""
    value = f"{one.value:,.0f}" if one.value >= 1_000 else f"{one.value:,.2f}"
    return value if one.deviation is None else f"{value} ({one.deviation:+.0%})"


def _steady(part: SteadyPart) -> list[str]:
    rows = [
        (role, f"{size / MIB:.1f} MiB", f"{part.late.get(role, 0) / MIB:.1f} MiB")
        for role, size in sorted(part.early.items())
    ]
    text = (
        f"{part.events:,} events in {part.minutes:g} minutes, {part.rate:,.0f} a second. The recorder"
        " remembers two bytes for each id that a client gave in the last 48 hours."
    )
    return ["## Memory over a while", *_origin(part), text, table(["process", "early", "late"], rows)]


def _worst(part: GrowthPart) -> str:
    found = flatness(part.points)
    worst = {
        what: max((one.worsening for one in found if one.what == what), default=0.0) for what in (RATE, P99)
    }
    return f"rate {-worst[RATE]:+.0%}, p99 {worst[P99]:+.0%} at the worst"


def _steadiness(part: SteadyPart) -> str:
    early, late = sum(part.early.values()), sum(part.late.values())
    return f"{early / MIB:.0f} MiB early, {late / MIB:.0f} MiB late ({(late - early) / early:+.0%})"
