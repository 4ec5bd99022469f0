"""The configuration: reading it, its checks, and the slice of it that each step depends on."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from snakemake.utils import update_config

from sparsebp.claims.conditions import settings
from sparsebp.engine.learner import Learner
from sparsebp.engine.schedules import batches
from sparsebp.network.model import activation
from sparsebp.network.patterns import column_degree, shared_entries
from sparsebp.storage import paths
from sparsebp.storage.formats import NUMBERS
from sparsebp.study import markup
from sparsebp.study.choices import add_choices, learner_fields
from sparsebp.study.figure_blocks import check_figure, check_figure_of_trees
from sparsebp.study.validation import (
    ConfigError,
    check_among,
    fill_defaults,
    show,
    validated,
)

SHOWN = ("thesis", "layers", "nonzeros_per_row", "activation", "noise", "student")  # in figures
LAYERS = {"input": ("hidden", "input"), "output": ("output", "hidden")}  # weights: rows, columns
MIDDLE = {"hidden": ("hidden", "hidden")}

# At most: states of an edge (``factors.HiddenStates``; numbered by uint16),
# numbers of samples in an experiment, trainings in all, and cells of a layer in which entries are
# looked for.
STATES, GRID, TRAININGS, CELLS = 2**16, 10**4, 10**5, 10**7

# Memory: megabytes of a program with its libraries, JAX among them, and the chunks that it works
# in; and bytes, of which a number has 8, for each
# - number in a data set: what is drawn or answered, and what numpy makes on the way to it;
# - entry of a pattern: stubs and their order, and trades, each with random numbers and masks;
# - number in the messages of an edge: fields, messages, old and new, in two orders, and logarithms;
# - configuration: the list or table, and copies that are summed, sorted and ordered for kernels;
# - weight by gradient descent: first ones, current ones, two moments, gradient, change, new ones;
#   on a pattern, as many of what each weight is multiplied with in each sample;
# - cell that an overlap is drawn from: capacities, the same as a sparse matrix, and flows.
LIBRARIES, DATA, PATTERNS, MESSAGES = 500, 5 * 8, 16 * 8, 16 * 8
TABLES, DESCENT, FLOW = 8 * 8, 8 * 8, 5 * 8


def _unshared(value):
    """A copy in which nothing occurs twice, as blocks that YAML anchors name do."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else deepcopy(value)


@dataclass(frozen=True)
class Study:
    """A checked configuration with all defaults filled in.

    Attributes:
        study: what all experiments share.
        learners, experiments, figures: blocks by name, those of the choices among them.
        choices: title -> {name of an experiment or learner: the one that it is under this choice}.
        trees: belief propagation on trees, None where the study has none.

    Every ``*_spec`` method returns the slice of the configuration that one step depends on, as a
    dict that JSON can hold. A step sees nothing else, so an edit reruns just what it touches.
    """

    study: dict
    learners: dict
    experiments: dict
    choices: dict
    figures: dict
    trees: dict | None = None

    @classmethod
    def load(cls, config: dict, schema: str | Path, parts: dict | None = None) -> "Study":
        """Check a configuration against the JSON schema and for what a schema cannot say.

        Args:
            parts: file -> what it holds, where the configuration is merged from several, of which
                a later one overrides those before.

        Raises:
            ConfigError: the first thing that is wrong, in one line, and in which of the parts.
        """
        try:
            return cls._load(config, schema)
        except ConfigError as error:
            said = str(error)
        origin = f"{Path(cls._origin(said, schema, parts)).name}: " if parts else ""
        raise ConfigError(origin + said)

    @classmethod
    def _origin(cls, message: str, schema: str | Path, parts: dict) -> str:
        """The part that a mistake comes with.

        That is the first with which the same is said as with all, if all was well without it. If
        another mistake was there before, it is the last of those that hold the most of the key
        that the message begins with.
        """
        merged, before = {}, None
        for name, part in parts.items():
            update_config(merged, part)
            try:
                cls._load(merged, schema)
                now = None
            except ConfigError as error:
                now = str(error)
            if now == message and before is None:
                return name
            before = now
        return _holder(message, parts)

    @classmethod
    def _load(cls, config: dict, schema: str | Path) -> "Study":
        config = _unshared(config)
        rules = validated(config, schema)
        _check_texts(config)
        fill_defaults(config, rules, rules)
        general = config.pop("inference")
        for name, experiment in config["experiments"].items():
            _check_experiment(name, experiment, config["learners"])
        choices = config.get("choices")
        config["choices"] = add_choices(config, general, choices) if choices else {}
        _check_names(config)
        for name, experiment in config["experiments"].items():
            experiment["inference"] = general | experiment.get("inference", {})
            experiment["samples"] = _sample_numbers(name, experiment["samples"])
        if "trees" in config:
            _check_trees(config["trees"])
        study = cls(**config)
        for name, block in study.learners.items():
            _learner(name, learner_fields(general, block))
        for name, figure in study.figures.items():
            if "trees" in figure:
                check_figure_of_trees(name, figure, study.trees)
            else:
                check_figure(name, figure, study.experiments, study.learners, study.choices)
        for name, experiment in study.experiments.items():
            for learner in experiment["learners"]:
                study.check_learner(name, learner)
        study._check_size()
        return study

    def _check_size(self) -> None:
        """Raise ConfigError for what no machine or file has room for."""
        learners = sum(len(block["learners"]) for block in self.experiments.values())
        trainings = learners * self.study["seeds"]
        _refuse_beyond(TRAININGS, "study.seeds", trainings, "trainings")
        for name, block in self.experiments.items():
            where, layers = f"experiments.{name}", block["layers"]
            states = self._states(name)
            _refuse_beyond(STATES, f"{where}.student", states, "states of a weight and its inputs")
            samples = max(block["samples"]) + self.study["test_samples"]
            numbers = samples * (layers["input"] + layers["output"])
            _refuse_beyond(NUMBERS, where, numbers, "numbers in the data set")
            numbers = len(block["samples"]) * _weights(block)
            _refuse_beyond(NUMBERS, where, numbers, "estimates of a student")
            for layer, (rows, columns) in LAYERS.items():
                if "overlap" in block["student"]:
                    cells = layers[rows] * layers[columns]
                    _refuse_beyond(
                        CELLS, f"{where}.student.overlap.{layer}", cells, "cells to search for room"
                    )

    def _states(self, experiment: str) -> int:
        """How many states an edge has, see ``factors.HiddenStates``."""
        student = self.experiments[experiment]["student"]
        tuples = len(student["alphabet"]) ** student["nonzeros_per_row"]["input"]
        return sum(1 if weight == 0 else tuples for weight in student["alphabet"])

    def seeds(self) -> range:
        """Numbers of the independent simulations."""
        return range(self.study["seeds"])

    def learner(self, experiment: str, name: str) -> dict:
        """The fields of ``algorithms.Learner`` for a learner in an experiment.

        The learner's own ``inference`` overrides the experiment's, which overrides the study's.
        """
        return learner_fields(self.experiments[experiment]["inference"], self.learners[name])

    def check_learner(self, experiment: str, name: str) -> None:
        """Raise ConfigError unless this learner can run in this experiment."""
        where = f"experiments.{experiment}.learners: {name}"
        learner = _learner(name, self.learner(experiment, name))
        block = self.experiments[experiment]
        grid, per_row = block["samples"], block["student"]["nonzeros_per_row"]["output"]
        try:
            layers = block["layers"]
            learner.check_network(
                per_row, layers["output"] * per_row // layers["hidden"], _depth(block)
            )
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
        if not any(batch.report for batch in batches(learner, grid)):
            raise ConfigError(
                f"{where}: no number of samples in {show(grid)} is a multiple of its batch_size "
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
            "layers": _sizes(block),
            "nonzeros_per_row": block["nonzeros_per_row"],
        }

    def dataset_spec(self, experiment: str) -> dict:
        """Slice that the samples of a teacher depend on."""
        block = self.experiments[experiment]
        return {
            "entropy": self.study["entropy"],
            "layers": _sizes(block),
            "activation": block["activation"],
            "samples": max(block["samples"]),
            "test_samples": self.study["test_samples"],
        } | ({"noise": block["noise"]} if "noise" in block else {})

    def student_spec(self, experiment: str) -> dict:
        """Slice that a student's patterns depend on."""
        block = self.experiments[experiment]
        student = {key: block["student"][key] for key in ("nonzeros_per_row", "alphabet")}
        if "overlap" in block["student"]:
            student["overlap"] = block["student"]["overlap"]
        return {"entropy": self.study["entropy"], "layers": _sizes(block), **student}

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
        """The kernels that all trainings need: arguments of ``updates.step_kernel``, and, of
        learners with hidden variables, of ``hidden_updates.hidden_kernel``."""
        kernels, hidden = set(), set()
        for name, block in self.experiments.items():
            per_row, layers = block["student"]["nonzeros_per_row"], block["layers"]
            degree = column_degree(layers["output"], layers["hidden"], per_row["output"])
            q = len(block["student"]["alphabet"])
            for learner in block["learners"]:
                how = _learner(learner, self.learner(name, learner))
                kernels.update(how.kernels(per_row["input"], per_row["output"], q, degree))
                if how.method == "layered":
                    hidden.update((algebra,) for algebra in how.algebras)
        return {"kernels": sorted(kernels)} | ({"hidden": sorted(hidden)} if hidden else {})

    def memory_mb(self, experiment: str, learner: str) -> int:
        """An upper estimate of the memory that a training takes, in megabytes.

        A program and its libraries, data, messages, and the work on all configurations of all
        factors at once, of which the engine refuses more than ``memory_gib``.
        """
        block, how = (
            self.experiments[experiment],
            _learner(learner, self.learner(experiment, learner)),
        )
        layers, per_row = block["layers"], block["student"]["nonzeros_per_row"]
        data = DATA * self._samples(block)
        if how.is_gradient_descent and how.network == "dense":
            weights = layers["hidden"] * (layers["input"] + layers["output"])
            return _megabytes(data + DESCENT * weights)
        if how.is_gradient_descent:
            samples = max(block["samples"]) + self.study["test_samples"]
            return _megabytes(data + DESCENT * _weights(block) * samples)
        q, states = len(block["student"]["alphabet"]), self._states(experiment)
        edges = layers["output"] * per_row["output"]
        of_edge = q * (per_row["input"] + 1)
        cells = layers["output"] * states ** per_row["output"]
        if how.method == "blocked":
            of_edge += q ** per_row["input"]
        elif how.method == "exact":
            cells = layers["output"] * q ** (2 * per_row["input"] + 2)
        elif how.method == "layered":
            cells = max(cells, self._listed(block, how))
        allowed = self.study["memory_gib"] * 2**30 / 8
        return _megabytes(data + MESSAGES * edges * of_edge + TABLES * min(cells, allowed))

    def draw_memory_mb(self, experiment: str) -> int:
        """An upper estimate of the memory to draw a teacher, its data and a student, in megabytes.

        Only where an overlap is asked for, there are matrices of all cells of a layer.
        """
        block = self.experiments[experiment]
        layers, cells = block["layers"], 0
        if "overlap" in block["student"]:
            cells = max(layers[rows] + layers[columns] for rows, columns in LAYERS.values()) ** 2
        size = DATA * self._samples(block) + PATTERNS * _weights(block) + FLOW * cells
        return _megabytes(size)

    def collect_memory_mb(self, experiment: str) -> int:
        """An upper estimate of the memory to measure the errors of students, in megabytes.

        They are read one after the other, each with its estimates at all numbers of samples.
        """
        block = self.experiments[experiment]
        estimates = len(block["samples"]) * _weights(block)
        predictions = len(block["samples"]) * self.study["test_samples"] * block["layers"]["output"]
        return _megabytes(DATA * (self._samples(block) + estimates + predictions))

    def _samples(self, block: dict) -> int:
        """How many numbers a layer's neurons are in all samples, at most."""
        widest = max(block["layers"][layer] for layer in ("input", "hidden", "output"))
        return (max(block["samples"]) + self.study["test_samples"]) * widest

    def _listed(self, block: dict, learner: Learner) -> int:
        """At most how many configurations of hidden neurons a learner lists."""
        per_row, q, values, listed = (
            block["student"]["nonzeros_per_row"], len(block["student"]["alphabet"]), 1, 0
        )  # fmt: skip
        for slots in [per_row["input"]] + [per_row.get("hidden", 0)] * (_depth(block) - 1):
            combinations = (q * values) ** slots
            listed += block["layers"]["hidden"] * combinations
            values = min(combinations, learner.max_values)
        return listed

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

    def trees_spec(self) -> dict:
        """Slice for belief propagation on trees."""
        shared = {key: self.study[key] for key in ("entropy", "seeds")}
        return shared | {"trees": self.trees}

    def figure_spec(self, name: str) -> dict:
        """Slice for drawing a figure. What is said of it is no part of it."""
        figure = {key: value for key, value in self.figures[name].items() if key != "found"}
        if "drawing" in figure:
            experiment = figure["drawing"]["experiment"]
            drawn = {
                "teacher": self.teacher_spec(experiment),
                "student": self.student_spec(experiment),
            }
            return {"name": name, "figure": figure, "experiments": {experiment: drawn}}
        if "trees" in figure:
            return {"name": name, "figure": figure, "learners": {}, "experiments": {}}
        if "choices" in figure:
            experiments, names = [figure["choices"]["experiment"]], figure["choices"]["learners"]
        else:
            experiments, names = (
                {item: None for panel in figure["panels"] for item in panel[key]}
                for key in ("experiments", "learners")
            )
            names |= {panel["minus"]: None for panel in figure["panels"] if "minus" in panel}
        spec = {
            "name": name,
            "figure": figure,
            "learners": {learner: self.learners[learner] for learner in names},
            "experiments": {
                experiment: {
                    key: self.experiments[experiment][key]
                    for key in SHOWN
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


def _depth(experiment: dict) -> int:
    """How many hidden layers there are."""
    return experiment["layers"].get("hidden_layers", 1)


def _weights(experiment: dict) -> int:
    """How many weights a student has."""
    layers, per_row = experiment["layers"], experiment["student"]["nonzeros_per_row"]
    weights = sum(layers[rows] * per_row[layer] for layer, (rows, _) in LAYERS.items())
    return weights + (_depth(experiment) - 1) * layers["hidden"] * per_row.get("hidden", 0)


def _megabytes(size: float) -> int:
    """What a program declares that has so many bytes beside its libraries."""
    return LIBRARIES + int(size / 1e6)


def _sizes(experiment: dict) -> dict:
    """Numbers of neurons as files tell them: one hidden layer goes without saying."""
    layers = experiment["layers"]
    return {key: layers[key] for key in layers if key != "hidden_layers" or layers[key] > 1}


def _refuse_beyond(most: int, where: str, number: int, what: str) -> None:
    if number > most:
        raise ConfigError(f"{where}: makes {number} {what}; at most {most}")


def _holder(message: str, parts: dict[str, dict]) -> str:
    """The last of the parts that hold the most of the key that a message begins with."""
    keys = message.partition(":")[0].split(".")

    def depth(block) -> int:
        held = 0
        for key in keys:
            if not isinstance(block, Mapping) or key not in block:
                break
            block, held = block[key], held + 1
        return held

    return max(reversed(parts), key=lambda name: depth(parts[name]))


def _learner(name: str, values: dict) -> Learner:
    try:
        return Learner(**values)
    except ValueError as error:
        raise ConfigError(f"learners.{name}: {error}") from None


def _check_texts(config: dict) -> None:
    """Raise ConfigError for a text that cannot be shown as it is, everywhere it is shown."""
    for where, text, trouble in markup.refused(config):
        raise ConfigError(f"{where}: {show(text)} {trouble}")


def _check_names(config: dict) -> None:
    """Raise ConfigError for a name whose file would be that of something else, too."""
    for wildcard in ("experiment", "learner", "figure"):
        for name in config[f"{wildcard}s"]:
            for file in paths.taken(wildcard, name):
                raise ConfigError(
                    f"{wildcard}s.{name}: {show(name)} names {file}, which is another file of the "
                    "workflow; allowed: other names"
                )


def _check_experiment(name: str, experiment: dict, learners: dict) -> None:
    where = f"experiments.{name}"
    try:
        activation(**experiment["activation"])
    except ValueError as error:
        raise ConfigError(f"{where}.activation: {error}") from None
    for learner in experiment["learners"]:
        check_among(f"{where}.learners", learner, learners)
    sizes, teacher = experiment["layers"], experiment["nonzeros_per_row"]
    student = experiment["student"].setdefault("nonzeros_per_row", dict(teacher))
    alphabet = experiment["student"]["alphabet"]
    if not {-1, 1} <= set(alphabet):
        raise ConfigError(f"{where}.student.alphabet: {show(alphabet)} lacks the teacher's -1 or 1")
    noise = experiment.get("noise", {})
    if ("jittered" in noise) != ("scale" in noise):
        raise ConfigError(
            f"{where}.noise: {show(noise)}; scale goes with jittered, and jittered with it"
        )
    deep = _depth(experiment) > 1
    if deep:
        _check_deep(where, teacher, experiment["student"])
    elif "hidden" in teacher or "hidden" in student:
        raise ConfigError(
            f"{where}.nonzeros_per_row.hidden: allowed with layers.hidden_layers above 1 only"
        )
    for layer, (rows, columns) in (LAYERS | (MIDDLE if deep else {})).items():
        overlap = experiment["student"].get("overlap", {}).get(layer)
        if student[layer] < teacher[layer] and overlap is None:
            raise ConfigError(
                f"{where}.student.nonzeros_per_row.{layer}: {student[layer]}; without overlap the "
                f"student's pattern contains the teacher's, so at least {teacher[layer]}"
            )
        if overlap in (None, 1) and student[layer] > teacher[layer] and 0 not in alphabet:
            raise ConfigError(
                f"{where}.student.alphabet: {show(alphabet)} lacks 0, which a student with more "
                f"{layer} weights than its teacher needs"
            )
        for owner, degrees in (("", teacher), ("student.", student)):
            key = f"{where}.{owner}nonzeros_per_row.{layer}"
            try:
                column_degree(sizes[rows], sizes[columns], degrees[layer], where=key)
            except ValueError as error:
                raise ConfigError(str(error)) from None
        if overlap is not None:
            shape = sizes[rows], sizes[columns], teacher[layer], student[layer]
            try:
                shared_entries(*shape, overlap, where=f"{where}.student.overlap.{layer}")
            except ValueError as error:
                raise ConfigError(str(error)) from None


def _check_deep(where: str, teacher: dict, student: dict) -> None:
    """Raise ConfigError for what networks with several hidden layers lack or cannot have."""
    if "hidden" not in teacher:
        raise ConfigError(
            f"{where}.nonzeros_per_row.hidden: missing; layers.hidden_layers above 1 need it"
        )
    if student["nonzeros_per_row"] != teacher or "overlap" in student:
        raise ConfigError(
            f"{where}.student: {show(student)}; with layers.hidden_layers above 1 its pattern has "
            f"to be the teacher's, with nonzeros_per_row {show(teacher)} and no overlap"
        )


def _check_trees(block: dict) -> None:
    try:
        activation(**block["activation"])
    except ValueError as error:
        raise ConfigError(f"trees.activation: {error}") from None
    sizes = block["outputs"]
    if sizes != sorted(sizes) or any(n % 3 != 1 for n in sizes):
        raise ConfigError(
            f"trees.outputs: {show(sizes)}; must be ascending, each one more than a multiple of 3"
        )


def _sample_numbers(name: str, samples: list | dict) -> list[int]:
    if isinstance(samples, dict):
        numbers = list(range(samples["first"], samples["last"] + 1, samples["step"]))
    else:
        numbers = samples
    if not numbers or numbers != sorted(numbers):
        raise ConfigError(
            f"experiments.{name}.samples: {show(samples)}; must be ascending, not empty"
        )
    _refuse_beyond(GRID, f"experiments.{name}.samples", len(numbers), "numbers of samples")
    return numbers
