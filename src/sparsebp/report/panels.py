"""Figures of panels: mean error curves, with their uncertainty.

What a panel shows. Each learner is one curve, against the number of samples m in one experiment, or
against a key of several experiments; or each experiment is a curve of one learner against m; or
each of some m is a curve against a key of the learners of one experiment, and those without that
key, which are limits of the others, stand apart in a shaded strip on the right. A
point is the mean over the seeds that have a value at that position, with vertical bars, or with
`bands` a band, for the 95 % confidence interval of that mean (`intervals.mean_interval`). There is
no bar with one seed, nor of a mean where all seeds agree (as at zero). An interval much longer than
the means runs out of the panel. A learner without a value at some m (a mini-batch schedule between
two batches) has no marker there, and its line passes on to the next value.

Against a key, the value of a seed is its error at one m, or the m from which on that is at most a
limit. Where the error is above the limit at the last m, the last counts, which is too few: an arrow
in the strip above tells that this is so for some seed.

A panel against m and with a limit has the share of simulations whose error is at most that, with
its binomial interval (`intervals.share_interval`). Curves `by` a number are points without lines;
with `minus_log2` each is shifted by the logarithm of its number. Shares of the learners of one
experiment are a lower row.

A panel of the residual has no means. Each training that stopped at the step limit or oscillated is
a point without a line; those that converged are below the tolerance.

In a panel `expected` a point is one number of samples: the mean error found, against the mean error
that the beliefs expect. On the grey diagonal both are equal.

Curves that coincide. The learners of a panel lie in layers, from a large hollow marker below to a
small filled one on top, so those underneath show around those above; experiments are told apart by
colour and marker. Each curve is also moved sideways, whole, by at most `axes.DODGE` points, to
separate the bars; the values are not moved. Points without lines are moved to be as many points
apart. With `theory`, `bands` or `minus_log2` nothing is moved. Beside `theory` lines are pale, so
that it is seen through them.

Zero. Every linear axis that starts at zero reaches slightly below it, with a line at zero, so that
an exact zero is seen. A logarithmic axis has a shaded strip for zeros. No line leads into the
strip, as a logarithmic axis has no place for zero to which a line could go. There is no strip if
`y` begins above zero.

References. The exact learner is a thin black line without markers and bars, and so is density
evolution, with dashes; a panel with `theory` takes that from other experiments. In a panel `minus`
a learner each curve is the mean of its difference from that learner in the same simulation; if the
axis is logarithmic, it is so to both sides of zero, over three powers of ten, and linear around
zero. The dashed grey line is what follows from `law`, which has no parameter to fit. Weight errors
with `law` or `theory` have a grey line at the error of a guess.

How a run ended. In a strip above the panel, each curve with trainings that did not converge has a
row, which begins with its marker: a cross tells that at least one seed stopped at the step limit
there, a wave that its messages oscillated, an exclamation mark that one met a contradiction (no
configuration left). All others converged.
"""

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from sparsebp.engine.learner import ALGORITHMS
from sparsebp.network import law
from sparsebp.report.axes import DODGE, align
from sparsebp.report.curves import curves_of, drawn, ended_of, key_of, points_of, shown_of
from sparsebp.report.fitting import LINE, wrapped
from sparsebp.report.labels import KEYS, called
from sparsebp.report.style import (
    MARKS,
    RC,
    REFERENCE,
    add_legends,
    check_results,
    curve_properties,
    figure_width,
    learner_legend,
    legends_height,
    lettered,
    letters,
    mark_legend,
    mark_properties,
    number_label,
    style_learners,
    style_numbers,
)
from sparsebp.study.figure_blocks import (
    has_guess,
    is_below_errors,
    is_dodged,
    is_dots,
    is_share,
    is_strip,
)

PALE = 0.35  # opacity of lines beside theory
LAW = {"color": "0.45", "linestyle": (0, (4, 2)), "linewidth": 0.8, "zorder": 1.5}
GUESS = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
GUESS |= {"ha": "right", "va": "top", "color": LAW["color"], "fontsize": RC["xtick.labelsize"]}
# Inches: one row of panels, without the strips above them; and one of shares.
ROW_HEIGHT, SHARES_HEIGHT = 2.2, 1.2
# Points: a curve's row in the strip above a panel; between both, so that the strip's markers are
# clear of the panel's last tick label.
STATUS_ROW, STRIP_GAP = 5, 7


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
    tables = [points_of(panel, results) for panel in panels]
    ended = [
        [] if is_below_errors(panel, panels) else ended_of(panel, table)
        for panel, table in zip(panels, tables, strict=True)
    ]
    styles = _styles(panels, learners)
    columns = min(spec["figure"]["columns"], len(panels))
    rows = range(0, len(panels), columns)
    width = figure_width(spec["figure"], columns)
    entries = learner_legend(_legend_sets(panels, learners, styles), width)
    marks = mark_legend({status for rows in ended for _, found in rows for status in found}, width)
    strips = [max(map(len, ended[row : row + columns])) for row in rows]
    strips = [(STATUS_ROW * count + STRIP_GAP) * (count > 0) for count in strips]
    low = [all(map(is_strip, panels[row : row + columns])) for row in rows]
    heights = [SHARES_HEIGHT if is_low else ROW_HEIGHT for is_low in low]
    height = sum(heights) + sum(strips) / 72 + legends_height(entries, marks) + 0.2
    drawing = Figure(figsize=(width, height), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.03)
    ratios = {"height_ratios": heights}
    grid = drawing.subplots(len(rows), columns, squeeze=False, gridspec_kw=ratios)
    axes = grid.ravel()[: len(panels)]
    for ax in grid.ravel()[len(panels) :]:
        ax.remove()

    floors = align(axes, panels, learners, columns, tables)
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        looks = styles[key_of(panel)]
        _draw_curves(ax, panel, looks, tables[i], floors[i])
        if panel.get("expected"):
            ends = max(floors[i][0], floors[i][1], 0), min(ax.get_xlim()[1], ax.get_ylim()[1])
            ax.plot(ends, ends, label="expected", **LAW)
        block = spec["experiments"][panel["experiments"][0]]
        if panel.get("law"):
            _draw_law(ax, panel, block, np.unique(tables[i]["x"]), floors[i])
        if has_guess(panel):
            _draw_guess(ax, 1 - 1 / len(block["student"]["alphabet"]))
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
    numbers = {key_of(panel): set() for panel in panels if key_of(panel)}
    for panel in panels:
        if key_of(panel):
            numbers[key_of(panel)].update(curves_of(panel))
    styles = {key: style_numbers(found) for key, found in numbers.items()}
    shown = {name: learners[name] for panel in panels for name in drawn(panel)}
    return {None: style_learners(shown)} | styles


def _draw_curves(ax, panel, styles, table, floors):
    """Draw the curves of one panel; `floors` are where its logarithmic axes begin."""
    names = curves_of(panel)
    barred = [name for name in names if styles[name].layer != REFERENCE]
    pointed = is_dots(panel) or (is_share(panel) and not is_strip(panel))
    dodge = DODGE * (len(barred) - 1) / 2 if pointed else DODGE
    dodge *= is_dodged(panel)
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
        points = shown_of(panel, table, name).dropna(subset="mean")
        for limit, part in points.groupby("limit"):
            x, y = part["x"].to_numpy(), np.maximum(part["mean"].to_numpy(), lowest)
            strips = (x < floors[0]) + 2 * (y < floors[1])
            for strip in sorted({0, *strips}):  # no line leads into a strip or out of it
                line = y if (strips == strip).all() else np.where(strips == strip, y, np.nan)
                label = f"_{name}" if limit or strip else str(name)
                lines = {"linestyle": "none"} if limit or pointed else {}
                ax.plot(x, line, label=label, **look | lines)
        if name not in offsets:
            continue
        x, *ends = points[["x", "mean", "low", "high"]].to_numpy().T
        y, *ends = np.maximum(ends, lowest)
        if panel.get("bands"):
            look = {"color": styles[name].color, "alpha": 0.2, "linewidth": 0.8}
            ax.fill_between(x, *ends, where=y >= floors[1], **look | moved)
        else:
            bars = {"ecolor": styles[name].color, "elinewidth": 0.8, "alpha": 0.7}
            ax.errorbar(x, y, np.abs(ends - y), fmt="none", zorder=look["zorder"], **bars | moved)


def _draw_law(ax, panel, block, positions, floors):
    """Draw what the law gives for a panel of an experiment, where the axis has a scale."""
    found = law.of_experiment(block)
    x = np.linspace(positions[0], positions[-1], 200)
    # If shifted: but for the next term, and at a rate of 1/2, all sizes have that of the largest.
    largest = max(panel.get("positions", [block["layers"]["hidden"]]))
    m = x + np.log2(largest) if panel.get("minus_log2") else x
    if is_share(panel):
        y, look = np.exp(-largest * found.at("neurons", m)), LAW | {"zorder": 3}
    else:
        y, look = found.at(panel["quantity"], m), LAW
    shown = y >= floors[1]
    ax.plot(x[shown], y[shown], label="law", **look)


def _draw_guess(ax, error):
    """Draw the error of a guess, if it is on the axis."""
    low, high = ax.get_ylim()
    if low <= error <= high:
        ax.axhline(error, label="_guess", **LAW | {"linestyle": "-"})
        ax.annotate("a guess", (1, error), (-4, -2), **GUESS)


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


def _legend_sets(panels, learners, styles):
    """The legend: a (head, (handle, label) entries) for each set of curves drawn together.

    The head is the algorithm or key that a set is of, behind the letters of its panels if there are
    several sets; learners need none if all are of one set. References are last.
    """
    sets, places = {}, {}
    for i, panel in enumerate(panels):
        key = by, _ = key_of(panel), _head(panel, learners)
        places.setdefault(key, set()).add(i)
        # Learners that look the same are the same but for their names.
        for name in curves_of(panel):
            sets.setdefault(key, {}).setdefault((by, styles[by][name]), name)
    for key, shown in [*sets.items()]:
        whole = next((other for other in sets if shown.keys() < sets[other].keys()), None)
        if whole:
            places[whole] |= places.pop(key)
            del sets[key]
    bare = {"linestyle": "none"} if all(is_share(p) and not is_strip(p) for p in panels) else {}
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
    if by := key_of(panel):
        return f"{KEYS[by]}:"
    heads = {ALGORITHMS[learners[name]["algorithm"]].label for name in curves_of(panel)}
    return f"{heads.pop()}:" if len(heads) == 1 else ""
