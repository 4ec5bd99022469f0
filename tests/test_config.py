"""The configuration: what is refused, and how."""

import json
import math
from copy import deepcopy

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from sparsebp.storage import paths
from sparsebp.study.config import ConfigError, Study
from tests.configurations import (
    BASE,
    DELETE,
    EXTENDED,
    FULL,
    SCHEMA,
    M,
    W,
    X,
    load,
    nodes,
    put,
    refusal,
    specs,
    whole,
)


def test_the_study_loads_and_its_slices_are_json(config, schema):
    before = deepcopy(config)
    slices = specs(Study.load(config, schema))
    assert config == before
    slices = list(slices.values())
    assert json.loads(json.dumps(slices, allow_nan=False)) == slices


def test_an_experiment_may_have_seeds_of_its_own():
    study = load(put(f"{M}/seeds", {"first": 1000, "last": 1002}))
    assert (study.seeds("matched"), study.seeds("wider")) == (range(1000, 1003), range(3))
    assert study.collect_spec("matched").items() >= {"seeds": 3, "first_seed": 1000}.items()
    assert "first_seed" not in study.collect_spec("wider")
    message = refusal(put(f"{M}/seeds", {"first": 5, "last": 2}))
    assert "matched.seeds: {'first': 5, 'last': 2}; last must be at least first" in message
    assert "unknown key 'count'" in refusal(put(f"{M}/seeds", {"first": 0, "last": 2, "count": 3}))


def test_a_reading_is_of_what_there_is():
    reading = {"names": {"matched": "wider", "bp": "soft"}, "by_construction": ["C1"]}
    others = load(put("readings", {"as told": reading})).verdicts_spec({})
    assert others["readings"] == {"as told": reading["names"]}
    assert others["by_construction"] == {"as told": ["C1"]}
    for names, said in (
        ({"narrow": "wider"}, ["readings.as told.names", "'narrow'", "allowed: ", "matched"]),
        ({"matched": "narrow"}, ["readings.as told.names.matched", "'narrow'", "wider"]),
        ({"matched": "bp"}, ["readings.as told.names.matched", "'bp'", "allowed: matched"]),
        ({"bp": "wider"}, ["readings.as told.names.bp", "'wider'", "allowed: bp, batch4"]),
    ):
        message = refusal(put("readings", {"as told": {"names": names}}))
        assert [part for part in said if part not in message] == [], message


def test_the_small_study_loads():
    study = load(whole("tests/small.yaml"))
    assert {tuple(study.seeds(name)) for name in study.experiments} == {(0, 1), (1000, 1001)}
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
        for key, value in (("at", 5), ("x_scale", "log"))
    ),
    ("figures/one/panels/0/minus", "ms", "matched", "allowed: bp"),
    ("figures/limited/panels/0/minus", "bp", "allowed without at_most only"),
    ("figures/one/panels/0/law", "yes", "boolean"),
    ("figures/several/panels/0/law", True, "experiment or by only"),
    ("figures/curves/panels/0/law", True, "wider has another law than matched"),
    ("figures/one/panels/0/expected", "yes", "boolean"),
    ("figures/curves/panels/0/expected", True, "allowed without by only"),
    ("figures/several/panels/0/expected", True, "allowed without against only"),
    ("figures/two/panels/0/expected", True, "sum-product with hard factors, not ms"),
    ("figures/curves/panels/0/minus_log2", "yes", "boolean"),
    ("figures/several/panels/0/minus_log2", True, "allowed with by only"),
    ("figures/one/panels/0/minus_log2", True, "allowed with experiments only"),
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
    ("figures/chosen/width", "single", "panels"),
    ("figures/one/width", "narrow", "single, double"),
    ("figures/two/width", "single", "columns: 1"),
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
