"""Figures of panels: mean error curves, with their uncertainty.

What a panel shows. Each learner is one curve, against the number of samples m in one experiment, or
against a key of several experiments at one m: the mean over the seeds that have a value at that
position, with vertical bars for the 95 % Student-t confidence interval of that mean.
There is no bar with one seed, nor where all seeds agree (as at zero). An interval is not cut at
zero, although an error is never negative, and one much longer than the means runs out of the
panel. A learner without a value at some m (a mini-batch schedule between two batches) has no
marker there, and its line passes on to the next value.

Curves that coincide. The learners of a panel lie in layers, from a wide pale line with a large
hollow marker below to a thin line with a small filled marker on top, so those underneath show
around those above. Each is also moved sideways, whole, by at most `DODGE` of the distance between
the two closest positions, to separate the bars; the values are not moved. Every axis that starts at
zero reaches slightly below it, with a line at zero, so that an exact zero is seen. A logarithmic
axis is linear below the smallest value, for the same reason.

How a run ended. A cross above a mean tells that at least one seed stopped at the step limit, an
exclamation mark that one met a contradiction (no configuration left). Unmarked: all converged.
"""

from itertools import zip_longest

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from sparsebp.plotting import (
    BLANK,
    MARKS,
    WHOLES,
    WIDTH,
    Y_LABELS,
    add_legends,
    check,
    confidence_interval,
    curve_properties,
    log_scale,
    mark_properties,
    style_learners,
)

DODGE = 0.1
ROW_HEIGHT = 2.3  # inches: one row of panels
ALGORITHMS = {"sum-product": "BP", "max-product": "max-product", "max-sum": "max-sum"}


def build(spec, results):
    """Return the matplotlib figure: a grid of panels over one legend. Arguments: `figures.draw`."""
    panels, learners = spec["figure"]["panels"], spec["learners"]
    styles = style_learners(learners)
    for panel in panels:
        for experiment in panel["experiments"]:
            samples = [panel["at"]] if "at" in panel else []
            wanted = {"learner": panel["learners"], "n_samples": samples}
            check(spec["name"], results, experiment, [panel["quantity"]], wanted)
    columns = min(spec["figure"]["columns"], len(panels))
    rows = -(-len(panels) // columns)
    width = WIDTH if columns > 1 else 0.65 * WIDTH
    entries = _legend_rows(panels, learners, styles, width)
    height = rows * ROW_HEIGHT + 0.17 * len(entries) + 0.2
    drawing = Figure(figsize=(width, height), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.03)
    grid = drawing.subplots(rows, columns, squeeze=False)
    axes = grid.ravel()[: len(panels)]
    for ax in grid.ravel()[len(panels) :]:
        ax.remove()

    seen = set()
    for ax, panel in zip(axes, panels, strict=True):
        seen |= _draw_panel(ax, panel, styles, _table(panel, results))
        name = panel["experiments"][0]
        title = panel.get("title") or spec["experiments"][name].get("thesis") or name
        ax.set_title(title, loc="left")
    _align(axes, panels, columns, results)
    add_legends(drawing, entries, seen)
    return drawing


def _positions(panel, results):
    """The horizontal positions of a panel's experiments, ascending, or of its one experiment."""
    if "against" in panel:
        return np.sort(panel["positions"])
    return results[panel["experiments"][0]]["n_samples"].values


def _table(panel, results):
    """The values of a panel: columns learner, seed, x, status and the quantity."""
    columns, names = [panel["quantity"], "status"], panel["learners"]
    shown = [results[name][columns].sel(learner=names) for name in panel["experiments"]]
    if "against" not in panel:
        return shown[0].to_dataframe().reset_index().rename(columns={"n_samples": "x"})
    tables = [data.sel(n_samples=panel["at"]).to_dataframe().reset_index() for data in shown]
    return pd.concat(tables, keys=panel["positions"], names=["x"]).reset_index("x")


def _draw_panel(ax, panel, styles, table):
    """Draw the curves of one panel; return the statuses marked in it."""
    names, seen = panel["learners"], set()
    positions = np.unique(table["x"])
    if panel.get("x_scale") == "log":
        log_scale(ax, "x", positions)
    scale = ax.xaxis.get_transform()
    step = np.diff(scale.transform(positions)).min(initial=np.ptp(positions) or 1)
    offsets = np.linspace(-DODGE, DODGE, len(names)) * step if len(names) > 1 else [0.0]
    ax.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    for name, offset in zip(names, offsets, strict=True):
        data = table[table["learner"] == name]
        data = data.assign(x=scale.inverted().transform(scale.transform(data["x"]) + offset))
        properties = curve_properties(styles[name])
        ink = to_rgba(styles[name].color, 0.7)
        bars = {"ecolor": ink, "elinewidth": 0.8, "zorder": properties["zorder"]}
        sns.lineplot(
            data.dropna(), x="x", y=panel["quantity"], ax=ax, label=name, legend=False,
            errorbar=confidence_interval, err_style="bars", err_kws=bars, **properties,
        )  # fmt: skip
        means = data.groupby("x")[panel["quantity"]].mean().dropna()
        for status, (marker, size, above, label) in MARKS.items():
            marked = means[means.index.isin(data["x"][data["status"] == status])]
            if len(marked):
                shift = ScaledTranslation(0, above / 72, ax.figure.dpi_scale_trans)
                mark = mark_properties(marker, size, styles[name].color)
                ax.plot(marked, label=label, transform=ax.transData + shift, zorder=3, **mark)
                seen.add(status)
    return seen


def _align(axes, panels, columns, results):
    """Give panels of one quantity or a part of it, scale and range one y axis, and likewise for x.

    The labels of an axis are left out where the panel beside it or below it has them already.
    """
    x_keys = [
        (*map(panel.get, ("against", "at", "x_scale")), tuple(panel.get("x") or ()))
        for panel in panels
    ]
    wholes = [WHOLES.get(panel["quantity"], panel["quantity"]) for panel in panels]
    y_keys = [
        (whole, panel.get("scale"), tuple(panel.get("y") or ()))
        for whole, panel in zip(wholes, panels, strict=True)
    ]
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        same_x = [p for p, key in zip(panels, x_keys, strict=True) if key == x_keys[i]]
        _limit_x(ax, panel, np.unique(np.concatenate([_positions(p, results) for p in same_x])))

        same_y = [a for a, key in zip(axes, y_keys, strict=True) if key == y_keys[i]]
        means = np.concatenate([curve.get_ydata() for a in same_y for curve in a.lines])
        top = min(max(a.dataLim.y1 for a in same_y), 1.5 * max(means))
        low, high = panel.get("y") or (0, 1.06 * top or 0.1)
        if panel.get("scale") == "log":
            threshold = log_scale(ax, "y", means, high)
            ax.set_ylim(low or -0.3 * threshold, high)
        else:
            ax.set_ylim(low or -0.05 * high, high)

        below, left = i + columns, i - 1 if i % columns else None
        hide_x = below < len(panels) and x_keys[below] == x_keys[i]
        hide_y = left is not None and y_keys[left] == y_keys[i]
        ax.tick_params(labelbottom=not hide_x, labelleft=not hide_y)
        ax.set_xlabel("" if hide_x else _x_label(panel))
        same_quantity = left is not None and panels[left]["quantity"] == panel["quantity"]
        ax.set_ylabel("" if same_quantity else Y_LABELS[panel["quantity"]])


def _limit_x(ax, panel, positions):
    """Set the limits and ticks of the horizontal axis."""
    low, high = panel.get("x") or positions[[0, -1]]
    if "against" not in panel:
        ax.set_xlim(low - 0.6, high + 0.6)
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 4, 5, 10], integer=True))
        return
    scale = ax.xaxis.get_transform()
    low, high = scale.transform([low, high])
    margin = 0.06 * (high - low) or 1
    ax.set_xlim(scale.inverted().transform([low - margin, high + margin]))
    if panel.get("x_scale") == "log":
        ax.set_xticks(positions, [f"{x:g}" for x in positions])
        ax.xaxis.set_minor_locator(NullLocator())


def _x_label(panel):
    if "against" not in panel:
        return "number of samples m"
    return f"{panel['against'].replace('.', ' ').replace('_', ' ')} at m = {panel['at']}"


def _legend_rows(panels, learners, styles, width):
    """The (handle, label) entries of the legend: rows for each set of learners drawn together.

    With several sets, each is headed by its algorithm. As many entries a row as the width allows.
    """
    sets = list(dict.fromkeys(tuple(panel["learners"]) for panel in panels))
    sets = [names for names in sets if not any(set(names) < set(other) for other in sets)]
    for per_row in range(5, 0, -1):
        table = []
        for names in sets:
            heads = {ALGORITHMS.get(learners[n]["algorithm"], "") for n in names}
            head = f"{heads.pop()}:" if len(heads) == 1 else ""
            for start in range(0, len(names), per_row):
                row = [(BLANK, "" if start else head)] if len(sets) > 1 else []
                for n in names[start : start + per_row]:
                    row.append(
                        (
                            Line2D([], [], **curve_properties(styles[n])),
                            learners[n].get("label") or n,
                        )
                    )
                table.append(row)
        columns = zip_longest(*table, fillvalue=(BLANK, ""))
        lengths = [max(len(label) for _, label in column) for column in columns]
        if sum(0.58 + 0.065 * length for length in lengths) < width:  # inches
            break
    return table
