"""What the package accepts as arguments: what the configuration accepts, refused at the call."""

import json
import re
from dataclasses import MISSING, fields

import numpy as np
import pytest

from sparsebp.api import Student
from sparsebp.engine import factors as fac
from sparsebp.engine import gradient
from sparsebp.engine.hidden_messages import hidden_graph
from sparsebp.engine.learner import NAMES, NUMBERS, Learner
from sparsebp.engine.learning import learn, propagate
from sparsebp.engine.problem import WEIGHTS, Beliefs, Problem
from sparsebp.network import model
from sparsebp.network.data import RANGES, Noise, Overlap, Patterns, PerRow, Samples, Sizes
from sparsebp.network.model import activation
from sparsebp.network.quantities import Status
from sparsebp.network.ranges import ENTROPY, MEMORY_GIB, SAMPLES, Range
from sparsebp.study.schema import KNOWN, load_schema
from sparsebp.study.validation import Validator
from tests.problems import TANH, instance, learner

# The rules of the package, and those of the configuration's schema


def number_of(rule):
    """The numbers that a schema allows."""
    exclusive = {"exclusiveMinimum", "exclusiveMaximum"} & rule.keys()
    return Range(
        rule.get("minimum", rule.get("exclusiveMinimum")),
        rule.get("maximum", rule.get("exclusiveMaximum")),
        whole=rule["type"] == "integer",
        above="exclusiveMinimum" in exclusive,
        below="exclusiveMaximum" in exclusive,
    )


def resolved(rules, rule):
    """What a schema says of a key, where it refers to a definition."""
    return rules["$defs"][rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule


@pytest.fixture
def rules(schema):
    return load_schema(schema)


def test_learners_are_allowed_what_the_schema_allows(rules):
    general = rules["$defs"]["inference"]["properties"]
    own = rules["properties"]["learners"]["additionalProperties"]["properties"]
    others = ("like", "label", "inference")
    told = {
        key: resolved(rules, rule) for key, rule in (own | general).items() if key not in others
    }
    assert {field.name for field in fields(Learner)} == told.keys() == NAMES.keys() | NUMBERS.keys()
    for key, rule in told.items():
        if key in NAMES:
            assert tuple(rule["enum"]) == NAMES[key], key
        else:
            assert number_of(rule) == NUMBERS[key], key
    defaults = {f.name: f.default for f in fields(Learner) if f.default not in (MISSING, None)}
    in_schema = {key: rule["default"] for key, rule in (own | general).items() if "default" in rule}
    assert in_schema.items() <= defaults.items()
    assert defaults.keys() - in_schema.keys() == {"schedule", "method"}


def test_other_arguments_are_allowed_what_the_schema_allows(rules):
    study, experiment = (rules["properties"][key] for key in ("study", "experiments"))
    assert number_of(study["properties"]["entropy"]) == ENTROPY
    assert number_of(study["properties"]["memory_gib"]) == MEMORY_GIB
    keys = experiment["additionalProperties"]["properties"]
    for record, block in (
        (Sizes, keys["layers"]),
        (PerRow, rules["$defs"]["per_row"]),
        (Overlap, keys["student"]["properties"]["overlap"]),
        (Noise, keys["noise"]),
    ):
        told = {name: resolved(rules, rule) for name, rule in block["properties"].items()}
        assert told.keys() == set(record._fields)
        for name, allowed in zip(record._fields, RANGES[record], strict=True):
            # A scale of 0 is none in a configuration, and the default of the package.
            assert number_of(told[name])._replace(above=False) == allowed, name
    assert number_of(rules["$defs"]["count"]) == SAMPLES
    for kind in model.ACTIVATIONS.values():
        assert number_of(keys["activation"]["properties"][kind.parameter_name]) == kind.allowed
    assert tuple(keys["activation"]["properties"]["function"]["enum"]) == (*model.ACTIVATIONS,)
    allowed = number_of(keys["student"]["properties"]["alphabet"]["items"])
    assert (allowed.least, allowed.most, allowed.whole) == (WEIGHTS[0], WEIGHTS[-1], True)


def test_what_the_package_knows_is_asked_for(rules, schema):
    """Else a key has rules of its own beside those of the package."""
    texts = [path.read_text(encoding="utf-8") for path in schema.parent.glob("*.schema.yaml")]
    asked = {name for text in texts for name in re.findall(r"package: ([\w.]+)", text)}
    assert asked == KNOWN.keys()
    assert "package" not in json.dumps(rules)


NUMBERED = [name for name, known in KNOWN.items() if isinstance(known, Range)]


@pytest.mark.parametrize("name", NUMBERED)
def test_a_number_is_allowed_in_a_schema_as_in_the_package(name, tmp_path):
    allowed = KNOWN[name]
    path = tmp_path / "schema.yaml"
    path.write_text(f"properties: {{number: {{package: {name}}}}}")
    validator = Validator(load_schema(path))
    step = 1 if allowed.whole else 1e-9 * (allowed.most - allowed.least)
    numbers = [allowed.least - step, allowed.least, allowed.least + step, allowed.most - step]
    numbers += [allowed.most, allowed.most + step, 2.5, 2.0, True, np.nan, np.inf, "2", None]
    held = [allowed.holds(number) for number in numbers]
    assert [validator.is_valid({"number": number}) for number in numbers] == held
    assert set(held) == {True, False}


WRONG = {
    "damping": [1.2, -1, 1.0, np.nan, True, "0.3", None],
    "tolerance": [-1, 0, np.inf],
    "max_steps": [-5, 0, 50.5, 50.0, True],
    "beta": [-2, 0, np.nan],
    "batch_size": [0, 1, 2.0],
    "reinforcement": [-1, np.nan],
    "initial_scale": [-0.1, np.inf],
    "tie_tolerance": [-1e-9],
    "algorithm": ["BP", None, 1],
    "schedule": ["batch", []],
    "factor": ["firm"],
    "damped": ["everything"],
    "output_readout": [0],
    "method": ["magic", None],
}


@pytest.mark.parametrize("key, value", [(k, v) for k, values in WRONG.items() for v in values])
def test_a_learner_refuses_what_is_not_allowed(key, value):
    goes_with = {"beta": {"factor": "soft"}, "batch_size": {"schedule": "mini-batch"}}
    with pytest.raises(ValueError, match=f"^{key}: "):
        Learner(**{"algorithm": "sum-product"} | goes_with.get(key, {}) | {key: value})


@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), 0])
def test_numbers_of_any_library_will_do(value):
    one = instance(n=4, m=2)
    runs = list(learn(learner(damping=value), one.problem, one.samples, [2], 0, 0, 1))
    assert runs[0].status == Status.CONVERGED


@pytest.mark.parametrize(
    "function, parameter",
    [
        *[("leaky-relu", {"a": a}) for a in (-0.1, 1, 1.5, np.nan, True, "0.1", 1e-10, 9e-5)],
        *[("tanh", {"b": b}) for b in (np.nan, np.inf, 3.1, -3.1, 1e-10, -1e-10, None)],
    ],
)
def test_an_activation_refuses_parameters_that_make_none(function, parameter):
    ((name, _),) = parameter.items()
    with pytest.raises(ValueError, match=f"^activation {function}: {name}: .*must be"):
        activation(function, **parameter)


# Problems

ONE = instance(n=60, m=12)
X, Y = ONE.samples
INNER, OUTER = ONE.problem.patterns


@pytest.mark.parametrize(
    "alphabet",
    [[-1, -0.5, 0.5, 1], [1], [], [1, 1, -1], [-128, 1], [-1, 128], [[-1, 1]], ["a", "b"]],
)
def test_an_alphabet_is_of_different_integers(alphabet):
    with pytest.raises(ValueError, match=r"^alphabet: .*must be different integers"):
        Problem.of(ONE.problem.patterns, alphabet, TANH)


def test_rows_are_not_listed_if_they_are_too_many():
    """At once. The most are 9 inputs with weights of three values, and 15 with two."""
    outer, rows = np.array([[0, 1], [0, 1]]), np.tile(np.arange(200), (2, 1))
    said = "200 input weights .* of 3 values: 3.200 rows.*allowed are 65536 .*sb.from_scratch"
    with pytest.raises(ValueError, match=said):
        Student(rows, outer, alphabet=(-1, 0, 1), activation=TANH)
    for count, alphabet in ((9, (-1, 0, 1)), (15, (-1, 1))):
        student = Student(rows[:, :count], outer, alphabet=alphabet, activation=TANH)
        assert student.problem.states.tuples.shape == (len(alphabet) ** count, count)
        with pytest.raises(ValueError, match=f"^{count + 1} input weights"):
            Student(rows[:, : count + 1], outer, alphabet=alphabet, activation=TANH)


def with_entry(topology, value):
    changed = topology.copy()
    changed[3, 1] = value
    return changed


@pytest.mark.parametrize(
    "patterns, said",
    [
        ((INNER, with_entry(OUTER, OUTER[3, 0])), r"^pattern 2 of 2: row 3 is .*different columns"),
        ((with_entry(INNER, INNER[3, 0]), OUTER), r"^pattern 1 of 2: row 3 is .*different columns"),
        ((with_entry(INNER, -1), OUTER), r"^pattern 1 of 2: row 3 is \[.*, -1\]; .* from 0 on$"),
        ((INNER, with_entry(OUTER, 60)), r"row 3 is .* 60\]; .* to 59, as pattern 1 has 60 rows"),
        ((INNER.astype(float), OUTER), "pattern 1 of 2: float64 values of shape"),
        ((INNER, OUTER[0]), "pattern 2 of 2: int32 values of shape"),
        ((INNER[:0], OUTER), "pattern 1 of 2: int32 values of shape"),
        ((OUTER,), "1 patterns; needed are two or more"),
    ],
)  # fmt: skip
def test_patterns_are_columns_of_neurons_that_there_are(patterns, said):
    with pytest.raises(ValueError, match=said):
        Problem.of(Patterns(*patterns), [-1, 1], TANH)
    with pytest.raises(ValueError, match="^pattern [12] of 2: " if len(patterns) == 2 else said):
        Student(*patterns, activation=TANH)


def test_the_patterns_of_several_hidden_layers_are_checked_too():
    with pytest.raises(ValueError, match=r"^pattern 1 of 3: row 3 is \[.*, -1\]"):
        Student(with_entry(INNER, -1), OUTER, OUTER, activation=TANH)


# Samples: at each door

SOFT = learner("max-sum")
SPARSE = learner(
    "gradient-descent", network="sparse", learning_rate=0.1, tolerance=1e-3, max_steps=3
)
WHERE = ONE.problem.states, *ONE.problem.patterns, TANH
HARD_FACTORS = fac.hard_factors(*WHERE, X, Y, 1)
SOFT_FACTORS = fac.soft_factors(*WHERE, X, Y, 1)
DOORS = {
    "learn": lambda x, y: learn(learner(), ONE.problem, Samples(x, y), [4, 8], 0, 0, 1),
    "learn softly": lambda x, y: learn(SOFT, ONE.problem, Samples(x, y), [4, 8], 0, 0, 1),
    "descend": lambda x, y: gradient.descend(
        SPARSE, ONE.problem.patterns, TANH, Samples(x, y), X, [4, 8], 0, 0
    ),
    "hard_factors": lambda x, y: fac.hard_factors(*WHERE, x, y, 1),
    "restrict": lambda x, y: fac.restrict(HARD_FACTORS, *WHERE, x, y),
    "soft_factors": lambda x, y: fac.soft_factors(*WHERE, x, y, 1),
    "accumulate": lambda x, y: fac.accumulate(SOFT_FACTORS, *WHERE, x, y),
    "hidden_graph": lambda x, y: hidden_graph(ONE.problem, x, y, 100, 1),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "x, y, said",
    [
        (X, Y[:, :1], r"y is of shape \(12, 1\); needed are 60 columns"),
        (X, Y[:, 0], r"y of shape \(12,\)"),
        (X, np.hstack([Y, Y]), r"y is of shape \(12, 120\)"),
        (X, Y[:4], "as many rows"),
        (X[:, :10], Y, "at least 60 columns"),
        (X[0], Y, r"x is of shape \(60,\)"),
        (np.where(X > 0, np.nan, X), Y, "not finite"),
        (X, np.where(Y > 0, np.inf, Y), "not finite"),
        (X, Y.astype(str), "y holds <U"),
        (X.astype(complex), Y, "x holds complex128"),
        (X > 0, Y, "x holds bool"),
    ],
    ids=range(11),
)
def test_samples_that_are_not_for_a_network_are_refused_at_once(door, x, y, said):
    with pytest.raises(ValueError, match=said):
        DOORS[door](x, y)


@pytest.mark.parametrize("door", ["learn", "learn softly", "hard_factors", "soft_factors"])
def test_samples_may_be_of_any_kind_of_number(door):
    def found(x, y):
        made = DOORS[door](x, y)
        return [run.estimates for run in made] if door.startswith("learn") else made.__dict__

    expected = found(X, Y)
    for x in (X.astype(float), X.tolist(), np.asfortranarray(X)):
        for y in (Y.tolist(), np.asfortranarray(Y), Y.astype(">f8")):
            np.testing.assert_equal(found(x, y), expected)
    assert len([*learn(SOFT, ONE.problem, Samples(X, Y.astype("f4")), [4], 0, 0, 1)]) == 1


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"grid": [50]}, "12 samples; the numbers of samples go up to 50"),
        ({"grid": [1, 1, 2]}, "ascending"),
        ({"grid": [True, 2, 3]}, "integers from 1 on"),
        ({"grid": [0, 2]}, "integers from 1 on"),
        ({"grid": [2.0]}, "integers from 1 on"),
        ({"grid": []}, "integers from 1 on"),
        ({"memory_gib": np.nan}, "memory_gib: nan; must be a number, greater than 0"),
        ({"memory_gib": np.inf}, "memory_gib: inf"),
        ({"memory_gib": 0}, "memory_gib: 0"),
        ({"threads": 0}, "threads: 0; must be an integer, at least 1"),
        ({"threads": 1.5}, "threads: 1.5"),
        ({"entropy": -1}, "entropy: -1"),
        ({"seed": 0.5}, "seed: 0.5"),
        ({"learner": SPARSE}, "gradient-descent; passes no messages"),
    ],
)  # fmt: skip
def test_other_arguments_are_refused_at_once(changes, said):
    fine = dict(
        learner=learner(), problem=ONE.problem, samples=ONE.samples, grid=[4, 8], entropy=0, seed=0,
        memory_gib=1,
    )  # fmt: skip
    with pytest.raises(ValueError, match=said):
        learn(**fine | changes)
    assert [run.n_samples for run in learn(**fine)] == [4, 8]


def test_factors_and_fields_are_those_of_the_problem_and_the_learner():
    prior, rng = Beliefs.uniform(ONE.problem), np.random.default_rng(0)
    other = instance(n=8, m=2)
    of_other = fac.hard_factors(
        other.problem.states, *other.problem.patterns, TANH, *other.samples, 1
    )
    graph = hidden_graph(ONE.problem, X[:1], Y[:1], 100, 1)
    ternary = Problem.of(ONE.problem.patterns, [-1, 0, 1], TANH)
    for how, factors, changes, said in (
        (SOFT, HARD_FACTORS, {}, "HardFactors: not for factor soft"),
        (learner(), SOFT_FACTORS, {}, "SoftFactors: not for factor hard"),
        (learner(), graph, {}, "HiddenGraph: not for factor hard, method messages"),
        (learner(), of_other, {}, "factors of 8 outputs"),
        (learner(), HARD_FACTORS, {"prior": Beliefs.uniform(ternary)}, "prior of shapes"),
        (learner(), HARD_FACTORS, {"support": Beliefs(prior[0])}, "support of shapes"),
        (learner(), HARD_FACTORS, {"threads": 0}, "threads: 0"),
    ):
        with pytest.raises(ValueError, match=said):
            propagate(how, ONE.problem, factors, **{"prior": prior, "rng": rng} | changes)


# What is printed


@pytest.mark.thorough
def test_what_learning_yields_is_short_in_print():
    for how in (learner(), learner(schedule="online"), SOFT, learner(method="exact")):
        for run in learn(how, ONE.problem, ONE.samples, [4], 0, 0, 1):
            text = str(run)
            assert text == repr(run) and len(text) < 180 and "\n" not in text
            assert "n_samples=4" in text and f"status={run.status}" in text and "60x2" in text
    (fitted,) = gradient.descend(SPARSE, ONE.problem.patterns, TANH, ONE.samples, X, [4], 0, 0)
    assert str(fitted).startswith("Predicted(n_samples=4, prediction=12x60, iterations=3, status=")
    assert len(str(ONE.problem)) < 200


def test_a_status_is_text_in_print_and_a_number_in_arrays():
    assert [str(status) for status in Status] == [
        "not run", "converged", "step limit", "contradiction", "oscillating",
    ]  # fmt: skip
    assert f"{Status.STEP_LIMIT:>12}" == "  step limit"
    assert np.array([Status.CONVERGED, Status.CONTRADICTION]).tolist() == [1, 3]
