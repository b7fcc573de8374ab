"""Pictures with axes: altair specifications turned into SVG.

Colours are CSS variables of the page, so that one picture serves light and dark. Each picture is drawn twice,
for wide and for narrow screens, because text that shrinks with its picture becomes unreadable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

from understudy.report.words import percent, points

Rows = Sequence[Mapping[str, Any]]
_WIDE, _NARROW = 720, 360
_BESIDE = 26  # characters of the longest name that still stands beside its bar
_VERDICTS = {"better": "var(--good)", "worse": "var(--bad)", "inconclusive": "var(--muted)"}
_NOISE = re.compile(
    r' (?:role|aria-roledescription|aria-hidden|pointer-events|xmlns:xlink|version|class)="[^"]*"|'
    r'<path d="[^"]*"(?: display="none")?/>|<path d="M0,0h0v0h0Z"/>'
)


def arms_chart(arms: Rows, chance: float, *, narrow: bool = False) -> str:
    """Accuracy of every arm with its interval; floors below, and a line at chance."""
    gap = "\u200b"  # an empty row that sets the floors apart where labels stand on the left
    rows = [
        {
            "name": arm["label"],
            "value": arm["acc"]["value"],
            "low": arm["acc"]["low"],
            "high": arm["acc"]["high"],
            "figure": percent(arm["acc"]["value"]),
            "colour": "var(--muted)" if arm["kind"] == "floor" else "var(--accent)",
            "shape": "diamond" if arm["kind"] == "floor" else "circle",
            "kind": arm["kind"],
        }
        for arm in arms
        if arm["acc"]["value"] is not None
    ]
    order = [r["name"] for r in rows if r["kind"] == "arm"]
    floors = [r["name"] for r in rows if r["kind"] == "floor"]
    above = _above(rows, narrow)
    domain = [*order, *([gap] if order and floors and not above else []), *floors]
    axis = alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1],
        labelExpr="format(100 * datum.value, 'd') + ' %'",
        title="share of questions answered right",
    )
    guess = alt.Chart(alt.Data(values=[{"chance": chance, "label": f"guessing {percent(chance, 0)}"}])).encode(
        x=alt.X("chance:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    )
    layers = [
        guess.mark_rule(color="var(--ink)", strokeDash=[3, 3], opacity=0.7),
        guess.mark_text(y=-8, align="center", color="var(--ink)", fontSize=12).encode(text="label:N"),
        *_intervals(rows, domain, above, narrow),
    ]
    return _svg(layers, narrow, step=46 if above else 30)


def differences_chart(comparisons: Rows, *, narrow: bool = False) -> str:
    """Paired differences with their intervals around a line at no difference."""
    rows = [
        {
            "name": f"{c['first']} − {c['second']}",
            "value": 100 * c["difference"]["value"],
            "low": _hundred(c["difference"]["low"]),
            "high": _hundred(c["difference"]["high"]),
            "figure": f"{points(c['difference']['value'])} {c['verdict']}",
            "colour": _VERDICTS.get(c["verdict"], "var(--muted)"),
            "shape": "circle",
        }
        for c in comparisons
        if c["difference"]["value"] is not None
    ]
    reach = max((abs(r[k]) for r in rows for k in ("value", "low", "high") if r[k] is not None), default=10)
    reach = max(10, 10 * math.ceil(reach / 10))
    axis = alt.Axis(
        title="difference in percentage points",
        labelExpr="datum.value == 0 ? '0' : format(datum.value, '+d')",
        tickCount=5,
    )
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).encode(
        x=alt.X("zero:Q", scale=alt.Scale(domain=[-reach, reach]), axis=axis)
    )
    layers = [
        zero.mark_rule(color="var(--ink)", opacity=0.7),
        *_intervals(rows, [r["name"] for r in rows], _above(rows, narrow), narrow),
    ]
    return _svg(layers, narrow, step=46 if _above(rows, narrow) else 34)


def training_chart(training: Mapping[str, Any], *, narrow: bool = False) -> str:
    """The loss of training over steps as a line, the held-out loss as points on a line."""
    layers: list[Any] = []
    ends = {name: training[name][-1][1] for name in ("loss", "dev_loss") if training[name]}
    for name, label, colour, marked in (
        ("loss", "loss", "var(--muted)", False),
        ("dev_loss", "held-out loss", "var(--accent)", True),
    ):
        series = [{"step": step, "value": value} for step, value in training[name]]
        if not series:
            continue
        base = alt.Chart(alt.Data(values=series)).encode(
            x=alt.X("step:Q", axis=alt.Axis(title="step", format="~s", tickCount=4 if narrow else 8)),
            y=alt.Y("value:Q", scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(title="loss", tickCount=5)),
        )
        layers.append(base.mark_line(color=colour, strokeWidth=2))
        if marked or len(series) == 1:
            layers.append(base.mark_point(color=colour, filled=True, size=40, opacity=1))
        last = alt.Chart(alt.Data(values=[{**series[-1], "label": label}]))
        low = ends[name] == min(ends.values()) and len(ends) > 1  # the labels of two lines that end near each other
        layers.append(
            last.mark_text(
                align="left", dx=7, dy=10 if low else -7, color=colour, fontSize=12, fontWeight="bold"
            ).encode(x="step:Q", y="value:Q", text="label:N")
        )
    return _svg(layers, narrow, height=240) if layers else ""


def sweep_chart(rows: Rows, *, narrow: bool = False) -> str:
    """Right answers on the documentation and in general by the strength of training, each with its interval."""
    across = alt.X(
        "strength:Q",
        scale=alt.Scale(domain=[0, max(1, *(row["strength"] for row in rows))], nice=False, padding=14),
        axis=alt.Axis(title="part of the training that is kept", values=[r["strength"] for r in rows], format=".0%"),
    )
    up = alt.Axis(title="answered right", format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    height = alt.Scale(domain=[0, 1])
    chosen = [{"strength": row["strength"], "label": "chosen"} for row in rows if row["chosen"]]
    mark = alt.Chart(alt.Data(values=chosen)).encode(x=across)
    layers: list[Any] = [
        mark.mark_rule(color="var(--ink)", strokeDash=[3, 3], opacity=0.7),
        mark.mark_text(color="var(--ink)", fontSize=12, dy=-8).encode(text="label:N", y=alt.value(0)),
    ]
    last = {name: rows[-1][name]["value"] or 0.0 for name in ("dev", "general")}
    for name, label, colour in (("dev", "documentation", "var(--accent)"), ("general", "general", "var(--muted)")):
        series = [{"strength": row["strength"], **row[name]} for row in rows if row[name]["value"] is not None]
        if not series:
            continue
        base = alt.Chart(alt.Data(values=series)).encode(x=across)
        line = base.encode(y=alt.Y("value:Q", scale=height, axis=up))
        bounded = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
        above = last[name] == max(last.values())
        layers += [
            bounded.mark_rule(strokeWidth=9, strokeCap="round", opacity=0.35, color=colour).encode(
                y=alt.Y("low:Q", scale=height, axis=up), y2="high:Q"
            ),
            line.mark_line(color=colour, strokeWidth=2),
            line.mark_point(color=colour, filled=True, size=60, opacity=1),
            alt.Chart(alt.Data(values=[{**series[-1], "label": label}]))
            .mark_text(align="right", dx=-9, dy=-14 if above else 16, color=colour, fontSize=12, fontWeight="bold")
            .encode(x=across, y=alt.Y("value:Q", scale=height, axis=up), text="label:N"),
        ]
    return _svg(layers, narrow, height=260)


def _above(rows: Rows, narrow: bool) -> bool:
    """Whether names stand above their bars, because the space beside them is too small."""
    return narrow or max(len(row["name"]) for row in rows) > _BESIDE


def _intervals(rows: Rows, domain: Sequence[str], above: bool, narrow: bool) -> list[Any]:
    """A thick pale bar for the interval, a mark for the value, and the figure in words."""
    room = 20 + 7.6 * max(len(text) for text in domain)  # a wide font must fit too
    labels = alt.Axis(title=None, domain=False, ticks=False, labelPadding=8, labelLimit=room, minExtent=room)
    base = alt.Chart(alt.Data(values=list(rows))).encode(
        y=alt.Y("name:N", scale=alt.Scale(domain=list(domain)), sort=None, axis=None if above else labels)
    )
    colour = alt.Color("colour:N", scale=None, legend=None)
    shape = alt.Shape("shape:N", scale=None, legend=None)
    bounded = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    text = {"align": "left", "color": "var(--ink)", "fontSize": 12, "limit": 300 if narrow else 600}
    named = base.transform_calculate(text="datum.figure + ' · ' + datum.name")
    figure = (
        named.mark_text(**text, dy=-15).encode(text="text:N", x=alt.value(2))
        if above
        else base.mark_text(**text, dx=10).encode(text="figure:N", x=alt.value("width"))
    )
    return [
        bounded.mark_rule(strokeWidth=9, strokeCap="round", opacity=0.35).encode(
            x=alt.X("low:Q"), x2="high:Q", color=colour
        ),
        base.mark_point(filled=True, size=90, opacity=1).encode(x="value:Q", color=colour, shape=shape),
        figure,
    ]


def _hundred(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _svg(layers: list[Any], narrow: bool, *, step: int | None = None, height: int | None = None) -> str:
    """The layered picture as an SVG that scales with its column."""
    size = alt.Step(step) if step is not None else height
    chart = alt.layer(*layers).properties(
        width=_NARROW if narrow else _WIDE,
        height=size,
        autosize=alt.AutoSizeParams(type="fit-x" if step is not None else "fit", contains="padding"),
        padding={"left": 4, "right": 12 if narrow else 24, "top": 22 if narrow else 18, "bottom": 4},
    )
    text = "var(--ink)"
    chart = chart.configure(
        background="transparent",
        aria=False,
        axis=alt.AxisConfig(
            labelColor=text,
            titleColor=text,
            gridColor="var(--line)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        view=alt.ViewConfig(stroke=None),
    )
    drawn = vl_convert.vegalite_to_svg(chart.to_dict(validate=False))  # the form is fixed; checking it costs most
    return _NOISE.sub("", drawn).replace('font-family="sans-serif"', 'font-family="inherit"')
