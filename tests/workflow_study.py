"""The tiny study of the workflow's tests: its jobs, and which of them an edit reruns."""

import re
from collections import Counter
from pathlib import Path

from sparsebp.storage import paths
from sparsebp.study import inspection
from tests.workflow_helpers import jobs

CONFIG = """
study: {seeds: 2, test_samples: 5}
inference: {max_steps: 50}
learners:
  bp-online: {algorithm: sum-product, schedule: online}
  rbp: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
  rms: {algorithm: max-sum, factor: soft, schedule: offline, reinforcement: 0.01}
experiments:
  matched:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {last: 3}
    learners: [bp-online, rbp]
  mismatched:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
    samples: {last: 3}
    learners: [rbp, rms]
figures:
  one:
    panels: [{experiment: matched}]
  both:
    columns: 2
    panels: [{experiment: matched}, {experiment: mismatched, quantity: topology_error}]
"""
LEARNERS = {"matched": ("bp-online", "rbp"), "mismatched": ("rbp", "rms")}
EXPERIMENTS = tuple(LEARNERS)
SEEDS = ("0", "1")


def train(*experiments, seeds=SEEDS):
    """All trainings of the experiments."""
    return set().union(*(jobs("train", name, seeds, LEARNERS[name]) for name in experiments))


DRAWS = jobs("draw", EXPERIMENTS, SEEDS)
TRAININGS = train(*EXPERIMENTS)
COLLECTS = jobs("collect", EXPERIMENTS)
FIGURES = jobs("figure", ("one", "both"))
PAGES = jobs("table", EXPERIMENTS) | {"provenance_page"}
AFTER_ALL = COLLECTS | FIGURES | PAGES
KERNELS = {"kernels config"}
EVERYTHING = KERNELS | DRAWS | TRAININGS | AFTER_ALL
AFTER_MATCHED = FIGURES | {"collect matched", "table matched", "provenance_page"}
AFTER_MISMATCHED = {"collect mismatched", "table mismatched", "provenance_page", "figure both"}


WITH_PROVENANCE = {".nc", ".json", *(f".{format}" for format in paths.FIGURE_FORMATS)}


def job(path):
    """The job that makes a file, as ``Run`` names it."""
    match *path.parent.parts, path.stem:
        case "figures", figure:
            return f"figure {figure}"
        case "results", "kernels", compiled:
            return f"kernels {compiled.partition('-')[2]}"
        case "results", "verdicts" | "numbers" as rule:
            return rule
        case "results", experiment:
            return f"collect {experiment}"
        case "results", experiment, folder, name:
            rule, end = ("draw", "") if name in inspection.DRAWN else ("train", f" {name}")
            return f"{rule} {experiment} {folder.removeprefix('seed-')}{end}"


def answers(project, *options, folder="."):
    """What ``sparsebp show`` says of every file in a folder: whether it matches."""
    files = [
        path
        for part in ("results", "figures")
        for path in sorted((project / folder / part).rglob("*"))
        if path.suffix in WITH_PROVENANCE and path.name != Path(paths.VERDICTS_FIGURE).name
    ]
    status, output = project.sparsebp("show", *map(str, files), *options)
    said = re.findall(r"^(\S+) (matches|does not match) ", output, re.M)
    assert [Path(name) for name, _ in said] == files, output
    found = {
        path.relative_to(project / folder): answer == "matches"
        for path, (_, answer) in zip(files, said, strict=True)
    }
    assert status == (0 if all(found.values()) else 3)
    return found


def assert_shown(project, rerun):
    """``sparsebp show`` finds that just the files do not match which the jobs to come make anew."""
    found = answers(project)
    assert len(found) > 20
    assert found == {path: job(path) not in rerun for path in found}


def why(project, *arguments):
    """What ``sparsebp why`` says: jobs by rule, what is made for each reason, and the time."""
    status, output = project.sparsebp("why", *arguments)
    assert status == 0, output
    total, table, reasons, time = re.fullmatch(
        r"(\d+) jobs? would run:\n\nrule .*\n((?:.+\n)+)\nWhy:\n((?:  .+\n)+)\nTime: (.+)\.\n",
        output,
    ).groups()
    rules = {rule: int(number) for rule, number in re.findall(r"^(\w+) +(\d+) ", table, re.M)}
    assert sum(rules.values()) == int(total)
    made = [line.strip().rpartition(": ") for line in reasons.splitlines()]
    return rules, {reason: products for reason, _, products in made}, time


def assert_why(project, rerun):
    """``sparsebp why`` has the jobs to come, and gives a reason for each."""
    if not rerun:
        assert project.sparsebp("why") == (
            0,
            "Nothing to do: all that is asked for is there and up to date.\n",
        )
        return
    rules, reasons, _ = why(project)
    assert rules == Counter(name.split()[0] for name in rerun)
    numbers = [sum(map(int, re.findall(r"\d+", products))) for products in reasons.values()]
    assert max(numbers) <= len(rerun) <= sum(numbers)


EDITS_OF_CONFIG = {
    "reinforcement of a learner": (
        {"learners.rms.reinforcement": 0.02},
        jobs("train", "mismatched", SEEDS, "rms") | AFTER_MISMATCHED,
    ),
    "reinforcement of a learner of both experiments": (
        {"learners.rbp.reinforcement": 0.02},
        jobs("train", EXPERIMENTS, SEEDS, "rbp") | AFTER_ALL,
    ),
    "decimal number for the same whole one": (
        {"learners.bp-online.reinforcement": 0.0},
        jobs("train", "matched", SEEDS, "bp-online") | AFTER_MATCHED,
    ),
    "inference of one experiment": (
        {"experiments.mismatched.inference": {"damping": 0.5}},
        train("mismatched") | AFTER_MISMATCHED,
    ),
    "longer sample grid": (
        {"experiments.mismatched.samples": {"last": 4}},
        jobs("draw", "mismatched", SEEDS) | train("mismatched") | AFTER_MISMATCHED,
    ),
    "sparser sample grid": (
        {"experiments.matched.samples": [1, 3]},
        train("matched") | AFTER_MATCHED,
    ),
    "activation": (
        {"experiments.mismatched.activation.b": 0.2},
        jobs("draw", "mismatched", SEEDS) | train("mismatched") | AFTER_MISMATCHED,
    ),
    "pattern of the student": (
        {"experiments.mismatched.student.nonzeros_per_row.input": 4},
        jobs("draw", "mismatched", SEEDS) | train("mismatched") | AFTER_MISMATCHED,
    ),
    "size of the network": (
        {"experiments.mismatched.layers": {"input": 22, "hidden": 22, "output": 22}},
        jobs("draw", "mismatched", SEEDS) | train("mismatched") | AFTER_MISMATCHED,
    ),
    "more seeds": (
        {"study.seeds": 3},
        jobs("draw", EXPERIMENTS, "2") | train(*EXPERIMENTS, seeds="2") | AFTER_ALL,
    ),
    "fewer seeds": ({"study.seeds": 1}, AFTER_ALL),
    "limit of memory, on which no result depends": ({"study.memory_gib": 2}, set()),
    # Test samples share a file with those the students learn from.
    "number of test samples": (
        {"study.test_samples": 7},
        DRAWS | TRAININGS | AFTER_ALL,
    ),
    "new learner in one experiment": (
        {
            "learners.mp": {"algorithm": "max-product", "schedule": "offline"},
            "experiments.mismatched.learners": ["rbp", "rms", "mp"],
        },
        jobs("train", "mismatched", SEEDS, "mp") | AFTER_MISMATCHED,
    ),
    "learner that no experiment runs": (
        {"learners.mp": {"algorithm": "max-product", "schedule": "offline"}},
        set(),
    ),
    "label of a learner": ({"learners.rms.label": "max-sum"}, jobs("figure", "both")),
    "title of a panel": ({"figures.one.panels.0.title": "New"}, jobs("figure", "one")),
    "limits of a panel": ({"figures.both.panels.1.y": [0, 0.5]}, jobs("figure", "both")),
    "new panel": (
        {"figures.one.panels": [{"experiment": "matched"}, {"experiment": "matched", "x": [1, 2]}]},
        jobs("figure", "one"),
    ),
}


EDITS_OF_SOURCES = {
    "engine/kernels/updates.py": KERNELS | TRAININGS | AFTER_ALL,
    "engine/kernels/ring_updates.py": KERNELS | TRAININGS | AFTER_ALL,
    "engine/survivors.py": KERNELS | TRAININGS | AFTER_ALL,
    "engine/learning.py": TRAININGS | AFTER_ALL,
    "network/patterns.py": EVERYTHING - KERNELS,
    "storage/store.py": EVERYTHING - KERNELS,
    "steps/draw.py": EVERYTHING - KERNELS,
    "steps/train.py": TRAININGS | AFTER_ALL,
    "network/metrics.py": AFTER_ALL,
    "report/figures.py": FIGURES,
    "report/pages.py": {"provenance_page"} | jobs("table", ("matched", "mismatched")),
    "cli.py": set(),
    "storage/paths.py": set(),
    "study/config.py": set(),
}
