"""Which open choices a training depends on: found by recording what it reads, and by dry runs."""

from copy import deepcopy
from dataclasses import asdict, replace

import pytest
import yaml

from sparsebp.engine.gradient import descend
from sparsebp.engine.learner import OPEN_CHOICES, RANDOM_START, Learner, open_choices
from sparsebp.engine.learning import learn
from tests.configurations import BASE, load, put, refusal
from tests.problems import instance, learner
from tests.workflow_helpers import Project, jobs

# Another value of each open choice, that every method takes which reads it.
OTHER = {
    "damping": 0.5,
    "damped": "both",
    "initial_scale": 0.5,
    "initial_messages": "variable-to-factor",
    "initial_distribution": "uniform",
    "tolerance": 1e-3,
    "max_steps": 7,
    "tie_tolerance": 1e-3,
    "output_readout": "nonzero",
}
DESCENT = {"network": "sparse", "learning_rate": 0.03}
RANDOM = {"initial_scale": 0.1}  # for how it starts matters there
LEARNERS = {
    "bp": learner(**RANDOM),
    "online": learner(schedule="online", **RANDOM),
    "rbp": learner(reinforcement=0.01, **RANDOM),
    "mp": learner("max-product", **RANDOM),
    "ms": learner("max-sum", **RANDOM),
    "soft": learner(factor="soft", beta=2.0, **RANDOM),
    "blocked": learner(method="blocked", **RANDOM),
    "layered": learner(method="layered", max_values=1000, **RANDOM),
    "theory": learner(method="density-evolution", **RANDOM),
    "exact": learner(method="exact"),
    "exact-map": learner("max-product", method="exact"),
    "descent": learner("gradient-descent", **DESCENT),
}


class Recorded(Learner):
    """A learner that remembers which of its open choices were asked for."""

    asked: set[str]

    def __getattribute__(self, name):
        if name in OPEN_CHOICES:
            Recorded.asked.add(name)
        return super().__getattribute__(name)


def asked(how):
    """The open choices that a training reads, on a small problem."""
    Recorded.asked = set()
    recorded = Recorded(**asdict(how))
    one = instance(n=6, m=3)
    Recorded.asked.clear()
    if how.is_gradient_descent:
        fits = descend(
            recorded, one.problem.patterns, one.phi, one.samples, one.samples.x, [3], 1, 0
        )
    else:
        problem = replace(one.problem, teacher=one.teacher)
        fits = learn(recorded, problem, one.samples, [1, 3], 1, 0, memory_gib=1)
    assert list(fits)
    return Recorded.asked


@pytest.mark.thorough
@pytest.mark.parametrize("name", LEARNERS)
def test_a_training_reads_the_choices_that_it_is_said_to_and_no_others(name):
    """A choice that is read nowhere, but allows one value only, counts: any other is refused."""
    how = LEARNERS[name]
    if how.is_gradient_descent:
        for library in ("jax", "optax"):
            pytest.importorskip(library, reason=f"{library}: the extra `gradient` is not installed")
    said, read = set(open_choices(how.algorithm, how.method)), asked(how)
    assert read <= said
    for key in said - read:
        with pytest.raises(ValueError, match=key):
            Learner(**asdict(how) | {key: OTHER[key]})


def test_every_open_choice_is_one_of_inference():
    study = load(BASE)
    assert set(study.experiments["matched"]["inference"]) == set(OPEN_CHOICES)


@pytest.mark.parametrize(
    "name, key, allowed",
    [("gd", "damping", "tolerance, max_steps"), ("exact", "max_steps", "tie_tolerance, output")],
)
def test_a_choice_of_its_own_that_a_learner_does_not_read_is_refused(name, key, allowed):
    config = deepcopy(BASE)
    config["learners"]["exact"] = {"like": "bp", "method": "exact", "reinforcement": 0}
    message = refusal(put(f"learners/{name}/inference", {key: OTHER[key]}, config))
    assert f"learners.{name}.inference: '{key}' is nothing that this learner depends" in message
    assert allowed in message


# In the workflow: a study with a learner of each method.

STUDY = yaml.safe_load("""
study: {seeds: 1, test_samples: 5}
inference: {initial_scale: 0.1}
learners:
  bp: {algorithm: sum-product, schedule: offline}
  ms: {algorithm: max-sum, factor: soft, schedule: offline}
  blocked: {like: bp, method: blocked}
  layered:
    like: bp
    method: layered
    max_values: 1000
    inference: {damped: factor-to-variable, initial_messages: factor-to-variable}
  theory: {like: bp, method: density-evolution}
  exact: {like: bp, method: exact}
  descent:
    algorithm: gradient-descent
    schedule: offline
    network: sparse
    learning_rate: 0.03
experiments:
  small:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: [2]
    learners: [bp, ms, blocked, layered, theory, exact, descent]
figures: {}
""")
DAMPED = ("bp", "ms", "blocked", "layered")
MESSAGES = (*DAMPED, "theory")
TRAINED_ANEW = {
    "damping": DAMPED,
    "damped": ("bp", "ms", "blocked"),
    "initial_scale": MESSAGES,
    "initial_messages": ("bp", "ms", "blocked", "theory"),
    "initial_distribution": MESSAGES,
    "tolerance": (*MESSAGES, "descent"),
    "max_steps": (*MESSAGES, "descent"),
    "tie_tolerance": (*MESSAGES, "exact"),
    "output_readout": (*MESSAGES, "exact"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The study after a run."""
    for library in ("jax", "optax"):
        pytest.importorskip(library, reason=f"{library}: the extra `gradient` is not installed")
    project = Project(tmp_path_factory.mktemp("choices"), STUDY)
    project.make("results")
    return project


@pytest.mark.slow
def test_each_choice_reruns_the_trainings_that_depend_on_it(trained):
    """Both ways: these run, and no others do."""
    assert trained.todo("results") == set()
    for key in RANDOM_START:  # which all messages that start alike do not depend on
        trained.change({"inference": {"initial_scale": 0, key: OTHER[key]}})
        assert trained.todo("results") == jobs("train", "small", "0", MESSAGES) | {"collect small"}
    found = {}
    for key in OTHER:
        trained.change({"inference": RANDOM | {key: OTHER[key]}})
        found[key] = trained.todo("results")
    trained.change({"inference": RANDOM})
    assert trained.todo("results") == set()
    assert found == {
        key: jobs("train", "small", "0", names) | {"collect small"}
        for key, names in TRAINED_ANEW.items()
    }


@pytest.mark.parametrize("key", ["noise", "overlap"])
def test_theory_without_noise_and_with_all_entries(key):
    """What density evolution is not for is refused before anything runs."""
    block = deepcopy(STUDY["experiments"]["small"])
    if key == "noise":
        block["noise"] = {"flipped": 0.1}
    else:
        block["student"]["overlap"] = {"input": 0.5, "output": 1}
    config = deepcopy(STUDY) | {"experiments": {"small": block}}
    config["figures"] = {"one": {"panels": [{"experiment": "small"}]}}
    message = refusal(config)
    assert message.startswith("experiments.small.learners: theory: method density-evolution")
    assert f"without {key}" in message
