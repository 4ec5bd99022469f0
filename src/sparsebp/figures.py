"""The figures: mean error curves against the number of samples, with their uncertainty.

What a panel shows. Each learner is one curve: the mean over the seeds that have a value at that
number of samples m, with vertical bars for the 95 % Student-t confidence interval of that mean.
There is no bar with one seed, nor where all seeds agree (as at zero). An interval is not cut at
zero, although an error is never negative, and one much longer than the means runs out of the
panel. A learner without a value at some m (a mini-batch schedule between two batches) has no
marker there, and its line passes on to the next value.

Curves that coincide. The learners of a panel lie in layers, from a wide pale line with a large
hollow marker below to a thin line with a small filled marker on top, so those underneath show
around those above. Each is also moved sideways, whole, by at most `DODGE` of the distance between
two sample numbers, to separate the bars; the values are not moved. Every axis that starts at zero
reaches slightly below it, with a line at zero, so that an exact zero is seen.

How a run ended. A cross above a mean tells that at least one seed stopped at the step limit, an
exclamation mark that one met a contradiction (no configuration left). Unmarked: all converged.

Styles go by algorithm and schedule, the same in every figure: see `STYLES` and `style_learners`.
"""

import json
import re
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import seaborn as sns
from matplotlib import style as mpl_style
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation
from PIL import Image
from scipy import stats

from sparsebp.files import replacing

CONFIDENCE = 0.95
DODGE = 0.1
WIDTH, ROW_HEIGHT = 6.9, 2.3  # inches: the text width of an A4 page; one row of panels
X_LABEL = "number of samples m"
Y_LABELS = {
    "weight_error": "weight error (fraction wrong)",
    "topology_error": "topology error (Eq. 3.12)",
    "generalization_error": "generalisation error (Eq. 3.13)",
}
ALGORITHMS = {"sum-product": "BP", "max-product": "max-product", "max-sum": "max-sum"}


class Style(NamedTuple):
    """How a curve looks; `layer` is an index of `LAYERS`: its place where curves coincide."""

    color: str
    marker: str
    linestyle: str | tuple
    layer: int


# Line width, share of white in the line, marker size, filled marker: from the lowest layer up.
LAYERS = (
    (3.2, 0.6, 7.0, False),
    (1.8, 0.3, 5.2, False),
    (1.2, 0.0, 3.6, False),
    (1.1, 0.0, 2.8, True),
)

PALETTE = sns.color_palette("colorblind").as_hex()
_BLUE, _ORANGE, _GREEN, _VERMILION, _PINK, _TAN, _, _GREY, _, _SKY = PALETTE
# (algorithm, reinforcement, schedule, batch size): in chapter 2 the colour and the dashes tell the
# schedule and the marker the algorithm too; in chapter 3 the reinforced algorithm is the paler one.
# No two share marker and dashes, so that colour is never needed.
STYLES = {
    ("sum-product", 0, "offline", None): Style(_BLUE, "o", "-", 0),
    ("sum-product", 0, "mini-batch", 4): Style(_GREEN, "s", "--", 1),
    ("sum-product", 0, "mini-batch", 2): Style(_PINK, "^", "-.", 2),
    ("sum-product", 0, "online", None): Style(_ORANGE, "D", ":", 3),
    ("max-product", 0, "offline", None): Style(_BLUE, "P", "-", 0),
    ("max-product", 0, "mini-batch", 4): Style(_GREEN, "X", "--", 1),
    ("max-product", 0, "mini-batch", 2): Style(_PINK, "v", "-.", 2),
    ("max-product", 0, "online", None): Style(_ORANGE, "*", ":", 3),
    ("sum-product", 0.01, "offline", None): Style(_SKY, "s", (0, (5, 2)), 1),
    ("max-sum", 0, "offline", None): Style(_VERMILION, "^", (0, (5, 1, 1, 1, 1, 1)), 2),
    ("max-sum", 0.01, "offline", None): Style(_TAN, "D", (0, (2, 1)), 3),
}
# For any other learner: no marker is one of the table's, no two share both marker and colour.
SPARE_COLORS = (_VERMILION, _SKY, _GREEN, _PINK, _BLUE, _ORANGE, _TAN, _GREY, "#333333")
SPARE_DASHES = ((4, 1, 4, 1, 1, 1), (8, 1), (3, 1, 1, 1), (3, 2))
SPARE_STYLES = [
    Style(SPARE_COLORS[i % 9], "d<p>h"[i % 5], (0, SPARE_DASHES[i % 4]), 1 + i % 3)
    for i in range(45)
]

# status -> marker, its size, points above the mean, label
MARKS = {
    2: ("x", 2.8, 5.5, "step limit reached in some seed"),
    3: ("$!$", 5.0, 10.5, "contradiction in some seed"),
}

BLANK = Line2D([], [], linestyle="none")

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
    "font.family": ["DejaVu Sans"],
    "pdf.fonttype": 42,  # TrueType, embedded
    "svg.hashsalt": "sparsebp",
    "savefig.dpi": 200,
}


def style_learners(learners):
    """Return {name: Style} for blocks of the configuration's `learners`.

    Learners that differ in their label alone look the same (`bp` and `bp-offline`). Those of the
    table have its style. Any other, such as one with a second reinforcement, a new batch size or
    an `inference` of its own, has a spare one chosen by a hash of its block, and so the same in
    every figure; only where two would be alike in one figure does the later one take the next.
    """
    styles, taken = {}, {}
    for name, block in learners.items():
        defaults = {"factor": "hard", "reinforcement": 0, "batch_size": None}
        block = defaults | {k: v for k, v in block.items() if k != "label" and v is not None}
        identity = json.dumps(block, sort_keys=True)
        if identity not in taken:
            key = (block["algorithm"], block["reinforcement"], block["schedule"])
            style = STYLES.get((*key, block["batch_size"]))
            plain = block.keys() == {*defaults, "algorithm", "schedule"}
            if not plain or style is None or style in taken.values():
                first = zlib.crc32(identity.encode()) % len(SPARE_STYLES)
                used = list(taken.values())
                style = min(
                    SPARE_STYLES[first:] + SPARE_STYLES[:first],
                    key=lambda s, used=used: sum((s[1:3] == u[1:3]) + 2 * (s == u) for u in used),
                )
            taken[identity] = style
        styles[name] = taken[identity]
    return styles


def confidence_interval(values):
    """The ends of the Student-t confidence interval of the mean of two or more values."""
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values)
    return np.mean(values) - half, np.mean(values) + half


def draw(name, figure, learners, experiments, results, paths, provenance):
    """Draw one figure of the configuration and write it to each of `paths`, all or none.

    `figure`, `learners` and `experiments` are blocks of the configuration, `results` maps an
    experiment to its dataset, and `provenance` is put in the metadata (see `read_provenance`).
    """
    with mpl_style.context(RC, after_reset=True):
        drawing = build(name, figure, learners, experiments, results)
        _save(drawing, f"{name} ({figure.get('thesis', 'sparsebp')})", paths, provenance)


def build(name, figure, learners, experiments, results):
    """Return the matplotlib figure: a grid of panels over one legend."""
    panels, styles = figure["panels"], style_learners(learners)
    for panel in panels:
        _check(name, panel, learners, results)
    columns = min(figure["columns"], len(panels))
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
        seen |= _draw_panel(ax, panel, styles, results[panel["experiment"]])
        title = panel.get("title") or experiments[panel["experiment"]].get("thesis")
        ax.set_title(title or panel["experiment"], loc="left")
    _align(axes, panels, columns, results)
    _add_legends(drawing, entries, seen)
    return drawing


def read_provenance(path):
    """Return the provenance that `draw` put in a PDF, PNG or SVG file."""
    path = Path(path)
    if path.suffix == ".png":
        with Image.open(path) as image:
            return json.loads(image.text["Description"])
    if path.suffix == ".svg":
        element = ElementTree.parse(path).find(".//{http://purl.org/dc/elements/1.1/}description")
        return json.loads(element.text)
    data = path.read_bytes()
    number = re.search(rb"/Info (\d+) 0 R", data[data.rindex(b"trailer") :])[1]
    info = data[data.index(b"\n" + number + b" 0 obj") :]
    subject = re.search(rb"/Subject\s*\(((?:[^\\()]|\\.)*)\)", info)[1]
    return json.loads(re.sub(rb"\\(.)", rb"\1", subject))


def _check(name, panel, learners, results):
    """Refuse a panel that asks for what the results do not have."""
    experiment, quantity = panel["experiment"], panel["quantity"]
    if experiment not in results:
        raise ValueError(f"{name}: no results of experiment {experiment!r}, only {list(results)}")
    there = [q for q in Y_LABELS if q in results[experiment]]
    if quantity not in there:
        raise ValueError(f"{name}: no quantity {quantity!r} in {experiment}, only {there}")
    there = [n for n in results[experiment]["learner"].values.tolist() if n in learners]
    for learner in panel["learners"]:
        if learner not in there:
            raise ValueError(f"{name}: no learner {learner!r} in {experiment}, only {there}")


def _line(style):
    """The matplotlib properties of a curve of this style."""
    width, white, size, filled = LAYERS[style.layer]
    return {
        "color": tuple(white + (1 - white) * part for part in to_rgb(style.color)),
        "linestyle": style.linestyle,
        "linewidth": width,
        "marker": style.marker,
        "markersize": size * (1.35 if style.marker == "*" else 1),
        "markeredgecolor": style.color,
        "markeredgewidth": 0.9,
        "markerfacecolor": style.color if filled else "none",
        "zorder": 2.1 + 0.1 * style.layer,
    }


def _draw_panel(ax, panel, styles, dataset):
    """Draw the curves of one panel; return the statuses marked in it."""
    names, seen = panel["learners"], set()
    samples = dataset["n_samples"].values
    step = np.diff(np.unique(samples)).min(initial=samples[-1])
    offsets = np.linspace(-DODGE, DODGE, len(names)) * step if len(names) > 1 else [0.0]
    ax.axhline(0, color="0.5", linewidth=0.6, zorder=1)
    for name, offset in zip(names, offsets, strict=True):
        data = dataset[[panel["quantity"], "status"]].sel(learner=name).to_dataframe()
        data = data.reset_index().assign(x=lambda d, by=offset: d["n_samples"] + by)
        properties = _line(styles[name])
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
                mark = _mark(marker, size, styles[name].color)
                ax.plot(marked, label=label, transform=ax.transData + shift, zorder=3, **mark)
                seen.add(status)
    return seen


def _mark(marker, size, color="0.2"):
    """The matplotlib properties of the marks for a status."""
    mark = {"marker": marker, "markersize": size, "markeredgewidth": 0.6}
    return {"linestyle": "none", "color": color, **mark}


def _align(axes, panels, columns, results):
    """Give panels of one quantity, scale and range the same y axis, and likewise for x.

    The labels of an axis are left out where the panel beside it or below it has them already.
    """
    samples = np.concatenate([results[panel["experiment"]]["n_samples"] for panel in panels])
    whole = samples.min(), samples.max()
    x_keys = [tuple(panel.get("x") or ()) for panel in panels]
    y_keys = [(p["quantity"], p.get("scale"), tuple(p.get("y") or ())) for p in panels]
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        same_y = [a for a, key in zip(axes, y_keys, strict=True) if key == y_keys[i]]
        low, high = panel.get("x") or whole
        ax.set_xlim(low - 0.6, high + 0.6)
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 4, 5, 10], integer=True))

        means = np.concatenate([line.get_ydata() for a in same_y for line in a.lines])
        top = min(max(a.dataLim.y1 for a in same_y), 1.5 * max(means))
        low, high = panel.get("y") or (0, 1.06 * top or 0.1)
        if panel.get("scale") == "log":
            smallest = means[means > 0].min(initial=high)
            threshold = 10.0 ** np.floor(np.log10(smallest))
            ax.set_yscale("symlog", linthresh=threshold, linscale=0.5)
            ax.yaxis.set_minor_formatter(NullFormatter())
            ax.set_ylim(low or -0.3 * threshold, high)
        else:
            ax.set_ylim(low or -0.05 * high, high)

        below, left = i + columns, i - 1 if i % columns else None
        hide_x = below < len(panels) and x_keys[below] == x_keys[i]
        hide_y = left is not None and y_keys[left] == y_keys[i]
        ax.tick_params(labelbottom=not hide_x, labelleft=not hide_y)
        ax.set_xlabel("" if hide_x else X_LABEL)
        same_quantity = left is not None and panels[left]["quantity"] == panel["quantity"]
        ax.set_ylabel("" if same_quantity else Y_LABELS[panel["quantity"]])


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
                    row.append((Line2D([], [], **_line(styles[n])), learners[n].get("label") or n))
                table.append(row)
        table = [row + [(BLANK, "")] * (max(map(len, table)) - len(row)) for row in table]
        lengths = [max(len(label) for _, label in column) for column in zip(*table, strict=True)]
        if sum(0.58 + 0.065 * length for length in lengths) < width:  # inches
            break
    return table


def _add_legends(drawing, rows, seen):
    """Place the legend of the learners below, and that of the marks, if there are any, above."""
    cells = [cell for column in zip(*rows, strict=True) for cell in column]  # column by column
    handles, labels = zip(*cells, strict=True)
    place = {"loc": "outside lower center", "handlelength": 3.2, "columnspacing": 1.6}
    drawing.legend(handles, labels, ncols=len(rows[0]), frameon=False, **place)
    if seen:
        handles = [Line2D([], [], **_mark(*MARKS[status][:2])) for status in sorted(seen)]
        labels = [MARKS[status][-1] for status in sorted(seen)]
        place = {"loc": "outside upper right", "handlelength": 1.0, "borderpad": 0}
        drawing.legend(handles, labels, ncols=2, frameon=False, **place)


def _save(drawing, title, paths, provenance):
    """Write the drawing to every path, or to none: first beside each, then in their places."""
    text = json.dumps(provenance, sort_keys=True)
    metadata = {
        ".pdf": {"Title": title, "Creator": "sparsebp", "Subject": text, "CreationDate": None},
        ".png": {"Title": title, "Creator": "sparsebp", "Description": text},
        ".svg": {"Title": title, "Creator": "sparsebp", "Description": text, "Date": None},
    }
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix not in metadata:
            raise ValueError(f"{path}: a figure is written as {', '.join(metadata)}")
    with ExitStack() as stack:
        for path in paths:
            part = stack.enter_context(replacing(path))
            drawing.savefig(part, format=path.suffix[1:], metadata=metadata[path.suffix])
