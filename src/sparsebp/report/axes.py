"""The axes of panels: which panels share one, its scale, limits and ticks, and its labels."""

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator, NullLocator

from sparsebp.network.quantities import QUANTITIES
from sparsebp.report.curves import places_of
from sparsebp.report.fitting import text_width, wrapped
from sparsebp.report.labels import KEYS
from sparsebp.report.style import RC, ROOM, Y_LABELS, log_scale, number_label
from sparsebp.study.figure_blocks import is_share, is_strip

DODGE = 1.5  # points: by which curves are moved sideways, at most
BESIDE = 0.75  # inches: what labels take of the width of a panel
PANEL_HEIGHT = 1.5  # inches: what titles and labels leave of a row, at least
STRIP_LABEL = 1.1  # inches: of the label beside a strip of shares
MOST_TICKS = 8  # positions on a logarithmic axis that are labelled one by one
LABEL_GAP = 4  # points: between their labels, at least


def align(axes, panels, learners, columns, tables):
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
            panel.get("numbers") and places_of(panel),
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
        shown = np.concatenate([means, ends])
        if low > 0:  # then there is no strip for zeros
            shown = np.append(shown[~(shown < low)], low)
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
    places, (low, high) = places_of(panel), ax.get_xlim()
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
    label = KEYS[panel["against"]]
    if "at" in panel and "numbers" not in panel:
        label += f" (at\u00a0m\u00a0=\u00a0{panel['at']})"
    return label


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
    height = STRIP_LABEL if is_strip(panel) else 1.2 * PANEL_HEIGHT
    return wrapped(label, height, RC["axes.labelsize"])
