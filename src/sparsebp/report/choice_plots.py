"""Figures of choices: the errors of an experiment under each of the choices of the configuration.

What a figure shows. A row is a choice, and rows stand in boxes by the keys that their choices vary;
the table on the left gives the values, each where it changes. What all rows of a box set alike is
told once, below it. A column is a quantity. A marker is the mean over the seeds of the mean over
the numbers of samples in a range, with the 95 % confidence interval of that mean
(`intervals.mean_interval`); there is none with one seed. Learners lie below each other within their
row. The axes are logarithmic, with a shaded strip for zero on the left.

Rows in which no learner differs from the experiment that the choices are about are shaded.

How a run ended. A cross at the end of a row tells that at least one seed stopped at the step limit
at some number of samples in the range, a wave that its messages oscillated, an exclamation mark
that one met a contradiction.
"""

from itertools import groupby

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation

from sparsebp.report.fitting import wrapped
from sparsebp.report.intervals import mean_interval
from sparsebp.report.labels import KEYS, called
from sparsebp.report.style import (
    LAYERS,
    MARKS,
    PAGE_WIDTH,
    RC,
    Y_LABELS,
    add_legends,
    check_results,
    learner_legend,
    legends_height,
    log_scale,
    mark_legend,
    mark_properties,
    style_learners,
    write_beside,
)

COMPARED = ("weight_error", "topology_error", "generalization_error")
SHADE = "0.9"
# Inches: of each learner in a row; of the text on an A4 page.
LEARNER_HEIGHT, PAGE_HEIGHT = 0.078, 9.7
BOX_WIDTH = 1.5  # inches, about
HEAD_WIDTH = 0.8  # inches: of a column of the table


def build(spec, results):
    """Return the matplotlib figure: a grid of boxes over one legend. Arguments: `figures.draw`."""
    asked, learners = spec["figure"]["choices"], spec["learners"]
    names, (first, last) = asked["learners"], asked["samples"]
    for choice in spec["choices"]:
        wanted = {"learner": choice["learners"].values()}
        check_results(spec["name"], results, asked["experiment"], COMPARED, wanted)
    boxes, alike = [], []
    for _, group in groupby(spec["choices"], lambda choice: [*choice["values"]]):
        box, same = _told_once(list(group))
        boxes.append(box)
        alike.append(same)
    data = results[asked["experiment"]].sel(n_samples=slice(first, last))

    styles = style_learners(learners)
    compared = {name: block for name, block in learners.items() if name in names}
    entries = [
        (Line2D([], [], **_properties(styles[name])), label)
        for name, label in called(compared).items()
    ]
    if any(_is_original(choice) for choice in spec["choices"]):
        thesis = spec["experiments"][asked["experiment"]].get("thesis", "the original")
        entries.append((Patch(color=SHADE), f"as in {thesis}"))
    shown = learner_legend([("", entries)], PAGE_WIDTH)
    ended = [_ended(box, names, data["status"]) for box in boxes]
    marks = mark_legend({status for box in ended for *_, status in box}, PAGE_WIDTH)

    lines = sum(map(len, boxes)) * (len(names) + 1) + 4 * len(boxes)
    height = LEARNER_HEIGHT * lines + 0.6 + legends_height(shown, marks)
    drawing = Figure(figsize=(PAGE_WIDTH, min(height, PAGE_HEIGHT)), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.03, wspace=0.02, hspace=0.0)
    shape = {"nrows": len(boxes), "ncols": len(COMPARED), "sharex": "col", "squeeze": False}
    grid = drawing.subplots(**shape, height_ratios=[len(box) for box in boxes])
    for quantity, column in zip(COMPARED, grid.T, strict=True):
        means = data[quantity].mean("n_samples")
        tables = [_table(box, names, means) for box in boxes]
        ends = np.concatenate([np.ravel(table) for table in tables])
        log_scale(column[0], "x", ends, 72 * BOX_WIDTH)
        for ax, box, table in zip(column, boxes, tables, strict=True):
            _draw_box(ax, box, names, styles, table)
        column[0].set_title(Y_LABELS[quantity].replace(" (", "\n("))
    for row, box, same, found in zip(grid, boxes, alike, ended, strict=True):
        _add_values(row[0], [choice["values"] for choice in box])
        row[1].set_xlabel("\n".join(same), fontsize="small", color="0.4")
        _mark_ends(row[-1], found, styles, names)
    samples = [str(m) for m in data["n_samples"].values]
    if len(samples) > 8:
        samples[2:-1] = ["..."]
    grid[-1, 1].set_xlabel("\n".join([f"mean over m = {', '.join(samples)}", *alike[-1]]))
    add_legends(drawing, shown, marks)
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


def _table(box, names, errors):
    """Means and ends of their intervals, (name, choice, 3); `errors` are over (learner, seed)."""
    table = np.full((len(names), len(box), 3), np.nan)
    for i, name in enumerate(names):
        for j, choice in enumerate(box):
            values = errors.sel(learner=choice["learners"][name]).dropna("seed").values
            if len(values):
                table[i, j, 0] = values.mean()
            if len(values) > 1:
                table[i, j, 1:] = mean_interval(values)
    return table


def _draw_box(ax, box, names, styles, table):
    """Draw one quantity under the choices of one box."""
    ax.set(ylim=(len(box) - 0.5, -0.5), yticks=[])
    ax.axvline(0, color="0.5", linewidth=0.6, zorder=1)
    for i, choice in enumerate(box):
        values, above = (list(c["values"].values()) for c in (choice, box[i - 1]))
        if i:
            color = "0.8" if values[:-1] == above[:-1] else "0.5"
            ax.axhline(i - 0.5, color=color, linewidth=0.5, zorder=1)
        if _is_original(choice):
            ax.axhspan(i - 0.5, i + 0.5, color=SHADE, linewidth=0, zorder=0)
    for name, offset, points in zip(names, _offsets(names), table, strict=True):
        means, *ends = points.T
        ax.errorbar(
            means, np.arange(len(box)) + offset, xerr=np.abs(ends - means), label=name,
            elinewidth=0.9, zorder=2, **_properties(styles[name]),
        )  # fmt: skip


def _told_once(box):
    """The choices of a box without the values that all of several set alike, and these in words."""
    rows = [choice["values"] for choice in box]
    alike = {k: v for k, v in rows[0].items() if len(rows) > 1 and all(r[k] == v for r in rows)}
    apart = [{key: row[key] for key in row if key not in alike} for row in rows]
    box = [choice | {"values": values} for choice, values in zip(box, apart, strict=True)]
    return box, [f"{KEYS[key]}: {value}" for key, value in alike.items()]


def _add_values(ax, rows):
    """Write the values of the choices to the left of their rows, and their keys above."""
    right = -6  # points from the box
    for k, key in reversed(list(enumerate(rows[0]))):
        head = wrapped(KEYS[key], HEAD_WIDTH, RC["font.size"] * 0.833)
        cells = [row[key] for row in rows]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
        look = {"ha": "right", "fontsize": "small", "color": "0.4"}
        ax.annotate(head, (0, 1), xytext=(right, 3), **place, **look)
        seen = None
        for i, row in enumerate(rows):
            values = list(row.values())[: k + 1]
            if values != seen:
                write_beside(ax, i, cells[i], right, "right", fontsize="small")
            seen = values
        right -= 4 * max(map(len, [*head.split("\n"), *cells])) + 8


def _ended(box, names, status):
    """Trainings of a box that did not converge: (row, name, status)."""
    return [
        (i, name, code)
        for i, choice in enumerate(box)
        for name in names
        for code in MARKS
        if (status.sel(learner=choice["learners"][name]).values == code).any()
    ]


def _mark_ends(ax, ended, styles, names):
    """Mark at the end of rows how runs ended."""
    offsets = dict(zip(names, _offsets(names), strict=True))
    shift = ScaledTranslation(6 / 72, 0, ax.figure.dpi_scale_trans)
    beside = {"transform": ax.get_yaxis_transform() + shift, "clip_on": False}
    for i, name, status in ended:
        marker, size, label = MARKS[status]
        mark = mark_properties(marker, size, styles[name].color)
        ax.plot(1, i + offsets[name], label=label, **beside, **mark)
