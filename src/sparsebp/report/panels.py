"""Figures of panels: mean error curves, with their uncertainty.

What a panel shows. Each learner is one curve, against the number of samples m in one experiment, or
against a key of several experiments; or each experiment is a curve of one learner against m; or
each of some m is a curve against a key of the learners of one experiment, and those without that
key, which are limits of the others, stand apart in a shaded strip on the right. A
point is the mean over the seeds that have a value at that position, with vertical bars for the 95 %
confidence interval of that mean (`intervals.mean_interval`). There is no bar with one seed, nor
of a mean where all seeds agree (as at zero). An interval much longer than the means runs out of the
panel. A learner without a value at some m (a mini-batch schedule between two batches) has no marker
there, and its line passes on to the next value.

Against a key, the value of a seed is its error at one m, or the m from which on that is at most a
limit. Where the error is above the limit at the last m, the last counts, which is too few: an arrow
in the strip above tells that this is so for some seed.

A panel `by` and with a limit has the share of simulations whose error is at most that, as points
without lines, with its binomial interval (`intervals.share_interval`). With `minus_log2` each curve
is shifted by the logarithm of its number.

A panel of the residual has no means. Each training that stopped at the step limit or oscillated is
a point without a line; those that converged are below the tolerance.

In a panel `expected` a point is one number of samples: the mean error found, against the mean error
that the beliefs expect. On the grey diagonal both are equal.

Curves that coincide. The learners of a panel lie in layers, from a large hollow marker below to a
small filled one on top, so those underneath show around those above; experiments are told apart by
colour and marker. Each curve is also moved sideways, whole, by at most `DODGE` points, to separate
the bars; the values are not moved. Points without lines are moved to be `DODGE` points apart. With
`theory` nothing is moved, and lines are pale, so that theory is seen through them.

Zero. Every linear axis that starts at zero reaches slightly below it, with a line at zero, so that
an exact zero is seen. A logarithmic axis has a shaded strip for zeros. No line leads into the
strip, as a logarithmic axis has no place for zero to which a line could go.

References. The exact learner is a thin black line without markers and bars, and so is density
evolution, with dashes; a panel with `theory` takes that from other experiments. In a panel `minus`
a learner each curve is the mean of its difference from that learner in the same simulation; if the
axis is logarithmic, it is so to both sides of zero, over three powers of ten, and linear around
zero. The dashed grey line is what follows from `law`, which has no parameter to fit.

How a run ended. In a strip above the panel, each curve with trainings that did not converge has a
row, which begins with its marker: a cross tells that at least one seed stopped at the step limit
there, a circle that its messages oscillated, an exclamation mark that one met a contradiction (no
configuration left). All others converged.
"""

from itertools import chain

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from sparsebp.claims.reductions import samples_until
from sparsebp.engine.learner import ALGORITHMS
from sparsebp.network import law
from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.report.fitting import LINE, text_width, wrapped
from sparsebp.report.intervals import mean_interval, share_interval
from sparsebp.report.labels import KEYS, called
from sparsebp.report.style import (
    MARKS,
    NEVER,
    RC,
    REFERENCE,
    ROOM,
    Y_LABELS,
    add_legends,
    check_results,
    curve_properties,
    figure_width,
    learner_legend,
    legends_height,
    lettered,
    letters,
    log_scale,
    mark_legend,
    mark_properties,
    number_label,
    style_learners,
    style_numbers,
)
from sparsebp.study.figure_blocks import is_dots, is_share

DODGE = 1.5  # points
PALE = 0.35  # opacity of lines beside theory
LAW = {"color": "0.45", "linestyle": (0, (4, 2)), "linewidth": 0.8, "zorder": 1.5}
ROW_HEIGHT = 2.2  # inches: one row of panels, without the strips above them
BESIDE = 0.75  # inches: what labels take of the width of a panel
PANEL_HEIGHT = 1.5  # inches: what titles and labels leave of a row, at least
# Points: a curve's row in the strip above a panel; between both, so that the strip's markers are
# clear of the panel's last tick label.
STATUS_ROW, STRIP_GAP = 5, 7
UNSETTLED = (Status.STEP_LIMIT, Status.OSCILLATING)
MOST_TICKS = 8  # positions on a logarithmic axis that are labelled one by one
LABEL_GAP = 4  # points: between their labels, at least


def build(spec, results):
    """Return the matplotlib figure: a grid of panels over one legend. Arguments: `figures.draw`."""
    panels, learners = spec["figure"]["panels"], spec["learners"]
    for panel in panels:
        for experiment in panel["experiments"]:
            samples = np.atleast_1d(panel.get("at", [])).tolist()
            compared = [panel["minus"]] if "minus" in panel else []
            wanted = {"learner": panel["learners"] + compared, "n_samples": samples}
            check_results(spec["name"], results, experiment, [panel["quantity"]], wanted)
        for experiment, names in panel.get("theory", {}).items():
            check_results(
                spec["name"], results, experiment, [panel["quantity"]], {"learner": names}
            )
    tables = [_summary(_table(panel, results), panel) for panel in panels]
    ended = [_ended(panel, table) for panel, table in zip(panels, tables, strict=True)]
    styles = _styles(panels, learners)
    columns = min(spec["figure"]["columns"], len(panels))
    rows = range(0, len(panels), columns)
    width = figure_width(spec["figure"], columns)
    entries = learner_legend(_legend_sets(panels, learners, styles), width)
    marks = mark_legend({status for rows in ended for _, found in rows for status in found}, width)
    strips = [max(map(len, ended[row : row + columns])) for row in rows]
    strips = [(STATUS_ROW * count + STRIP_GAP) * (count > 0) for count in strips]
    height = len(rows) * ROW_HEIGHT + sum(strips) / 72 + legends_height(entries, marks) + 0.2
    drawing = Figure(figsize=(width, height), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.03)
    grid = drawing.subplots(len(rows), columns, squeeze=False)
    axes = grid.ravel()[: len(panels)]
    for ax in grid.ravel()[len(panels) :]:
        ax.remove()

    floors = _align(axes, panels, learners, columns, tables)
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        looks = styles[_by(panel)]
        _draw_curves(ax, panel, looks, tables[i], floors[i])
        if panel.get("expected"):
            ends = max(floors[i][0], floors[i][1], 0), min(ax.get_xlim()[1], ax.get_ylim()[1])
            ax.plot(ends, ends, label="expected", **LAW)
        if panel.get("law"):
            _draw_law(ax, panel, spec["experiments"], np.unique(tables[i]["x"]), floors[i])
        _draw_strip(ax, ended[i], looks)
    add_legends(drawing, entries, marks)
    drawing.draw_without_rendering()  # which tells how wide panels are
    titles = [
        wrapped(_title(i, panel, spec), ax.bbox.width / drawing.dpi, RC["axes.titlesize"])
        for i, (ax, panel) in enumerate(zip(axes, panels, strict=True))
    ]
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        ax.set_title(title, loc="left", pad=4 + strips[i // columns])
    more = sum(max(title.count("\n") for title in titles[row : row + columns]) for row in rows)
    drawing.set_figheight(height + LINE * more)
    return drawing


def _title(number, panel, spec):
    """The title of a panel: its own, or what its curves share."""
    if panel.get("title"):
        title = panel["title"]
    elif "by" in panel:
        [name] = panel["learners"]
        title = spec["learners"][name].get("label") or name
    else:
        name = panel["experiments"][0]
        title = spec["experiments"][name].get("thesis") or name
    return lettered(number, len(spec["figure"]["panels"]), title)


def _styles(panels, learners):
    """The styles of curves: of learners (under None), and of the numbers under each key."""
    numbers = {_by(panel): set() for panel in panels if _by(panel)}
    for panel in panels:
        if _by(panel):
            numbers[_by(panel)].update(_curves(panel))
    styles = {key: style_numbers(found) for key, found in numbers.items()}
    shown = {name: learners[name] for panel in panels for name in _drawn(panel)}
    return {None: style_learners(shown)} | styles


def _by(panel):
    """The key whose numbers the curves of a panel are; None if they are learners."""
    return "n_samples" if "numbers" in panel else panel.get("by")


def _drawn(panel):
    """The learners of a panel, and those of its theory."""
    return [*panel["learners"], *chain.from_iterable(panel.get("theory", {}).values())]


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


def _curves(panel):
    """What the curves of a panel are: learners, or numbers, ascending."""
    if not _by(panel):
        return _drawn(panel)
    return sorted(panel["at"] if "numbers" in panel else panel["positions"])


def _table(panel, results):
    """The values of a panel: columns curve, seed, x, status and what is drawn, as `value`.

    And whether they are of a `limit`.
    """
    tables = []
    sources = {experiment: panel["learners"] for experiment in panel["experiments"]}
    for experiment, names in (sources | panel.get("theory", {})).items():
        data = results[experiment].sel(learner=names)
        data = data[[panel["quantity"], "status"]].rename({panel["quantity"]: "value"})
        ended = data["status"].isin(UNSETTLED) if is_dots(panel) else data["status"] > 0
        data["value"] = data["value"].where(ended)
        if panel.get("expected"):
            data["expected"] = results[experiment]["expected_error"].sel(learner=names).mean("seed")
        if "minus" in panel:
            other = results[experiment][panel["quantity"]].sel(learner=panel["minus"], drop=True)
            data["value"] = data["value"] - other
        if "at" in panel:
            data = data.sel(n_samples=np.atleast_1d(panel["at"]))
        elif is_share(panel):
            data["value"] = (data["value"] <= panel["at_most"]).where(data["status"] > 0)
        elif "at_most" in panel:
            data = first_at_most(data, panel["at_most"])
        tables.append(data.to_dataframe().reset_index())
    numbers = panel.get("positions", [0] * len(tables))
    table = pd.concat(tables, keys=numbers, names=["number"]).reset_index("number")
    table["limit"] = False
    if "numbers" in panel:
        table["limit"] = ~table["learner"].isin([*panel["numbers"]])
        table["number"] = table["learner"].map(_places(panel))
    if panel.get("minus_log2"):
        table["shifted"] = table["n_samples"] - np.log2(table["number"])
    x = "number" if "against" in panel else "n_samples"
    x = "shifted" if panel.get("minus_log2") else x
    x = "expected" if panel.get("expected") else x
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


def _summary(table, panel):
    """The points of a panel: columns curve, limit, x, mean, low, high and statuses, a set.

    Points that no seed has a value for have a mean of NaN, and still statuses. So have all points
    of a panel of dots; there each value is a further point, without a status.
    """
    interval = share_interval if is_share(panel) else mean_interval
    points = []
    for (curve, limit, x), group in table.groupby(["curve", "limit", "x"]):
        values = group["value"].dropna().to_numpy()
        if is_dots(panel):
            points += [(curve, limit, x, value, np.nan, np.nan, set()) for value in values]
            values = values[:0]
        low, high = interval(values) if len(values) > 1 else (np.nan, np.nan)
        mean = values.mean() if len(values) else np.nan
        points.append((curve, limit, x, mean, low, high, {*group["status"].dropna()} & {*MARKS}))
    return pd.DataFrame(points, columns=["curve", "limit", "x", "mean", "low", "high", "statuses"])


def _ended(panel, table):
    """The curves of a panel with trainings that did not converge: (name, {status: positions})."""
    shown = panel["x"] if panel.get("x") else (-np.inf, np.inf)
    rows = []
    for name in _curves(panel):
        points = table[(table["curve"] == name) & table["x"].between(*shown)]
        found = {
            status: points["x"][[status in statuses for statuses in points["statuses"]]].tolist()
            for status in MARKS
        }
        if any(found.values()):
            rows.append((name, {status: where for status, where in found.items() if where}))
    return rows


def _draw_curves(ax, panel, styles, table, floors):
    """Draw the curves of one panel; `floors` are where its logarithmic axes begin."""
    names = _curves(panel)
    barred = [name for name in names if styles[name].layer != REFERENCE]
    pointed = is_share(panel) or is_dots(panel)
    dodge = DODGE * (len(barred) - 1) / 2 if pointed else DODGE if "theory" not in panel else 0
    aside = np.linspace(-dodge, dodge, len(barred)) if len(barred) > 1 else [0.0]
    offsets = dict(zip(barred, aside, strict=False))
    lowest = 0 if floors[1] > 0 else -np.inf  # what is below zero is in the strip
    ax.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    for name in names:
        offset = ScaledTranslation(offsets.get(name, 0.0) / 72, 0, ax.figure.dpi_scale_trans)
        moved = {"transform": ax.transData + offset}
        look = curve_properties(styles[name]) | moved
        if name in offsets and "theory" in panel:  # so that theory is seen on it
            look["color"] = to_rgba(styles[name].color, PALE)
        points = table[(table["curve"] == name) & table["mean"].notna()]
        for limit, part in points.groupby("limit"):
            x, y = part["x"].to_numpy(), np.maximum(part["mean"].to_numpy(), lowest)
            strips = (x < floors[0]) + 2 * (y < floors[1])
            for strip in sorted({0, *strips}):  # no line leads into a strip or out of it
                line = y if (strips == strip).all() else np.where(strips == strip, y, np.nan)
                label = f"_{name}" if limit or strip else str(name)
                lines = {"linestyle": "none"} if limit or pointed else {}
                ax.plot(x, line, label=label, **look | lines)
        if name in offsets:
            x, *ends = points[["x", "mean", "low", "high"]].to_numpy().T
            y, *ends = np.maximum(ends, lowest)
            bars = {"ecolor": styles[name].color, "elinewidth": 0.8, "alpha": 0.7}
            ax.errorbar(x, y, np.abs(ends - y), fmt="none", zorder=look["zorder"], **bars | moved)


def _draw_law(ax, panel, experiments, positions, floors):
    """Draw what the law gives for a panel, where the axis has a scale."""
    found = law.of_experiment(experiments[panel["experiments"][0]])
    x = np.linspace(positions[0], positions[-1], 200)
    largest = max(panel.get("positions", [1]))  # at a rate of 1/2 that of all others, if shifted
    m = x + np.log2(largest) if panel.get("minus_log2") else x
    if is_share(panel):
        y, look = np.exp(-largest * found.neurons * found.rate**m), LAW | {"zorder": 3}
    else:
        y, look = getattr(found, panel["quantity"]) * found.rate**m, LAW
    shown = y >= floors[1]
    ax.plot(x[shown], y[shown], label="law", **look)


def _draw_strip(ax, rows, styles):
    """Draw in a strip above a panel how the trainings of its curves ended, a row for each."""
    if not rows:
        return
    above = ax.figure.dpi_scale_trans + ScaledTranslation(0, 1, ax.transAxes)
    gap, height = STRIP_GAP / 72, STATUS_ROW * len(rows) / 72
    beside = blended_transform_factory(ax.transAxes, above)
    ground = Rectangle((0, gap), 1, height, transform=beside, clip_on=False)
    ground.set(facecolor="0.95", linewidth=0)
    ax.add_artist(ground)
    at_its_left = beside + ScaledTranslation(-5 / 72, 0, ax.figure.dpi_scale_trans)
    for i, (name, found) in enumerate(rows):
        y = gap + height - STATUS_ROW * (i + 0.5) / 72
        head = curve_properties(styles[name]) | {"markersize": 3.2, "markeredgewidth": 0.7}
        ax.plot(0, y, clip_on=False, **head | {"transform": at_its_left})
        for status, positions in found.items():
            marker, size, label = MARKS[status]
            mark = mark_properties(marker, size, styles[name].color)
            mark["transform"] = blended_transform_factory(ax.transData, above)
            ax.plot(positions, [y] * len(positions), label=label, clip_on=False, **mark)


def _align(axes, panels, learners, columns, tables):
    """Give panels of one quantity or a part of it, scale and range one y axis, and likewise for x.

    The labels of an axis are left out where the panel beside it has them already, or where for each
    panel of the row the one below it has.

    Returns:
        For each panel where its logarithmic axes begin, (x, y); minus infinity for linear ones.
    """
    floors = []
    x_keys = [
        (
            *map(panel.get, ("against", "at", "x_scale", "x", "minus_log2", "expected")),
            panel.get("numbers") and _places(panel),
        )
        for panel in panels
    ]
    # What is a part of another is drawn on its scale.
    wholes = [QUANTITIES[panel["quantity"]].part_of or panel["quantity"] for panel in panels]
    y_keys = [
        (
            whole,
            is_share(panel),
            *map(panel.get, ("minus", "at_most", "scale")),
            tuple(panel.get("y") or ()),
        )
        for whole, panel in zip(wholes, panels, strict=True)
    ]
    width = axes[0].figure.get_size_inches()[0] / columns - BESIDE
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        same_x = [t for t, key in zip(tables, x_keys, strict=True) if key == x_keys[i]]
        same_y = [t for t, key in zip(tables, y_keys, strict=True) if key == y_keys[i]]
        positions = np.unique(pd.concat(same_x)["x"])
        floors.append((_limit_x(ax, panel, positions, 72 * width), _limit_y(ax, panel, same_y)))
        if "numbers" in panel:
            _name_limits(ax, panel, learners)

        row = range(i - i % columns, min(i - i % columns + columns, len(panels)))
        hide_x = all(j + columns < len(panels) and x_keys[j + columns] == x_keys[j] for j in row)
        label = _y_label(panel, learners)
        same_label = i % columns > 0 and _y_label(panels[i - 1], learners) == label
        hide_y = same_label and y_keys[i - 1] == y_keys[i]
        ax.tick_params(labelbottom=not hide_x, labelleft=not hide_y)
        size = RC["axes.labelsize"]
        ax.set_xlabel("" if hide_x else wrapped(_x_label(panel), width, size))
        ax.set_ylabel("" if same_label else label)
    return floors


def _limit_y(ax, panel, tables):
    """Set the scale and limits of the vertical axis, for all panels of these tables.

    Returns:
        Where a logarithmic axis begins.
    """
    table = pd.concat(tables)
    means, ends = table["mean"].to_numpy(), table[["low", "high"]].to_numpy().ravel()
    logarithmic = panel.get("scale") == "log"
    low, high = panel.get("y") or (0, None)
    if logarithmic and "minus" not in panel:
        shown = np.concatenate([means, ends, [low] if low > 0 else []])
        return log_scale(ax, "y", shown, 72 * PANEL_HEIGHT, high or 0)
    # An interval may be much longer than the means.
    largest = np.nanmax(means, initial=0)
    high = high or 1.06 * min(np.nanmax([*ends, largest]), 1.5 * largest) or 0.1
    low = low or -0.05 * high
    if "minus" in panel and not panel.get("y"):
        smallest = np.nanmin(means, initial=0)
        low = min(low, 1.06 * max(np.nanmin([*ends, smallest]), 1.5 * smallest))
    if logarithmic:
        sizes = np.abs(means)
        smallest = np.nanmin(sizes[sizes >= 1e-3 * np.nanmax(sizes, initial=0)], initial=high)
        threshold = 10.0 ** np.floor(np.log10(smallest))
        ax.set_yscale("symlog", linthresh=threshold, linscale=0.5)
        ax.yaxis.set_minor_locator(NullLocator())
        low, high = 2 * low - threshold / 5, 2 * high
    ax.set_ylim(low, high)
    return -np.inf


def _limit_x(ax, panel, positions, points):
    """Set the scale, limits and ticks of the horizontal axis, which is about so many points long.

    Returns:
        Where a logarithmic axis begins.
    """
    low, high = panel.get("x") or positions[[0, -1]]
    shown = positions[(low <= positions) & (positions <= high)]
    if panel.get("x_scale") == "log":
        floor = log_scale(ax, "x", np.array([low, *shown, high]), points)
        if panel.get("expected"):
            return floor
        ticks = positions[positions <= max(panel.get("numbers", {None: np.inf}).values())]
        if len(ticks) <= MOST_TICKS:
            _name_positions(ax, ticks, points)
        return floor
    room = (ROOM + DODGE) * (high - low or 1) / (points - 2 * (ROOM + DODGE))
    ax.set_xlim(low - room, high + room)
    if np.array_equal(positions, np.round(positions)):
        steps = {"steps": [1, 2, 4, 5, 10]} if "against" not in panel else {}
        ticks = MaxNLocator(7, integer=True, **steps).tick_values(low, high)
        ax.set_xticks(ticks[(low <= ticks) & (ticks <= high)])
    return -np.inf


def _name_positions(ax, positions, points):
    """Label positions on an axis about so many points long, where the label before leaves room."""
    scale, size = ax.xaxis.get_transform(), RC["xtick.labelsize"]
    low, high = scale.transform(ax.get_xlim())
    ticks, taken = {}, -np.inf
    for position in positions:
        label = number_label(position)
        place = points * (scale.transform([position])[0] - low) / (high - low)
        half = 36 * text_width(label, size)
        if place - half >= taken + LABEL_GAP:
            ticks[position], taken = label, place + half
    ax.set_xticks([*ticks], ticks.values())


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
        label = wrapped(label, 0.8 * PANEL_HEIGHT, RC["font.size"])
        ax.text(places[name], 0.96, label, transform=ax.get_xaxis_transform(), **look)


def _x_label(panel):
    if "against" not in panel:
        if panel.get("expected"):
            return "weight error expected from the beliefs"
        if panel.get("minus_log2"):
            return f"number of samples m − log₂ ({KEYS[panel['by']]})"
        return "number of samples m"
    at = f" at m\u00a0=\u00a0{panel['at']}" if "at" in panel and "numbers" not in panel else ""
    return KEYS[panel["against"]] + at


def _y_label(panel, learners):
    """The label of the vertical axis, in lines that fit."""
    label, words = Y_LABELS[panel["quantity"]], QUANTITIES[panel["quantity"]].words
    if "minus" in panel:
        other = learners[panel["minus"]].get("label") or panel["minus"]
        label = f"{words}\n− that of {other}"
    elif is_share(panel):
        limit = panel["at_most"]
        label = "share of simulations with\n" + (f"{words} ≤ {limit:g}" if limit else f"no {words}")
    elif "at_most" in panel:
        limit = panel["at_most"]
        label = f"samples until\n{words} " + (f"≤ {limit:g}" if limit else "is 0")
    return wrapped(label, 1.2 * PANEL_HEIGHT, RC["axes.labelsize"])


def _legend_sets(panels, learners, styles):
    """The legend: a (head, (handle, label) entries) for each set of curves drawn together.

    The head is the algorithm or key that a set is of, behind the letters of its panels if there are
    several sets; learners need none if all are of one set. References are last.
    """
    sets, places = {}, {}
    for i, panel in enumerate(panels):
        key = by, _ = _by(panel), _head(panel, learners)
        places.setdefault(key, set()).add(i)
        # Learners that look the same are the same but for their names.
        for name in _curves(panel):
            sets.setdefault(key, {}).setdefault((by, styles[by][name]), name)
    for key, shown in [*sets.items()]:
        whole = next((other for other in sets if shown.keys() < sets[other].keys()), None)
        if whole:
            places[whole] |= places.pop(key)
            del sets[key]
    bare = {"linestyle": "none"} if all(map(is_share, panels)) else {}
    several, found = len(sets) > 1, []
    for (by, head), shown in sets.items():
        names = sorted(shown.values(), key=lambda name: styles[by][name].layer == REFERENCE)
        labels = (
            {name: number_label(name) for name in names}
            if by
            else called({name: learners[name] for name in names})
        )
        lines = [Line2D([], [], **curve_properties(styles[by][name]) | bare) for name in names]
        head = f"{letters(sorted(places[by, head]))} {head}".strip() if several else by and head
        found.append((head or "", list(zip(lines, labels.values(), strict=True))))
    for key, label in (("expected", "error = expected error"), ("law", "by counting (no fit)")):
        where = [i for i, panel in enumerate(panels) if panel.get(key)]
        if where:
            if found[-1][0]:
                found.append((letters(where) if several else "", []))
            found[-1][1].append((Line2D([], [], **LAW), label))
    return found


def _head(panel, learners):
    """What stands before the rows of the set of a panel in the legend."""
    if by := _by(panel):
        return f"{KEYS[by]}:"
    heads = {ALGORITHMS[learners[name]["algorithm"]].label for name in _curves(panel)}
    return f"{heads.pop()}:" if len(heads) == 1 else ""
