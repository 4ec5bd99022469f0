"""Figure of what is found from scratch: how few samples say where weights are, and which.

What a figure shows. A point is the mean over the simulations. (a) It is known what each output
reads. The share of ambiguous rows against the number m of samples, for several numbers k of
candidates, on the curves that follow from counting (`network.counting`), in which nothing is
fitted; k stands at the end of its curve. Zero is in a shaded strip. (b) The number of samples from
which on at least nine of ten simulations are exact, against k, on a line where it is known what
outputs read, and as single points where nothing is known. An arrow marks the last m of a case that
gets there at none. (c) Nothing is known. The share of the teacher's rows that the network found
has, and of rows that are certain; in grey what gradient descent finds, of which nothing is certain;
and, where it is known what outputs read, what messages of single weights find by themselves, and
rows that are certain after the search that follows them. m has a logarithmic scale. (d) The same
of cases with wrong outputs, if there are any; they are in no other panel.
Crosses in (a), (c) and (d) are the share of rows that are said to be certain and are wrong, the
largest of all searches of that kind and their k. Vertical bars are 95 % confidence intervals of
means over the simulations (`intervals.mean_interval`), as in `panels`.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from sparsebp.network.counting import ambiguous
from sparsebp.report.intervals import mean_interval
from sparsebp.report.style import (
    ALGORITHM_COLORS,
    LINE_WIDTH,
    MARKS,
    NEVER,
    PAGE_WIDTH,
    PALETTE,
    RC,
    add_legends,
    learner_legend,
    legends_height,
    log_scale,
    mark_properties,
    number_label,
    style_numbers,
)

EXACT_IN = 0.9
"""The share of simulations that have to be exact."""

HEIGHT = 2.7  # inches: of the panels
LABELS = 1.3  # how far above its end a curve has its label, as a factor
LAW = {"linestyle": "-", "linewidth": 0.9, "alpha": 0.6}
HOLLOW = {"markerfacecolor": "none"}
POINTS = {"linestyle": "none", "markersize": 3.8, "markeredgewidth": 0.9, **HOLLOW}
LINE = {"linestyle": "-", "markersize": 3.8, "linewidth": LINE_WIDTH}
CERTAIN = {**LINE, "linestyle": "--", **HOLLOW}
AROUND = {"linestyle": "none", "markersize": 7, **HOLLOW}  # seen around a point of a LINE
WRONG = {"color": PALETTE[3], "marker": "x", "markersize": 3.5, "linewidth": 0.8}
SMALL = 0.8 * RC["font.size"]
DESCENT = {"color": ALGORITHM_COLORS["gradient-descent", False], "marker": "H"}
PASSED = {"color": PALETTE[5], "marker": "v"}
CHOSEN_BY = {
    "validation": (LINE, "penalty chosen by validation"),
    "truth": (CERTAIN, "chosen knowing the teacher"),
}
BARS = {"fmt": "none", "elinewidth": 0.8, "alpha": 0.7}
SIZES = [
    {"color": PALETTE[i], "marker": marker}
    for i, marker in ((0, "o"), (2, "s"), (1, "^"), (4, "D"))
]
SHARES = [
    {"color": color, "marker": marker}
    for color, marker in ((PALETTE[9], "p"), ("0.15", "<"), (PALETTE[4], "D"))
]
W_IN = r"$W_{\mathrm{in}}$"


def build(spec, results):
    """Return the matplotlib figure: panels over one legend. Arguments: `figures.draw`."""
    data, cases = results["from_scratch"], spec["cases"]
    disturbed, descents, passed = (
        {name: case for name, case in cases.items() if key in case}
        for key in ("wrong_outputs", "gradient_descent", "messages")
    )
    known, unknown = (
        {
            name: case
            for name, case in cases.items()
            if case["output_pattern"] == pattern and name not in disturbed | descents | passed
        }
        for pattern in ("known", "unknown")
    )
    sizes = _looks([case["neurons"] for case in (*known.values(), *unknown.values())], SIZES)
    shares = _looks([case["wrong_outputs"] for case in disturbed.values()], SHARES)
    drawing = Figure(layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
    lines, columns = (2, 2) if disturbed else (1, 3)
    axes = drawing.subplots(lines, columns).flat
    _draw_ambiguous(axes[0], data, known, spec["figure"]["from_scratch"])
    _draw_needed(axes[1], data, known, unknown, sizes)
    _draw_found(axes[2], data, unknown, "neurons", sizes)
    axes[2].set_title("(c) nothing known", loc="left")
    if descents:
        _draw_descents(axes[2], data, descents)
    if passed:
        _draw_found(axes[2], data, passed, "output_pattern", {"known": PASSED})
    if descents or passed:
        _scale_samples(axes[2])
    if disturbed:
        _draw_found(axes[3], data, disturbed, "wrong_outputs", shares)
        neurons = sorted({case["neurons"] for case in disturbed.values()})
        of = ", ".join(map(number_label, neurons))
        axes[3].set_title(f"(d) wrong outputs, N = {of}", loc="left")
    entries = learner_legend(_legend_sets(sizes, shares, descents, passed), PAGE_WIDTH)
    drawing.set_size_inches(PAGE_WIDTH, lines * HEIGHT + legends_height(entries, []))
    add_legends(drawing, entries, [])
    return drawing


def _legend_sets(sizes, shares, descents, passed):
    """The legend: in grey what markers and lines are in each panel, and what colours are."""
    chosen = [CHOSEN_BY[case["gradient_descent"]["chosen_by"]] for case in descents.values()]
    grey, last = {"color": "0.3", "marker": "o"}, ", d" if shares else ""
    sets = {
        "(a)": [(grey | POINTS, "found"), (LAW | {"color": "0.3"}, "by counting (no fit)")],
        "(b)": [(grey | LINE, "pattern known"), (grey | AROUND, "nothing known")],
        f"(c{last})": [(grey | LINE, "found"), (grey | CERTAIN, "certain")],
        f"(a, c{last})": [(WRONG, "certain, but wrong")],
        "(c) descent:": [(DESCENT | look, label) for look, label in chosen],
        "(c) messages:": [
            (PASSED | look, label)
            for look, label in ((LINE, "pattern known"), (CERTAIN, "certain after search"))
            if passed
        ],
        "(b, c) N =": [(look | LINE, number_label(size)) for size, look in sizes.items()],
        "(d) wrong:": [(look | LINE, f"{100 * share:g} %") for share, look in shares.items()],
    }
    return [
        (head, [(Line2D([], [], **look), label) for look, label in entries])
        for head, entries in sets.items()
        if entries
    ]


def _looks(values, looks):
    """One of the looks for each, from the smallest."""
    return {one: looks[i % len(looks)] for i, one in enumerate(sorted(set(values)))}


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


def _draw_ambiguous(ax, data, cases, figure):
    """Points of what was found, and lines of what counting says, each with its k at the end."""
    curves = [
        (k, style, name, case)
        for k, style in style_numbers(figure["candidates"]).items()
        for name, case in cases.items()
        if k in case["candidates"]
    ]
    drawn = []
    for k, style, name, case in curves:
        m = case["samples"]
        share = data["ambiguous_rows"].sel(case=name, candidates=k, n_samples=m)
        look = {"color": style.color, "marker": style.marker}
        drawn.append(_draw_mean(ax, share, look | POINTS))
    drawn.append(_draw_wrong(ax, data, cases))
    floor = log_scale(ax, "y", np.concatenate(drawn), 72 * (HEIGHT - 0.6), top=1)
    last = max(case["samples"][-1] for case in cases.values())
    for k, style, _, case in curves:
        entries = case["nonzeros_per_row"]["input"]
        m = np.arange(case["samples"][0], last + 1)
        law = np.log([ambiguous(k, count, entries) for count in m])
        # All reach down to where the axis begins, and have their labels at one height.
        end, there = np.interp(-np.log([floor, LABELS * floor]), -law, m)
        x = np.append(m[m < end], end)
        ax.plot(x, np.exp(np.interp(x, m, law)), color=style.color, zorder=1.5, **LAW)
        before, here = np.interp([there - 1, there], m, law)
        share = np.exp(here)
        slope = share * (here - before)
        along = {"rotation": np.degrees(np.arctan(slope)), "transform_rotates_text": True}
        place = {"ha": "right", "va": "bottom", "rotation_mode": "anchor", **along}
        ax.text(there, share, f"{number_label(k)} ", fontsize=SMALL, zorder=4, **place)
    ax.set_title("(a) output pattern known, k candidates", loc="left")
    _label_samples(ax)
    ax.set_ylabel(f"ambiguous rows of {W_IN} (share)")


def _draw_needed(ax, data, known, unknown, looks):
    """Of each case the samples that it needs, against k."""
    for name, case in (*known.items(), *unknown.items()):
        k = case["candidates"]
        m = np.array([needed_samples(data, name, case, one) for one in k], float)
        ax.plot(k, m, **looks[case["neurons"]], **(AROUND if name in unknown else LINE))
        never = [one for one, number in zip(k, m, strict=True) if np.isnan(number)]
        ax.plot(never, [case["samples"][-1]] * len(never), **mark_properties(*MARKS[NEVER][:2]))
    every = sorted({k for case in (*known.values(), *unknown.values()) for k in case["candidates"]})
    most = max(case["samples"][-1] for case in (*known.values(), *unknown.values()))
    ax.set(xscale="log", xlim=(every[0] / 1.5, every[-1] * 1.5), ylim=(0, 1.05 * most))
    ax.set_xticks(every, [number_label(k) for k in every])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title("(b) samples needed", loc="left")
    ax.set(xlabel="candidates k", ylabel="m from which 9 of 10 are exact")


def _draw_found(ax, data, cases, key, looks):
    """Curves of cases that differ in one ``key``."""
    for name, case in cases.items():
        m, look = case["samples"], looks[case[key]]
        found = data.sel(case=name, candidates=case["candidates"][-1], n_samples=m)
        _draw_mean(ax, found["found_rows"], look | LINE)
        _draw_mean(ax, 1 - found["ambiguous_rows"], look | CERTAIN)
    _draw_wrong(ax, data, cases)
    _label_samples(ax)
    ax.set(ylabel=f"rows of {W_IN} (share)", ylim=(-0.03, 1.03))


def _draw_descents(ax, data, cases):
    """Curves of gradient descent."""
    for name, case in cases.items():
        look, _ = CHOSEN_BY[case["gradient_descent"]["chosen_by"]]
        shown = {"case": name, "candidates": case["neurons"], "n_samples": case["samples"]}
        _draw_mean(ax, data["found_rows"].sel(shown), DESCENT | look)


def _scale_samples(ax):
    """A logarithmic axis of m."""
    ax.set_xscale("log")
    ax.xaxis.set(major_locator=LogLocator(subs=[1, 2, 5]), minor_locator=NullLocator())
    ax.xaxis.set_major_formatter("{x:g}")


def _draw_mean(ax, values, look):
    """The means of values (seed, n_samples), which are returned, with their intervals."""
    mean = values.mean("seed").values
    ax.plot(values["n_samples"], mean, **look)
    if values.sizes["seed"] > 1:
        found = values.transpose("n_samples", "seed").values
        ends = np.array([mean_interval(row) for row in found]).T
        bars = BARS | {"ecolor": look["color"]}
        ax.errorbar(values["n_samples"], mean, np.abs(ends - mean), **bars)
    return mean


def _draw_wrong(ax, data, cases):
    """Crosses: the largest share of rows that are said to be certain, and wrong; returned."""
    shown = data["wrong_rows"].sel(case=list(cases)).mean("seed").max(["case", "candidates"])
    shown = shown.dropna("n_samples")
    ax.plot(shown["n_samples"], shown, zorder=3, **WRONG)
    return shown.values


def _label_samples(ax):
    ax.set_xlabel("samples m")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
