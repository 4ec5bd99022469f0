"""The configuration: what is refused and how, and which step depends on which of its keys."""

import json
import math
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from sparsebp.engine.learner import Learner
from sparsebp.storage import paths
from sparsebp.study.config import ConfigError, Study

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
FULL = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

BASE = yaml.safe_load("""
study: {entropy: 1, seeds: 3, test_samples: 10, memory_gib: 1}
inference: {damping: 0.3}
learners:
  bp: {label: BP, algorithm: sum-product, schedule: offline, reinforcement: 0.01}
  batch4: {algorithm: sum-product, schedule: mini-batch, batch_size: 4}
  mp: {algorithm: max-product, schedule: online}
  ms: {algorithm: max-sum, factor: soft, schedule: offline}
  soft: {algorithm: sum-product, factor: soft, beta: 2.0, schedule: offline}
  gd: {algorithm: gradient-descent, network: dense, learning_rate: 0.01, schedule: offline}
experiments:
  matched:
    layers: {input: 30, hidden: 20, output: 20}
    nonzeros_per_row: {input: 3, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {first: 1, last: 8}
    learners: [bp, batch4, mp]
  wider:
    thesis: Fig. 7
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: leaky-relu, a: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
    samples: [1, 2, 5]
    learners: [bp, ms, soft]
figures:
  one: {panels: [{experiment: matched}, {experiment: wider, learners: [ms], y: [0, 1]}]}
  two: {columns: 2, panels: [{experiment: wider}]}
""")
# The same with choices, a student of another pattern, noise, and a figure of each other kind.
EXTENDED = BASE | yaml.safe_load("""
choices:
  experiments: {again: wider}
  samples: [1, 2, 5]
  vary: [{damping: [0, 0.3]}, {reinforcement: [0.1]}]
figures:
  one: {panels: [{experiment: matched}, {experiment: wider, learners: [ms], y: [0, 1]}]}
  two: {columns: 2, panels: [{experiment: wider}]}
  several: {panels: [{experiments: [matched, wider], against: layers.input, at: 5}]}
  limited: {panels: [{experiments: [matched, wider], against: layers.input, at_most: 0}]}
  curves: {panels: [{experiments: [matched, wider], by: layers.input}]}
  cooled: {panels: [{experiment: wider, against: beta, at: [2, 5], x_scale: log}]}
  chosen: {choices: {experiment: again, samples: [2, 5], learners: [bp, ms]}}
  drawn: {drawing: {of: network, experiment: small, output: 2}}
""")
EXTENDED["experiments"] = BASE["experiments"] | yaml.safe_load("""
  small:
    layers: {input: 4, hidden: 4, output: 4}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
    samples: [1, 2]
    learners: [bp]
  other:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student:
      nonzeros_per_row: {input: 1, output: 2}
      overlap: {input: 0.5, output: 0}
      alphabet: [-1, 1]
    noise: {flipped: 0.1, jittered: 0.2, scale: 0.5}
    samples: [1, 2]
    learners: [ms, gd]
""")
DELETE = object()


def put(path, value, base=BASE):
    """A copy of a configuration with one key set, or deleted."""
    config = deepcopy(base)
    block, (*parents, last) = config, path.split("/")
    for key in parents:
        block = block[int(key)] if isinstance(block, list) else block.setdefault(key, {})
    if value is DELETE:
        del block[last]
    else:
        block[int(last) if isinstance(block, list) else last] = value
    return config


def load(config):
    return Study.load(config, SCHEMA)


def specs(study):
    """Every slice of the configuration, by step and names."""
    found = {}
    for e, experiment in study.experiments.items():
        for step in ("teacher", "dataset", "student", "collect"):
            found[step, e] = getattr(study, f"{step}_spec")(e)
        for learner in experiment["learners"]:
            found["train", e, learner] = study.train_spec(e, learner)
    return found | {("figure", f): study.figure_spec(f) for f in study.figures}


def refusal(config):
    with pytest.raises(ConfigError) as error:
        load(config)
    message = str(error.value)
    assert message.strip()
    assert len(message.splitlines()) == 1
    return message


def test_the_study_loads_and_its_slices_are_json(config, schema):
    before = deepcopy(config)
    slices = specs(Study.load(config, schema))
    assert config == before
    slices = list(slices.values())
    assert json.loads(json.dumps(slices, allow_nan=False)) == slices


def test_the_small_study_loads(config):
    update_config(config, yaml.safe_load((ROOT / "tests/small.yaml").read_text(encoding="utf-8")))
    study = load(config)
    assert list(study.seeds()) == [0, 1]
    assert max(max(e["layers"].values()) for e in study.experiments.values()) <= 60
    again = FULL["choices"]["experiments"].keys()
    assert study.experiments.keys() == FULL["experiments"].keys() | again


def test_defaults_are_those_of_the_schema():
    study = load({key: BASE[key] for key in ("learners", "experiments", "figures")})
    assert study.study == {"entropy": 2020, "seeds": 10, "test_samples": 50, "memory_gib": 4}
    learner = study.learner("matched", "mp")
    assert (learner["damping"], learner["factor"], learner["reinforcement"]) == (0.3, "hard", 0)
    assert not {"beta", "batch_size"} & learner.keys()
    assert study.experiments["matched"]["student"]["nonzeros_per_row"] == {"input": 3, "output": 2}
    assert study.figures["two"]["panels"][0]["learners"] == ["bp", "ms", "soft"]


@pytest.mark.parametrize(
    "samples, numbers",
    [
        ({"last": 3}, [1, 2, 3]),
        ({"first": 2, "last": 9, "step": 3}, [2, 5, 8]),
        ({"first": 4, "last": 4}, [4]),
        ([1, 4, 40], [1, 4, 40]),
    ],
)
def test_sample_numbers(samples, numbers):
    study = load(put("experiments/wider/samples", samples))
    assert study.collect_spec("wider")["samples"] == numbers
    assert study.dataset_spec("wider")["samples"] == numbers[-1]


# What is refused. The path of a key, its value, and what the message says is allowed.
M, W, X = "experiments/matched", "experiments/wider", "experiments/other"
BAD_VALUES = [
    # Types
    *(("study/seeds", value, "integer") for value in ("3", True, None, [3], {}, 2.5, 2.0)),
    *(("inference/damping", value, "number") for value in ("0.3", True, None, [0.3])),
    *(("inference", value, "object") for value in (None, [], 3, "x")),
    *((f"{M}/learners", value, "array") for value in ("bp", None, {"bp": 1})),
    *((f"{M}/samples", value, "array", "object") for value in ("all", None, 3, True)),
    *((f"{M}/layers/input", value, "integer") for value in ("30", 30.0, None)),
    *((f"{M}/student/alphabet/0", value, "integer") for value in ("-1", -1.0, None)),
    ("learners/bp/label", 3, "string"),
    ("figures/one/panels/0", None, "object"),
    # Names of things
    (f"{M}/activation/function", "relu", "tanh, leaky-relu"),
    ("learners/bp/algorithm", "bp", "sum-product, max-product, max-sum"),
    ("learners/bp/schedule", "batch", "offline, mini-batch, online"),
    ("learners/bp/factor", "loose", "hard, soft"),
    ("inference/damped", "none", "factor-to-variable, variable-to-factor, both"),
    ("inference/output_readout", "all", "alphabet, nonzero"),
    (f"{M}/learners/0", "rbp", "bp, batch4, mp, ms"),
    ("figures/one/panels/0/experiment", "mismatched", "matched, wider"),
    ("figures/one/panels/0/learners/0", "ms", "bp, batch4, mp"),
    ("figures/one/panels/0/quantity", "error", "weight_error, flipped_error, topology_error"),
    ("figures/one/panels/0/scale", "logarithmic", "linear, log"),
    ("figures/one/panels/0/at", 4, "allowed with against only"),
    ("figures/one/panels/0/x_scale", "log", "allowed with against only"),
    ("figures/one/panels/0/at_most", 0, "allowed with experiments only"),
    ("figures/cooled/panels/0/at_most", 0, "allowed with experiments only"),
    ("figures/cooled/panels/0/by", "layers.input", "allowed with experiments only"),
    ("figures/cooled/panels/0/against", "algorithm", "bp, ms, soft", "beta, reinforcement"),
    ("figures/cooled/panels/0/against", "layers.input", "bp, ms, soft", "beta, reinforcement"),
    ("figures/cooled/panels/0/against", "reinforcement", "0 in ms and soft", "they differ"),
    ("figures/cooled/panels/0/at", 3, "wider", "1, 2, 5"),
    ("figures/cooled/panels/0/at/0", 3, "wider", "1, 2, 5"),
    ("figures/cooled/panels/0/at", [], "empty"),
    ("figures/cooled/panels/0/at", [2, 2], "unique"),
    ("figures/cooled/panels/0/at", "all", "integer or array"),
    ("figures/several/panels/0/at", [2, 5], "is no m of matched"),
    ("figures/one/panels/0/experiments", ["wider"], "together with experiment"),
    ("figures/one/panels/0/by", "layers.input", "experiments"),
    ("figures/several/panels/0/by", "layers.input", "together with against"),
    ("figures/curves/panels/0/by", "layers.middle", "matched", "layers.hidden"),
    ("figures/curves/panels/0/by", "layers.output", "20", "matched and wider", "differ"),
    *(
        (f"figures/curves/panels/0/{key}", value, f"{value!r}", "allowed with against only")
        for key, value in (("at", 5), ("at_most", 0), ("x_scale", "log"))
    ),
    ("figures/one/panels/0/minus", "ms", "matched", "allowed: bp"),
    ("figures/limited/panels/0/minus", "bp", "allowed without at_most only"),
    ("figures/one/panels/0/law", "yes", "boolean"),
    ("figures/curves/panels/0/law", True, "experiment only"),
    ("figures/several/panels/0/at_most", 3, "together with at"),
    ("figures/limited/panels/0/at_most", -0.1, "at least 0"),
    ("figures/limited/panels/0/at_most", "none", "number"),
    ("figures/several/panels/0/experiments/0", "mismatched", "matched, wider"),
    (
        "figures/several/panels/0/against",
        "activation.b",
        "wider",
        "activation.a",
    ),
    ("figures/several/panels/0/against", "activation", "matched", "activation.b"),
    ("figures/several/panels/0/at", 8, "wider", "1, 2, 5"),
    ("figures/several/panels/0/x_scale", "logarithmic", "linear, log"),
    ("figures/several/panels/0/against", "inference.damping", "0.3", "matched and wider", "differ"),
    ("figures/one/choices", {"experiment": "again", "samples": [1, 2]}, "together with panels"),
    ("figures/chosen/columns", 2, "panels"),
    ("figures/chosen/choices/experiment", "wider", "allowed: again"),
    ("figures/chosen/choices/learners/0", "batch4", "wider", "bp, ms, soft"),
    ("figures/chosen/choices/samples", [3, 4], "again", "[1, 2, 5]"),
    ("figures/chosen/choices/samples", [5, 2], "again", "[1, 2, 5]"),
    ("figures/chosen/choices/samples/0", 0, "at least 1"),
    # Sample numbers
    (f"{M}/samples", [], "empty"),
    (f"{M}/samples", [4, 2], "ascending"),
    (f"{M}/samples", [4, 4], "unique"),
    (f"{M}/samples/first", 9, "'last': 8", "empty"),
    (f"{M}/samples/first", 0, "at least 1"),
    (f"{M}/samples/last", -3, "at least 1"),
    (f"{M}/samples/step", 0, "at least 1"),
    *((f"{M}/samples/last", value, "integer") for value in (8.0, 8.5)),
    *((f"{W}/samples/0", value, "at least 1") for value in (0, -1)),
    *((f"{W}/samples/0", value, "integer") for value in (1.5, 1.0)),
    *((f"{M}/samples/last", 10**power, "at most") for power in (18, 30)),
    # Ranges
    *(("inference/damping", value, "less than 1") for value in (1, 1.5)),
    ("inference/damping", -0.1, "at least 0"),
    ("inference/tolerance", 0, "greater than 0"),
    ("inference/max_steps", 0, "at least 1"),
    ("inference/initial_scale", -1, "at least 0"),
    ("study/seeds", 0, "at least 1"),
    ("study/entropy", -1, "at least 0"),
    ("study/memory_gib", 0, "greater than 0"),
    ("learners/bp/reinforcement", -0.01, "at least 0"),
    ("learners/soft/beta", 0, "at least 1e-06"),
    ("learners/batch4/batch_size", 1, "at least 2"),
    ("figures/one/columns", 0, "at least 1"),
    (f"{M}/layers/input", 0, "at least 1"),
    (f"{W}/activation/a", 1, "less than 1"),
    (f"{W}/activation/a", -0.1, "at least 0"),
    # Values that do not go with others
    ("learners/ms/factor", "hard", "max-sum", "soft"),
    ("learners/mp/factor", "soft", "max-product", "hard"),
    (f"{W}/student/nonzeros_per_row/input", 1, "at least 2"),
    (f"{W}/student/alphabet", [-1, 1], "lacks 0", "input"),
    (f"{M}/student/alphabet", [0, 1], "-1"),
    (f"{M}/student/alphabet", [-1, 0], "1"),
    (f"{M}/student/alphabet", [-1, 1, 1], "unique"),
    (f"{M}/student/alphabet", [1], "short"),
    (f"{M}/student/alphabet/0", 200, "at most 127"),
    ("learners/gd/network", "deep", "sparse, dense"),
    ("learners/gd/learning_rate", 0, "greater than 0"),
    ("learners/gd/schedule", "online", "offline"),
    ("learners/gd/factor", "soft", "no factors"),
    (f"{X}/student/overlap/input", 1.1, "at most 1"),
    (f"{X}/noise/flipped", -0.1, "at least 0"),
    (f"{X}/noise/scale", 0, "greater than 0"),
]


@pytest.mark.parametrize("path, value, allowed", [(p, v, rest) for p, v, *rest in BAD_VALUES])
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(path, value, allowed):
    base = put("figures/one/panels/0/learners", ["bp"], EXTENDED)
    message = refusal(put(path, value, base))
    keys = [key for key in path.split("/") if not key.isdigit()]
    assert [part for part in [*keys, repr(value), *allowed] if part not in message] == []


# A key that is unknown, missing (DELETE), or that others forbid, and what the message says.
BAD_KEYS = [
    ("figures/two/panels", [{"experiment": "other", "law": True}], "0.law", "not so in other"),
    ("figures/one/panels/1/minus", "ms", "panels.1.learners: 'ms'", "is the one of minus"),
    ("choices/learners", ["mp"], "choices.learners: 'mp'", "wider", "bp, ms, soft"),
    ("seeds", 3, "unknown", "study"),
    ("study/seed", 3, "unknown", "seeds"),
    ("inference/dampling", 0.3, "unknown", "damping"),
    ("learners/bp/scheduler", "offline", "unknown", "schedule"),
    ("learners/bp/inference/steps", 3, "unknown", "max_steps"),
    (f"{M}/layer", 3, "unknown", "layers"),
    (f"{M}/inference/alpha", 0.3, "unknown", "damping"),
    (f"{M}/layers/middle", 20, "unknown", "hidden"),
    (f"{M}/nonzeros_per_row/middle", 2, "unknown", "output"),
    (f"{M}/nonzeros_per_row/hidden", 2, "allowed with layers.hidden_layers above 1 only"),
    (f"{W}/student/nonzeros_per_row/middle", 2, "unknown", "output"),
    (f"{M}/activation/c", 0.1, "unknown", "function"),
    (f"{M}/student/weights", 3, "unknown", "alphabet"),
    (f"{M}/samples/frist", 3, "unknown", "first"),
    ("figures/one/rows", 3, "unknown", "columns"),
    ("figures/two/panels/0/learner", "bp", "unknown", "learners"),
    ("learners", DELETE, "missing"),
    ("learners/bp/algorithm", DELETE, "missing"),
    (f"{M}/layers/hidden", DELETE, "missing"),
    (f"{M}/activation/function", DELETE, "missing"),
    (f"{M}/samples/last", DELETE, "missing"),
    ("figures/one/panels", DELETE, "missing"),
    ("figures/one/panels/0/experiment", DELETE, "missing", "experiments"),
    ("figures/several/panels/0/at", DELETE, "'at' is missing", "'at_most' in its place"),
    ("figures/cooled/panels/0/at", DELETE, "'at' is missing"),
    ("figures/several/panels/0/learners", ["ms"], "'ms'", "matched, wider", "allowed: bp"),
    ("figures/several/panels/0/against", DELETE, "'against' is missing", "'by' in its place"),
    (f"{M}/activation/b", DELETE, "tanh", "nothing"),
    (f"{W}/activation/a", DELETE, "leaky-relu", "nothing"),
    (f"{M}/activation/a", 0.1, "tanh", "parameter b"),
    (f"{W}/activation/b", 0.1, "leaky-relu", "parameter a"),
    ("learners/ms/factor", DELETE, "max-sum", "soft"),
    ("learners/soft/beta", DELETE, "sum-product", "soft"),
    ("learners/bp/beta", 2.0, "sum-product", "soft"),
    ("learners/ms/beta", 2.0, "sum-product", "soft"),
    ("learners/batch4/batch_size", DELETE, "mini-batch"),
    ("learners/bp/batch_size", 4, "mini-batch"),
    ("learners/mp/batch_size", 4, "mini-batch"),
    ("learners/mp/reinforcement", 0.01, "sum-product", "max-sum"),
    ("learners/gd/reinforcement", 0.01, "sum-product", "max-sum"),
    ("learners/gd/network", DELETE, "gradient-descent", "only with it"),
    ("learners/gd/learning_rate", DELETE, "gradient-descent", "only with it"),
    ("learners/bp/network", "sparse", "gradient-descent", "only with it"),
    ("learners/ms/learning_rate", 0.1, "gradient-descent", "only with it"),
    (f"{X}/student/overlap/hidden", 0.5, "unknown", "output"),
    (f"{X}/student/overlap/output", DELETE, "missing"),
    (f"{X}/student/overlap", DELETE, "nonzeros_per_row.input", "1; without overlap", "at least 2"),
    (f"{X}/noise/flip", 0.1, "unknown", "flipped"),
    (f"{X}/noise/scale", DELETE, "noise", "jittered"),
    (f"{X}/noise/jittered", DELETE, "noise", "jittered"),
    ("learners/bp/max_values", 9, "method: layered"),
    ("learners/batch4/method", "layered", "max_values"),
]


@pytest.mark.parametrize("path, value, said", [(p, v, rest) for p, v, *rest in BAD_KEYS])
def test_a_bad_key_is_named_with_what_is_allowed(path, value, said):
    message = refusal(put(path, value, EXTENDED))
    keys = [key for key in path.split("/") if not key.isdigit()]
    assert [part for part in [*keys, *said] if part not in message] == []


@pytest.mark.parametrize(
    "path, value, said",
    [
        (f"{M}/layers/hidden", 19, ["nonzeros_per_row.input", "19", "x 3", "= 57", "30"]),
        (f"{M}/layers/output", 21, ["nonzeros_per_row.output", "21", "x 2", "= 42", "20"]),
        (f"{M}/nonzeros_per_row/input", 4, ["nonzeros_per_row.input", "x 4", "= 80", "30"]),
        (
            f"{M}/layers",
            {"input": 3, "hidden": 1, "output": 20},
            ["nonzeros_per_row.output", "2 non-zeros", "1 columns"],
        ),
        (
            f"{M}/student",
            {"nonzeros_per_row": {"input": 4, "output": 2}, "alphabet": [-1, 0, 1]},
            ["student.nonzeros_per_row.input", "x 4", "= 80", "30"],
        ),
        (
            f"{X}/student/overlap/input",
            0.75,
            ["student.overlap.input", "0.75", "40 entries", "are 30", "1 per row has 20"],
        ),
        (
            f"{X}/student/nonzeros_per_row/output",
            19,
            ["student.overlap.output", "are 0", "other 380", "360 cells"],
        ),
        (f"{X}/layers", dict.fromkeys(("input", "hidden", "output"), 4000), ["16000000 cells"]),
        (f"{W}/learners", ["batch4", "ms"], ["learners", "batch4", "batch_size 4", "[1, 2, 5]"]),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_the_arithmetic(path, value, said):
    message = refusal(put(path, value, EXTENDED if path.startswith(X) else BASE))
    assert [part for part in [path.split("/")[1], *said] if part not in message] == []


NUMBERS = ["study/memory_gib", "learners/bp/reinforcement", "learners/soft/beta"]
NUMBERS += [f"{M}/activation/b", f"{W}/activation/a", "figures/one/panels/1/y/0"]
OPTIONS = ("damping", "tolerance", "initial_scale", "tie_tolerance")
NUMBERS += [f"inference/{name}" for name in OPTIONS]
NUMBERS += [f"learners/bp/inference/{name}" for name in OPTIONS]


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_that_are_not_finite_are_refused(path, value):
    value = yaml.safe_load(value)
    message = refusal(put(path, value))
    keys = [key for key in path.split("/") if not key.isdigit()]
    assert [part for part in [*keys, repr(value)] if part not in message] == []


def test_a_number_beyond_floating_point_is_refused():
    assert "activation" in refusal(put(f"{M}/activation/b", 10**400))


NAMES = ["a/b", "..", "../a", "Ab", "a b", "", "1a", "é", "a\n", 1, 2.5, None, True]


@pytest.mark.parametrize("section", ["learners", "experiments", "figures"])
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_make_bad_file_names_are_refused(section, name):
    config = deepcopy(BASE)
    config[section][name] = next(iter(config[section].values()))
    message = refusal(config)
    assert section in message
    assert repr(name) in message


@pytest.mark.parametrize("name", ["teacher", "student", "dataset"])
def test_a_learner_is_not_named_as_another_file_of_its_folder(name):
    assert refusal(put(f"learners/{name}", BASE["learners"]["bp"])) == (
        f"learners.{name}: {name!r} names results/{{experiment}}/seed-{{seed}}/{name}.nc, which is "
        "another file of the workflow; allowed: other names"
    )


@pytest.mark.parametrize("path", ["experiments/trees", "choices/experiments/trees"])
def test_an_experiment_is_not_named_as_another_file_of_the_results(path):
    """Whether there is a block trees or not: the rule that makes its file is there."""
    value = "wider" if path.startswith("choices") else BASE["experiments"]["matched"]
    assert refusal(put(path, value, base=EXTENDED)) == (
        "experiments.trees: 'trees' names results/trees.nc, which is another file of the workflow; "
        "allowed: other names"
    )


def test_names_are_checked_against_every_pattern():
    patterns = {value for name, value in vars(paths).items() if name.isupper()} - {
        paths.FILES,
        paths.FIGURE_FORMATS,
        paths.KERNELS,  # these two are no outputs of rules
        paths.HANDED,
    }
    assert set(paths.FILES) == patterns


def test_a_name_mistyped_is_answered_with_the_nearest():
    for path, value, near in (
        ("experiments/wider/learners", ["bp", "sotf"], "soft"),
        ("figures/one/panels/0/experiment", "matchd", "matched"),
        ("figures/one/panels/1/learners", ["m"], "ms"),
    ):
        assert f"; nearest: {near}; allowed: " in refusal(put(path, value))
    assert "nearest" not in refusal(put("experiments/wider/learners", ["quite-another"]))


# What stands in config.yaml, in files that override it in turn, and which of them is named.
ORIGINS = {
    "the one that is wrong": ({"study/seeds": "x"}, {}, {}, "config.yaml: study.seeds"),
    "not one beside it": ({"study/seeds": "x"}, {"study/entropy": 2}, {}, "config.yaml: study"),
    "what is missing": ({"experiments": DELETE}, {}, {}, "config.yaml: top level"),
    "the first that brings it": (
        {}, {"experiments/matched/layers/output": 21}, {"experiments/matched/thesis": "Fig. 1"},
        "one.yaml: experiments.matched.nonzeros_per_row.output: ",
    ),
    "a key that it does not hold": (
        {}, {}, {"experiments/matched/samples": [1, 2]}, "two.yaml: experiments.matched.learners: "
    ),
    "a learner for those who use it": (
        {}, {"learners/ms/factor": "hard"}, {}, "one.yaml: learners.ms: "
    ),
    "another in its place": (
        {"study/seeds": "x"}, {"study/seeds": "y"}, {}, "one.yaml: study.seeds: 'y'"
    ),
    "another elsewhere": (
        {"study/seeds": "x"}, {"study/entropy": "y"}, {"study/seeds": 3}, "one.yaml: study.entropy",
    ),
    "one that was there before": (
        {"study/seeds": "x", "study/test_samples": "y"}, {"study/seeds": 3}, {},
        "config.yaml: study.test_samples",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("base", "one", "two", "said"), ORIGINS.values(), ids=ORIGINS)
def test_a_mistake_is_reported_of_the_file_that_brings_it(base, one, two, said):
    parts = {"config.yaml": deepcopy(BASE), "/a/one.yaml": {}, "two.yaml": {}}
    for part, edits in zip(parts, (base, one, two), strict=True):
        for path, value in edits.items():
            parts[part] = put(path, value, base=parts[part])
    merged = {}
    for part in parts.values():
        update_config(merged, part)
    with pytest.raises(ConfigError) as error:
        Study.load(merged, SCHEMA, parts)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("config", [None, [], "text", 3, {}])
def test_a_configuration_that_is_no_mapping_is_refused(config):
    refusal(config)


def test_unknown_keys_of_several_types_are_refused():
    """YAML makes numbers, null and booleans of some keys."""
    assert "unknown" in refusal(BASE | {1: 0, "a": 0, None: 0})


def test_a_learner_that_no_experiment_uses_is_checked():
    idle = {"algorithm": "max-sum", "schedule": "offline"}
    assert "idle" in refusal(put("learners/idle", idle))


def test_blocks_shared_by_yaml_anchors_do_not_affect_one_another():
    """The default of one experiment's student is not written into another's."""
    config = yaml.safe_load(yaml.safe_dump(put(f"{W}/activation", {"function": "tanh", "b": 0.1})))
    config["experiments"]["denser"] = config["experiments"]["matched"] | {
        "nonzeros_per_row": {"input": 3, "output": 3}
    }
    student = load(config).student_spec("denser")
    assert student["nonzeros_per_row"] == {"input": 3, "output": 3}


# Any value anywhere


def nodes(value, path=()):
    """The paths of all keys and items of a configuration."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from nodes(item, (*path, key))


PATHS = sorted(nodes(FULL), key=repr)
KEYS = sorted({key for path in PATHS for key in path if isinstance(key, str)})
# Beyond 10**6, ranges of sample numbers would take the memory before they are refused.
integers = st.integers(-3, 30) | st.integers(-(10**6), 10**6) | st.sampled_from([2**63, 10**400])
words = st.sampled_from([*KEYS, "tanh", "max-sum", "soft", "mini-batch"]) | st.text(max_size=4)
leaves = st.none() | st.booleans() | integers | st.floats() | words
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def subtree(path):
    value = FULL
    for key in path:
        value = value[key]
    return value


@pytest.mark.thorough
@settings(max_examples=200)
@given(st.sampled_from(PATHS), values | st.sampled_from(PATHS).map(subtree))
@example(("experiments", "matched_tanh", "samples"), {"last": 2.0})
@example(("inference", "damping"), math.nan)
def test_any_change_is_accepted_or_refused_in_one_line(path, value):
    """What is accepted gives slices that strict JSON can hold."""
    config = deepcopy(FULL)
    block = config
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = deepcopy(value)
    try:
        study = load(config)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
    else:
        json.dumps(list(specs(study).values()), allow_nan=False)


# Which step depends on what


def test_overlap_and_noise_are_in_the_slices_only_where_given():
    """So that of other experiments nothing is computed anew."""
    study = load(EXTENDED)
    draw = {name: study.draw_spec(name) for name in ("matched", "other")}
    assert draw["other"]["student"]["overlap"] == {"input": 0.5, "output": 0}
    assert draw["other"]["dataset"]["noise"] == {"flipped": 0.1, "jittered": 0.2, "scale": 0.5}
    assert draw["matched"]["student"].keys() == draw["other"]["student"].keys() - {"overlap"}
    assert draw["matched"]["dataset"].keys() == draw["other"]["dataset"].keys() - {"noise"}
    given = study.train_spec("other", "gd")["learner"]
    assert (given["network"], given["learning_rate"]) == ("dense", 0.01)
    others = study.train_spec("other", "ms")["learner"]
    assert others.keys() == given.keys() - {"network", "learning_rate"}


def test_a_student_without_zero_may_lack_weights_of_the_teacher():
    load(EXTENDED)
    whole = put(
        f"{X}/student", {"overlap": {"input": 1, "output": 1}, "alphabet": [-1, 1]}, EXTENDED
    )
    load(whole)
    message = refusal(put(f"{X}/student/nonzeros_per_row", {"input": 3, "output": 2}, whole))
    assert "lacks 0" in message


@pytest.mark.parametrize(
    "path, value, changed",
    [
        (f"{X}/student/overlap/input", 0.25, {("student", "other")}),
        (f"{X}/noise/flipped", 0.2, {("dataset", "other")}),
        ("learners/gd/learning_rate", 0.1, {("train", "other", "gd")}),
    ],
)
def test_an_edit_of_a_mismatch_changes_what_depends_on_it(path, value, changed):
    before, after = specs(load(EXTENDED)), specs(load(put(path, value, EXTENDED)))
    assert {key for key in before if before[key] != after[key]} == changed


def test_learners_override_experiments_which_override_the_study():
    config = put("inference", {"damping": 0.1, "max_steps": 10, "initial_scale": 1.0})
    config = put(f"{M}/inference", {"damping": 0.2, "max_steps": 20}, config)
    config = put("learners/bp/inference", {"damping": 0.4}, config)
    study = load(config)

    def options(experiment, learner):
        found = study.train_spec(experiment, learner)["learner"]
        return tuple(found[name] for name in ("damping", "max_steps", "initial_scale", "damped"))

    default = "factor-to-variable"
    assert options("matched", "bp") == (0.4, 20, 1.0, default)
    assert options("matched", "mp") == (0.2, 20, 1.0, default)
    assert options("wider", "bp") == (0.4, 10, 1.0, default)
    assert options("wider", "ms") == (0.1, 10, 1.0, default)


STEPS = ("teacher", "dataset", "student", "collect")
ALL = {"matched": ("bp", "batch4", "mp"), "wider": ("bp", "ms", "soft")}


def trainings(*experiments):
    return {("train", e, learner) for e in experiments for learner in ALL[e]}


def every(*steps):
    return {(step, e) for step in steps for e in ALL}


# A key, its new value, and the slices that change with it: all others stay.
EDITS = {
    "reinforcement": (
        ("learners/ms/reinforcement", 0.5),
        # The figures' styles go by it, and are drawn anew anyway.
        {("train", "wider", "ms"), ("figure", "one"), ("figure", "two")},
    ),
    "label": (("learners/mp/label", "other"), {("figure", "one")}),
    "grid": (
        (f"{M}/samples/last", 12),
        {("dataset", "matched"), ("collect", "matched"), *trainings("matched")},
    ),
    "grid within the same data": (
        (f"{M}/samples/step", 7),  # 1, 8
        {("collect", "matched"), *trainings("matched")},
    ),
    "figure": (("figures/two/columns", 1), {("figure", "two")}),
    "panel": (("figures/one/panels/1/y", [0, 2]), {("figure", "one")}),
    "seeds": (("study/seeds", 4), every("collect")),
    "test samples": (("study/test_samples", 11), every("dataset")),
    "memory": (("study/memory_gib", 2), set()),
    "entropy": (
        ("study/entropy", 2),
        every("teacher", "dataset", "student") | trainings("matched", "wider"),
    ),
    "inference": (("inference/damping", 0.5), trainings("matched", "wider")),
    "inference of an experiment": ((f"{W}/inference/damping", 0.5), trainings("wider")),
    "activation": (
        (f"{M}/activation/b", 0.2),
        {("dataset", "matched"), ("collect", "matched"), ("figure", "one"), *trainings("matched")},
    ),
    "student": (
        (f"{W}/student/nonzeros_per_row/input", 4),
        {("student", "wider"), ("figure", "one"), ("figure", "two")},
    ),
}


@pytest.mark.parametrize("edit, changed", EDITS.values(), ids=EDITS)
def test_an_edit_changes_the_slices_that_depend_on_it_and_no_other(edit, changed):
    before, after = specs(load(BASE)), specs(load(put(*edit)))
    assert before.keys() == after.keys()
    assert {key for key in before if before[key] != after[key]} == changed


CHOICES = {
    "experiments": {"again": "wider", "matched_again": "matched"},
    "samples": [1, 4],
    "vary": [
        {"damping": [0, 0.3], "initial_scale": [0, 1.5]},
        {"output_readout": ["nonzero"]},
        {"reinforcement": [0.01, 0.1]},
    ],
}


def test_every_combination_of_the_values_of_a_set_is_a_choice():
    study = load(put("choices", CHOICES))
    titles = [f"damping {d}, initial_scale {s}" for d in (0, 0.3) for s in (0, 1.5)]
    titles += ["output_readout nonzero", "reinforcement 0.01", "reinforcement 0.1"]
    assert list(study.choices) == titles
    for names in study.choices.values():
        assert (names["wider"], names["matched"]) == ("again", "matched_again")


def test_learners_differ_from_those_they_vary_in_the_values_of_the_choice_alone():
    plain, study = load(BASE), load(put("choices", CHOICES))
    for again, original in CHOICES["experiments"].items():
        for learner in plain.experiments[original]["learners"]:
            before = plain.learner(original, learner)
            assert study.learner(again, learner) == before
            for title, names in study.choices.items():
                after = study.learner(again, names.get(learner, learner))
                values = dict(part.split() for part in title.split(", "))
                if not before["reinforcement"]:
                    values.pop("reinforcement", None)
                expected = before | {
                    key: value if key == "output_readout" else float(value)
                    for key, value in values.items()
                }
                assert after == expected


def test_a_choice_that_is_the_setting_itself_is_not_trained_twice():
    study = load(put("choices", CHOICES))
    assert study.choices["damping 0.3, initial_scale 0"].keys() == {"wider", "matched"}
    assert study.choices["reinforcement 0.01"].keys() == {"wider", "matched"}
    learners = study.experiments["again"]["learners"]
    assert len(learners) == len(set(learners)) == 3 + 3 * 3 + 3 + 1
    assert "bp-damping-0-initial-scale-1.5" in learners
    overridden = put("experiments/wider/inference", {"damping": 0}, put("choices", CHOICES))
    names = load(overridden).choices["damping 0.3, initial_scale 0"]
    assert names["ms"] == "ms-damping-0.3-initial-scale-0"  # for one of the two it differs


def test_choices_have_the_teachers_data_and_students_of_their_experiment():
    study = load(put("choices", CHOICES | {"samples": [4, 5]}))
    assert study.draw_spec("again") == study.draw_spec("wider")


def test_choices_change_nothing_else():
    before, after = specs(load(BASE)), specs(load(put("choices", CHOICES)))
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("experiments/again", "narrow", ["choices.experiments.again", "narrow", "matched, wider"]),
        ("experiments/matched", "wider", ["choices.experiments.matched", "already"]),
        ("experiments/no-name", "wider", ["no-name"]),
        ("experiments", {}, ["choices.experiments"]),
        ("samples", [], ["samples", "empty"]),
        ("samples", [4, 1], ["samples", "ascending"]),
        ("samples", DELETE, ["choices", "samples", "missing"]),
        ("vary", [], ["choices.vary"]),
        ("vary", [{}], ["choices.vary.0"]),
        ("vary/0/damping", [], ["choices.vary.0.damping"]),
        ("vary/0/damping", [0, 0], ["choices.vary.0.damping", "unique"]),
        ("vary/0/damping/1", 1, ["choices.vary.0.damping.1", "less than 1"]),
        ("vary/0/damping/1", "x", ["choices.vary.0.damping.1", "number"]),
        ("vary/1/output_readout/0", "zero", ["vary.1.output_readout.0", "alphabet, nonzero"]),
        ("vary/2/reinforcement/0", -1, ["choices.vary.2.reinforcement.0", "at least 0"]),
        ("vary/0/beta", [1], ["choices.vary.0", "'beta'", "damping"]),
        ("seeds", 3, ["choices", "'seeds'", "vary"]),
    ],
)
def test_bad_choices_are_named(path, value, said):
    message = refusal(put(f"choices/{path}", value, put("choices", CHOICES)))
    for part in said:
        assert part in message


def test_a_learner_has_not_the_name_of_another_ones_variant():
    config = put("choices", CHOICES | {"vary": [{"max_steps": [7]}]})
    other = {"algorithm": "max-sum", "factor": "soft", "schedule": "offline"}
    message = refusal(put("learners/ms-max-steps-7", other, config))
    assert "learners.ms-max-steps-7" in message


def test_another_learner_changes_no_other_training():
    before = specs(load(BASE))
    after = specs(load(put(f"{M}/learners", ["bp", "batch4", "mp", "ms"])))
    added = {("train", "matched", "ms")}
    assert after.keys() - before.keys() == added
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {("collect", "matched"), ("figure", "one")}


def test_a_figure_knows_which_figure_of_the_thesis_an_experiment_is():
    """It is the title of a panel that has none of its own."""
    assert load(BASE).figure_spec("two")["experiments"]["wider"]["thesis"] == "Fig. 7"


def test_a_panel_of_several_experiments():
    """It has all learners that they share, and knows where each stands."""
    spec = load(EXTENDED).figure_spec("several")
    (panel,) = spec["figure"]["panels"]
    assert (panel["positions"], panel["learners"]) == ([30, 20], ["bp"])
    assert list(spec["experiments"]) == ["matched", "wider"]


def test_a_panel_with_a_curve_for_each_experiment_is_of_one_learner():
    (panel,) = load(EXTENDED).figure_spec("curves")["figure"]["panels"]
    assert (panel["positions"], panel["learners"]) == ([30, 20], ["bp"])
    shared = put("experiments/wider/learners", ["bp", "mp", "ms", "soft"], EXTENDED)
    message = refusal(shared)
    assert message == "figures.curves.panels.0.learners: ['bp', 'mp']; allowed with by: one"
    named = put("figures/curves/panels/0/learners", ["mp"], shared)
    assert list(load(named).figure_spec("curves")["learners"]) == ["mp"]


def test_a_panel_of_learners_knows_their_numbers_and_which_have_none():
    (panel,) = load(EXTENDED).figure_spec("cooled")["figure"]["panels"]
    assert (panel["experiments"], panel["at"]) == (["wider"], [2, 5])
    assert (panel["learners"], panel["numbers"]) == (["bp", "ms", "soft"], {"soft": 2.0})
    single = put("figures/cooled/panels/0/at", 2, EXTENDED)
    assert load(single).figure_spec("cooled")["figure"]["panels"][0]["at"] == [2]
    other = put("figures/cooled/panels/0/learners", ["bp", "ms"], EXTENDED)
    other = put("figures/cooled/panels/0/against", "reinforcement", other)
    (panel,) = load(other).figure_spec("cooled")["figure"]["panels"]
    assert panel["numbers"] == {"bp": 0.01, "ms": 0}


def test_a_figure_of_choices_knows_which_learners_stand_under_each():
    spec = load(EXTENDED).figure_spec("chosen")
    assert list(spec["experiments"]) == ["again"]
    assert list(spec["learners"]) == ["bp", "ms"]
    assert spec["choices"] == [
        {"values": {"damping": "0"}, "learners": {"bp": "bp-damping-0", "ms": "ms-damping-0"}},
        {"values": {"damping": "0.3"}, "learners": {"bp": "bp", "ms": "ms"}},
        {
            "values": {"reinforcement": "0.1"},
            "learners": {"bp": "bp-reinforcement-0.1", "ms": "ms"},
        },
    ]


def test_a_figure_of_choices_shows_all_learners_unless_it_names_some():
    spec = load(put("figures/chosen/choices/learners", DELETE, EXTENDED)).figure_spec("chosen")
    assert list(spec["learners"]) == ["bp", "ms", "soft"]


@pytest.mark.parametrize(
    "path, value, changed",
    [
        ("choices/vary/0/damping", [0, 0.3, 0.5], {"chosen"}),
        ("figures/chosen/choices/samples", [1, 5], {"chosen"}),
        ("learners/ms/label", "max-sum", {"one", "two", "chosen", "cooled"}),
        ("learners/soft/beta", 3.0, {"two", "cooled"}),
        ("inference/tolerance", 1.0e-5, set()),
        ("experiments/matched/layers/input", 60, {"one", "several", "limited", "curves"}),
        ("figures/several/panels/0/at", 2, {"several"}),
        ("figures/limited/panels/0/at_most", 0.1, {"limited"}),
    ],
)
def test_an_edit_changes_the_figures_of_each_kind_that_depend_on_it(path, value, changed):
    before, after = (load(config) for config in (EXTENDED, put(path, value, EXTENDED)))
    different = {f for f in before.figures if before.figure_spec(f) != after.figure_spec(f)}
    assert different == changed


def test_a_learner_has_the_defaults_of_the_schema(config, schema):
    config["inference"] = {}
    config["learners"]["plain"] = {"algorithm": "sum-product", "schedule": "offline"}
    config["experiments"]["matched_tanh"]["learners"] = ["plain"]
    del config["figures"]
    study = Study.load(config | {"figures": {}}, schema)
    assert Learner("sum-product") == Learner(**study.learner("matched_tanh", "plain"))


def test_what_is_said_of_a_figure_is_no_part_of_its_slice():
    study = load(BASE)
    said = deepcopy(BASE)
    said["figures"]["two"]["found"] = "Nothing."
    assert load(said).figure_spec("two") == study.figure_spec("two")
    assert load(said).figures["two"]["found"] == "Nothing."


DEEP = put(f"{M}/layers/hidden_layers", 3, put(f"{M}/nonzeros_per_row/hidden", 2, EXTENDED))
LAYERED = {"algorithm": "sum-product", "schedule": "online", "method": "layered", "max_values": 64}
DEEP = put("learners/deep", LAYERED, put(f"{M}/learners", ["deep"], put("figures", {}, DEEP)))


def test_deep_networks_are_told_by_two_keys_which_one_hidden_layer_goes_without():
    study = load(DEEP)
    layers = {"input": 30, "hidden": 20, "output": 20, "hidden_layers": 3}
    per_row = {"input": 3, "output": 2, "hidden": 2}
    for spec in (study.teacher_spec("matched"), study.student_spec("matched")):
        assert (spec["layers"], spec["nonzeros_per_row"]) == (layers, per_row)
    assert study.train_spec("matched", "deep")["learner"]["max_values"] == 64
    assert study.kernels_spec()["hidden"] == [(0,), (3,)]

    one, plain = load(put(f"{M}/layers/hidden_layers", 1, EXTENDED)), load(EXTENDED)
    for name in ("draw_spec", "collect_spec"):
        assert getattr(one, name)("matched") == getattr(plain, name)("matched")
    assert "hidden" not in plain.kernels_spec()
    assert "max_values" not in plain.train_spec("matched", "bp")["learner"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{M}/nonzeros_per_row/hidden", DELETE, ["nonzeros_per_row.hidden: missing"]),
        (
            M,
            DEEP["experiments"]["matched"]
            | {
                "layers": {"input": 9, "hidden": 3, "output": 3, "hidden_layers": 2},
                "nonzeros_per_row": {"input": 3, "output": 2, "hidden": 4},
            },
            ["nonzeros_per_row.hidden: 4 non-zeros per row do not fit in 3 columns"],
        ),
        (f"{M}/layers/hidden_layers", 0, ["hidden_layers", "0", "at least 1"]),
        (f"{M}/learners", ["bp"], ["bp", "method messages", "3 of them", "need layered"]),
        (
            f"{M}/student/nonzeros_per_row",
            {"input": 3, "output": 3, "hidden": 2},
            ["matched.student", "has to be the teacher's"],
        ),
        (
            f"{M}/student/overlap",
            {"input": 1, "output": 1},
            ["matched.student", "no overlap"],
        ),
        (
            "figures/drawn",
            {"drawing": {"of": "network", "experiment": "matched"}},
            ["figures.drawn.drawing.experiment", "3 hidden layers", "allowed: one"],
        ),
    ],
)
def test_what_deep_networks_cannot_be_is_refused(path, value, said):
    message = refusal(put(path, value, DEEP))
    assert [part for part in said if part not in message] == []
