"""Checks of the figures of a configuration: that what their panels draw exists."""

from itertools import chain

from sparsebp.network import law
from sparsebp.study.choices import sets
from sparsebp.study.experiment_blocks import IN_PLACE_OF_SEARCH
from sparsebp.study.validation import ConfigError, check_among, check_either, is_number, show

# Keys of a panel that compares: which number of experiments, or the first of learners, and what
# goes with the first.
NUMBER_KEYS, POSITION_KEYS = ("against", "by"), ("at", "x_scale")

# What a panel of shares has for the law to say anything of it.
LAW_OF_SHARES = {
    "quantity": "weight_error",
    "by": "layers.hidden",
    "at_most": 0,
    "minus_log2": True,
}

DRAWINGS = {"network": "the teacher's network", "factor-graph": "the student's factor graph"}
"""What a figure may be a drawing of, in words."""

WIDTHS = {"single": 3.4, "double": 7.0}
"""Inches: of a column of a journal's page, and of both."""

# Keys of a figure that not all kinds of figures have.
KEYS = ("panels", "maps", "choices", "drawing", "columns", "width", "trees", "from_scratch")

MOST_WEIGHTS = 40
"""Weights in a drawing, at most: more cannot be told apart on a page."""


def panels_or_maps(figure: dict) -> list[dict]:
    """The panels of a figure, or its maps."""
    return figure["panels" if "panels" in figure else "maps"]


def is_share(panel: dict) -> bool:
    """Whether a panel draws the share of simulations that are at most at a limit."""
    return "at_most" in panel and "against" not in panel


def is_strip(panel: dict) -> bool:
    """Whether these are shares of learners of one experiment, a strip below their errors."""
    return is_share(panel) and "by" not in panel


def is_below_errors(panel: dict, panels: list[dict]) -> bool:
    """Whether a panel has shares of trainings whose errors, and ends, another panel shows.

    Args:
        panel: one of the panels.
        panels: of the figure.
    """

    def trainings(one: dict) -> list:
        return [one.get(key) for key in ("experiments", "learners", "x", "against")]

    same = [other for other in panels if trainings(other) == trainings(panel)]
    return is_strip(panel) and not all(map(is_strip, same))


def is_dodged(panel: dict) -> bool:
    """Whether curves of a panel are drawn beside each other, so that their bars are told apart."""
    return not any(panel.get(key) for key in ("theory", "bands", "minus_log2"))


def has_guess(panel: dict) -> bool:
    """Whether a panel shows which fraction of weights a guess gets wrong."""
    if panel["quantity"] != "weight_error" or is_share(panel):
        return False
    return bool(panel.get("law") or "theory" in panel)


def is_dots(panel: dict) -> bool:
    """Whether a panel draws each training that did not converge, and no means."""
    return panel["quantity"] == "residual" and not {"at_most", "minus"} & panel.keys()


def check_figure(name: str, figure: dict, experiments: dict, learners: dict, choices: dict) -> None:
    """Fill in what a figure leaves out, and raise ConfigError for what cannot be drawn."""
    where = f"figures.{name}"
    kind = check_either(where, figure, "panels", "choices", "drawing", "maps")
    for key in ("columns", "width"):
        if key in figure and kind not in ("panels", "maps"):
            raise ConfigError(f"{where}.{key}: {figure[key]!r}; allowed with panels or maps only")
    if kind == "choices":
        _check_figure_of_choices(f"{where}.choices", figure["choices"], experiments, choices)
        return
    if kind == "drawing":
        _check_drawing(f"{where}.drawing", figure["drawing"], experiments)
        return
    if figure.setdefault("columns", 1) > 1 and figure.get("width") == "single":
        raise ConfigError(f"{where}.width: 'single'; allowed with columns: 1 only")
    for number, block in enumerate(figure[kind]):
        if kind == "panels":
            _check_panel(f"{where}.panels.{number}", block, experiments, learners)
        else:
            _check_map(f"{where}.maps.{number}", block, figure["maps"][0], experiments)


def _check_drawing(where: str, block: dict, experiments: dict) -> None:
    name, number = block["experiment"], block["output"]
    check_among(f"{where}.experiment", name, experiments)
    layers, student = experiments[name]["layers"], experiments[name]["student"]
    if layers.get("hidden_layers", 1) > 1:
        raise ConfigError(
            f"{where}.experiment: {name} has {layers['hidden_layers']} hidden layers; allowed: one"
        )
    per_row = student["nonzeros_per_row"]
    weights = layers["hidden"] * per_row["input"] + layers["output"] * per_row["output"]
    if weights > MOST_WEIGHTS:
        raise ConfigError(
            f"{where}.experiment: {name} has {weights} weights; at most {MOST_WEIGHTS}"
        )
    if number > layers["output"]:
        raise ConfigError(
            f"{where}.output: {number}; must be at most {layers['output']}, the outputs of {name}"
        )


def check_figure_of_trees(name: str, figure: dict, trees: dict | None) -> None:
    """Check a figure of trees, and give it ``outputs``."""
    _check_figure_of_block(name, figure, "trees", trees)
    where = f"figures.{name}.trees.outputs"
    for outputs in figure["trees"].setdefault("outputs", list(trees["outputs"])):
        check_among(where, outputs, trees["outputs"])


def check_figure_from_scratch(name: str, figure: dict, cases: dict | None) -> None:
    """Check a figure of what is found from scratch, and give it ``candidates``."""
    _check_figure_of_block(name, figure, "from_scratch", cases)
    apart = {"wrong_outputs", *IN_PLACE_OF_SEARCH}
    right = [case for case in cases.values() if not apart & case.keys()]
    patterns = [case["output_pattern"] for case in right]
    for wanted in ("known", "unknown"):
        if wanted not in patterns:
            raise ConfigError(
                f"figures.{name}.from_scratch: no case of from_scratch without wrong_outputs, "
                f"gradient_descent and messages has output_pattern {wanted}"
            )
    known = [case for case in right if case["output_pattern"] == "known"]
    numbers = sorted({k for case in known for k in case["candidates"]})
    for number in figure["from_scratch"].setdefault("candidates", numbers):
        check_among(f"figures.{name}.from_scratch.candidates", number, numbers)


def _check_figure_of_block(name: str, figure: dict, kind: str, block: dict | None) -> None:
    where = f"figures.{name}"
    for key in KEYS:
        if key in figure and key != kind:
            raise ConfigError(f"{where}.{key}: not allowed together with {kind}")
    if block is None:
        raise ConfigError(f"{where}.{kind}: the configuration has no block {kind}")


def _check_figure_of_choices(where: str, block: dict, experiments: dict, choices: dict) -> None:
    name = block["experiment"]
    pairs = [pair for names in choices.values() for pair in names.items() if pair[0] in experiments]
    originals = {again: original for original, again in pairs}
    check_among(f"{where}.experiment", name, originals, "is not among the choices' experiments")
    again, ran = experiments[name]["learners"], experiments[originals[name]]["learners"]
    ran = [learner for learner in ran if learner in again]
    for learner in block.setdefault("learners", list(ran)):
        check_among(
            f"{where}.learners",
            learner,
            ran,
            f"is not run again in {name}, or not in {originals[name]}",
        )
    count = len(sets(choices))
    for number in block.get("sets", ()):
        if number > count:
            raise ConfigError(f"{where}.sets: {number}; sets that choices.vary has: {count}")
    (first, last), grid = block["samples"], experiments[name]["samples"]
    if not any(first <= m <= last for m in grid):
        raise ConfigError(
            f"{where}.samples: no m of {name} is in {[first, last]}; allowed: {show(grid)}"
        )


def _check_map(where: str, block: dict, first: dict, experiments: dict) -> None:
    """Check a map beside the first one of its figure, and give it ``learners``.

    And ``positions``, its experiments' values of ``by``; or its ``references`` by experiment.
    """
    kind = check_either(where, block, "by", "references")
    for key in ("quantity", kind):
        if key not in first or (key == "quantity" and block[key] != first[key]):
            raise ConfigError(
                f"{where}.{key}: {show(block[key])}; must be as in the first map, as all maps of a "
                "figure have one scale of colours"
            )
    for name in block["experiments"]:
        check_among(f"{where}.experiments", name, experiments)
    runs = [experiments[name]["learners"] for name in block["experiments"]]
    if kind == "by":
        _check_key(where, block, "by", experiments)
        common = [learner for learner in runs[0] if all(learner in others for others in runs)]
        trouble = f"does not run in {', '.join(block['experiments'])}"
        for learner in block.setdefault("learners", common):
            check_among(f"{where}.learners", learner, common, trouble)
        if len(block["learners"]) != 1:
            raise ConfigError(f"{where}.learners: {block['learners']}; allowed with by: one")
        return
    asked, found = block["references"], {}
    for name, ran in zip(block["experiments"], runs, strict=True):
        found[name] = next((learner for learner in asked if learner in ran), None)
        if found[name] is None:
            raise ConfigError(f"{where}.references: {show(asked)}; none of them runs in {name}")
    block["references"] = found
    others = [one for one in dict.fromkeys(chain.from_iterable(runs)) if one not in asked]
    trouble = f"runs in none of {', '.join(block['experiments'])}, or is among references"
    for learner in block.setdefault("learners", others):
        check_among(f"{where}.learners", learner, others, trouble)


def _check_panel(where: str, panel: dict, experiments: dict, learners: dict) -> None:
    """Check a panel; also one experiment is then a list, and ``learners`` are never missing."""
    check_either(where, panel, "experiment", "experiments")
    of_learners = "against" in panel and "experiment" in panel
    if "experiments" in panel:
        _check_comparison(where, panel, experiments)
    else:
        check_among(f"{where}.experiment", panel["experiment"], experiments)
        _check_absent(where, panel, ("by", "minus_log2"), "experiments")
        if of_learners:
            _check_absent(where, panel, ("at_most",), "experiments")
        else:
            _check_absent(where, panel, POSITION_KEYS, "against")
        panel["experiments"] = [panel.pop("experiment")]
    if panel.get("bands"):
        _check_without(f"{where}.bands", True, panel, ("against", "expected"))
    runs = [experiments[experiment]["learners"] for experiment in panel["experiments"]]
    common = [learner for learner in runs[0] if all(learner in others for others in runs)]
    trouble = f"does not run in {', '.join(panel['experiments'])}"
    if "minus" in panel:
        check_among(f"{where}.minus", panel["minus"], common, trouble)
        common = [learner for learner in common if learner != panel["minus"]]
        trouble += ", or is the one of minus"
        for key in ("at_most", "law"):
            if key in panel:
                raise ConfigError(f"{where}.minus: {panel['minus']!r}; allowed without {key} only")
    for learner in panel.setdefault("learners", common):
        check_among(f"{where}.learners", learner, common, trouble)
    if panel.get("law"):
        _check_law(f"{where}.law", panel, experiments)
    if panel.get("expected"):
        _check_expected(f"{where}.expected", panel, experiments, learners)
    if "theory" in panel:
        _check_theory(f"{where}.theory", panel, experiments, learners)
    if "by" in panel and len(panel["learners"]) != 1:
        raise ConfigError(f"{where}.learners: {panel['learners']}; allowed with by: one")
    if of_learners:
        _check_numbers(where, panel, experiments[panel["experiments"][0]], learners)


def _check_law(where: str, panel: dict, experiments: dict) -> None:
    if "against" in panel:
        raise ConfigError(f"{where}: True; allowed with experiment or by only")
    check_among(where, panel["quantity"], ("weight_error", "entropy"), "has no law")
    needed = LAW_OF_SHARES if "by" in panel else {"quantity": "weight_error", "at_most": 0}
    shares = is_share(panel) or panel.get("minus_log2")
    if shares and any(panel.get(key) != value for key, value in needed.items()):
        raise ConfigError(
            f"{where}: True; allowed with at_most or minus_log2 only together with "
            f"{', '.join(f'{key}: {show(value)}' for key, value in needed.items())}"
        )
    neurons = []
    for name in panel["experiments"]:
        block = experiments[name]
        deep = block["layers"].get("hidden_layers", 1) > 1
        if deep or "noise" in block or "overlap" in block["student"]:
            raise ConfigError(
                f"{where}: True; the law is for one hidden layer, and a student that contains its "
                f"teacher and sees no noise; not so in {name}"
            )
        try:
            neuron = law.neuron(block)
        except ValueError as error:
            raise ConfigError(f"{where}: {error}, in {name}") from None
        neurons.append((neuron, block["activation"], block["student"]["alphabet"]))
        if neurons[-1] != neurons[0]:
            raise ConfigError(
                f"{where}: True; {name} has another law than {panel['experiments'][0]}; allowed: "
                "experiments of one law"
            )


def _check_expected(where: str, panel: dict, experiments: dict, learners: dict) -> None:
    """Check a panel of errors against those expected, whose axes then have one scale."""
    others = ("against", "by", "at_most", "minus", "law", "theory")
    _check_without(where, True, panel, others)
    check_among(where, panel["quantity"], ("weight_error",), "is not what beliefs expect")
    for name in panel["learners"]:
        block = learners[name]
        if block["algorithm"] != "sum-product" or block["factor"] != "hard":
            raise ConfigError(
                f"{where}: True; allowed for sum-product with hard factors, not {name}"
            )
    [name] = panel["experiments"]
    student = experiments[name]["student"]
    if student["nonzeros_per_row"] != experiments[name]["nonzeros_per_row"] or "overlap" in student:
        raise ConfigError(
            f"{where}: True; allowed for a student with the teacher's pattern, as others expect "
            f"errors of weights that the teacher does not have; not so in {name}"
        )
    panel["x_scale"] = panel["scale"]


def _check_theory(where: str, panel: dict, experiments: dict, learners: dict) -> None:
    """Check the theory of a panel, which is then {experiment: learners by density evolution}."""
    _check_without(where, panel["theory"], panel, ("against", "by", "at_most", "minus"))
    others = [other for other in experiments if other not in panel["experiments"]]
    shown = {learners[learner]["algorithm"] for learner in panel["learners"]}
    found = {}
    for name in panel["theory"]:
        check_among(where, name, others, "is no other experiment")
        found[name] = [
            learner
            for learner in experiments[name]["learners"]
            if learners[learner].get("method") == "density-evolution"
            and learners[learner]["algorithm"] in shown
        ]
        if not found[name]:
            raise ConfigError(
                f"{where}: {name!r} has no learner with method density-evolution and an algorithm "
                f"of the panel ({', '.join(sorted(shown))})"
            )
    panel["theory"] = found


def _check_absent(where: str, panel: dict, keys, other: str) -> None:
    for key in keys:
        if key in panel:
            raise ConfigError(f"{where}.{key}: {panel[key]!r}; allowed with {other} only")


def _check_without(where: str, value, panel: dict, keys) -> None:
    """Refuse a value of a panel that has one of these keys; `false` counts as none."""
    for key in keys:
        if panel.get(key, False) is not False:
            raise ConfigError(f"{where}: {value!r}; allowed without {key} only")


def _check_comparison(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel of several experiments, and give it ``positions``: their values of its key."""
    check_either(where, panel, *NUMBER_KEYS)
    name = "against" if "against" in panel else "by"
    if name == "against":
        check_either(where, panel, "at", "at_most")
        _check_absent(where, panel, ("minus_log2",), "by")
    else:
        _check_absent(where, panel, POSITION_KEYS, "against")
    for experiment in panel["experiments"]:
        check_among(f"{where}.experiments", experiment, experiments)
    _check_key(where, panel, name, experiments)
    if panel.get("minus_log2") and min(panel["positions"]) <= 0:
        raise ConfigError(
            f"{where}.minus_log2: True; {panel['by']} is {min(panel['positions'])} in some "
            "experiment; must be > 0"
        )
    for experiment in panel["experiments"] if "at" in panel else ():
        samples = experiments[experiment]["samples"]
        check_among(f"{where}.at", panel["at"], samples, f"is no m of {experiment}")


def _check_key(where: str, block: dict, name: str, experiments: dict) -> None:
    """Check the key, under a name, in which experiments differ; and give ``positions``."""
    key, values = block[name], {}
    for experiment in block["experiments"]:
        numbers = numbers_of(experiments[experiment])
        check_among(f"{where}.{name}", key, numbers, f"is no number of {experiment}")
        values[experiment] = numbers[key]
    _check_different(f"{where}.{name}", key, values)
    block["positions"] = list(values.values())


def _check_numbers(where: str, panel: dict, experiment: dict, learners: dict) -> None:
    """Check a panel of the learners of one experiment, whose ``at`` is then a list, and give it
    ``numbers``: {learner: its value of the panel's key}, of those that have one."""
    key, found = panel["against"], {name: numbers_of(learners[name]) for name in panel["learners"]}
    allowed = sorted({number for numbers in found.values() for number in numbers})
    check_among(f"{where}.against", key, allowed, f"is no number of {', '.join(found)}")
    panel["numbers"] = {name: numbers[key] for name, numbers in found.items() if key in numbers}
    _check_different(f"{where}.against", key, panel["numbers"])
    if "at" not in panel:
        raise ConfigError(f"{where}: key 'at' is missing")
    if not isinstance(panel["at"], list):
        panel["at"] = [panel["at"]]
    for m in panel["at"]:
        check_among(
            f"{where}.at", m, experiment["samples"], f"is no m of {panel['experiments'][0]}"
        )


def _check_different(where: str, key: str, numbers: dict) -> None:
    names = {}
    for name, number in numbers.items():
        other = names.setdefault(number, name)
        if other != name:
            raise ConfigError(
                f"{where}: {key!r} is {number} in {other} and {name}; "
                "allowed: a key in which they differ"
            )


def numbers_of(block: dict, above: str = "") -> dict:
    """The numbers in a block of the configuration, by dotted key."""
    found = {}
    for key, value in block.items():
        if isinstance(value, dict):
            found |= numbers_of(value, f"{above}{key}.")
        elif is_number(None, value):
            found[above + key] = value
    return found
