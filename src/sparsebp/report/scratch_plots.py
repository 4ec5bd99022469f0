"""Figure of what is found from scratch: how few samples say where weights are, and which.

What a figure shows. A point is the mean over the simulations. (a) It is known what each output
reads. The share of ambiguous rows against the number m of samples, for several numbers k of
candidates, on the curves that follow from counting (`network.counting`), in which nothing is
fitted. Zero is in a shaded strip. (b) The number of samples from which on at least nine of ten
simulations are exact, against k, on a line where it is known what outputs read, and as single
points where nothing is known. An arrow marks the last m of a case that gets there at none. (c)
Nothing is known. The share of the teacher's rows that the network found has, and of rows that are
certain; in grey what gradient descent finds, of which nothing is certain; m has a logarithmic
scale. (d) The same of cases with wrong outputs, if there are any; they are in no other panel.
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
LAW = {"linestyle": "-", "linewidth": 0.9, "alpha": 0.6}
POINTS = {"linestyle": "none", "markersize": 3.8, "markeredgewidth": 0.9}
WRONG = {"color": PALETTE[3], "marker": "x", "markersize": 3.5, "linewidth": 0.8}
DESCENT = {"color": ALGORITHM_COLORS["gradient-descent", False], "marker": "H"}
BARS = {"fmt": "none", "elinewidth": 0.8, "alpha": 0.7}
CHOSEN_BY = {"validation": "validated", "truth": "by truth"}
CLAIMED = "certain, but wrong"
LOOKS = [(PALETTE[i], marker) for i, marker in ((0, "o"), (2, "s"), (1, "^"), (4, "D"))]


def build(spec, results):
    """Return the matplotlib figure: panels over one legend. Arguments: `figures.draw`."""
    data, cases = results["from_scratch"], spec["cases"]
    disturbed, descents = (
        {name: case for name, case in cases.items() if key in case}
        for key in ("wrong_outputs", "gradient_descent")
    )
    known, unknown = (
        {
            name: case
            for name, case in cases.items()
            if case["output_pattern"] == pattern and name not in disturbed | descents
        }
        for pattern in ("known", "unknown")
    )
    sizes = _looks([case["neurons"] for case in (*known.values(), *unknown.values())])
    shares = _looks([case["wrong_outputs"] for case in disturbed.values()])
    drawing = Figure(layout="constrained")
    drawing.get_layout_engine().set(w_pad=0.04, h_pad=0.04)
    lines, columns = (2, 2) if disturbed else (1, 3)
    axes = drawing.subplots(lines, columns).flat
    sets = [
        ("(a) k =", _draw_ambiguous(axes[0], data, known, spec["figure"]["from_scratch"])),
        ("(b) N =", _draw_needed(axes[1], data, known, unknown, sizes)),
        ("(c) N =", _draw_found(axes[2], data, unknown, "neurons", sizes)),
    ]
    axes[2].set_title("(c) nothing known", loc="left")
    if descents:
        sets.append(("(c) descent:", _draw_descents(axes[2], data, descents)))
    if disturbed:
        entries = _draw_found(axes[3], data, disturbed, "wrong_outputs", shares)
        sets.append(("(d) wrong:", entries))
        axes[3].set_title("(d) wrong outputs", loc="left")
    sets.append(("(a, c, d)" if disturbed else "(a, c)", [(Line2D([], [], **WRONG), CLAIMED)]))
    entries = learner_legend(sets, PAGE_WIDTH)
    drawing.set_size_inches(PAGE_WIDTH, lines * HEIGHT + legends_height(entries, []))
    add_legends(drawing, entries, [])
    return drawing


def _looks(values):
    """A colour and a marker for each, from the smallest."""
    return {one: LOOKS[i % len(LOOKS)] for i, one in enumerate(sorted(set(values)))}


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
    """Points of what was found, and lines of what counting says. Returns entries of a legend."""
    curves = [
        (k, style, name, case)
        for k, style in style_numbers(figure["candidates"]).items()
        for name, case in cases.items()
        if k in case["candidates"]
    ]
    drawn, entries = [], []
    for k, style, name, case in curves:
        m = case["samples"]
        share = data["ambiguous_rows"].sel(case=name, candidates=k, n_samples=m).mean("seed")
        look = {"color": style.color, "marker": style.marker, "markerfacecolor": "none"}
        ax.plot(m, share, **POINTS, **look)
        _draw_bars(ax, data["ambiguous_rows"].sel(case=name, candidates=k, n_samples=m), look)
        drawn.append(share.values)
        label = f"{number_label(k)} of {number_label(case['neurons'])}"
        entries.append((Line2D([], [], **POINTS | LAW | look), label))
    drawn.append(_draw_wrong(ax, data, cases))
    floor = log_scale(ax, "y", np.concatenate(drawn), 72 * (HEIGHT - 0.6), top=1)
    for k, style, _, case in curves:
        m = np.arange(case["samples"][0], case["samples"][-1] + 1)
        entries_of_row = case["nonzeros_per_row"]["input"]
        law = np.array([ambiguous(k, int(count), entries_of_row) for count in m])
        shown = law >= floor
        ax.plot(m[shown], law[shown], color=style.color, zorder=1.5, **LAW)
    ax.set_title("(a) output pattern known", loc="left")
    _label_samples(ax)
    ax.set_ylabel("ambiguous rows of $W_{in}$ (share)")
    return entries


def _draw_needed(ax, data, known, unknown, looks):
    """Returns entries of a legend."""
    entries = []
    for name, case in (*known.items(), *unknown.items()):
        k, (color, marker) = case["candidates"], looks[case["neurons"]]
        m = np.array([needed_samples(data, name, case, one) for one in k], float)
        look = {"color": color, "marker": marker, "linewidth": LINE_WIDTH, "markersize": 4}
        if name in unknown:  # seen around those of a case that needs as many
            look |= {"markersize": 7, "markerfacecolor": "none", "linestyle": "none"}
        [line] = ax.plot(k, m, **look)
        what = "as in (a)" if name in known else "as in (c)"
        entries.append((line, f"{number_label(case['neurons'])}, {what}"))
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
    return entries


def _draw_found(ax, data, cases, key, looks):
    """Curves of cases that differ in one ``key``. Returns entries of a legend."""
    entries = []
    for name, case in cases.items():
        m, (color, marker) = case["samples"], looks[case[key]]
        found = data.sel(case=name, candidates=case["candidates"][-1], n_samples=m)
        look = {"color": color, "marker": marker, "markersize": 3.5, "linewidth": LINE_WIDTH}
        line = _draw_mean(ax, found["found_rows"], look)
        look |= {"linestyle": "--", "markerfacecolor": "none"}
        certain = _draw_mean(ax, 1 - found["ambiguous_rows"], look)
        what = f"{100 * case[key]:g} %" if key == "wrong_outputs" else number_label(case[key])
        entries += [(line, f"{what}, found"), (certain, f"{what}, certain")]
    _draw_wrong(ax, data, cases)
    _label_samples(ax)
    ax.set(ylabel="rows of $W_{in}$ (share)", ylim=(-0.03, 1.03))
    return entries


def _draw_descents(ax, data, cases):
    """Curves of gradient descent, over a logarithmic axis of m. Returns entries of a legend."""
    entries = []
    for name, case in cases.items():
        chosen_by = case["gradient_descent"]["chosen_by"]
        look = DESCENT | {"markersize": 3.5, "linewidth": LINE_WIDTH}
        if chosen_by == "truth":
            look |= {"linestyle": "--", "markerfacecolor": "none"}
        shown = {"case": name, "candidates": case["neurons"], "n_samples": case["samples"]}
        line = _draw_mean(ax, data["found_rows"].sel(shown), look)
        entries.append((line, f"{number_label(case['neurons'])}, {CHOSEN_BY[chosen_by]}"))
    ax.set_xscale("log")
    ax.xaxis.set(major_locator=LogLocator(subs=[1, 2, 5]), minor_locator=NullLocator())
    ax.xaxis.set_major_formatter("{x:g}")
    return entries


def _draw_mean(ax, values, look):
    """A curve of the means of values (seed, n_samples), with their intervals; its line."""
    [line] = ax.plot(values["n_samples"], values.mean("seed"), **look)
    _draw_bars(ax, values, look)
    return line


def _draw_bars(ax, values, look):
    """The intervals of the means of values (seed, n_samples), where there are several seeds."""
    if values.sizes["seed"] > 1:
        found = values.transpose("n_samples", "seed").values
        ends = np.array([mean_interval(row) for row in found]).T
        mean = found.mean(axis=1)
        bars = BARS | {"ecolor": look["color"]}
        ax.errorbar(values["n_samples"], mean, np.abs(ends - mean), **bars)


def _draw_wrong(ax, data, cases):
    """Crosses: the largest share of rows that are said to be certain, and wrong; returned."""
    shown = data["wrong_rows"].sel(case=list(cases)).mean("seed").max(["case", "candidates"])
    shown = shown.dropna("n_samples")
    ax.plot(shown["n_samples"], shown, zorder=3, **WRONG)
    return shown.values


def _label_samples(ax):
    ax.set_xlabel("samples m")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
