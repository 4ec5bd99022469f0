"""Figures of heat maps: one number for each of two things that vary.

What a map shows. With `by`, a row is an experiment, by its value of that key, ascending from below,
and a column a number m of samples: a cell is the mean over the seeds of one learner's quantity.
With `references`, a row is a learner and a column an experiment: a cell is the largest, over all m
that the learner has, of the mean over the seeds of its loss, the difference of its quantity from
that of the reference in the same simulation. Learners that differ in their label alone are one. A
cell without any value is empty.

All maps of a figure have one scale of colours, from zero to the largest value: the darker, the
larger. The colour goes with the square root of the value, so that small ones can be told apart. A
negative value has the colour of zero. The numbers are written into the cells where they fit.
"""

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from seaborn import cm

from sparsebp.network.quantities import QUANTITIES
from sparsebp.report.fitting import LINE, text_width, wrapped
from sparsebp.report.labels import KEYS, called
from sparsebp.report.style import (
    RC,
    Y_LABELS,
    check_results,
    figure_width,
    lettered,
    number_label,
)

COLORS = cm.rocket_r
# Inches: of names of rows, at most; of the scale of colours with its labels; beside a map but for
# names of rows; above and below it but for lines; and of a cell in height but for lines.
LABEL_WIDTH, BAR_WIDTH, BESIDE, ROUND, CELL = 1.5, 0.8, 0.25, 0.25, 0.06


def build(spec, results):
    """Return the matplotlib figure: a grid of maps. Arguments: `figures.draw`."""
    blocks, learners = spec["figure"]["maps"], spec["learners"]
    for block in blocks:
        for experiment in block["experiments"]:
            names = block["learners"] if "by" in block else [block["references"][experiment]]
            wanted = {"learner": names}
            check_results(spec["name"], results, experiment, [block["quantity"]], wanted)
    tables = [table(block, results, learners) for block in blocks]
    columns = min(spec["figure"]["columns"], len(blocks))
    width = figure_width(spec["figure"], columns)
    room = (width - BAR_WIDTH) / columns
    rows = [_row_names(block, found, learners) for block, found in zip(blocks, tables, strict=True)]
    widths = [room - _width(names) - BESIDE for names in rows]
    titles = [
        wrapped(lettered(i, len(blocks), _title(block, learners)), widths[i], RC["axes.titlesize"])
        for i, block in enumerate(blocks)
    ]
    below = [
        _column_names(block, found, spec, across)
        for block, found, across in zip(blocks, tables, widths, strict=True)
    ]
    heights = [
        len(names) * (LINE * _lines(names) + CELL)
        + (_width(under) if turned else LINE * _lines(under))
        + LINE * (_lines([title]) + _lines([_x_label(block)]))
        + ROUND
        for title, names, (under, turned), block in zip(titles, rows, below, blocks, strict=True)
    ]
    heights = [max(heights[i : i + columns]) for i in range(0, len(blocks), columns)]
    drawing = Figure(figsize=(width, sum(heights)), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.05, wspace=0.02, hspace=0.03)
    grid = drawing.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    axes = grid.ravel()[: len(blocks)]
    for ax in grid.ravel()[len(blocks) :]:
        ax.remove()

    largest = max(np.nanmax(found, initial=0) for found in tables)
    colors = ScalarMappable(PowerNorm(0.5, 0, largest or 1), COLORS)
    for i, (ax, block) in enumerate(zip(axes, blocks, strict=True)):
        _draw_cells(ax, tables[i].to_numpy(), colors)
        again = i % columns > 0 and rows[i] == rows[i - 1]
        ax.set_title(titles[i], loc="left")
        names, turned = below[i]
        ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90 if turned else 0)
        ax.set_yticks(np.arange(len(rows[i])) + 0.5, [""] * len(rows[i]) if again else rows[i])
        ax.set(xlabel=_x_label(block), ylabel="" if again else KEYS.get(block.get("by"), ""))
    bar = drawing.colorbar(colors, ax=axes, fraction=0.05, aspect=30, pad=0.02)
    bar.locator = MaxNLocator(4)
    bar.outline.set_visible(False)
    bar.set_label(wrapped(_label(blocks[0]), max(sum(heights) - 0.4, 1), RC["axes.labelsize"]))
    _write_values(drawing, axes, tables, colors)
    return drawing


def table(block, results, learners):
    """The values of a map, in its rows from above and its columns.

    Args:
        block: of the figure.
        results: by experiment.
        learners: blocks of the configuration. Those that differ in their label alone share a row,
            with the first of their names, unless an experiment has both.

    Returns:
        A data frame of float: with `by`, numbers by m; otherwise learners by experiments. It is NaN
        where a learner does not run.
    """
    if "by" in block:
        [learner] = block["learners"]
        rows = {
            number: _values(results[name], block).sel(learner=learner).mean("seed").to_series()
            for number, name in zip(block["positions"], block["experiments"], strict=True)
        }
        return pd.DataFrame(rows).T.sort_index(ascending=False).sort_index(axis=1)
    losses = {}
    for name, reference in block["references"].items():
        found = _values(results[name], block)
        loss = found - found.sel(learner=reference, drop=True)
        losses[name] = loss.mean("seed").max("n_samples").to_series()
    found = pd.DataFrame(losses).reindex(block["learners"])
    settings = [{**learners[name], "label": None} for name in found.index]
    first = [found.index[settings.index(own)] for own in settings]
    together = found.groupby(first, sort=False)
    return found if together.count().to_numpy().max() > 1 else together.first()


def _values(data, block):
    """The quantity of a map where learners ran, over (learner, seed, n_samples)."""
    return data[block["quantity"]].where(data["status"] > 0)


def _draw_cells(ax, values, colors):
    """Draw the cells of a map."""
    shown, look = np.ma.masked_invalid(np.maximum(values, 0)), {"edgecolor": "white", "zorder": 2}
    ax.pcolormesh(shown, cmap=colors.cmap, norm=colors.norm, linewidth=1, **look)
    ax.set(xlim=(0, values.shape[1]), ylim=(values.shape[0], 0))
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _write_values(drawing, axes, tables, colors):
    """Write the numbers into the cells of all maps, if all of them fit."""
    drawing.draw_without_rendering()  # which lays the maps out
    size, room, texts = RC["xtick.labelsize"], [], []
    for ax, found in zip(axes, tables, strict=True):
        room.append(ax.get_window_extent().width / drawing.dpi / found.shape[1])
        for (i, j), value in np.ndenumerate(found):
            if np.isfinite(value):
                light = np.dot(colors.to_rgba(max(value, 0))[:3], (0.3, 0.6, 0.1))
                texts.append((ax, j + 0.5, i + 0.5, value_text(value), light))
    if max((text_width(text, size) for _, _, _, text, _ in texts), default=0) > min(room):
        return
    for ax, x, y, text, light in texts:
        look = {"color": "black" if light > 0.5 else "white", "fontsize": size, "zorder": 3}
        ax.text(x, y, text, ha="center", va="center", **look)


def value_text(value):
    """A value in two digits, to 0.0001 at best."""
    if 0 < value < 5e-5:
        return "<10⁻⁴"
    digits = 0 if value == 0 else np.clip(1 - np.floor(np.log10(abs(value))), 2, 4)
    return f"{value:.{digits:.0f}f}".replace("-", "−")


def _lines(texts):
    return max(text.count("\n") + 1 for text in texts)


def _width(texts):
    """The width in inches of names of rows."""
    lines = "\n".join(texts).split("\n")
    return max(text_width(line, RC["ytick.labelsize"]) for line in lines)


def _row_names(block, found, learners):
    if "by" in block:
        return [number_label(number) for number in found.index]
    names = called({name: learners[name] for name in found.index})
    return [wrapped(name, LABEL_WIDTH, RC["ytick.labelsize"]) for name in names.values()]


def _column_names(block, found, spec, width):
    """The names of the columns of a map of this width, and whether they stand upright.

    That is where a word is wider than a column; each is then one line. If losses are against
    several learners, a name says which.
    """
    names = [str(m) for m in found.columns]
    if "by" not in block:
        names = [spec["experiments"][name].get("thesis") or name for name in found.columns]
    if _differ(block):
        references = [block["references"][name] for name in found.columns]
        label = called({name: spec["learners"][name] for name in references})
        names = [f"{name}: {label[other]}" for name, other in zip(names, references, strict=True)]
    cell, size = width / len(names) - 0.05, RC["xtick.labelsize"]
    turned = max(text_width(word, size) for name in names for word in name.split(" ")) > cell
    return (names if turned else [wrapped(name, cell, size) for name in names]), turned


def _x_label(block):
    if "by" in block:
        return "number of samples m"
    return "experiment: reference of the loss" if _differ(block) else ""


def _differ(block):
    """Whether the losses of a map are against several learners."""
    return len({*block.get("references", {}).values()}) > 1


def _title(block, learners):
    """What stands above a map: its title, or else the learner that it is of, if it is of one."""
    if block["title"] or "by" not in block:
        return block["title"]
    [name] = block["learners"]
    return learners[name].get("label") or name


def _label(block):
    """What the colours of a map stand for."""
    if "by" in block:
        return Y_LABELS[block["quantity"]]
    return f"largest loss in {QUANTITIES[block['quantity']].words}"
