"""The configuration: reading it, its checks, and the slice of it that each step depends on."""

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from snakemake.utils import update_config

from sparsebp.claims.comparisons import curves
from sparsebp.claims.conditions import settings
from sparsebp.engine import memory
from sparsebp.engine.learner import Learner
from sparsebp.engine.schedules import batches
from sparsebp.engine.states import MOST_STATES
from sparsebp.network.patterns import column_degree
from sparsebp.storage import paths
from sparsebp.storage.formats import MOST_NUMBERS
from sparsebp.study import files, markup
from sparsebp.study.choices import add_choices, learner_fields, read_choices, sets
from sparsebp.study.experiment_blocks import (
    ROWS_COLUMNS,
    check_experiment,
    check_from_scratch,
    check_number,
    check_trees,
    hidden_layers,
    sample_numbers,
)
from sparsebp.study.figure_blocks import (
    check_figure,
    check_figure_from_scratch,
    check_figure_of_trees,
    panels_or_maps,
)
from sparsebp.study.schema import load_schema
from sparsebp.study.validation import (
    ConfigError,
    check,
    check_among,
    fill_defaults,
    show,
)
from sparsebp.study.varied import varied

SHOWN = ("thesis", "layers", "nonzeros_per_row", "activation", "noise", "student")  # in figures

# At most: trainings in all, and cells of a layer in which entries are looked for.
TRAININGS, CELLS = 10**5, 10**7


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
        readings: name -> {names: as of a choice, by_construction: ids of claims}: other readings of
            the thesis as a whole, under which the claims are judged, too.
        by_construction: title of a choice -> ids of the claims that hold under it by construction.
        trees: belief propagation on trees, None where the study has none.
        from_scratch: cases of learning from scratch by name, None where the study has none.
        numbers: named numbers about results by name, see ``numbers_file``.
        findings: sentences about them.

    Every ``*_spec`` method returns the slice of the configuration that one step depends on, as a
    dict that JSON can hold. A step sees nothing else, so an edit reruns just what it touches.
    """

    study: dict
    learners: dict
    experiments: dict
    choices: dict
    figures: dict
    readings: dict = field(default_factory=dict)
    by_construction: dict = field(default_factory=dict)
    trees: dict | None = None
    from_scratch: dict | None = None
    numbers: dict = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

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
        rules = load_schema(schema)
        files.complete(config, rules)
        check(config, rules)
        _check_texts(config)
        fill_defaults(config, rules, rules)
        config.pop("studies")
        general = config.pop("inference")
        for name, learner in config["learners"].items():
            for key in learner.get("inference", {}):
                check_among(
                    f"learners.{name}.inference",
                    key,
                    read_choices(learner),
                    "is nothing that this learner depends on",
                )
        for name, experiment in config["experiments"].items():
            check_experiment(name, experiment, config["learners"])
        choices = config.get("choices")
        added = add_choices(config, general, choices) if choices else ({}, {})
        config["choices"], config["by_construction"] = added
        for name, reading in config.get("readings", {}).items():
            _check_reading(name, reading, config)
        _check_names(config)
        for name, experiment in config["experiments"].items():
            experiment["inference"] = general | experiment.get("inference", {})
            where = f"experiments.{name}.samples"
            experiment["samples"] = sample_numbers(where, experiment["samples"])
        if "trees" in config:
            check_trees(config["trees"])
        for name, case in config.get("from_scratch", {}).items():
            check_from_scratch(f"from_scratch.{name}", case)
        study = cls(**config)
        for name, block in study.learners.items():
            _learner(name, learner_fields(general, block))
        for name, figure in study.figures.items():
            if "trees" in figure:
                check_figure_of_trees(name, figure, study.trees)
            elif "from_scratch" in figure:
                check_figure_from_scratch(name, figure, study.from_scratch)
            else:
                check_figure(name, figure, study.experiments, study.learners, study.choices)
        for name, experiment in study.experiments.items():
            for learner in experiment["learners"]:
                study.check_learner(name, learner)
        study._check_size()
        return study

    def _check_size(self) -> None:
        """Raise ConfigError for what no machine or file has room for."""
        trainings = sum(
            len(block["learners"]) * len(self.seeds(name))
            for name, block in self.experiments.items()
        )
        check_number(TRAININGS, "study.seeds", trainings, "trainings")
        for name, block in self.experiments.items():
            where, layers = f"experiments.{name}", block["layers"]
            extent = self._extent(name)
            check_number(
                MOST_STATES, f"{where}.student", extent.states, "states of a weight and its inputs"
            )
            numbers = extent.samples * (layers["input"] + layers["output"])
            check_number(MOST_NUMBERS, where, numbers, "numbers in the data set")
            numbers = len(block["samples"]) * extent.weights
            check_number(MOST_NUMBERS, where, numbers, "estimates of a student")
            for layer, (rows, columns) in ROWS_COLUMNS.items():
                if "overlap" in block["student"]:
                    cells = layers[rows] * layers[columns]
                    check_number(
                        CELLS, f"{where}.student.overlap.{layer}", cells, "cells to search for room"
                    )

    def seeds(self, experiment: str) -> range:
        """Numbers of the independent simulations of an experiment: its own, or the study's."""
        own = self.experiments[experiment].get("seeds")
        return range(own["first"], own["last"] + 1) if own else range(self.study["seeds"])

    def verdicts_spec(self, claims: dict) -> dict:
        """Slice for judging the ``claims``: the arguments of ``verdicts.judge`` but the results."""
        readings = {name: block["names"] for name, block in self.readings.items()}
        known = {name: block["by_construction"] for name, block in self.readings.items()}
        return {
            "claims": claims,
            "choices": self.choices,
            "readings": readings,
            "by_construction": self.by_construction | known,
        }

    def explorer_spec(self, claims: dict) -> dict:
        """Slice for the explorer: what the ``claims`` are about, and what stands for it elsewhere.

        By claim its experiments; by experiment what it and the learners that claims name are
        called; and as configured and for each choice and reading, by experiment of the claims that
        are tested under it, the experiment and the learners that stand for those that claims name.
        And which keys are varied, see ``varied``; and of which experiments all of that needs the
        results. ``claims`` has none where they cannot be tested.
        """
        about = {
            claim["id"]: [curve for test in claim["tests"] for curve in curves(test)]
            for claim in claims["claims"]
        }
        named = _standing({}, about.values())
        ways = self.choices | {name: block["names"] for name, block in self.readings.items()}
        ways = {
            title: _standing(
                names, [found for found in about.values() if names.keys() >= {e for e, _ in found}]
            )
            for title, names in ways.items()
        }
        families = varied(self.figures, self.experiments, self.learners, self.choices)
        shown = {curves["experiment"] for way in (named, *ways.values()) for curves in way.values()}
        shown |= {name for f in families for curve in f["curves"].values() for name, _ in curve}
        return {
            "claims": {
                claim: list(dict.fromkeys(experiment for experiment, _ in found))
                for claim, found in about.items()
            },
            "experiments": {
                name: {
                    "thesis": self.experiments[name].get("thesis", ""),
                    "learners": {
                        learner: self.learners[learner]
                        for learner in self.experiments[name]["learners"]
                        if learner in block["learners"]
                    },
                }
                for name, block in named.items()
            },
            "configured": named,
            "ways": ways,
            "varied": families,
            "results": sorted(shown),
        }

    def learner(self, experiment: str, name: str) -> dict:
        """The fields of ``learner.Learner`` for a learner in an experiment.

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
                per_row, layers["output"] * per_row // layers["hidden"], hidden_layers(block)
            )
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
        for key, where_set in (("noise", block), ("overlap", block["student"])):
            if learner.is_theory and key in where_set:
                raise ConfigError(
                    f"{where}: method density-evolution predicts errors without {key}; this "
                    "experiment has it"
                )
        if not any(batch.report for batch in batches(learner, grid)):
            raise ConfigError(
                f"{where}: no number of samples in {show(grid)} is a multiple of its batch_size "
                f"{learner.batch_size}"
            )

    def reads_teacher(self, experiment: str, learner: str) -> bool:
        """Whether a training needs the teacher, as a prediction of its students' errors does."""
        return _learner(learner, self.learner(experiment, learner)).is_theory

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
        drawing = block.get("drawing", "trades")
        return {
            "entropy": self.study["entropy"],
            "layers": _sizes(block),
            "nonzeros_per_row": block["nonzeros_per_row"],
        } | ({"drawing": drawing} if drawing != "trades" else {})

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

    def kernels_spec(self, experiments: Iterable[str], cases: Collection[str] = ()) -> dict:
        """The kernels that all trainings of some experiments need, see ``Learner.kernels``, and all
        searches of some cases from scratch."""
        kernels: set[tuple] = {("explain",)} if cases else set()
        if any("messages" in self.from_scratch[case] for case in cases):
            kernels |= {("row_sums",), ("rows",)}
        for name in experiments:
            kernels |= {("join",), ("summing",)}
            block = self.experiments[name]
            per_row, layers = block["student"]["nonzeros_per_row"], block["layers"]
            degree = column_degree(layers["output"], layers["hidden"], per_row["output"])
            alphabet = block["student"]["alphabet"]
            for learner in block["learners"]:
                how = _learner(learner, self.learner(name, learner))
                kernels.update(how.kernels(per_row["input"], per_row["output"], alphabet, degree))
        return {"kernels": sorted(kernels)}

    def training_mb(self, experiment: str, learner: str) -> int:
        """Megabytes that a training takes at most."""
        how = _learner(learner, self.learner(experiment, learner))
        return memory.training_mb(self._extent(experiment), how, self.study["memory_gib"])

    def drawing_mb(self, experiment: str) -> int:
        """Megabytes that drawing a teacher, its data and a student takes at most."""
        overlap = "overlap" in self.experiments[experiment]["student"]
        return memory.drawing_mb(self._extent(experiment), overlap)

    def collecting_mb(self, experiment: str) -> int:
        """Megabytes that measuring the errors of students takes at most."""
        return memory.collecting_mb(self._extent(experiment))

    def searching_mb(self, case: str) -> int:
        """Megabytes that finding a network from scratch takes at most."""
        block = (self.from_scratch or {})[case]
        if "gradient_descent" in block:
            return memory.descending_mb(block["neurons"], block["samples"][-1])
        if "messages" in block:
            return memory.passing_mb(block["neurons"], block["samples"][-1])
        return memory.searching_mb(block["neurons"], block["samples"][-1])

    def _extent(self, experiment: str) -> memory.Extent:
        block = self.experiments[experiment]
        student = block["student"]
        return memory.Extent(
            block["layers"],
            student["nonzeros_per_row"],
            student["alphabet"],
            block["samples"],
            self.study["test_samples"],
        )

    def collect_spec(self, experiment: str) -> dict:
        """Slice for measuring the errors of all students of an experiment."""
        block = self.experiments[experiment]
        return {
            "experiment": experiment,
            "activation": block["activation"],
            "samples": block["samples"],
            "learners": block["learners"],
            "seeds": len(self.seeds(experiment)),
        } | ({"first_seed": first} if (first := self.seeds(experiment)[0]) else {})

    def trees_spec(self) -> dict:
        """Slice for belief propagation on trees."""
        shared = {key: self.study[key] for key in ("entropy", "seeds")}
        return shared | {"trees": self.trees}

    def search_spec(self, case: str) -> dict:
        """Slice for searching a network from scratch."""
        return {"entropy": self.study["entropy"], "case": (self.from_scratch or {})[case]}

    def from_scratch_spec(self) -> dict:
        """Slice for collecting what is found from scratch."""
        shared = {key: self.study[key] for key in ("entropy", "seeds")}
        return shared | {"cases": self.from_scratch}

    def figure_spec(self, name: str) -> dict:
        """Slice for drawing a figure. What is said of it is no part of it."""
        said = ("message", "found")
        figure = {key: value for key, value in self.figures[name].items() if key not in said}
        if "drawing" in figure:
            experiment = figure["drawing"]["experiment"]
            drawn = {
                "teacher": self.teacher_spec(experiment),
                "student": self.student_spec(experiment),
            }
            return {"name": name, "figure": figure, "experiments": {experiment: drawn}}
        if "trees" in figure:
            return {"name": name, "figure": figure, "learners": {}, "experiments": {}}
        if "from_scratch" in figure:
            shown = {"name": name, "figure": figure, "learners": {}, "experiments": {}}
            return shown | {"cases": self.from_scratch}
        if "choices" in figure:
            experiments, names = [figure["choices"]["experiment"]], figure["choices"]["learners"]
        else:
            panels = panels_or_maps(figure)
            experiments, names = (
                {item: None for panel in panels for item in panel[key]}
                for key in ("experiments", "learners")
            )
            names |= {panel["minus"]: None for panel in panels if "minus" in panel}
            for panel in panels:
                names |= dict.fromkeys(panel.get("references", {}).values())
                for experiment, predicted in panel.get("theory", {}).items():
                    experiments[experiment] = None
                    names |= dict.fromkeys(predicted)
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
            groups = sets(self.choices)
            shown = figure["choices"].get("sets") or range(1, len(groups) + 1)
            spec["choices"] = [
                {
                    "values": settings(title),
                    "learners": {n: self.choices[title].get(n, n) for n in names},
                }
                for number in shown
                for title in groups[number - 1]
            ]
        return spec


def _standing(names: dict, claimed: Iterable[list[tuple[str, str]]]) -> dict:
    """What stands for the curves (experiment, learner) of some claims where names are replaced."""
    found: dict = {}
    for experiment, learner in chain.from_iterable(claimed):
        block = {"experiment": names.get(experiment, experiment), "learners": {}}
        found.setdefault(experiment, block)["learners"][learner] = names.get(learner, learner)
    return found


def _sizes(experiment: dict) -> dict:
    """Numbers of neurons as files tell them: one hidden layer goes without saying."""
    layers = experiment["layers"]
    return {key: layers[key] for key in layers if key != "hidden_layers" or layers[key] > 1}


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


def _check_reading(name: str, reading: dict, config: dict) -> None:
    """Raise ConfigError for a reading of what there is not."""
    where = f"readings.{name}"
    if name in config["choices"]:
        raise ConfigError(f"{where}: a choice has this name")
    known = config["experiments"] | config["learners"]
    for old, new in reading["names"].items():
        check_among(f"{where}.names", old, known)
        kind = "experiments" if old in config["experiments"] else "learners"
        check_among(f"{where}.names.{old}", new, config[kind])


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
