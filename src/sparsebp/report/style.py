"""What all figures share: how learners, errors, intervals and a failure to converge are shown.

A colour tells the schedule, or of offline learners the algorithm; marker and dashes tell these too,
and the method: see `style_learners`.
"""

import json
import string
import zlib
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullLocator

from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.report.fitting import FONT, add_legend, legend_height, legend_table
from sparsebp.study.figure_blocks import WIDTHS

PAGE_WIDTH = 6.9  # inches: the text width of an A4 page
Y_LABELS = {name: known.label for name, known in QUANTITIES.items() if known.label}


class Style(NamedTuple):
    """How a curve looks; `layer` is an index of `LAYERS`: its place where curves coincide."""

    color: str
    marker: str
    linestyle: str | tuple
    layer: int


# Marker size and filled marker: from the lowest layer up. Curves that coincide show around and
# between each other; all lines are equally wide, so that none is bolder than another.
LAYERS = ((6.0, False), (4.8, False), (3.6, False), (2.8, True))
LINE_WIDTH = 1.1
# On top of all layers a thin line without markers or bars, for what others are compared with.
REFERENCE = len(LAYERS)

PALETTE = sns.color_palette("colorblind").as_hex()
_BLUE, _ORANGE, _GREEN, _VERMILION, _PINK, _TAN, _, _, _, _SKY = PALETTE
_BLACK, _GREY, _PURPLE = "#000000", "#737373", "#5b3a8c"
# (algorithm, whether reinforced) of offline learners -> colour; the reinforced one is paler. Any
# other algorithm is purple.
ALGORITHM_COLORS = {
    ("sum-product", False): _BLUE,
    ("sum-product", True): _SKY,
    ("max-product", False): _BLUE,
    ("max-product", True): _SKY,
    ("max-sum", False): _VERMILION,
    ("max-sum", True): _TAN,
    ("gradient-descent", False): _GREY,
}
# (algorithm, reinforcement, schedule, batch size, method) -> marker, dashes, layer. No two share
# marker and dashes, so that colour is never needed.
LOOKS = {
    ("sum-product", 0, "offline", None, "messages"): ("o", "-", 0),
    ("sum-product", 0, "mini-batch", 4, "messages"): ("s", "--", 1),
    ("sum-product", 0, "mini-batch", 2, "messages"): ("^", "-.", 2),
    ("sum-product", 0, "online", None, "messages"): ("D", ":", 3),
    ("max-product", 0, "offline", None, "messages"): ("P", "-", 0),
    ("max-product", 0, "mini-batch", 4, "messages"): ("X", "--", 1),
    ("max-product", 0, "mini-batch", 2, "messages"): ("v", "-.", 2),
    ("max-product", 0, "online", None, "messages"): ("*", ":", 3),
    ("sum-product", 0.01, "offline", None, "messages"): ("s", (0, (5, 2)), 1),
    ("max-sum", 0, "offline", None, "messages"): ("^", (0, (5, 1, 1, 1, 1, 1)), 2),
    ("max-sum", 0.01, "offline", None, "messages"): ("D", (0, (2, 1)), 3),
    ("gradient-descent", 0, "offline", None, "messages"): ("H", (0, (8, 1)), 0),
    ("sum-product", 0, "offline", None, "exact"): ("", "-", REFERENCE),
    ("max-product", 0, "offline", None, "exact"): ("h", (0, (1, 1)), 3),
    # Where they coincide, dots of the first are in the gaps of the others.
    ("sum-product", 0, "offline", None, "density-evolution"): ("", (2, (1, 3)), REFERENCE),
    ("max-product", 0, "offline", None, "density-evolution"): ("", (0, (4, 4)), REFERENCE),
    ("max-sum", 0, "offline", None, "density-evolution"): ("", (0, (8, 4)), REFERENCE),
    ("sum-product", 0, "offline", None, "blocked"): ("p", (0, (4, 1, 4, 1, 1, 1)), 2),
    ("max-product", 0, "offline", None, "blocked"): ("<", (0, (8, 1)), 2),
    ("max-sum", 0, "offline", None, "blocked"): (">", (0, (3, 1, 1, 1)), 2),
    ("sum-product", 0, "mini-batch", 4, "layered"): ("p", (0, (3, 2)), 1),
    ("sum-product", 0, "mini-batch", 2, "layered"): ("<", (0, (3, 1, 1, 1)), 2),
    ("sum-product", 0, "online", None, "layered"): (">", (0, (1, 2)), 2),
}
# For any other learner: no marker is one of those of messages.
_DASHES = ((4, 1, 4, 1, 1, 1), (8, 1), (3, 1, 1, 1), (3, 2))
SPARE_LOOKS = [("d<p>h"[i % 5], (0, _DASHES[i % 4]), 1 + i % 3) for i in range(20)]

NEVER = (
    max(Status) + 1
)  # beside the statuses of a training: a limit not reached at any number of samples
# status -> marker, its size, label. Any two can be seen in one place.
MARKS = {
    Status.STEP_LIMIT: ("x", 2.4, "step limit reached in some simulation"),
    Status.OSCILLATING: ("$\\wr$", 4.0, "messages oscillate in some simulation"),
    Status.CONTRADICTION: ("$!$", 4.4, "contradiction in some simulation"),
    NEVER: ("$\\uparrow$", 4.6, "not reached in some simulation: a lower bound"),
}
# Points: of a log axis, around its values, and of the strip for those that are not positive, which
# along the x axis has room for the label of its zero.
ROOM, ZEROS = 5, {"x": 18, "y": 11}

RC = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("paper", font_scale=0.87),
    "axes.edgecolor": "0.35",
    "axes.linewidth": 0.7,
    "grid.color": "0.9",
    "grid.linewidth": 0.4,
    "xtick.bottom": True,
    "ytick.left": True,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "font.family": [FONT],
    "pdf.fonttype": 42,  # TrueType, embedded
    "svg.fonttype": "none",  # text that can be searched
    "svg.hashsalt": "sparsebp",
    "savefig.dpi": 200,
}


def style_learners(learners):
    """Return {name: Style} for blocks of the configuration's `learners`.

    The colour is that of the schedule, or of an offline learner that of the algorithm, paler where
    it is reinforced. Black is what the algorithms approximate: the exact posterior, and theory.

    Marker and dashes are those of the table, the same for learners that differ in their label alone
    (`bp` and `bp-offline`). Any other learner, such as one with a second reinforcement, a new batch
    size or an `inference` of its own, has spare ones chosen by a hash of its block, and so the same
    in every figure; only where two would be alike in one figure does the later one take the next.
    """
    styles, taken = {}, {}
    for name, block in learners.items():
        defaults = {"factor": "hard", "reinforcement": 0, "batch_size": None, "method": "messages"}
        block = defaults | {k: v for k, v in block.items() if k != "label" and v is not None}
        identity = json.dumps(block, sort_keys=True)
        if identity not in taken:
            key = ("algorithm", "reinforcement", "schedule", "batch_size", "method")
            look = LOOKS.get(tuple(block[k] for k in key))
            used = [style[1:3] for style in taken.values()]
            plain = block.keys() == {*defaults, "algorithm", "schedule"}
            if block["method"] == "layered":  # which always has a limit of its own
                plain = block.keys() == {*defaults, "algorithm", "schedule", "max_values"}
            if not plain or look is None or look[:2] in used:
                first = zlib.crc32(identity.encode()) % len(SPARE_LOOKS)
                spare = SPARE_LOOKS[first:] + SPARE_LOOKS[:first]
                look = min(spare, key=lambda look, used=used: used.count(look[:2]))
            taken[identity] = Style(_color(block), *look)
        styles[name] = taken[identity]
    return styles


def _color(block):
    """The colour of a learner, from its block with all defaults."""
    if block["method"] in ("exact", "density-evolution"):
        return _BLACK
    if block["schedule"] == "online":
        return _ORANGE
    if block["schedule"] == "mini-batch":
        return _PINK if block["batch_size"] < 4 else _GREEN
    return ALGORITHM_COLORS.get((block["algorithm"], block["reinforcement"] > 0), _PURPLE)


def style_numbers(numbers):
    """Return {number: Style}, from light to dark: the paler, the smaller the number."""
    colors = sns.color_palette("plasma_r", len(numbers) + 1).as_hex()[1:]
    return {
        number: Style(color, "os^Dv<p>"[i % 8], "-", len(LAYERS) - 1)
        for i, (number, color) in enumerate(zip(sorted(numbers), colors, strict=True))
    }


def number_label(number):
    """A number as short as can be: 0.1, 200, 5k, 1M."""
    return EngFormatter(sep="")(number) if number >= 1000 else f"{number:g}"


def figure_width(figure, columns):
    """The width in inches of a figure of so many panels or maps per row."""
    default = PAGE_WIDTH if columns > 1 else 0.65 * PAGE_WIDTH
    return WIDTHS.get(figure.get("width"), default)


def lettered(number, count, title):
    """The title of a panel or map, behind its letter if there are several."""
    return f"{letters([number])} {title}" if count > 1 else title


def letters(numbers):
    """The letters of panels or maps, ascending numbers from 0: (a), (a, b) or (a–c, e)."""
    runs = []
    for number in numbers:
        if not runs or number > runs[-1][-1] + 1:
            runs.append([])
        runs[-1].append(number)
    parts = []
    for run in runs:
        again, place = zip(*(divmod(one, len(string.ascii_lowercase)) for one in run), strict=True)
        names = [string.ascii_lowercase[j] * (i + 1) for i, j in zip(again, place, strict=True)]
        parts += [f"{names[0]}–{names[-1]}"] if len(run) > 2 else names
    return f"({', '.join(parts)})"


def check_results(name, results, experiment, quantities, wanted):
    """Refuse a figure of this name that asks for what the results do not have.

    `wanted` maps a dimension of the results to the labels along it that the figure needs.
    """
    if experiment not in results:
        raise ValueError(f"{name}: no results of experiment {experiment!r}, only {list(results)}")
    data = results[experiment]
    there = {"quantity": [quantity for quantity in Y_LABELS if quantity in data]}
    there |= {dimension: data[dimension].values.tolist() for dimension in wanted}
    for kind, labels in {"quantity": quantities, **wanted}.items():
        for label in labels:
            if label not in there[kind]:
                raise ValueError(f"{name}: no {kind} {label!r} in {experiment}, only {there[kind]}")


def log_scale(ax, axis, values, points, top=0.0):
    """Make the "x" or "y" axis logarithmic, with a strip below for values that are not positive.

    Zero is in the middle of the strip, which is shaded and has no scale. Values 10^12 times smaller
    than the largest are rounded zeros. There is no strip without any such value.

    Args:
        values: all that is on the axis; NaN is none.
        points: how long the axis is, about.
        top: what the axis reaches at least.

    Returns:
        The lower end of the logarithmic part.
    """
    values = values[~np.isnan(values)]
    rounded = 1e-12 * max(values.max(initial=0), top)
    positive = np.append(values[values > rounded], top if top > 0 else [])
    low, high = (positive.min(), positive.max()) if len(positive) else (0.1, 1.0)
    zeros = bool((values <= rounded).any())
    decades = max(np.log10(high / low), 0.3)
    a_point = decades / (points - 2 * ROOM - ZEROS[axis] * zeros)
    middle = np.sqrt(low * high)
    low, high = (middle * 10 ** (sign * (decades / 2 + ROOM * a_point)) for sign in (-1, 1))
    strip = ZEROS[axis] * a_point

    def place(values):
        log = np.log10(np.maximum(values, low) / low)
        return np.where(values >= low, log, strip / 2 * (np.asarray(values) / low - 1))

    def value(places):
        power = low * 10.0 ** np.maximum(places, 0)
        return np.where(
            np.asarray(places) >= 0, power, low * (1 + 2 / strip * np.minimum(places, 0))
        )

    getattr(ax, f"set_{axis}scale")("function", functions=(place, value))
    getattr(ax, f"set_{axis}lim")(-low if zeros else low, high)
    beside = {"x": 11, "y": 3}[axis] * a_point * zeros  # of the zero, room for its label
    apart = {"x": 36, "y": 12}[axis] * a_point  # of labels
    ticks = _log_ticks(low * 10**beside, high, apart)
    labels = [_power(tick) for tick in ticks]
    if zeros:
        ticks, labels = [0, *ticks], ["≤ 0" if values.min() < -rounded else "0", *labels]
        for sharing in getattr(ax, f"get_shared_{axis}_axes")().get_siblings(ax):
            span = sharing.axvspan if axis == "x" else sharing.axhspan
            span(-low, low, color="0.95", linewidth=0, zorder=0)
    getattr(ax, f"set_{axis}ticks")(ticks, labels)
    getattr(ax, f"{axis}axis").set_minor_locator(NullLocator())
    return low


def _log_ticks(low, high, apart):
    """Up to six powers of ten between two numbers; where there is one, 2 and 5 times it.

    They are so many decades ``apart``, or more.
    """
    powers = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    if len(powers) > 1:
        return 10.0 ** powers[:: int(np.ceil(max(len(powers) / 6, apart)))]
    powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)))
    ticks = np.ravel([[1, 2, 5] * 10.0 ** np.array([power]) for power in powers])
    kept = []
    for tick in ticks[(low <= ticks) & (ticks <= high)]:
        if not kept or np.log10(tick / kept[-1]) >= apart:
            kept.append(tick)
    return np.array(kept)


def _power(tick):
    """A tick as a power of ten, or as the number it is."""
    power = np.log10(tick)
    return f"$10^{{{power:.0f}}}$" if abs(power - round(power)) < 1e-9 else f"{tick:g}"


def curve_properties(style):
    """The matplotlib properties of a curve of this style."""
    if style.layer == REFERENCE:
        look = {"color": style.color, "linestyle": style.linestyle, "linewidth": 0.8}
        return look | {"marker": "", "zorder": 2.6}
    size, filled = LAYERS[style.layer]
    return {
        "color": style.color,
        "linestyle": style.linestyle,
        "linewidth": LINE_WIDTH,
        "marker": style.marker,
        "markersize": size * (1.35 if style.marker == "*" else 1),
        "markeredgecolor": style.color,
        "markeredgewidth": 0.9,
        "markerfacecolor": style.color if filled else "none",
        "zorder": 2.1 + 0.1 * style.layer,
    }


def write_beside(ax, row, text, points, ha, **look):
    """Write a text in a row of a box, so many points right of the box, or left of it if negative.

    `ha` says which part of the text is there.
    """
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
    ax.annotate(text, (points > 0, row), xytext=(points, 0), va="center", ha=ha, **where, **look)


def mark_properties(marker, size, color="0.2"):
    """The matplotlib properties of the marks for a status."""
    look = {"marker": marker, "markersize": size, "markeredgewidth": 0.6}
    return {"linestyle": "none", "color": color, "markerfacecolor": "none", **look}


def learner_legend(sets, width):
    """The rows of the legend of what is drawn, as `fitting.legend_table`."""
    return legend_table(sets, width, RC["legend.fontsize"])


def mark_legend(seen, width):
    """The rows of the legend of the statuses marked, a set of them; none if it is empty."""
    if not seen:
        return []
    entries = [
        (Line2D([], [], **mark_properties(*MARKS[status][:2])), MARKS[status][2])
        for status in sorted(seen)
    ]
    return legend_table([("", entries)], width, RC["legend.fontsize"])


def add_legends(drawing, learners, marks):
    """Place the legend of what is drawn below, and that of the marks, if there are any, above."""
    place = {"loc": "outside lower center", "handlelength": 3.2, "columnspacing": 1.6}
    add_legend(drawing, learners, **place)
    if marks:
        place = {"loc": "outside upper right", "handlelength": 1.0, "borderpad": 0}
        add_legend(drawing, marks, **place)


def legends_height(learners, marks):
    """The height in inches of both legends."""
    return legend_height(learners) + legend_height(marks)
