"""Figure of what is found from scratch: how few samples say where weights are, and which.

What a figure shows. A point is the mean over the simulations. (a) It is known what each output
reads. The share of ambiguous rows against the number m of samples, for several numbers k of
candidates, on the curves that follow from counting (`network.counting`), in which nothing is
fitted. Zero is in a shaded strip. A line of crosses is the share of rows that are said to be
certain and are wrong, the largest of all cases and k. (b) The number of samples from which on at
least nine of ten simulations are exact, against k, on a line where it is known what outputs read,
and as single points where nothing is known. An arrow marks the last m of a case that gets there at
none. (c) Nothing is known. The share of the teacher's rows that the network found has, and of those
that are certain, and the same crosses as in (a).
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from sparsebp.network.counting import ambiguous
from sparsebp.report.style import (
    LINE_WIDTH,
    MARKS,
    NEVER,
    PAGE_WIDTH,
    PALETTE,
    log_scale,
    mark_properties,
    number_label,
    style_numbers,
)

EXACT_IN = 0.9
"""The share of simulations that have to be exact."""

HEIGHT = 2.9  # inches
WRONG = {"color": PALETTE[3], "marker": "x", "markersize": 3.5, "linewidth": 0.8}
LAW = {"linestyle": "-", "linewidth": 0.9, "alpha": 0.6}
POINTS = {"linestyle": "none", "markersize": 3.8, "markeredgewidth": 0.9}


def build(spec, results):
    """Return the matplotlib figure: three panels. Arguments: `figures.draw`."""
    data, cases = results["from_scratch"], spec["cases"]
    known, unknown = (
        {name: case for name, case in cases.items() if case["output_pattern"] == pattern}
        for pattern in ("known", "unknown")
    )
    drawing = Figure(figsize=(PAGE_WIDTH, HEIGHT), layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
    axes = drawing.subplots(1, 3, width_ratios=(1.25, 1, 1))
    _draw_ambiguous(axes[0], data, known, spec["figure"]["from_scratch"]["candidates"])
    _draw_needed(axes[1], data, known, unknown)
    _draw_found(axes[2], data, unknown)
    return drawing


def needed_samples(data, name, case, candidates):
    """From which number of samples on nine of ten simulations are exact; NaN if at none.

    Args:
        data: what `store.read_from_scratch` reads.
        name, case: of the block `from_scratch`.
        candidates: k, one of the case's.
    """
    found = data["exact"].sel(case=name, candidates=candidates, n_samples=case["samples"])
    enough = found.mean("seed").values >= EXACT_IN
    from_here = np.logical_and.accumulate(enough[::-1])[::-1]
    return case["samples"][from_here.argmax()] if from_here.any() else np.nan


def _draw_ambiguous(ax, data, cases, numbers):
    """Points of what was found, and lines of what counting says."""
    drawn, handles = [], []
    curves = [
        (k, style, name, case)
        for k, style in style_numbers(numbers).items()
        for name, case in cases.items()
        if k in case["candidates"]
    ]
    for k, style, name, case in curves:
        m = case["samples"]
        share = data["ambiguous_rows"].sel(case=name, candidates=k, n_samples=m).mean("seed")
        look = {"color": style.color, "marker": style.marker, "markerfacecolor": "none"}
        ax.plot(m, share, **POINTS, **look)
        drawn.append(share.values)
        label = f"{number_label(k)} of {number_label(case['neurons'])}"
        handles.append(Line2D([], [], label=label, **POINTS | LAW | look))
    drawn.append(_draw_wrong(ax, data, cases))
    handles.append(Line2D([], [], label="certain, wrong", **WRONG))
    floor = log_scale(ax, "y", np.concatenate(drawn), 72 * (HEIGHT - 0.8), top=1)
    for k, style, _, case in curves:
        m = np.arange(case["samples"][0], case["samples"][-1] + 1)
        entries = case["nonzeros_per_row"]["input"]
        law = np.array([ambiguous(k, int(count), entries) for count in m])
        shown = law >= floor
        ax.plot(m[shown], law[shown], color=style.color, zorder=1.5, **LAW)
    ax.set_title("(a) who reads what known", loc="left")
    ax.set(xlabel="samples m", ylabel="ambiguous rows of W_in (share)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(handles=handles, title="k of N", loc="upper right", fontsize=6, title_fontsize=6)


def _draw_wrong(ax, data, cases):
    """Crosses: the largest share of rows that are said to be certain, and wrong; returned."""
    shown = data["wrong_rows"].sel(case=list(cases)).mean("seed").max(["case", "candidates"])
    shown = shown.dropna("n_samples")
    ax.plot(shown["n_samples"], shown, clip_on=False, zorder=3, **WRONG)
    return shown.values


def _draw_needed(ax, data, known, unknown):
    every = [k for case in (*known.values(), *unknown.values()) for k in case["candidates"]]
    looks = _looks({**known, **unknown})
    for name, case in (*known.items(), *unknown.items()):
        k = case["candidates"]
        m = np.array([needed_samples(data, name, case, one) for one in k], float)
        color, marker = looks[case["neurons"]]
        fill = color if name in known else "none"
        what = "outputs known" if name in known else "nothing known"
        label = f"{what}, N = {number_label(case['neurons'])}"
        look = POINTS | {"linestyle": "-", "linewidth": LINE_WIDTH, "markersize": 5}
        ax.plot(k, m, color=color, marker=marker, markerfacecolor=fill, label=label, **look)
        never = [one for one, number in zip(k, m, strict=True) if np.isnan(number)]
        ax.plot(never, [case["samples"][-1]] * len(never), **mark_properties(*MARKS[NEVER][:2]))
    ax.set(xscale="log", xlim=(min(every) / 1.5, max(every) * 1.5), ylim=(0, None))
    ticks = [k for k in sorted(set(every)) if k >= 3]
    ax.set_xticks(ticks, [number_label(k) for k in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_title("(b) samples needed", loc="left")
    ax.set(xlabel="candidates k", ylabel="m, 9 of 10 networks exact")
    ax.legend(loc="lower right", fontsize=6)


def _draw_found(ax, data, cases):
    looks = _looks(cases)
    for name, case in cases.items():
        m = case["samples"]
        mean = data.sel(case=name, candidates=case["neurons"], n_samples=m).mean("seed")
        color, marker = looks[case["neurons"]]
        look = {"color": color, "marker": marker, "markersize": 3.5, "linewidth": LINE_WIDTH}
        size = f"N = {number_label(case['neurons'])}"
        ax.plot(m, mean["found_rows"], label=f"found, {size}", **look)
        look |= {"linestyle": "--", "markerfacecolor": "none"}
        ax.plot(m, 1 - mean["ambiguous_rows"], label=f"certain, {size}", **look)
    _draw_wrong(ax, data, cases)
    ax.plot([], [], label="certain, wrong", **WRONG)
    ax.set_title("(c) nothing known", loc="left")
    ax.set(xlabel="samples m", ylabel="rows of W_in (share)", ylim=(-0.03, 1.03))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="center right", fontsize=6)


def _looks(cases):
    """Colour and marker of each size."""
    sizes = sorted({case["neurons"] for case in cases.values()})
    return {size: (PALETTE[(0, 2, 1, 4)[i % 4]], "os^D"[i % 4]) for i, size in enumerate(sizes)}
