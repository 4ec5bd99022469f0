"""Captions of figures: what each shows.

They are plain text; the report and the gallery add their own markup (``study.markup``).
"""

from collections.abc import Iterable
from typing import NamedTuple

from sparsebp.claims.numbers import CONFIDENCE
from sparsebp.network.quantities import QUANTITIES
from sparsebp.report import descriptions
from sparsebp.report.descriptions import enumerated
from sparsebp.report.labels import KEYS, called
from sparsebp.study.config import Study
from sparsebp.study.figure_blocks import has_guess, is_below_errors, is_dodged, is_dots, is_share

MARKS = (
    "a cross marks a training that stopped at the step limit in some simulation, a wave one "
    "whose messages oscillated, an exclamation mark a contradiction"
)
STRIP = (
    "Where trainings did not converge, a strip above the panel has a row for each of their curves: "
    f"{MARKS}."
)


class Caption(NamedTuple):
    """What is said of a figure, in plain text.

    Attributes:
        about: what it shows.
        common: what several experiments have in common; empty for one.
        experiments: by name, the network, the student and the data, without what is in common; of
            trees, the one setting, and of what is found from scratch, each case.
        passing: how messages are passed: which learners, if not all, and how.
        curves: by learner, the algorithm. Learners are called as in legends, see ``labels.called``.
    """

    about: str
    common: str
    experiments: dict[str, str]
    passing: dict[str, str]
    curves: dict[str, str]


def caption(study: Study, name: str) -> Caption:
    """What is said of a figure of a study."""
    figure = study.figures[name]
    if "trees" in figure:
        return Caption(_of_trees(study), "", {"appendix A": descriptions.trees(study)}, {}, {})
    if "from_scratch" in figure:
        cases = study.from_scratch or {}
        parts = {case: descriptions.scratch_case(block) for case, block in cases.items()}
        return Caption(_from_scratch(study, cases), *descriptions.apart(parts), {}, {})
    spec = study.figure_spec(name)
    experiments = descriptions.experiments(study, figure, list(spec["experiments"]))
    if "drawing" in figure:
        return Caption(_of_drawing(study, figure["drawing"]), *experiments, {}, {})
    if "choices" in figure:
        about = _of_choices(study, figure)
    else:
        about = _of_maps(study, figure) if "maps" in figure else _of_panels(study, figure)
    names = called(spec["learners"])
    ways: dict[str, dict[str, list[str]]] = {}
    curves = {}
    for experiment in spec["experiments"]:
        for learner in study.experiments[experiment]["learners"]:
            if learner in spec["learners"]:
                fields = study.learner(experiment, learner)
                name, way = names[learner], descriptions.passing(fields)
                ways.setdefault(way, {}).setdefault(name, []).append(experiment)
                curves[name] = descriptions.curve(fields)
    if len(curves) == 1:
        [(learner, algorithm)] = curves.items()
        about += f" The learner is {learner}: {algorithm}."
    return Caption(about, *experiments, {_whose(way, ways): way for way in ways}, curves)


def _whose(way: str, ways: dict[str, dict[str, list[str]]]) -> str:
    """The learners that go this way, with the experiments where they do if not in all of theirs."""
    if len(ways) == 1:
        return ""
    several = {name for name in ways[way] if sum(name in whose for whose in ways.values()) > 1}
    return "; ".join(  # a name may have a comma
        f"{name} in {' and '.join(experiments)}" if name in several else name
        for name, experiments in ways[way].items()
    )


def _of_trees(study: Study) -> str:
    seeds = study.study["seeds"]
    return (
        "Belief propagation on factor graphs that are trees, and on rings, beside the exact "
        "posterior from variable elimination. (a, b) The largest error of any belief after each "
        f"step, on chains (the largest of {seeds}) and on one random tree of each size, all with "
        "the relay teacher: solid from "
        "a uniform start, dashed from random messages of standard deviation 1; a circle marks half "
        "the diameter of the factor graph. (c) The steps after which all beliefs are exact but for "
        "rounding. (d) How far the Bethe free energy at the fixed point is from the exact log Z. A "
        "relay teacher's hidden neurons cannot be told apart by any output, so that what is known "
        "of one bears on all; a random teacher's data cut the graph where they tell a weight for "
        "certain. What is below the axis is in the shaded strip."
    )


def _from_scratch(study: Study, cases: dict[str, dict]) -> str:
    told = {key for case in cases.values() for key in case}
    parts = [
        "Networks found by search from samples alone; mean of "
        f"{study.study['seeds']} simulations. The student knows that a row has at most two "
        "non-zeros.",
        "(a) It is known which hidden neurons an output reads. A hidden neuron has k candidates "
        "among its N inputs; k stands at the end of its line. Points: share of hidden neurons "
        "whose row of W_in is not certain. Lines: what follows from counting the wrong rows that "
        "agree with the samples; nothing is fitted. The shaded strip is for zero.",
        "(b) The number of samples from which on 9 of 10 networks are exact up to their "
        "symmetries, against k. An arrow marks where that is so at no m.",
        "(c) Nothing is known of either layer. Solid: share of the teacher's rows that are in the "
        "network found. Dashed: share of rows that are certain.",
    ]
    if "gradient_descent" in told:
        parts.append(
            "Grey: share of rows that gradient descent finds, up to the sign of the hidden neuron. "
            "It trains dense layers with an L1 penalty, which are then pruned."
        )
    if "messages" in told:
        parts.append(
            "Messages of single weights are told what outputs read. Solid: share of rows that they "
            "find by themselves. Dashed: share of rows that are certain after a search, which "
            "takes what messages say of hidden values as known."
        )
    if "wrong_outputs" in told:
        parts.append(
            "(d) Nothing is known, and a share of the outputs is wrong: each has another value of "
            "those that the network gives."
        )
    parts.append(
        "Crosses: share of rows that are said to be certain and are wrong, the largest of all "
        f"searches of that kind. Bars: {100 * CONFIDENCE:g} % confidence intervals of the means."
    )
    return " ".join(parts)


def _of_drawing(study: Study, drawing: dict) -> str:
    block = study.experiments[drawing["experiment"]]
    if drawing["of"] == "network":
        about = (
            "The teacher's network in the first simulation: a circle is a neuron, a line a "
            "non-zero weight, blue where it is +1, and vermilion and dashed where it is −1."
        )
        if block["student"]["nonzeros_per_row"] != block["nonzeros_per_row"]:
            about += " Grey and dotted: a weight that the student may have and the teacher has not."
    else:
        about = (
            "The student's factor graph in the first simulation: a large square ξₐ is the factor "
            "of output a (Eq. 2.5), a circle a weight. An output weight belongs to one factor; an "
            "input weight is shared by all outputs that read its hidden neuron. A small square is "
            "the prior of a weight, by which online and mini-batch learning hand on what earlier "
            "samples told (Eq. 2.10)."
        )
    return (
        f"{about} Highlighted is what the factor of output {drawing['output']} sees: its output "
        "weights (orange), and the input weights (green) of the hidden neurons that it reads. "
        "Neurons are numbered from 1."
    )


def _interval(of: str = "mean (bootstrap)") -> str:
    return f"with the {100 * CONFIDENCE:g} % confidence interval of that {of}"


def _simulations(study: Study, experiments: Iterable[str]) -> str:
    counts = {len(study.seeds(name)) for name in experiments}
    numbers = enumerated([f"{count}" for count in sorted(counts)])
    return f"{numbers} simulation{'s' * (counts != {1})}"


def _of_choices(study: Study, figure: dict) -> str:
    (first, last), experiment = figure["choices"]["samples"], figure["choices"]["experiment"]
    return (
        f"Errors under each choice, a row each, in the mean over m = {first} to {last} samples and "
        f"{_simulations(study, [experiment])}, {_interval()}. A row sets the values at its left; "
        f"what it does not set is as below. At the end of a row {MARKS}."
    )


def _of_maps(study: Study, figure: dict) -> str:
    maps = figure["maps"]
    simulations = _simulations(study, {name for block in maps for name in block["experiments"]})
    quantity = _quantity(maps[0]["quantity"])
    colors = "The darker a cell, the larger is its value."
    if "by" in maps[0]:
        keys = " or ".join(dict.fromkeys(KEYS[block["by"]] for block in maps))
        return (
            f"Mean {quantity} of {simulations}, for each number m of samples (columns) and {keys} "
            f"(rows), of one learner in each map. {colors}"
        )
    compared: dict[str, list[str]] = {}
    for block in maps:
        for name, reference in block["references"].items():
            place = study.experiments[name].get("thesis", name)
            compared.setdefault(reference, []).append(place)
    labels = called({name: study.learners[name] for name in compared})
    references = [f"{labels[one]} in {enumerated(where)}" for one, where in compared.items()]
    learners = {name: study.learners[name] for block in maps for name in block["learners"]}
    sizes = sorted({block.get("batch_size", 1) for block in learners.values()} - {1})
    batches = f" Batches of {enumerated(list(map(str, sizes)))} have no m below their size."
    return (
        f"Largest loss of each learner (rows) in each experiment (columns): the mean, over "
        f"{simulations}, of its {quantity} minus that of a reference in the same simulation, at "
        f"the number m of samples where it is largest, of those that the learner has."
        f"{batches if sizes else ''} References: {'; '.join(references)}. An empty cell: the "
        f"learner does not run. {colors}"
    )


def _of_panels(study: Study, figure: dict) -> str:
    panels, learners = figure["panels"], study.learners
    shares, dots = ([p for p in panels if kind(p)] for kind in (is_share, is_dots))
    drawn = {name for panel in panels for name in panel["experiments"]}
    simulations = _simulations(study, drawn)
    first, *others = dict.fromkeys(_axis(p, learners) for p in panels)
    against = f"against {first if not others else 'what stands below each panel'}"
    means = [panel for panel in panels if panel not in shares and panel not in dots]
    if means:
        about = f"Mean {_quantities(means)} of {simulations} {against}, {_interval()}"
    elif shares:
        about = (
            f"Share of {simulations} whose {_quantities(shares)} is {_at_most(shares)} {against}"
        )
        about += f", {_interval('share (Clopper and Pearson)')}"
    else:
        about = f"Residual of each training, of {simulations}, that did not converge {against}"
    parts = [f"{about}. {STRIP}"]
    if any(is_below_errors(panel, panels) for panel in panels):
        parts.append("Shares below the errors of the same trainings have no such strip.")
    if any(panel.get("bands") for panel in panels):
        parts.append("Bands are the intervals.")
    if any(map(is_dodged, panels)):
        parts.append("Curves are drawn slightly beside each other, so that bars can be told apart.")
    logarithmic = [p for p in panels if p.get("scale") == "log" and "minus" not in p]
    cut = [panel for panel in logarithmic if (panel.get("y") or [0])[0] > 0]
    if any(panel not in cut or panel.get("expected") for panel in logarithmic):
        parts.append("Zeros on a logarithmic axis, if any, are in a shaded strip.")
    if cut or any(panel.get("x") for panel in panels):
        parts.append("Results beyond the ends of an axis, if any, are not drawn.")
    if cut:
        parts.append(
            "Where an axis has no place for zeros, a curve ends where its mean becomes zero."
        )
    if any(panel.get("scale") == "log" and "minus" in panel for panel in panels):
        parts.append("A logarithmic axis of differences is linear around zero.")
    if any(panel.get("expected") for panel in panels):
        parts.append(
            "On the dashed line as many weights are wrong as the beliefs expect. Above it more are "
            "wrong: the beliefs are over-confident."
        )
    if dots:
        parts.append(
            "Where its label says so, an axis has the residual of each training that did not "
            "converge, as a point: the largest change of a message in its last step, in "
            "probability, or in log-likelihood of messages that are logarithms."
        )
    if any("minus" in panel for panel in panels):
        parts.append(
            "Where its label says so, an axis has the difference from another learner in the same "
            "simulation."
        )
    if any("theory" in panel for panel in panels):
        parts.append(
            "Black lines: prediction of density evolution for N to infinity; nothing is fitted."
        )
    if any(panel.get("law") for panel in panels):
        parts.append(
            "Dashed grey: what follows from counting the weights that samples leave undetermined; "
            "nothing is fitted."
        )
    if any(map(has_guess, panels)):
        parts.append("A solid grey line, where the axis reaches so far, is the error of a guess.")
    if shares and means:
        parts.append(
            f"Where its label says so, an axis has the share of simulations whose "
            f"{_quantities(shares)} is {_at_most(shares)}, with its interval (Clopper and Pearson)."
        )
    if until := [panel for panel in panels if "against" in panel and "at_most" in panel]:
        parts.append(
            "Where its label says so, an axis counts the samples until the error of a simulation "
            f"is {_at_most(until)} and stays so. An arrow marks a lower bound: some simulations "
            "do not get there, and their last m counts."
        )
    return " ".join(parts)


def _quantity(name: str) -> str:
    """A quantity, with the equation that defines it."""
    known = QUANTITIES[name]
    equation = known.comment.replace("-", "−")
    return f"{known.words} ({equation})" if "Eq." in equation else known.words


def _quantities(panels: list[dict]) -> str:
    """What panels draw."""
    return enumerated([*dict.fromkeys(_quantity(panel["quantity"]) for panel in panels)])


def _at_most(panels: list[dict]) -> str:
    """The limits of panels."""
    limits = [*dict.fromkeys(panel["at_most"] for panel in panels)]
    below = enumerated([f"{limit:g}" for limit in limits])
    return f"at most {below}" if any(limits) else "zero"


def _axis(panel: dict, learners: dict[str, dict]) -> str:
    """What a panel is drawn against."""
    if panel.get("expected"):
        return "the mean error that their beliefs expect, a point for each number of samples"
    if "against" not in panel:
        if panel.get("minus_log2"):
            return f"m − log₂ N for m samples and N {KEYS[panel['by']]}"
        return "the number m of samples"
    key, m = KEYS[panel["against"]], panel.get("at")
    if m is None:
        return key
    if "numbers" in panel:
        limits = [name for name in panel["learners"] if name not in panel["numbers"]]
        names = ", ".join(learners[name].get("label") or name for name in limits)
        beside = f" (on the right: {names})" if limits else ""
        return f"{key} at m = {enumerated([str(number) for number in m])}{beside}"
    return f"{key} at m = {m}"
