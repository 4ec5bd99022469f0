"""The figures of a configuration: whether there is what their panels draw."""

from sparsebp import law
from sparsebp.validation import ConfigError, check_among, check_either, is_number, show

# Keys of a panel of several experiments: which number of theirs, and what goes with the first.
NUMBERS, POSITION = ("against", "by"), ("at", "at_most", "x_scale")

DRAWINGS = {"network": "the teacher's network", "factor-graph": "the student's factor graph"}
"""What a figure may be a drawing of, in words."""

MOST = 40
"""Weights in a drawing, at most: more cannot be told apart on a page."""


def check_figure(name: str, figure: dict, experiments: dict, choices: dict) -> None:
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
        _check_panel(f"{where}.panels.{number}", panel, experiments)


def _check_drawing(where: str, block: dict, experiments: dict) -> None:
    name, number = block["experiment"], block["output"]
    check_among(f"{where}.experiment", name, experiments)
    layers, student = experiments[name]["layers"], experiments[name]["student"]
    per_row = student["nonzeros_per_row"]
    weights = layers["hidden"] * per_row["input"] + layers["output"] * per_row["output"]
    if weights > MOST:
        raise ConfigError(f"{where}.experiment: {name} has {weights} weights; at most {MOST}")
    if number > layers["output"]:
        raise ConfigError(
            f"{where}.output: {number}; must be at most {layers['output']}, the outputs of {name}"
        )


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


def _check_panel(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel; also one experiment is then a list, and ``learners`` are never missing."""
    check_either(where, panel, "experiment", "experiments")
    if "experiments" in panel:
        _check_comparison(where, panel, experiments)
    else:
        check_among(f"{where}.experiment", panel["experiment"], experiments)
        _check_absent(where, panel, NUMBERS + POSITION, "experiments")
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
    if "by" in panel and len(panel["learners"]) != 1:
        raise ConfigError(f"{where}.learners: {panel['learners']}; allowed with by: one")


def _check_law(where: str, panel: dict, experiments: dict) -> None:
    if "against" in panel or "by" in panel:
        raise ConfigError(f"{where}: True; allowed with experiment only")
    check_among(where, panel["quantity"], ("weight_error", "entropy"), "has no law")
    [name] = panel["experiments"]
    try:
        law.neuron(experiments[name])
    except ValueError as error:
        raise ConfigError(f"{where}: {error}, in {name}") from None


def _check_absent(where: str, panel: dict, keys, other: str) -> None:
    for key in keys:
        if key in panel:
            raise ConfigError(f"{where}.{key}: {panel[key]!r}; allowed with {other} only")


def _check_comparison(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel of several experiments, and give it ``positions``: their values of its key."""
    check_either(where, panel, *NUMBERS)
    name = "against" if "against" in panel else "by"
    if name == "against":
        check_either(where, panel, "at", "at_most")
    else:
        _check_absent(where, panel, POSITION, "against")
    key, positions = panel[name], {}
    for experiment in panel["experiments"]:
        check_among(f"{where}.experiments", experiment, experiments)
        block = experiments[experiment]
        numbers = _numbers(block)
        check_among(f"{where}.{name}", key, numbers, f"is no number of {experiment}")
        if "at" in panel:
            check_among(f"{where}.at", panel["at"], block["samples"], f"is no m of {experiment}")
        other = positions.setdefault(numbers[key], experiment)
        if other != experiment:
            raise ConfigError(
                f"{where}.{name}: {key!r} is {numbers[key]} in {other} and {experiment}; "
                "allowed: a key in which they differ"
            )
    panel["positions"] = list(positions)


def _numbers(block: dict, above: str = "") -> dict:
    """The numbers in a block by dotted key."""
    found = {}
    for key, value in block.items():
        if isinstance(value, dict):
            found |= _numbers(value, f"{above}{key}.")
        elif is_number(None, value):
            found[above + key] = value
    return found
