"""Checks of the figures of a configuration: that what their panels draw exists."""

from sparsebp.network import law
from sparsebp.study.validation import ConfigError, check_among, check_either, is_number, show

# Keys of a panel that compares: which number of experiments, or the first of learners, and what
# goes with the first.
NUMBER_KEYS, POSITION_KEYS = ("against", "by"), ("at", "at_most", "x_scale")

DRAWINGS = {"network": "the teacher's network", "factor-graph": "the student's factor graph"}
"""What a figure may be a drawing of, in words."""

MOST_WEIGHTS = 40
"""Weights in a drawing, at most: more cannot be told apart on a page."""


def check_figure(name: str, figure: dict, experiments: dict, learners: dict, choices: dict) -> None:
    """Fill in what a figure leaves out, and raise ConfigError for what cannot be drawn."""
    where = f"figures.{name}"
    kind = check_either(where, figure, "panels", "choices", "drawing")
    if kind != "panels" and "columns" in figure:
        raise ConfigError(f"{where}.columns: {figure['columns']}; allowed with panels only")
    if kind == "choices":
        _check_figure_of_choices(f"{where}.choices", figure["choices"], experiments, choices)
        return
    if kind == "drawing":
        _check_drawing(f"{where}.drawing", figure["drawing"], experiments)
        return
    figure.setdefault("columns", 1)
    for number, panel in enumerate(figure["panels"]):
        _check_panel(f"{where}.panels.{number}", panel, experiments, learners)


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
    right = [case for case in cases.values() if "wrong_outputs" not in case]
    patterns = [case["output_pattern"] for case in right]
    for wanted in ("known", "unknown"):
        if wanted not in patterns:
            raise ConfigError(
                f"figures.{name}.from_scratch: no case of from_scratch without "
                f"wrong_outputs has output_pattern {wanted}"
            )
    known = [case for case in right if case["output_pattern"] == "known"]
    numbers = sorted({k for case in known for k in case["candidates"]})
    for number in figure["from_scratch"].setdefault("candidates", numbers):
        check_among(f"figures.{name}.from_scratch.candidates", number, numbers)


def _check_figure_of_block(name: str, figure: dict, kind: str, block: dict | None) -> None:
    where = f"figures.{name}"
    for key in ("panels", "choices", "drawing", "columns", "trees", "from_scratch"):
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
    (first, last), grid = block["samples"], experiments[name]["samples"]
    if not any(first <= m <= last for m in grid):
        raise ConfigError(
            f"{where}.samples: no m of {name} is in {[first, last]}; allowed: {show(grid)}"
        )


def _check_panel(where: str, panel: dict, experiments: dict, learners: dict) -> None:
    """Check a panel; also one experiment is then a list, and ``learners`` are never missing."""
    check_either(where, panel, "experiment", "experiments")
    of_learners = "against" in panel and "experiment" in panel
    if "experiments" in panel:
        _check_comparison(where, panel, experiments)
    else:
        check_among(f"{where}.experiment", panel["experiment"], experiments)
        _check_absent(where, panel, ("by", "at_most"), "experiments")
        if not of_learners:
            _check_absent(where, panel, POSITION_KEYS, "against")
        panel["experiments"] = [panel.pop("experiment")]
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
    if "theory" in panel:
        _check_theory(f"{where}.theory", panel, experiments, learners)
    if "by" in panel and len(panel["learners"]) != 1:
        raise ConfigError(f"{where}.learners: {panel['learners']}; allowed with by: one")
    if of_learners:
        _check_numbers(where, panel, experiments[panel["experiments"][0]], learners)


def _check_law(where: str, panel: dict, experiments: dict) -> None:
    if "against" in panel or "by" in panel:
        raise ConfigError(f"{where}: True; allowed with experiment only")
    check_among(where, panel["quantity"], ("weight_error", "entropy"), "has no law")
    [name] = panel["experiments"]
    block = experiments[name]
    deep = block["layers"].get("hidden_layers", 1) > 1
    if deep or "noise" in block or "overlap" in block["student"]:
        raise ConfigError(
            f"{where}: True; the law is for one hidden layer, and a student that contains its "
            f"teacher and sees no noise; not so in {name}"
        )
    try:
        law.neuron(block)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}, in {name}") from None


def _check_theory(where: str, panel: dict, experiments: dict, learners: dict) -> None:
    """Check the theory of a panel, which is then {experiment: learners by density evolution}."""
    for key in ("against", "by", "minus"):
        if key in panel:
            raise ConfigError(f"{where}: {panel['theory']!r}; allowed without {key} only")
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


def _check_comparison(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel of several experiments, and give it ``positions``: their values of its key."""
    check_either(where, panel, *NUMBER_KEYS)
    name = "against" if "against" in panel else "by"
    if name == "against":
        check_either(where, panel, "at", "at_most")
    else:
        _check_absent(where, panel, POSITION_KEYS, "against")
    key, values = panel[name], {}
    for experiment in panel["experiments"]:
        check_among(f"{where}.experiments", experiment, experiments)
        block = experiments[experiment]
        numbers = numbers_of(block)
        check_among(f"{where}.{name}", key, numbers, f"is no number of {experiment}")
        if "at" in panel:
            check_among(f"{where}.at", panel["at"], block["samples"], f"is no m of {experiment}")
        values[experiment] = numbers[key]
    _check_different(f"{where}.{name}", key, values)
    panel["positions"] = list(values.values())


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
