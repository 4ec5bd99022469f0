"""Figures of choices: the errors of an experiment under each of the choices of the configuration.

What a figure shows. A row is a choice, and rows stand in boxes by the keys that their choices vary;
the table on the left gives the values, each where it changes. A column is a quantity. A marker is
the mean over the seeds of the mean over the numbers of samples in a range, with the 95 % Student-t
confidence interval of that mean; there is none with one seed. Learners lie below each other within
their row. The axes are logarithmic, and linear around zero, so that an exact zero is on them; an
interval that reaches below zero runs out of the box.

Rows in which no learner differs from the experiment that the choices are about are shaded.

How a run ended. A cross at the end of a row tells that at least one seed stopped at the step limit
at some number of samples in the range, a tilde that its messages oscillated, an exclamation mark
that one met a contradiction.
"""

from itertools import groupby

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from sparsebp.report.style import (
    LAYERS,
    MARKS,
    PAGE_WIDTH,
    Y_LABELS,
    add_legends,
    check_results,
    confidence_interval,
    log_scale,
    mark_properties,
    style_learners,
)

COMPARED = ("weight_error", "topology_error", "generalization_error")
SHADE = "0.9"
# Inches: of each learner in a row; of the text on an A4 page.
LEARNER_HEIGHT, PAGE_HEIGHT = 0.078, 9.7


def build(spec, results):
    """Return the matplotlib figure: a grid of boxes over one legend. Arguments: `figures.draw`."""
    asked, learners = spec["figure"]["choices"], spec["learners"]
    names, (first, last) = asked["learners"], asked["samples"]
    for choice in spec["choices"]:
        wanted = {"learner": choice["learners"].values()}
        check_results(spec["name"], results, asked["experiment"], COMPARED, wanted)
    boxes = [list(box) for _, box in groupby(spec["choices"], lambda choice: [*choice["values"]])]
    data = results[asked["experiment"]].sel(n_samples=slice(first, last))

    lines = sum(map(len, boxes)) * (len(names) + 1) + 4 * len(boxes)
    drawing = Figure(
        figsize=(PAGE_WIDTH, min(LEARNER_HEIGHT * lines + 1, PAGE_HEIGHT)), layout="constrained"
    )
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.03, wspace=0.02, hspace=0.0)
    shape = {"nrows": len(boxes), "ncols": len(COMPARED), "sharex": "col", "squeeze": False}
    grid = drawing.subplots(**shape, height_ratios=[len(box) for box in boxes])
    styles, seen = style_learners(learners), set()
    for box, row in zip(boxes, grid, strict=True):
        for ax, quantity in zip(row, COMPARED, strict=True):
            _draw_box(ax, box, names, styles, data[quantity].mean("n_samples"))
        _add_table(row[0], [choice["values"] for choice in box])
        seen |= _mark_ends(row[-1], box, names, styles, data["status"])
    for column, quantity in zip(grid.T, COMPARED, strict=True):
        column[0].set_title(Y_LABELS[quantity].replace(" (", "\n("))
        _limit(column)
    samples = [str(m) for m in data["n_samples"].values]
    if len(samples) > 8:
        samples[2:-1] = ["..."]
    grid[-1, 1].set_xlabel(f"mean over m = {', '.join(samples)}")

    entries = [
        (Line2D([], [], **_properties(styles[name])), learners[name].get("label") or name)
        for name in names
    ]
    if any(_is_original(choice) for choice in spec["choices"]):
        thesis = spec["experiments"][asked["experiment"]].get("thesis", "the original")
        entries.append((Patch(color=SHADE), f"as in {thesis}"))
    add_legends(drawing, [entries], seen)
    return drawing


def _is_original(choice):
    return all(name == base for base, name in choice["learners"].items())


def _offsets(names):
    """Where each learner stands within its row, which is of height 1."""
    return (np.arange(len(names)) + 1) / (len(names) + 1) - 0.5


def _properties(style):
    """The matplotlib properties of a learner's markers and intervals."""
    filled = LAYERS[style.layer][-1]
    return {
        "color": style.color,
        "linestyle": "none",
        "marker": style.marker,
        "markersize": 3.4 if filled else 4.2,
        "markeredgewidth": 0.9,
        "markerfacecolor": style.color if filled else "white",
    }


def _draw_box(ax, box, names, styles, errors):
    """Draw one quantity under the choices of one box; `errors` are over (learner, seed)."""
    ax.grid(which="minor", axis="x")
    ax.set(ylim=(len(box) - 0.5, -0.5), yticks=[])
    ax.axvline(0, color="0.5", linewidth=0.6, zorder=1)
    for i, choice in enumerate(box):
        values, above = (list(c["values"].values()) for c in (choice, box[i - 1]))
        if i:
            color = "0.8" if values[:-1] == above[:-1] else "0.5"
            ax.axhline(i - 0.5, color=color, linewidth=0.5, zorder=1)
        if _is_original(choice):
            ax.axhspan(i - 0.5, i + 0.5, color=SHADE, linewidth=0, zorder=0)
    for name, offset in zip(names, _offsets(names), strict=True):
        rows = errors.sel(learner=[choice["learners"][name] for choice in box])
        means = rows.mean("seed").values
        ends = np.array([_interval(row) for row in rows.transpose("learner", "seed").values])
        ax.errorbar(
            means, np.arange(len(box)) + offset, xerr=np.abs(ends.T - means), label=name,
            elinewidth=0.9, zorder=2, **_properties(styles[name]),
        )  # fmt: skip


def _interval(values):
    values = values[~np.isnan(values)]
    return confidence_interval(values) if len(values) > 1 else (np.nan, np.nan)


def _add_table(ax, rows):
    """Write the values of the choices to the left of their rows, and their keys above."""
    right = -6  # points from the box
    for k, key in reversed(list(enumerate(rows[0]))):
        head, cells = key.replace("_", "\n"), [row[key] for row in rows]
        place = {"ha": "right", "textcoords": "offset points", "fontsize": "small"}
        where = {"xy": (0, 1), "xycoords": "axes fraction", "va": "bottom", "color": "0.4"}
        ax.annotate(head, xytext=(right, 3), **where, **place)
        seen = None
        for i, row in enumerate(rows):
            values = list(row.values())[: k + 1]
            if values != seen:
                where = {"xy": (0, i), "xycoords": ("axes fraction", "data"), "va": "center"}
                ax.annotate(cells[i], xytext=(right, 0), **where, **place)
            seen = values
        right -= 4 * max(map(len, [*head.split("\n"), *cells])) + 8


def _mark_ends(ax, box, names, styles, status):
    """Mark at the end of rows how runs ended; return the statuses marked."""
    seen = set()
    for i, choice in enumerate(box):
        for name, offset in zip(names, _offsets(names), strict=True):
            found = status.sel(learner=choice["learners"][name]).values
            for k, (code, (marker, size, _, label)) in enumerate(MARKS.items()):
                if (found == code).any():
                    shift = ScaledTranslation((5 + 5 * k) / 72, 0, ax.figure.dpi_scale_trans)
                    mark = mark_properties(marker, size, styles[name].color)
                    beside = {"transform": ax.get_yaxis_transform() + shift, "clip_on": False}
                    ax.plot(1, i + offset, label=label, **beside, **mark)
                    seen.add(code)
    return seen


def _limit(column):
    """Scale the axis that the boxes of a column share: all means and intervals are on it."""
    points = np.concatenate([bars.lines[0].get_xdata() for ax in column for bars in ax.containers])
    high = 2 * max(ax.dataLim.x1 for ax in column) or 1
    threshold = log_scale(column[0], "x", points, high)
    column[0].set_xlim(-0.3 * threshold, high)
    decades = np.arange(round(np.log10(threshold)), np.log10(high))
    if len(decades) > 3:  # too narrow to label each, or the lowest beside the zero
        decades = decades[: 0 : -len(decades) // 4]
    column[0].set_xticks([0, *10.0**decades])
