"""Figure of the verdicts: of each claim the test that decides, its interval beside its margin.

What it shows. A row is a claim, as configured. The marker is the effect of the test that decides,
the line the interval that decides, both in margins of that test. Dashed lines are at one margin on
either side. The shaded part of a row is where the interval lies if the test holds. A test without a
margin is in units of its effect: its marker is hollow.
"""

import numpy as np
from matplotlib import style as mpl_style
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from sparsebp.claims.comparisons import KINDS
from sparsebp.claims.numbers import typeset
from sparsebp.claims.verdicts import BY_CONSTRUCTION, FAILS, HOLDS, UNDECIDED, deciding, number
from sparsebp.report.fitting import wrapped
from sparsebp.report.style import PAGE_WIDTH, PALETTE, RC, add_legends, learner_legend, write_beside
from sparsebp.report.tables import SYMBOLS, configured
from sparsebp.storage.figure_metadata import save, svg
from sparsebp.study.markup import mapped, mathtext

LOOKS = {
    HOLDS: (PALETTE[2], "o"),
    BY_CONSTRUCTION: (PALETTE[2], "s"),
    UNDECIDED: (PALETTE[1], "D"),
    FAILS: (PALETTE[3], "X"),
}
SHADE = "#e3f1ec"
LINE_HEIGHT, CLAIM, STATEMENT, NUMBER = 0.117, 0.4, 2.3, 1.35  # inches: of a line; widths of texts
LEAST_LINES = 3  # of a row
SMALL = 0.8 * RC["font.size"]


def shown(records):
    """What the figure shows of verdicts: of each claim as configured the test that decides.

    `records` are as `verdicts.judge` returns them; of their tests those that decide are enough, by
    their number or by that as text.
    """
    found = []
    for record in filter(configured, records):
        test = record["tests"][record["key"]]
        found.append(
            {
                "claim": record["id"],
                "statement": record["statement"],
                "verdict": record["verdict"],
                "kind": test["kind"],
                "margin": test["margin"],
                "effect": test["effect"],
                "ends": deciding(test),
                "number": number(test),
            }
        )
    return found


def draw(records, path):
    """Draw the verdicts, and write the figure to a path: PNG, PDF or SVG.

    `records` are as for `shown`. What that makes of them is in the metadata of the file, where
    `read_provenance` finds it.

    Returns:
        The same figure as SVG, from its `<svg` on.
    """
    rows = shown(records)
    with mpl_style.context(RC, after_reset=True):
        drawing = _build(mapped(mathtext, rows))
        save(drawing, "Verdicts (sparsebp)", [path], rows)
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        text = svg(drawing, no_metadata)
    return text[text.index("<svg") :]


def _build(rows):
    """The matplotlib figure: a row for each claim over one legend. `rows`: see `shown`."""
    entries = [
        (Line2D([], [], **_properties(verdict)), f"{SYMBOLS[verdict]} {verdict}")
        for verdict in LOOKS
        if verdict in {row["verdict"] for row in rows}
    ]
    entries.append((Patch(color=SHADE), "where the interval lies if the test holds"))
    legend = learner_legend([("", entries)], PAGE_WIDTH)
    texts = [_texts(row) for row in rows]
    lines = max(LEAST_LINES, *(text.count("\n") + 1 for row in texts for text in row))
    height = LINE_HEIGHT * (lines + 1) * len(rows) + 0.8  # a line between rows
    drawing = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.03)
    ax = drawing.subplots()
    ax.set(ylim=(len(rows) - 0.5, -0.5), yticks=[])
    ax.grid(visible=False)
    places = [_in_margins(row) for row in rows]
    finite = np.ravel(places)[np.isfinite(np.ravel(places))]
    low, high = min(finite.min(), -1), max(finite.max(), 1)
    room = 0.06 * (high - low)
    ax.set_xlim(low - room, high + room)
    for at in (-1, 0, 1):
        look = {"color": "0.35"} if at == 0 else {"color": "0.5", "linestyle": (0, (3, 2))}
        ax.axvline(at, linewidth=0.7, zorder=1, **look)
    for i, (row, (low, effect, high)) in enumerate(zip(rows, places, strict=True)):
        left, right = np.clip(KINDS[row["kind"]].region, *ax.get_xlim())
        ax.barh(i, right - left, 0.9, left, color=SHADE, zorder=0)
        look = _properties(row["verdict"])
        if row["margin"] is None:
            look["markerfacecolor"] = "white"
        left, right = np.clip([low, high], *ax.get_xlim())
        ax.hlines(i, left, right, color=look["color"], linewidth=1.4, zorder=2)
        ax.plot(effect, i, **look)
        _write(ax, i, row, *texts[i])
    ax.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    ax.set_xlabel("effect and its interval, in margins of the test (dashed: one)")
    add_legends(drawing, legend, [])
    return drawing


def _in_margins(row):
    """The lower end, the effect and the upper end; an end may be infinite."""
    unit = row["margin"] or abs(row["effect"]) or 1
    low, high = row["ends"]
    ends = -np.inf if low is None else low, row["effect"], np.inf if high is None else high
    return np.array(ends) / unit


def _properties(verdict):
    color, marker = LOOKS[verdict]
    return {"color": color, "marker": marker, "markersize": 5, "linestyle": "none", "zorder": 3}


def _texts(row):
    """What stands to the left of a row, its claim and what that says, and to the right."""
    margin = "no margin: in units of the effect"
    if row["margin"] is not None:
        margin = typeset(f"margin {row['margin']:g}")
    numbers = wrapped(f"{row['number']}\n{margin}", NUMBER, SMALL)
    claim = wrapped(row["claim"], CLAIM, SMALL)
    return claim, wrapped(row["statement"], STATEMENT, SMALL), numbers


def _write(ax, i, row, claim, statement, numbers):
    """Write the claim and its verdict to the left of its row, and the numbers to the right."""
    symbol, color, left = SYMBOLS[row["verdict"]], LOOKS[row["verdict"]][0], -72 * STATEMENT - 4
    write_beside(ax, i, claim, left - 20, "right", fontsize=SMALL, fontweight="bold")
    write_beside(ax, i, symbol, left - 10, "center", fontweight="bold", color=color)
    write_beside(ax, i, statement, left, "left", fontsize=SMALL)
    write_beside(ax, i, numbers, 5, "left", fontsize=SMALL, color="0.35")
