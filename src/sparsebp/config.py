"""The configuration: its schema, its checks, and the slice of it that each step depends on."""

import math
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import reduce
from itertools import product
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from sparsebp import verdicts
from sparsebp.algorithms import Learner, batches
from sparsebp.conditions import settings
from sparsebp.graph import column_degree
from sparsebp.model import activation

LAYERS = {"input": ("hidden", "input"), "output": ("output", "hidden")}  # weights: rows, columns
COMPARISON = ("against", "at", "x_scale")  # keys of a panel of several experiments


def _is_number(_, value) -> bool:
    if _is_integer(_, value):
        return abs(value) < 2**1023
    return isinstance(value, float) and math.isfinite(value)


def _is_integer(_, value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# JSON Schema takes 2.0 for an integer, and YAML's .nan and .inf for numbers; a study does not.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def _unshared(value):
    """A copy in which nothing occurs twice, as blocks that YAML anchors name do."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else deepcopy(value)


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, the value and what may be."""


@dataclass(frozen=True)
class Study:
    """A checked configuration with all defaults filled in.

    Attributes:
        study: what all experiments share.
        learners, experiments, figures: blocks by name, those of the choices among them.
        choices: title -> {name of an experiment or learner: the one that it is under this choice}.

    Every ``*_spec`` method returns the slice of the configuration that one step depends on, as a
    dict that JSON can hold. A step sees nothing else, so an edit reruns just what it touches.
    """

    study: dict
    learners: dict
    experiments: dict
    choices: dict
    figures: dict

    @classmethod
    def load(cls, config: dict, schema: str | Path) -> "Study":
        """Check a configuration against the JSON schema and for what a schema cannot say.

        Raises:
            ConfigError: the first thing that is wrong, in one line.
        """
        config = _unshared(config)
        rules = _validated(config, schema)
        _fill_defaults(config, rules, rules)
        general = config.pop("inference")
        for name, experiment in config["experiments"].items():
            _check_experiment(name, experiment, config["learners"])
        choices = config.get("choices")
        config["choices"] = _add_choices(config, general, choices) if choices else {}
        for name, experiment in config["experiments"].items():
            experiment["inference"] = general | experiment.get("inference", {})
            experiment["samples"] = _sample_numbers(name, experiment["samples"])
        for name, figure in config["figures"].items():
            _check_figure(name, figure, config["experiments"], config["choices"])
        study = cls(**config)
        for name, block in study.learners.items():
            _learner(name, _learner_fields(general, block))
        for name, experiment in study.experiments.items():
            for learner in experiment["learners"]:
                study.check_learner(name, learner)
        return study

    def seeds(self) -> range:
        """Numbers of the independent simulations."""
        return range(self.study["seeds"])

    def learner(self, experiment: str, name: str) -> dict:
        """The fields of ``algorithms.Learner`` for a learner in an experiment.

        The learner's own ``inference`` overrides the experiment's, which overrides the study's.
        """
        return _learner_fields(self.experiments[experiment]["inference"], self.learners[name])

    def check_learner(self, experiment: str, name: str) -> None:
        """Raise ConfigError unless this learner can run in this experiment."""
        where = f"experiments.{experiment}.learners: {name}"
        learner = _learner(name, self.learner(experiment, name))
        grid = self.experiments[experiment]["samples"]
        if not any(batch.report for batch in batches(learner, grid)):
            raise ConfigError(
                f"{where}: no number of samples in {grid} is a multiple of its batch_size "
                f"{learner.batch_size}"
            )

    def draw_spec(self, experiment: str) -> dict:
        """Slice for drawing teacher, data set and student: those of the three, by name."""
        return {
            "teacher": self.teacher_spec(experiment),
            "dataset": self.dataset_spec(experiment),
            "student": self.student_spec(experiment),
        }

    def teacher_spec(self, experiment: str) -> dict:
        """Slice that a teacher depends on."""
        block = self.experiments[experiment]
        return {
            "entropy": self.study["entropy"],
            "layers": block["layers"],
            "nonzeros_per_row": block["nonzeros_per_row"],
        }

    def dataset_spec(self, experiment: str) -> dict:
        """Slice that the samples of a teacher depend on."""
        block = self.experiments[experiment]
        return {
            "entropy": self.study["entropy"],
            "layers": block["layers"],
            "activation": block["activation"],
            "samples": max(block["samples"]),
            "test_samples": self.study["test_samples"],
        }

    def student_spec(self, experiment: str) -> dict:
        """Slice that a student's patterns depend on."""
        block = self.experiments[experiment]
        return {
            "entropy": self.study["entropy"],
            "layers": block["layers"],
            "nonzeros_per_row": block["student"]["nonzeros_per_row"],
            "alphabet": block["student"]["alphabet"],
        }

    def train_spec(self, experiment: str, learner: str) -> dict:
        """Slice for training."""
        block = self.experiments[experiment]
        return {
            "entropy": self.study["entropy"],
            "activation": block["activation"],
            "samples": block["samples"],
            "learner": self.learner(experiment, learner),
        }

    def kernels_spec(self) -> dict:
        """The kernels that all trainings need: arguments of ``updates.step_kernel``."""
        kernels = set()
        for name, block in self.experiments.items():
            per_row, layers = block["student"]["nonzeros_per_row"], block["layers"]
            degree = column_degree(layers["output"], layers["hidden"], per_row["output"])
            q = len(block["student"]["alphabet"])
            for learner in block["learners"]:
                for algebra in _learner(learner, self.learner(name, learner)).algebras:
                    kernels.add((algebra, per_row["input"], per_row["output"], q, degree))
        return {"kernels": sorted(kernels)}

    def memory_mb(self, experiment: str) -> int:
        """An upper estimate of the memory that one training takes, in megabytes.

        A program and its libraries, and the work on all configurations of all factors at once,
        of which the engine refuses more than ``memory_gib``.
        """
        block = self.experiments[experiment]
        alphabet, per_row = block["student"]["alphabet"], block["student"]["nonzeros_per_row"]
        tuples = len(alphabet) ** per_row["input"]
        classes = sum(1 if weight == 0 else tuples for weight in alphabet)
        cells = block["layers"]["output"] * classes ** per_row["output"]
        table = min(8 * cells, self.study["memory_gib"] * 2**30)
        return 500 + int(6 * table / 1e6)

    def collect_spec(self, experiment: str) -> dict:
        """Slice for measuring the errors of all students of an experiment."""
        block = self.experiments[experiment]
        return {
            "experiment": experiment,
            "activation": block["activation"],
            "samples": block["samples"],
            "learners": block["learners"],
            "seeds": self.study["seeds"],
        }

    def figure_spec(self, name: str) -> dict:
        """Slice for drawing a figure."""
        figure = self.figures[name]
        if "choices" in figure:
            experiments, names = [figure["choices"]["experiment"]], figure["choices"]["learners"]
        else:
            experiments, names = (
                {item: None for panel in figure["panels"] for item in panel[key]}
                for key in ("experiments", "learners")
            )
        spec = {
            "name": name,
            "figure": figure,
            "learners": {learner: self.learners[learner] for learner in names},
            "experiments": {
                experiment: {
                    key: self.experiments[experiment][key]
                    for key in ("thesis", "layers", "nonzeros_per_row", "activation", "student")
                    if key in self.experiments[experiment]
                }
                for experiment in experiments
            },
        }
        if "choices" in figure:
            spec["choices"] = [
                {"values": settings(title), "learners": {n: renamed.get(n, n) for n in names}}
                for title, renamed in self.choices.items()
            ]
        return spec


def _validated(value, schema: str | Path) -> dict:
    """The JSON schema in a file, after checking a value against it. Raises ConfigError."""
    rules = yaml.safe_load(Path(schema).read_text(encoding="utf-8"))
    error = best_match(Validator(rules).iter_errors(value))
    if error is not None:
        raise ConfigError(_message(error))
    return rules


def _learner_fields(inference: dict, block: dict) -> dict:
    """The fields of a Learner: its block's own values and ``inference`` over the given ones."""
    merged = inference | block.get("inference", {}) | block
    return {field.name: merged.get(field.name) for field in fields(Learner)}


def _learner(name: str, values: dict) -> Learner:
    try:
        return Learner(**values)
    except ValueError as error:
        raise ConfigError(f"learners.{name}: {error}") from None


def _message(error: ValidationError) -> str:
    """One line that names the key, the value and what is allowed."""
    if error.context:
        # Of several alternatives, explain the one of the type that was given.
        kinds = [e.validator_value for e in error.context if e.validator == "type" and not e.path]
        if len(kinds) == len(error.schema["oneOf"]):
            where = ".".join(str(part) for part in error.absolute_path)
            return f"{where}: {error.instance!r} is not of type {' or '.join(kinds)}"
        error = min(error.context, key=lambda e: (e.validator == "type", -len(e.absolute_path)))
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    value, rule = error.instance, error.validator_value
    match error.validator:
        case "additionalProperties":
            allowed = sorted(error.schema["properties"])
            unknown = sorted(set(value) - set(allowed), key=repr)
            return f"{where}: unknown key {unknown[0]!r}; allowed: {', '.join(allowed)}"
        case "required":
            missing = [key for key in rule if key not in value]
            return f"{where}: key {missing[0]!r} is missing"
        case "enum":
            return f"{where}: {value!r}; allowed: {', '.join(map(str, rule))}"
        case "type":
            return f"{where}: {value!r} is not of type {rule}"
        case "pattern":
            return f"{where}: the name {value!r} is not allowed; it must match {rule}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            relation = {
                "minimum": "at least",
                "exclusiveMinimum": "greater than",
                "maximum": "at most",
                "exclusiveMaximum": "less than",
            }
            return f"{where}: {value!r}; must be {relation[error.validator]} {rule}"
        case _:
            return f"{where}: {error.message}"


def _fill_defaults(value, schema: dict, root: dict) -> None:
    """Write the schema's defaults into a valid configuration, in place.

    Those of a shared definition only where the key itself has a default: blocks of overrides stay
    as they are. Keys that the schema names come out in its order, so that their order in the file
    does not matter.
    """
    if "$ref" in schema:
        path = schema["$ref"].removeprefix("#/").split("/")
        _fill_defaults(value, reduce(dict.__getitem__, path, root), root)
    for option in schema.get("oneOf", []):
        if Validator(option).is_valid(value):
            _fill_defaults(value, option, root)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, rule in properties.items():
            if key in value or "default" in rule:
                value[key] = value.pop(key, deepcopy(rule.get("default")))
        for key, item in value.items():
            rule = properties.get(key, schema.get("additionalProperties"))
            if isinstance(rule, dict) and ("$ref" not in rule or "default" in rule):
                _fill_defaults(item, rule, root)
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            _fill_defaults(item, schema["items"], root)


def _check_experiment(name: str, experiment: dict, learners: dict) -> None:
    where = f"experiments.{name}"
    try:
        activation(**experiment["activation"])
    except ValueError as error:
        raise ConfigError(f"{where}.activation: {error}") from None
    for learner in experiment["learners"]:
        _check_among(f"{where}.learners", learner, learners)
    sizes, teacher = experiment["layers"], experiment["nonzeros_per_row"]
    student = experiment["student"].setdefault("nonzeros_per_row", dict(teacher))
    alphabet = experiment["student"]["alphabet"]
    if not {-1, 1} <= set(alphabet):
        raise ConfigError(f"{where}.student.alphabet: {alphabet} lacks the teacher's -1 or 1")
    for layer, (rows, columns) in LAYERS.items():
        if student[layer] < teacher[layer]:
            raise ConfigError(
                f"{where}.student.nonzeros_per_row.{layer}: {student[layer]}; the student's "
                f"pattern contains the teacher's, so at least {teacher[layer]}"
            )
        if student[layer] > teacher[layer] and 0 not in alphabet:
            raise ConfigError(
                f"{where}.student.alphabet: {alphabet} lacks 0, which a student with more "
                f"{layer} weights than its teacher needs"
            )
        for owner, degrees in (("", teacher), ("student.", student)):
            key = f"{where}.{owner}nonzeros_per_row.{layer}"
            try:
                column_degree(sizes[rows], sizes[columns], degrees[layer], where=key)
            except ValueError as error:
                raise ConfigError(str(error)) from None


def _add_choices(config: dict, general: dict, choices: dict) -> dict:
    """Add the experiments and learners of the choices to the configuration; ``Study.choices``."""
    experiments, learners = config["experiments"], config["learners"]
    blocks = {}
    for again, original in choices["experiments"].items():
        where = f"choices.experiments.{again}"
        _check_among(where, original, experiments)
        if again in experiments:
            raise ConfigError(f"{where}: an experiment of this name is defined already")
        blocks[again] = deepcopy(experiments[original]) | {"samples": choices["samples"]}
    bases = {name: None for block in blocks.values() for name in block["learners"]}
    inferences = [general | block.get("inference", {}) for block in blocks.values()]
    titles = {}
    for choice in _combinations(choices["vary"]):
        names = {original: again for again, original in choices["experiments"].items()}
        for base in bases:
            variant = _variant(learners[base], choice)
            pairs = [[_learner_fields(i, b) for b in (variant, learners[base])] for i in inferences]
            if all(one == other for one, other in pairs):
                continue  # the learner is as this choice has it
            names[base] = f"{base}-{_title(choice, '-')}"
            if learners.setdefault(names[base], variant) != variant:
                raise ConfigError(f"learners.{names[base]}: the choices make one of this name")
            for block in blocks.values():
                if base in block["learners"] and names[base] not in block["learners"]:
                    block["learners"].append(names[base])
        titles[_title(choice)] = names
    experiments.update(blocks)
    return titles


def _combinations(sets: list[dict]) -> list[dict]:
    """Every combination of the values of each set."""
    return [
        dict(zip(values, combination, strict=True))
        for values in sets
        for combination in product(*values.values())
    ]


def _title(choice: dict, link: str = " ") -> str:
    """``damping 0.3, max_steps 500``, or with ``-`` as the link the end of a learner's name."""
    values = [value if isinstance(value, str) else f"{value:g}" for value in choice.values()]
    parts = [key + link + value for key, value in zip(choice, values, strict=True)]
    return ", ".join(parts) if link == " " else link.join(parts).replace("_", link)


def _variant(learner: dict, choice: dict) -> dict:
    """A learner's block under a choice. Without reinforcement it stays so."""
    own, inference = dict(learner), dict(choice)
    strength = inference.pop("reinforcement", None)
    if strength is not None and own["reinforcement"]:
        own["reinforcement"] = strength
    return own | {"inference": own.get("inference", {}) | inference}


def _sample_numbers(name: str, samples: list | dict) -> list[int]:
    if isinstance(samples, dict):
        numbers = list(range(samples["first"], samples["last"] + 1, samples["step"]))
    else:
        numbers = samples
    if not numbers or numbers != sorted(numbers):
        raise ConfigError(f"experiments.{name}.samples: {samples}; must be ascending, not empty")
    return numbers


def _check_figure(name: str, figure: dict, experiments: dict, choices: dict) -> None:
    where = f"figures.{name}"
    _check_either(where, figure, "panels", "choices")
    if "choices" in figure:
        if "columns" in figure:
            raise ConfigError(f"{where}.columns: {figure['columns']}; allowed with panels only")
        _check_figure_of_choices(f"{where}.choices", figure["choices"], experiments, choices)
        return
    figure.setdefault("columns", 1)
    for number, panel in enumerate(figure["panels"]):
        _check_panel(f"{where}.panels.{number}", panel, experiments)


def _check_figure_of_choices(where: str, block: dict, experiments: dict, choices: dict) -> None:
    name = block["experiment"]
    pairs = [pair for names in choices.values() for pair in names.items() if pair[0] in experiments]
    originals = {again: original for original, again in pairs}
    _check_among(f"{where}.experiment", name, originals, "is not among the choices' experiments")
    ran = experiments[originals[name]]["learners"]
    for learner in block.setdefault("learners", list(ran)):
        _check_among(f"{where}.learners", learner, ran, f"does not run in {originals[name]}")
    (first, last), grid = block["samples"], experiments[name]["samples"]
    if not any(first <= m <= last for m in grid):
        raise ConfigError(f"{where}.samples: no m of {name} is in {[first, last]}; allowed: {grid}")


def _check_panel(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel; also one experiment is then a list, and ``learners`` are never missing."""
    _check_either(where, panel, "experiment", "experiments")
    if "experiments" in panel:
        _check_comparison(where, panel, experiments)
    else:
        _check_among(f"{where}.experiment", panel["experiment"], experiments)
        for key in COMPARISON:
            if key in panel:
                raise ConfigError(f"{where}.{key}: {panel[key]!r}; allowed with experiments only")
        panel["experiments"] = [panel.pop("experiment")]
    runs = [experiments[experiment]["learners"] for experiment in panel["experiments"]]
    common = [learner for learner in runs[0] if all(learner in others for others in runs)]
    trouble = f"does not run in {', '.join(panel['experiments'])}"
    for learner in panel.setdefault("learners", common):
        _check_among(f"{where}.learners", learner, common, trouble)


def _check_comparison(where: str, panel: dict, experiments: dict) -> None:
    """Check a panel of several experiments, and give it ``positions``: their values of its key."""
    for key in ("against", "at"):
        if key not in panel:
            raise ConfigError(f"{where}: key {key!r} is missing, which goes with experiments")
    key, positions = panel["against"], {}
    for experiment in panel["experiments"]:
        _check_among(f"{where}.experiments", experiment, experiments)
        block = experiments[experiment]
        numbers = _numbers(block)
        _check_among(f"{where}.against", key, numbers, f"is no number of {experiment}")
        _check_among(f"{where}.at", panel["at"], block["samples"], f"is no m of {experiment}")
        other = positions.setdefault(numbers[key], experiment)
        if other != experiment:
            raise ConfigError(
                f"{where}.against: {key!r} is {numbers[key]} in {other} and {experiment}; "
                "allowed: a key in which they differ"
            )
    panel["positions"] = list(positions)


def _numbers(block: dict, above: str = "") -> dict:
    """The numbers in a block by dotted key."""
    found = {}
    for key, value in block.items():
        if isinstance(value, dict):
            found |= _numbers(value, f"{above}{key}.")
        elif _is_number(None, value):
            found[above + key] = value
    return found


def _check_either(where: str, block: dict, one: str, other: str) -> None:
    if one in block and other in block:
        raise ConfigError(f"{where}.{other}: {block[other]!r}; not allowed together with {one}")
    if one not in block and other not in block:
        raise ConfigError(f"{where}: key {one!r} is missing, or {other!r} in its place")


def _check_among(where: str, value, allowed, trouble: str = "is not defined") -> None:
    if value not in allowed:
        raise ConfigError(f"{where}: {value!r} {trouble}; allowed: {', '.join(map(str, allowed))}")


def load_claims(path: str | Path, schema: str | Path) -> dict:
    """Read the claims of the thesis and check them against their JSON schema.

    Raises:
        ConfigError: the first thing that is wrong, in one line.
    """
    try:
        claims = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{Path(path).name}: {' '.join(str(error).split())}") from None
    try:
        _validated(claims, schema)
    except ConfigError as error:
        raise ConfigError(f"{Path(path).name}: {error}") from None
    return claims


def claimed_experiments(claims: dict, choices: dict, study: Study) -> list[str]:
    """Names of the experiments whose results the claims need.

    Raises:
        ConfigError: the study lacks an experiment, a learner or the numbers of samples of a claim.
    """
    grids = {}
    for name, block in study.experiments.items():
        grids[name] = {}
        for learner in block["learners"]:
            plan = batches(_learner(learner, study.learner(name, learner)), block["samples"])
            grids[name][learner] = [batch.stop for batch in plan if batch.report]
    try:
        verdicts.check(claims, grids, choices)
        verdicts.check_samples(claims, grids, choices)
    except verdicts.ClaimError as error:
        raise ConfigError(f"this study cannot test the claims: {error}") from None
    return verdicts.experiments(claims, choices)
