"""Figure of trees: what appendix A says of belief propagation on them, beside rings.

What a figure shows. (a, b) The largest difference of any belief from the exact marginal after each
step, for chains and for a random tree of each size under the teacher that relays: solid from a
uniform start, dashed from random messages; a circle marks the step of half the diameter. (c) Steps
until no belief is off but for rounding, against half the diameter, for every tree and every
teacher, with the line on which the two are equal. (d) How far the Bethe free energy is from the
exact log Z, for trees, and for the rings that the chains are cut from.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sparsebp.claims.reductions import steps_needed
from sparsebp.report.style import PAGE_WIDTH, PALETTE, log_scale, style_numbers

BLUE, GREEN, VERMILION = PALETTE[0], PALETTE[2], PALETTE[3]
SHAPE_STYLES = {"chain": (BLUE, "o"), "tree": (GREEN, "^"), "ring": (VERMILION, "s")}
HEIGHT = 2.0  # inches: of a panel, about
SHAPE_NAMES = {"chain": "chains", "tree": "random trees", "ring": "rings"}


def build(spec, results):
    """Return the matplotlib figure: four panels over one legend. Arguments: `figures.draw`."""
    data, sizes = results["trees"], spec["figure"]["trees"]["outputs"]
    drawing = Figure(figsize=(PAGE_WIDTH, 5.9), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.06, h_pad=0.05)
    grid = drawing.subplots(2, 2)
    relay = data.sel(teacher="relay")
    _draw_deviation(grid[0, 0], relay.sel(shape="chain"), sizes, "(a) chains, relay teacher")
    grid[0, 0].legend(loc="lower left", handlelength=1.2, labelspacing=0.25)
    trees = relay.sel(shape="tree", seed=[0])
    _draw_deviation(grid[0, 1], trees, sizes, "(b) random trees, relay teacher")
    _draw_steps(grid[1, 0], data)
    _draw_normalisation(grid[1, 1], data)
    _add_legend(drawing)
    return drawing


def _draw_deviation(ax, data, sizes, title):
    """Curves of the largest deviation among the seeds, which all have the same diameter."""
    steps = data["step"].values
    for number, style in style_numbers(sizes).items():
        found = data.sel(outputs=number)
        for start, dashes in (("uniform", "-"), ("random", (0, (3, 1.5)))):
            largest = found["deviation"].sel(start=start).max("seed").values
            look = {"color": style.color, "linestyle": dashes}
            label = f"n = {number}" if start == "uniform" else None
            ax.plot(steps, largest, linewidth=1.1, label=label, **look)
            if start == "uniform":
                half = int(found["diameter"].values[0]) // 2
                ax.plot(half, largest[half - 1], "o", ms=4.5, mew=1, mfc="white", color=style.color)
    ax.set(xscale="log", yscale="log", ylim=(2e-18, 5))
    ax.set_title(title, loc="left")
    ax.set(xlabel="step", ylabel="largest error of a belief")


def _draw_steps(ax, data):
    """A marker for each tree: the steps that its beliefs need, from a uniform start."""
    half, needed = data["diameter"].values // 2, steps_needed(data).values
    longest = half.max()
    ax.plot([1, longest], [1, longest], color="0.4", linewidth=0.9, zorder=1)
    for i, shape in enumerate(data["shape"].values):
        for j, teacher in enumerate(data["teacher"].values):
            if shape != "ring":
                ax.plot(half[i].ravel(), needed[i, j].ravel(), **_markers(shape, teacher))
    ax.set(xscale="log", yscale="log")
    ax.set_title("(c) steps needed", loc="left")
    ax.set(xlabel="half the diameter of the factor graph", ylabel="steps until beliefs are exact")


def _draw_normalisation(ax, data):
    """A marker for each graph, those of a kind beside each other."""
    error = np.abs(data["bethe"] - data["log_partition"])
    kinds = [
        (shape, teacher) for shape in data["shape"].values for teacher in data["teacher"].values
    ]
    for shift, (shape, teacher) in zip(np.linspace(-0.12, 0.12, len(kinds)), kinds, strict=True):
        values = error.sel(shape=shape, teacher=teacher).transpose("outputs", "seed").values
        x = np.repeat(data["outputs"].values * np.exp(shift), values.shape[1])
        ax.plot(x, values.ravel(), **_markers(shape, teacher))
    ax.set(xscale="log")
    ax.set_title("(d) Bethe free energy", loc="left")
    log_scale(ax, "y", error.values.ravel(), 72 * HEIGHT, top=1)
    ax.set(xlabel="observed outputs n", ylabel="error of log Z (nats)")


def _markers(shape, teacher):
    color, marker = SHAPE_STYLES[shape]
    fill = color if teacher == "relay" else "none"
    look = {"linestyle": "none", "marker": marker, "color": color, "markerfacecolor": fill}
    return look | {"markersize": 3.6, "markeredgewidth": 0.8}


def _add_legend(drawing):
    handles = [Line2D([], [], color="0.4", linewidth=0.9)]
    labels = ["steps = diameter / 2"]
    lines = [("-", "uniform start"), ((0, (3, 1.5)), "random start")]
    for dashes, label in lines:
        handles.append(Line2D([], [], color="0.2", linewidth=1.1, linestyle=dashes))
        labels.append(label)
    for shape, name in SHAPE_NAMES.items():
        for teacher in ("relay", "random"):
            handles.append(Line2D([], [], **_markers(shape, teacher)))
            labels.append(f"{name}, {teacher} teacher")
    place = {"loc": "outside lower center", "handlelength": 2.2, "columnspacing": 1.6}
    order = [0, 3, 4, 1, 5, 6, 2, 7, 8]
    picked = [handles[i] for i in order], [labels[i] for i in order]
    drawing.legend(*picked, ncols=3, frameon=False, **place)
