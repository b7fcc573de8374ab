"""The verdict in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from understudy.cli.console import console, points, share

if TYPE_CHECKING:
    from understudy.benchmark.summary import Free, Summary, Update
    from understudy.evaluation.records import Interval


def print_verdict(summary: Summary) -> None:
    """Print arms, floors and paired comparisons with their intervals, then the verdict."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("arm", "accuracy", "95 % interval", "n"):
        table.add_column(heading, justify="left" if heading == "arm" else "right")
    for arm in summary.arms:
        name = arm.name if arm.kind == "arm" else f"{arm.name.removeprefix('floor:')} (floor)"
        table.add_row(name, share(arm.acc.value), _range(arm.acc), str(arm.acc.n))
    console.print(table)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("comparison", "difference", "95 % interval", "p (Holm)", "detectable", "verdict"):
        table.add_column(heading, justify="left" if heading in ("comparison", "verdict") else "right")
    for pair in summary.comparisons:
        difference = pair.difference
        table.add_row(
            f"{pair.first} − {pair.second}",
            "–" if difference.value is None else f"{100 * difference.value:+.1f}",
            _range(difference),
            "–" if pair.p_holm is None else f"{pair.p_holm:.3g}",
            "–" if pair.mde is None else f"{100 * pair.mde:.1f}",
            pair.verdict,
        )
    console.print(table)
    console.print()
    if summary.update is not None:
        console.print(_update(summary.update))
        console.print()
    if summary.free is not None:
        console.print(_free(summary.free))
        for d in summary.free.differences:
            change = d.difference
            console.print(
                f"{d.first} − {d.second}: {points(change.value)} points {d.what} ({_range(change)}, n = {change.n})",
                soft_wrap=True,
            )
        console.print()
    for note in summary.notes:
        console.print(note, soft_wrap=True)
    console.print(summary.headline, style="bold", soft_wrap=True)


def _free(free: Free) -> Table:
    """One row an arm: what a person is told who asks freely."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    headings = ("free answers", "right", "95 % interval", "n", "right and supported", "refused, though answered")
    untreated = any(row.refused_untreated.n for row in free.rows)
    for heading in (*headings, "refused, not answered", *(["refused, not treated"] if untreated else [])):
        table.add_column(heading, justify="left" if heading == "free answers" else "right")
    for row in free.rows:
        table.add_row(
            row.arm,
            share(row.right.value),
            _range(row.right),
            str(row.right.n),
            share(row.right_and_supported.value),
            share(row.refused.value),
            _of(row.refused_without_answer),
            *([_of(row.refused_untreated)] if untreated else []),
        )
    return table


def _update(update: Update) -> Table:
    """One row an arm and kind of fact; withdrawn facts are measured by abstaining alone."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    headings = ("since the run before", "facts", "arm", "accuracy", "95 % interval", "n")
    for heading in (*headings, "against before", "n", "abstains", "old answer likelier"):
        table.add_column(heading, justify="left" if heading in ("since the run before", "arm") else "right")
    for row in update.rows:
        change = row.difference.value
        table.add_row(
            row.change,
            str(row.facts),
            row.arm,
            share(row.acc.value),
            _range(row.acc),
            str(row.acc.n),
            "–" if change is None else f"{100 * change:+.1f} ({_range(row.difference)})",
            str(row.difference.n),
            _of(row.abstains),
            _of(row.outdated),
        )
    return table


def _of(interval: Interval) -> str:
    return "–" if interval.value is None else f"{share(interval.value)} of {interval.n}"


def _range(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return "–"
    return f"{100 * interval.low:.1f} … {100 * interval.high:.1f}"
