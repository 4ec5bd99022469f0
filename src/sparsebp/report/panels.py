"""Figures of panels: mean error curves, with their uncertainty.

What a panel shows. Each learner is one curve, against the number of samples m in one experiment, or
against a key of several experiments; or each experiment is a curve of one learner against m; or
each of some m is a curve against a key of the learners of one experiment, and those without that
key, which are limits of the others, stand apart in a shaded strip on the right. A
point is the mean over the seeds that have a value at that position, with vertical bars for the 95 %
Student-t confidence interval of that mean. There is no bar with one seed, nor where all seeds agree
(as at zero). An interval is not cut at zero, although an error is never negative, and one much
longer than the means runs out of the panel. A learner without a value at some m (a mini-batch
schedule between two batches) has no marker there, and its line passes on to the next value.

Against a key, the value of a seed is its error at one m, or the m from which on that is at most a
limit. Where the error is above the limit at the last m, the last counts, which is too few: an arrow
above the mean tells that this is so for some seed.

Curves that coincide. The learners of a panel lie in layers, from a wide pale line with a large
hollow marker below to a thin line with a small filled marker on top, so those underneath show
around those above; experiments are told apart by colour and marker. Each curve is also moved
sideways, whole, by at most `DODGE` of the distance between the two closest positions, to separate
the bars; the values are not moved. Every axis that starts at zero reaches slightly below it, with a
line at zero, so that an exact zero is seen. A logarithmic axis is linear below the smallest value,
for the same reason.

References. The exact learner is a thin black line without markers and bars. In a panel `minus` a
learner each curve is the mean of its difference from that learner in the same simulation; if the
axis is logarithmic, it is so to both sides of zero, over three powers of ten. The dashed grey line
is the decay of `law`, which has no parameter to fit.

How a run ended. A cross above a mean tells that at least one seed stopped at the step limit, a
tilde that its messages oscillated, an exclamation mark that one met a contradiction (no
configuration left). Unmarked: all converged.
"""

from itertools import zip_longest

import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from sparsebp.claims.reductions import samples_until
from sparsebp.engine.learner import ALGORITHMS
from sparsebp.network import law
from sparsebp.network.quantities import QUANTITIES
from sparsebp.report.style import (
    BLANK,
    MARKS,
    NEVER,
    PAGE_WIDTH,
    REFERENCE,
    Y_LABELS,
    add_legends,
    check_results,
    confidence_interval,
    curve_properties,
    key_label,
    log_scale,
    mark_properties,
    number_label,
    style_learners,
    style_numbers,
)

DODGE = 0.1
LAW = {"color": "0.45", "linestyle": (0, (4, 2)), "linewidth": 0.8, "zorder": 1.5}
ROW_HEIGHT = 2.3  # inches: one row of panels
PANEL_HEIGHT = 1.5  # inches: what titles and labels leave of it, at least
MOST_TICKS = 8  # positions on a logarithmic axis that are labelled one by one


def build(spec, results):
    """Return the matplotlib figure: a grid of panels over one legend. Arguments: `figures.draw`."""
    panels, learners = spec["figure"]["panels"], spec["learners"]
    for panel in panels:
        for experiment in panel["experiments"]:
            samples = np.atleast_1d(panel.get("at", [])).tolist()
            compared = [panel["minus"]] if "minus" in panel else []
            wanted = {"learner": panel["learners"] + compared, "n_samples": samples}
            check_results(spec["name"], results, experiment, [panel["quantity"]], wanted)
    styles = _styles(panels, learners)
    columns = min(spec["figure"]["columns"], len(panels))
    rows = -(-len(panels) // columns)
    width = PAGE_WIDTH if columns > 1 else 0.65 * PAGE_WIDTH
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
        seen |= _draw_panel(ax, panel, styles[_by(panel)], _table(panel, results))
        ax.set_title(panel.get("title") or _title(panel, spec), loc="left")
    _align(axes, panels, learners, columns, results)
    for ax, panel in zip(axes, panels, strict=True):
        if panel.get("law"):
            _draw_law(ax, panel, spec["experiments"], _positions(panel, results))
    add_legends(drawing, entries, seen)
    return drawing


def _title(panel, spec):
    """The title of a panel that has none of its own."""
    if "by" in panel:
        [name] = panel["learners"]
        return spec["learners"][name].get("label") or name
    name = panel["experiments"][0]
    return spec["experiments"][name].get("thesis") or name


def _styles(panels, learners):
    """The styles of curves: of learners (under None), and of the numbers under each key."""
    numbers = {_by(panel): set() for panel in panels if _by(panel)}
    for panel in panels:
        if _by(panel):
            numbers[_by(panel)].update(_curves(panel))
    styles = {key: style_numbers(found) for key, found in numbers.items()}
    shown = {name: learners[name] for panel in panels for name in panel["learners"]}
    return {None: style_learners(shown)} | styles


def _by(panel):
    """The key whose numbers the curves of a panel are; None if they are learners."""
    return "n_samples" if "numbers" in panel else panel.get("by")


def _places(panel):
    """{learner: horizontal position} in a panel of learners, the limits beyond all others."""
    numbers = panel["numbers"]
    limits = [name for name in panel["learners"] if name not in numbers]
    positive = [number for number in numbers.values() if number > 0]
    logarithmic = panel.get("x_scale") == "log" and positive
    ends = np.array([min(positive), max(positive)] if logarithmic else sorted(numbers.values()))
    low, high = (np.log10(ends) if logarithmic else ends)[[0, -1]]
    beyond = high + ((high - low) / 7 or 1) * np.arange(1, len(limits) + 1)
    return numbers | dict(zip(limits, 10**beyond if logarithmic else beyond, strict=True))


def _positions(panel, results):
    """The horizontal positions of a panel, ascending."""
    if "numbers" in panel:
        return np.unique([*_places(panel).values()])
    if "against" in panel:
        return np.sort(panel["positions"])
    grids = [results[experiment]["n_samples"] for experiment in panel["experiments"]]
    return np.unique(np.concatenate(grids))


def _curves(panel):
    """What the curves of a panel are: learners, or numbers, ascending."""
    if not _by(panel):
        return panel["learners"]
    return sorted(panel["at"] if "numbers" in panel else panel["positions"])


def _table(panel, results):
    """The values of a panel: columns curve, seed, x, status and what is drawn, as `value`.

    And whether they are of a `limit`.
    """
    tables = []
    for experiment in panel["experiments"]:
        data = results[experiment].sel(learner=panel["learners"])
        data = data[[panel["quantity"], "status"]].rename({panel["quantity"]: "value"})
        if "minus" in panel:
            other = results[experiment][panel["quantity"]].sel(learner=panel["minus"], drop=True)
            data["value"] = data["value"] - other
        if "at" in panel:
            data = data.sel(n_samples=np.atleast_1d(panel["at"]))
        elif "at_most" in panel:
            data = first_at_most(data, panel["at_most"])
        tables.append(data.to_dataframe().reset_index())
    numbers = panel.get("positions", [0])
    table = pd.concat(tables, keys=numbers, names=["number"]).reset_index("number")
    table["limit"] = False
    if "numbers" in panel:
        table["limit"] = ~table["learner"].isin([*panel["numbers"]])
        table["number"] = table["learner"].map(_places(panel))
    x = "number" if "against" in panel else "n_samples"
    curve = {"n_samples": "n_samples", None: "learner"}.get(_by(panel), "number")
    return table.rename(columns={x: "x", curve: "curve"})


def first_at_most(data, limit):
    """The number of samples from which on values are at most a limit, and the status there.

    That is the largest there is, with the status `NEVER`, where the last value is above the limit.
    """
    ran = data["status"] > 0
    samples = data["n_samples"]
    first = samples_until(data["value"], ran, limit)
    value = first.fillna(samples.where(ran).max("n_samples"))
    status = data["status"].where(samples == value).max("n_samples")
    return xr.Dataset({"value": value, "status": status.where(first.notnull(), NEVER)})


def _draw_panel(ax, panel, styles, table):
    """Draw the curves of one panel; return the statuses marked in it."""
    names, seen = _curves(panel), set()
    positions = np.unique(table["x"])
    if panel.get("x_scale") == "log":
        log_scale(ax, "x", positions)
    scale = ax.xaxis.get_transform()
    step = np.diff(scale.transform(positions)).min(initial=np.ptp(positions) or 1)
    moved = [name for name in names if styles[name].layer != REFERENCE]
    aside = np.linspace(-DODGE, DODGE, len(moved)) * step if len(moved) > 1 else [0.0]
    offsets = dict(zip(moved, aside, strict=False))
    ax.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    for name in names:
        data, offset = table[table["curve"] == name], offsets.get(name, 0.0)
        data = data.assign(x=scale.inverted().transform(scale.transform(data["x"]) + offset))
        properties = curve_properties(styles[name])
        ink = to_rgba(styles[name].color, 0.7)
        bars = {"ecolor": ink, "elinewidth": 0.8, "zorder": properties["zorder"]}
        for limit in table["limit"].unique():
            part = data[data["limit"] == limit].dropna()
            label, style = (f"_{name}", {"linestyle": "none"}) if limit else (str(name), {})
            sns.lineplot(
                part, x="x", y="value", ax=ax, label=label, legend=False,
                errorbar=confidence_interval if name in offsets else None,
                err_style="bars", err_kws=bars, **properties | style,
            )  # fmt: skip
        means = data.groupby("x")["value"].mean().dropna()
        for status, (marker, size, above, label) in MARKS.items():
            marked = means[means.index.isin(data["x"][data["status"] == status])]
            if len(marked):
                shift = ScaledTranslation(0, above / 72, ax.figure.dpi_scale_trans)
                mark = mark_properties(marker, size, styles[name].color)
                ax.plot(marked, label=label, transform=ax.transData + shift, zorder=3, **mark)
                seen.add(status)
    return seen


def _draw_law(ax, panel, experiments, positions):
    """Draw the decay of the quantity of a panel that the law gives, within the panel's limits."""
    [name] = panel["experiments"]
    found = law.of_experiment(experiments[name])
    m = np.linspace(positions[0], positions[-1], 200)
    decay = getattr(found, panel["quantity"]) * found.rate**m
    ax.plot(m, decay, label="law", scalex=False, scaley=False, **LAW)


def _align(axes, panels, learners, columns, results):
    """Give panels of one quantity or a part of it, scale and range one y axis, and likewise for x.

    The labels of an axis are left out where the panel beside it or below it has them already.
    """
    x_keys = [
        (
            *map(panel.get, ("against", "at", "x_scale", "x")),
            panel.get("numbers") and _places(panel),
        )
        for panel in panels
    ]
    # What is a part of another is drawn on its scale.
    wholes = [QUANTITIES[panel["quantity"]].part_of or panel["quantity"] for panel in panels]
    y_keys = [
        (whole, *map(panel.get, ("minus", "at_most", "scale")), tuple(panel.get("y") or ()))
        for whole, panel in zip(wholes, panels, strict=True)
    ]
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        same_x = [p for p, key in zip(panels, x_keys, strict=True) if key == x_keys[i]]
        _limit_x(ax, panel, np.unique(np.concatenate([_positions(p, results) for p in same_x])))
        if "numbers" in panel:
            _name_limits(ax, panel, learners)

        same_y = [a for a, key in zip(axes, y_keys, strict=True) if key == y_keys[i]]
        means = np.concatenate([curve.get_ydata() for a in same_y for curve in a.lines])
        top = min(max(a.dataLim.y1 for a in same_y), 1.5 * max(means))
        low, high = panel.get("y") or (0, 1.06 * top or 0.1)
        if "minus" in panel and not panel.get("y"):
            low = 1.06 * max(min(a.dataLim.y0 for a in same_y), 1.5 * min(means))
            means = np.abs(means)
            means = means[means >= 1e-3 * max(means)]
        if panel.get("scale") == "log":
            threshold = log_scale(ax, "y", means, high)
            ax.set_ylim(low or -0.3 * threshold, high)
        else:
            ax.set_ylim(low or -0.05 * high, high)
        if not panel.get("y"):
            _make_room(ax, same_y)

        below, left = i + columns, i - 1 if i % columns else None
        hide_x = below < len(panels) and x_keys[below] == x_keys[i]
        hide_y = left is not None and y_keys[left] == y_keys[i]
        ax.tick_params(labelbottom=not hide_x, labelleft=not hide_y)
        ax.set_xlabel("" if hide_x else _x_label(panel))
        label = _y_label(panel, learners)
        same_label = left is not None and _y_label(panels[left], learners) == label
        ax.set_ylabel("" if same_label else label)


def _make_room(ax, axes):
    """Raise the upper end of a vertical axis so that the marks above the means of all axes fit."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(ax.get_ylim())
    for _, size, above, label in MARKS.values():
        means = [line.get_ydata() for a in axes for line in a.lines if line.get_label() == label]
        if means:
            mean = scale.transform([max(map(max, means))])[0]
            high = max(high, low + (mean - low) / (1 - (above + size) / (72 * PANEL_HEIGHT)))
    ax.set_ylim(top=scale.inverted().transform([high])[0])


def _limit_x(ax, panel, positions):
    """Set the limits and ticks of the horizontal axis."""
    low, high = panel.get("x") or positions[[0, -1]]
    if "against" not in panel:
        ax.set_xlim(low - 0.6, high + 0.6)
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 4, 5, 10], integer=True))
        return
    scale = ax.xaxis.get_transform()
    low, high = scale.transform([low, high])
    step = np.diff(scale.transform(positions)).min(initial=high - low)
    margin = 0.06 * (high - low) + DODGE * step or 1
    ax.set_xlim(scale.inverted().transform([low - margin, high + margin]))
    if panel.get("x_scale") == "log":
        ticks = positions[positions <= max(panel.get("numbers", {None: np.inf}).values())]
        if len(ticks) > MOST_TICKS:
            low, high = np.log10(ticks[ticks > 0][[0, -1]]).round()
            ticks = 10 ** np.arange(low, high + 1, -(-(high - low) // 4))
        ax.set_xticks(ticks, map(number_label, ticks))
        ax.xaxis.set_minor_locator(NullLocator())
    elif np.array_equal(positions, np.round(positions)):
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def _name_limits(ax, panel, learners):
    """Shade the strip in which the limits of a panel of learners stand, and write their names."""
    places, (low, high) = _places(panel), ax.get_xlim()
    limits = [name for name in places if name not in panel["numbers"]]
    if not limits:
        return
    scale, last = ax.xaxis.get_transform(), max(panel["numbers"].values())
    edge = scale.transform([last, places[limits[0]]]).mean()
    ax.axvspan(*scale.inverted().transform([edge]), high, color="0.94", linewidth=0, zorder=0)
    ax.set_xlim(low, high)
    ax.set_xticks([tick for tick in ax.get_xticks() if low <= tick <= last])
    look = {"rotation": 90, "ha": "center", "va": "top", "color": "0.4", "zorder": 1.5}
    for name in limits:
        label = learners[name].get("label") or name
        ax.text(places[name], 0.96, label, transform=ax.get_xaxis_transform(), **look)


def _x_label(panel):
    if "against" not in panel:
        return "number of samples m"
    at = f" at m = {panel['at']}" if "at" in panel and "numbers" not in panel else ""
    return key_label(panel["against"]) + at


def _y_label(panel, learners):
    label = Y_LABELS[panel["quantity"]]
    if "minus" in panel:
        other = learners[panel["minus"]].get("label") or panel["minus"]
        return f"{label.split(' (')[0]}\n− that of {other}"
    if "at_most" in panel:
        return f"m from which on\n{label.split(' (')[0]} ≤ {panel['at_most']:g}"
    return label


def _legend_rows(panels, learners, styles, width):
    """The (handle, label) entries of the legend: rows for each set of curves drawn together.

    With several sets, each is headed by its algorithm or key. As many entries a row as the width
    allows.
    """
    sets = {}
    for by, *names in dict.fromkeys((_by(panel), *_curves(panel)) for panel in panels):
        shown = sets.setdefault((by, _head(by, names, learners)), {})
        # Learners that look the same are the same but for their names.
        for name in names:
            shown.setdefault((by, styles[by][name]), name)
    looks = [shown.keys() for shown in sets.values()]
    sets = {
        key: list(shown.values())
        for key, shown in sets.items()
        if not any(shown.keys() < other for other in looks)
    }
    for per_row in range(5, 0, -1):
        table = []
        for (by, head), names in sets.items():
            for start in range(0, len(names), per_row):
                row = [(BLANK, "" if start else head)] if len(sets) > 1 or by else []
                for n in names[start : start + per_row]:
                    label = number_label(n) if by else learners[n].get("label") or n
                    row.append((Line2D([], [], **curve_properties(styles[by][n])), label))
                table.append(row)
        columns = zip_longest(*table, fillvalue=(BLANK, ""))
        lengths = [max(len(label) for _, label in column) for column in columns]
        if sum(0.58 + 0.065 * length for length in lengths) < width:  # inches
            break
    if any(panel.get("law") for panel in panels):
        label = "decay by counting undetermined weights, nothing fitted"
        head = [(BLANK, "")] if len(table[0]) > 1 and table[0][0][0] is BLANK else []
        table.append([*head, (Line2D([], [], **LAW), label)])
    return table


def _head(by, names, learners):
    """What stands before the rows of a set in the legend."""
    if by:
        return f"{key_label(by)}:"
    heads = {ALGORITHMS[learners[n]["algorithm"]].label for n in names}
    return f"{heads.pop()}:" if len(heads) == 1 else ""
