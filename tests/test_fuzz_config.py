"""Bad configurations at scale: each is accepted, and then all that is made of it is sound, or
refused in one line that names the file, the key and what is wrong."""

import json
import re
import shlex
from copy import deepcopy
from datetime import date

import pytest
import yaml
from hypothesis import strategies as st
from snakemake.utils import update_config

from sparsebp.storage import paths
from sparsebp.study.claims_file import claimed_experiments, load_claims
from sparsebp.study.config import Study
from sparsebp.study.validation import ConfigError, load_yaml
from tests.configurations import EXTENDED, FULL, ROOT, SCHEMA, nodes
from tests.fuzzing import CASES, ran
from tests.workflow_helpers import Project

pytestmark = pytest.mark.slow

CLAIMS = yaml.safe_load((ROOT / "workflow/claims.yaml").read_text(encoding="utf-8"))
CLAIMS_SCHEMA = ROOT / "workflow/schemas/claims.schema.yaml"
STUDY = Study.load(FULL, SCHEMA)
TEMPORARY = ".{}.4194304-12345678.part"  # the name of a file while it is written
NAMES = [
    "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "a\nb", "a\0b", "a\tb", " a", "a b", "-a",
    "{seed}", "{experiment}", "$(touch x)", "`touch x`", "a;touch x", "a|b", "a&b", "a'b", 'a"b',
    "a*", "a?", "a.b", ".*", "a|.*", "--help", "~", "a" * 65, "a" * 300, "é", "\u0430", "\uff41",
    "a\u202eb", "\ud800", "1", "teacher", "null", "__use_yte__", 1, 1.5, True, None,
]  # fmt: skip
VALUES = [
    None, True, False, "", "x", " ", "a\nb", "a\0b", "\ud800", "$(touch x)", "{seed}", "../x",
    b"\0", date(2020, 1, 1), {"a"}, [], {}, [[]], [None], {"a": 1}, {None: 1}, 0, -1, 1, 2, 3,
    0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), -float("inf"), 10**5, 10**6, 10**9,
    10**12, 2**31, 2**63, 2**64, 10**400, -(10**400), "1e-6", "9" * 900, "a" * 999,
    list(range(1, 10002)), [10**12] * 3, {"last": 10**9}, {"last": 100000},
    {"last": 100000, "step": 7}, [{}] * 50,
]  # fmt: skip
ANY = (
    st.sampled_from(VALUES)
    | st.integers(-(10**7), 10**7)
    | st.floats()
    | st.text(max_size=9)
    | st.recursive(
        st.none() | st.integers(0, 9) | st.text(max_size=2),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
        max_leaves=5,
    )
)
KEYS = st.sampled_from(NAMES) | st.text(max_size=5)


@st.composite
def mutated(draw, base):
    """A configuration with one to three edits: of a value, of a key, one more or one less."""
    edited = deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(sorted(nodes(edited), key=repr)))
        block = edited
        for key in parents:
            block = block[key]
        match draw(st.sampled_from(["value", "value", "delete", "add", "rename", "copy"])):
            case "value":
                block[last] = deepcopy(draw(ANY))
            case "delete" if block:
                del block[last]
            case "add" if isinstance(block, dict):
                block[draw(KEYS)] = deepcopy(draw(ANY))
            case "rename" if isinstance(block, dict):
                block[draw(KEYS)] = block.pop(last)
            case "copy" if isinstance(block, dict):
                block[draw(KEYS)] = deepcopy(block[last])
        if not edited:
            break
    return edited


def load(path, overlay=None):
    """A configuration as the Snakefile reads it."""
    parts = {part.name: load_yaml(part) for part in (path, overlay) if part}
    merged = {}
    for part in parts.values():
        update_config(merged, deepcopy(part))
    return Study.load(merged, SCHEMA, parts)


def sound(study):
    """Assert that all that the workflow makes of a configuration can be used as it is."""
    specs, files = [study.kernels_spec(study.experiments)], set()
    for e, block in study.experiments.items():
        specs += [study.draw_spec(e), study.collect_spec(e)]
        specs += [study.train_spec(e, learner) for learner in block["learners"]]
        declared = [study.drawing_mb(e), study.collecting_mb(e)]
        declared += [study.training_mb(e, learner) for learner in block["learners"]]
        assert all(0 < memory < 10**15 for memory in declared)
        for pattern in (paths.TEACHER, paths.DATASET, paths.STUDENT, paths.RESULTS, paths.TABLE):
            files.add(pattern.format(experiment=e, seed=study.study["seeds"]))
        for learner in block["learners"]:
            files.add(paths.TRAINED.format(experiment=e, seed=0, learner=learner))
    for name in study.figures:
        specs.append(study.figure_spec(name))
        files |= {paths.FIGURE.format(figure=name, format=f) for f in paths.FIGURE_FORMATS}
    for spec in specs:
        text = json.dumps(spec, allow_nan=False)
        assert json.dumps(json.loads(text)) == text
        assert len(shlex.quote(text)) < 2**17 - 2**12  # what Linux allows, and room for the rest
    for file in files | {make(file) for make in (paths.log, paths.benchmark) for file in files}:
        assert re.fullmatch(r"\w[\w.+-]*(/\w[\w.+-]*)*", file, re.ASCII), file
        assert shlex.quote(file) == file
        assert all(len(TEMPORARY.format(part)) <= 255 for part in file.split("/"))


def refused(error, *names):
    """What a refusal says after the file; it has to be one line."""
    file, said = str(error).split(": ", 1)
    assert file in names
    assert said.isprintable() and 10 < len(said) < 1000
    return said


def outcome(path, overlay=None):
    """Load a configuration and judge what comes of it: accepted or refused."""
    try:
        study = load(path, overlay)
    except ConfigError as error:
        said = refused(error, *(part.name for part in (path, overlay) if part))
        assert said.startswith((*FULL, "top level: ", "line "))
        return "refused"
    sound(study)
    return "accepted"


@pytest.mark.parametrize("base, examples", [(EXTENDED, 400), (FULL, 100)], ids=["small", "full"])
def test_mutated_configurations(tmp_path, base, examples):
    path = tmp_path / "config.yaml"

    def judge(edited):
        path.write_text(yaml.safe_dump(edited, sort_keys=False), encoding="utf-8")
        return outcome(path)

    found = ran("mutated", mutated(base), examples, judge)
    assert found.total() >= examples
    assert found["refused"] > examples / 2 and found["accepted"] > examples / 50


# Text of a configuration file, and what the refusal says.
LAUGHS = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30))
MERGED = "\n".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 9)}]}}" for i in range(1, 30))
TRICKS = {
    "nothing": ("", "no keys at its top level"),
    "a comment": ("# nothing", "no keys at its top level"),
    "null": ("null", "no keys at its top level"),
    "a list": ("[1]", "no keys at its top level"),
    "a number": ("3", "no keys at its top level"),
    "two documents": ("{}\n---\n{}", "found another document"),
    "a tab": ("study:\n\tseeds: 3", "'\\t'"),
    "cut off": ("study: {seeds: 3", "line 1"),
    "unknown alias": ("study: *other", "other"),
    "key twice": ("study: {}\nfigures: {}\nstudy: {}", "line 3: key 'study'"),
    "key twice, deep": ("study: {seeds: 2, entropy: 1, seeds: 3}", "key 'seeds'"),
    "key twice, quoted": ("study: {seeds: 2, 'seeds': 3}", "key 'seeds'"),
    "key twice, as JSON": ('{"study": {"seeds": 2, "seeds": 3}}', "key 'seeds'"),
    "merge twice": ("a: &a {b: 1}\nc: {<<: *a, <<: *a}", "key '<<'"),
    "a list as key": ("? [a]\n: 1", "as a key"),
    "a block as key": ("? {a: 1}\n: 1", "as a key"),
    "contains itself": ("study: &a [*a]", "contains itself"),
    "a block that contains itself": ("study: &a {b: {c: *a}}", "contains itself"),
    "merges itself": ("study: &a {<<: *a}", "contains itself"),
    "merges a number": ("study: {<<: 3}", "line 1"),
    "laughs": ("l0: &l0 [ha]\n" + LAUGHS, "more than 100000 values"),
    "merged laughs": ("m0: &m0 {ha: 1}\n" + MERGED, "more than 100000 values"),
    "many values": ("study: [" + "1," * 100001 + "]", "more than 100000 values"),
    "many characters": ("#" * 1000001, "more than 1000000 characters"),
    "a long value": ("study: " + "x" * 1501, "more than 1500 characters"),
    "a long number": ("study: {seeds: " + "9" * 5000 + "}", "more than 1500 characters"),
    "a long hexadecimal number": ("study: {seeds: 0x" + "f" * 5000 + "}", "more than 1500"),
    "a thousand digits": ("study: {seeds: " + "9" * 999 + "}", "study.seeds"),
    "nested lists": ("[" * 100000, "too deeply"),
    "nested blocks": ("a: " + "{a: " * 5000 + "}" * 5000, "too deeply"),
    "nested keys": ("? " * 5000, "too deeply"),
    "python object": ("study: !!python/object/apply:os.system ['touch x']", "python"),
    "python name": ("study: !!python/name:os.system", "python"),
    "python tuple": ("study: !!python/tuple [1]", "python"),
    "own tag": ("study: !x 1", "'!x'"),
    "bytes": ("study: !!binary aGk=", "'binary'"),
    "no bytes": ("study: !!binary é", "'binary'"),
    "set": ("study: !!set {a}", "'set'"),
    "omap": ("study: !!omap [a: 1]", "'omap'"),
    "a date": ("study: {seeds: 2020-01-01}", "'timestamp'"),
    "no date": ("study: {seeds: 2020-99-99}", "'timestamp'"),
    "no integer": ("study: {seeds: !!int x}", "'x'"),
    "empty integer": ("study: {seeds: !!int ''}", "index out of range"),
    "no boolean": ("study: {seeds: !!bool maybe}", "maybe"),
    "no float": ("study: {seeds: !!float x}", "'x'"),
    "value": ("study: {seeds: =}", "'value'"),
    "template": (
        """__use_yte__: true\nstudy: {seeds: "?__import__('os').mkdir('x')"}""",
        "__use_yte__",
    ),
    "merged template": ("<<: {__use_yte__: true}", "__use_yte__"),
    "no is false": ("study: {seeds: no}", "no means false in YAML; write false"),
    "on is true": ("study: {seeds: on}", "on means true in YAML; write true"),
    "true for a number": ("study: {seeds: true}", "study.seeds: True"),
    "octal": ("study: {seeds: 0o17}", "study.seeds: '0o17'"),
    "text for a number": (
        "inference: {tolerance: 1e-6}",
        "inference.tolerance: '1e-6' is not of type number; write 1.0e-06",
    ),
    "text for an integer": ("study: {seeds: 1e1}", "'1e1' is not of type integer; write 10"),
    "octal of old": ("study: {seeds: 010}", "010 means 8 in YAML; write 8, or '010'"),
    "hexadecimal": ("study: {seeds: 0x10}", "0x10 means 16 in YAML; write 16"),
    "binary": ("study: {seeds: 0b11}", "0b11 means 3 in YAML; write 3"),
    "underscores": ("study: {seeds: 1_0}", "1_0 means 10 in YAML; write 10"),
    "minutes": ("study: {seeds: 1:30}", "1:30 means 90 in YAML; write 90"),
    "seconds": ("inference: {damping: 0:0.3}", "0:0.3 means 0.3 in YAML; write 0.3"),
    "beyond floating point": ("inference: {tolerance: 1.0e+400}", "inference.tolerance: inf"),
    "not a number": ("inference: {tolerance: .NaN}", "inference.tolerance: nan"),
    "sexagesimal": ("study: {seeds: 190:20:30}", "190:20:30 means 685230 in YAML"),
    "null key": ("study: {~: 3}", "study: unknown key None"),
    "a control character": ("study: \x01", "#x0001"),
    "no UTF-8": (b"study: \xff", "utf-8"),
    "UTF-16": ("study: {}".encode("utf-16"), "utf-8"),
    "many seeds": ("study: {seeds: 1000000000}", "study.seeds: 1000000000; must be at most"),
    "many samples": ("experiments: {matched: {samples: {last: 1000000000}}}", "samples.last"),
    "many numbers of samples": ("experiments: {matched: {samples: {last: 10001}}}", "10001"),
    "many neurons": (
        "experiments: {matched: {layers: {input: 1000000000000}}}",
        "experiments.matched.layers.input: 1000000000000; must be at most",
    ),
    "many numbers in a file": (
        "experiments: {wider: {layers: {input: 9000000, hidden: 9000000, output: 9000000}, "
        "samples: {last: 900}}}",
        "experiments.wider: makes",
    ),
    "many states": (
        "experiments: {matched: {student: {alphabet: [-9, -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, "
        "3, 4, 5], nonzeros_per_row: {input: 6, output: 2}}}}",
        "experiments.matched.student: makes",
    ),
    "many choices": (
        f"choices: {{vary: [{{damping: {[i / 99 for i in range(99)]}, max_steps: [1, 2]}}]}}",
        "choices.vary: 198 combinations",
    ),
    "choices alike": ("choices: {vary: [{damping: [0.25, 0.25000001]}]}", "choices.vary: "),
}  # fmt: skip


def test_tricks_of_yaml(tmp_path):
    base, path = tmp_path / "base.yaml", tmp_path / "config.yaml"
    base.write_text(yaml.safe_dump(EXTENDED))
    assert outcome(base) == "accepted"
    for name, (text, said) in TRICKS.items():
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as error:
            load(base, path)
        assert said in refused(error.value, path.name), name
        CASES["tricks"] += 1


def test_what_is_no_trick_is_read_as_meant(tmp_path):
    path = tmp_path / "config.yaml"
    for text, value in {
        "\ufeffa: 1": {"a": 1},
        "a: &x {b: 1}\nc: {<<: *x, b: 2}": {"a": {"b": 1}, "c": {"b": 2}},
        '{"a": [1.5, null, true, "é"]}': {"a": [1.5, None, True, "é"]},
        "a: '2020-01-01'": {"a": "2020-01-01"},
    }.items():
        path.write_text(text, encoding="utf-8")
        assert load_yaml(path) == value


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / ("x" * 300), tmp_path / "a/b"):
        with pytest.raises(ConfigError, match=f"^{path.name}: cannot be read"):
            load_yaml(path)


def test_mutated_overlays(tmp_path):
    """Of two files, the one that is wrong is named."""
    base, overlay = tmp_path / "base.yaml", tmp_path / "more.yaml"
    base.write_text(yaml.safe_dump(EXTENDED))
    paths = st.sampled_from([path for path in nodes(EXTENDED) if isinstance(path[-1], str)])

    def judge(edit):
        path, value = edit
        for key in reversed(path):
            value = {key: value}
        overlay.write_text(yaml.safe_dump(value), encoding="utf-8")
        return outcome(base, overlay)

    def strings(edit):
        return all(isinstance(key, str) for key in edit[0])

    found = ran("overlays", st.tuples(paths, ANY).filter(strings), 150, judge)
    assert found.total() >= 150 and found["refused"] > 100


def test_mutated_claims(tmp_path):
    path = tmp_path / "claims.yaml"

    def judge(edited):
        path.write_text(yaml.safe_dump(edited, sort_keys=False), encoding="utf-8")
        try:
            claims = load_claims(path, CLAIMS_SCHEMA)
            claimed_experiments(claims, STUDY)
        except ConfigError as error:
            refused(error, path.name, "this study cannot test the claims")
            return "refused"
        return "accepted"

    found = ran("claims", mutated(CLAIMS), 100, judge)
    assert found.total() >= 100 and found["refused"] > 50


@pytest.mark.parametrize(
    "name, trick",
    [
        ("config.yaml", "template"),
        ("config.yaml", "nested lists"),
        ("config.yaml", "merged laughs"),
        ("config.yaml", "no UTF-8"),
        ("more.yaml", "key twice"),
        ("more.yaml", "contains itself"),
        ("more.yaml", "many states"),
    ],
)
def test_snakemake_says_the_same(tmp_path, name, trick):
    """And evaluates nothing: the template would make a folder."""
    project, (text, _) = Project(tmp_path, EXTENDED), TRICKS[trick]
    (project / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    overlay = () if name == "config.yaml" else (project / name,)
    with pytest.raises(ConfigError) as error:
        load(project / "config.yaml", *overlay)
    before = {*project.folder.iterdir()}
    run = project.snakemake("--dry-run", *(["--configfile", name] if overlay else []))
    assert (run.status, run.jobs) == (1, [])
    assert run.output.splitlines().count(f"configuration: {error.value}") == 1
    assert "Traceback" not in run.output
    assert {*project.folder.iterdir()} - before <= {project / ".snakemake"}


def test_a_value_of_the_command_line_is_named(tmp_path):
    run = Project(tmp_path, EXTENDED).snakemake("--dry-run", "--config", "study=3")
    assert (run.status, run.jobs) == (1, [])
    said = "configuration: --config (text alone within blocks; --configfile for numbers): study: 3 "
    assert f"{said}is not of type object" in run.output.splitlines()


def test_so_many_configurations_were_tried():
    """All of this file, which has to run whole."""
    assert CASES.total() >= 700, CASES
