"""``sparsebp show``: what it says of every kind of file, and of what is no file of the study.

That its answer is that of Snakemake is tested with the workflow.
"""

import json
import re
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import yaml
from PIL import Image, PngImagePlugin

from sparsebp.cli import main
from sparsebp.steps import (
    collect,
    draw,
    explorer,
    figure,
    from_scratch,
    numbers,
    provenance_page,
    search,
    table,
    verdict_page,
    verdicts,
)
from sparsebp.storage import paths, store
from sparsebp.storage.provenance import record
from sparsebp.storage.sources import kernel_sources, sources
from sparsebp.study import inspection
from sparsebp.study.numbers_file import computable
from tests.conftest import ROOT
from tests.tree_problems import write_trees

pytestmark = pytest.mark.thorough

CONFIG = """
study: {seeds: 2}
learners:
  bp: {algorithm: sum-product, schedule: offline}
  rbp: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
experiments:
  matched:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {last: 3}
    learners: [bp, rbp]
choices:
  experiments: {again: matched}
  samples: [1, 3]
  vary: [{damping: [0, 0.3]}]
figures:
  one:
    thesis: Fig. 1
    panels: [{experiment: matched}]
  chosen:
    choices: {experiment: again, samples: [1, 3]}
  trees:
    trees: {}
  scratch:
    from_scratch: {}
from_scratch:
  blind: &case
    neurons: 20
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    output_pattern: unknown
    samples: [8]
  hinted: {<<: *case, output_pattern: known, candidates: [4]}
trees:
  outputs: [4, 7]
  activation: {function: tanh, b: 0.1}
"""
CLAIMS = """
confidence: 0.95
margins: {half: {value: 0.5, reason: A margin that is for tests.}}
claims:
  - id: C1
    thesis: Fig. 1
    statement: So it is.
    tests:
      - {kind: exact, a: [matched, rbp], quantity: weight_error, at: 3, margin: half}
"""
NUMBERS = """
numbers:
  error: {experiments: matched, learners: [bp, rbp], m: 3, digits: 3}
  left: {experiments: again, learners: bp, m: 3, count: {above: 0}, digits: 0}
  elsewhere: {experiments: unknown, learners: bp, m: 3, digits: 3}
  steps: {trees: steps, where: {shape: chain}, take: max, digits: 0}
"""
COMPILED = paths.COMPILED.format(sources=kernel_sources(), study="config")
SIMULATION = "results/matched/seed-1"
DRAWN = [f"{SIMULATION}/{name}.nc" for name in ("teacher", "dataset", "student")]
TRAINED, RESULTS, VERDICTS = f"{SIMULATION}/rbp.nc", "results/matched.nc", "results/verdicts.json"
ENDS = ("pdf", "png", "svg")
FIGURES = [
    f"figures/{name}.{end}" for name in ("one", "chosen", "trees", "scratch") for end in ENDS
]
SEARCHED = "results/from_scratch/seed-1/blind.nc"
FILES = [
    *(*DRAWN, TRAINED, RESULTS, paths.TREES, SEARCHED, paths.FROM_SCRATCH, *FIGURES),
    *(VERDICTS, paths.NUMBERS, COMPILED),
]
BARE = {
    "results/matched.csv": RESULTS,
    "results/matched.html": RESULTS,
    "results/verdicts.md": VERDICTS,
    "results/verdicts.html": VERDICTS,
    "results/verdicts.png": VERDICTS,
    "results/explorer.html": VERDICTS,
    "results/provenance.html": "results/<experiment>.nc",
}


def compute(folder, study, claims):
    """All files of a study, by its steps. In place of training, all weights are guessed as 1."""
    patterns = {
        name: str(folder / pattern)
        for name, pattern in (inspection.DRAWN | {"trained": paths.TRAINED}).items()
    }
    results = {name: str(folder / f"results/{name}.nc") for name in (*study.experiments, "trees")}
    for name, block in study.experiments.items():
        inputs = {}
        for seed in study.seeds(name):
            at = {"experiment": name, "seed": seed}
            drawn = {part: patterns[part].format(**at) for part in inspection.DRAWN}
            draw.run(study.draw_spec(name), seed, **drawn)
            m = len(block["samples"])
            weights = np.ones((m, 20, 2))
            arrays = {"n_samples": block["samples"], "status": np.ones(m)}
            arrays |= {"iterations": np.ones(m), "expected_error": np.full(m, np.nan)}
            arrays |= {"entropy": np.full(m, 0.5), "residual": np.zeros(m)}
            arrays |= {"input_estimate": weights, "output_estimate": weights}
            made = store.provenance(drawn["student"])
            behind = {"inputs": made["drawn"], "draw_sources": made["sources"]}
            inputs[str(seed)] = drawn | {"trained": {}}
            for learner in block["learners"]:
                path = patterns["trained"].format(**at, learner=learner)
                spec = study.train_spec(name, learner)
                trained = record("train", spec, seed=seed, **behind, engine_seconds=0.5)
                store.write_trained(path, arrays, trained)
                inputs[str(seed)]["trained"][learner] = path
        collect.run(study.collect_spec(name), {name: inputs}, results[name])
        tables = (
            str(folder / path).format(experiment=name) for path in (paths.TABLE, paths.TABLE_PAGE)
        )
        table.run(results[name], *tables)
    write_trees(results["trees"], study)
    searched = {}
    for case in study.from_scratch:
        for seed in range(study.study["seeds"]):
            path = str(folder / paths.SEARCH.format(case=case, seed=seed))
            search.run(study.search_spec(case), seed, path)
            searched.setdefault(case, {})[str(seed)] = path
    results["from_scratch"] = str(folder / paths.FROM_SCRATCH)
    from_scratch.run(study.from_scratch_spec(), searched, results["from_scratch"])
    for name in study.figures:
        outputs = [str(folder / path) for path in FIGURES if f"/{name}." in path]
        spec = study.figure_spec(name)
        at = {"experiment": next(iter(spec["experiments"]), None), "seed": 0}
        drawn = {part: patterns[part].format(**at) for part in ("teacher", "student")}
        figure.run(spec, drawn if "drawing" in spec["figure"] else results, outputs)
    judged, *written = (
        str(folder / path)
        for path in (
            *(VERDICTS, paths.VERDICTS_TABLE, paths.VERDICTS_PAGE, paths.VERDICTS_FIGURE),
            paths.EXPLORER,
        )
    )
    verdicts.run(study.verdicts_spec(claims), results, judged, written[0])
    verdict_page.run(judged, *written[1:3])
    explorer.run(study.explorer_spec(claims), judged, results, written[3])
    numbers.run({"numbers": computable(study)}, results, str(folder / paths.NUMBERS))
    matched = {"matched": results["matched"]}
    provenance_page.run(matched, str(folder / paths.PROVENANCE_PAGE))
    (folder / COMPILED).parent.mkdir()
    made = record("kernels", {"kernels": [["steps", 0, 2, 2, 2, 2]]}) | {
        "sources": kernel_sources()
    }
    (folder / COMPILED).write_text(store.as_json(made))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with all its files."""
    folder = tmp_path_factory.mktemp("show")
    shutil.copytree(ROOT / "workflow/schemas", folder / "workflow/schemas")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "workflow/claims.yaml").write_text(CLAIMS)
    (folder / "workflow/numbers.yaml").write_text(NUMBERS)
    compute(folder, *inspection.load(folder))
    return folder


@pytest.fixture
def show(project, capsys):
    """Run the command: its exit status, and the lines that it prints and complains in."""

    def run(*arguments):
        status = main(["show", *arguments])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return run


def rewrite(path, change):
    """Change the provenance in a NetCDF file."""
    with netCDF4.Dataset(path, "a") as file:
        file.provenance = json.dumps(change(json.loads(file.provenance)))


def block(lines, title):
    """What stands as YAML under a title."""
    after = lines[lines.index(f"{title}:") + 1 :]
    length = next(i for i, line in enumerate(after) if not line.startswith(" "))
    return yaml.safe_load("\n".join(after[:length]))


def rows(lines):
    """The rows between the title and the configuration, by name."""
    last = next(i for i, line in enumerate(lines[1:], 1) if line.endswith(":") or "match" in line)
    pairs = (re.fullmatch(r"( {0,2}\w+) +(.*)", line) for line in lines[1:last])
    return {pair[1].strip(): pair[2] for pair in pairs if pair}


# What made a file.


@pytest.mark.parametrize("path", FILES)
def test_every_file_says_what_made_it_and_that_it_matches(show, path):
    status, out, err = show(path)
    made = inspection.read(path)
    assert (status, err) == (0, [])
    assert out[0].startswith(f"{path}: ")
    assert out[-1] == f"{path} matches config.yaml and the sources here"
    told = rows(out)
    assert told["made"].startswith(f"{made['made']} on {made['host']}, in {made['seconds']} s")
    assert told["commit"].startswith(made["commit"].removesuffix("-dirty"))
    assert told["sources"].startswith(f"{made['sources']} ({made['step']})")
    text = " ".join(" ".join(out).split())
    for name, version in made["versions"].items():
        assert f"{name} {version}" in text
    if made["step"] not in ("verdicts", "numbers", "figure"):
        assert block(out, "configuration") == made["spec"]
    if "seed" in made:
        where = "case blind" if path == SEARCHED else "experiment matched"
        assert out[0].endswith(f" in {where}, seed {made['seed']}")


def test_results_and_figures_say_what_is_behind_them(show):
    for path in (RESULTS, "figures/one.svg"):
        _, out, _ = show(path)
        engine = store.provenance(RESULTS)["engine"]
        told = rows(out)
        assert told["trainings"] == f"{engine['training_seconds']} s in all"
        assert told["hosts"].split(", ") == engine["hosts"]
        for step in ("train", "draw", "collect"):
            assert f"{sources(f'steps.{step}')} ({step})" in " ".join(" ".join(out).split())
        assert block(out, "all trainings")["damping"] == 0.3
    _, out, _ = show(RESULTS)
    learners = {"bp": {"reinforcement": 0}, "rbp": {"reinforcement": 0.01}}
    assert block(out, "learners") == learners
    study, _ = inspection.load(Path())
    assert block(out, "drawn from") == study.draw_spec("matched")
    _, out, _ = show("figures/one.svg")
    assert "  matched  2 learners, seeds 0, 1, m = 1 to 3" in out


def test_changes_that_are_not_committed_are_told(show):
    for commit, told in (
        ("0123456789ab", "0123456789ab, working tree clean"),
        ("0123456789ab-dirty", "0123456789ab, working tree with changes that are not committed"),
        ("unknown", "unknown"),
    ):
        rewrite(TRAINED, lambda made, commit=commit: made | {"commit": commit})
        _, out, _ = show(TRAINED)
        assert rows(out)["commit"] == told


def test_files_from_before_host_and_time_were_noted(show):
    new = ("host", "processor", "made", "drawn", "inputs", "draw_sources")
    for path in (DRAWN[0], TRAINED):
        rewrite(path, lambda made: {key: made[key] for key in made if key not in new})
        status, out, err = show(path)
        assert (status, err) == (3, [])
        assert any(
            line.startswith("made       time unknown on an unknown host, in ") for line in out
        )
    at = out.index(f"{TRAINED} does not match config.yaml and the sources here:")
    assert [line.partition(",")[0] for line in out[at + 1 :]] == [
        "  inputs is absent",
        "  sources.draw is absent",
    ]


# Whether it matches.


def change(project, *keys, value):
    """Set a value in config.yaml."""
    config = yaml.safe_load((project / "config.yaml").read_text())
    block = config
    for key in keys[:-1]:
        block = block.setdefault(key, {})
    block[keys[-1]] = value
    (project / "config.yaml").write_text(yaml.safe_dump(config))


def wrong(out, path):
    """The lines that say why a file does not match."""
    at = out.index(f"{path} does not match config.yaml and the sources here:")
    after = out[at + 1 :]
    return [line.strip() for line in after[: after.index("") if "" in after else None]]


@pytest.mark.parametrize(
    ("keys", "value", "lines"),
    [
        (
            ("study", "test_samples"),
            7,
            {
                DRAWN[0]: ["drawn.dataset.test_samples is 50, but configured is 7"],
                DRAWN[1]: ["spec.test_samples is 50, but configured is 7 (so too in 1 more)"],
                TRAINED: ["inputs.dataset.test_samples is 50, but configured is 7"],
                RESULTS: ["inputs.dataset.test_samples is 50, but configured is 7"],
                FIGURES[0]: [
                    "results.matched.inputs.dataset.test_samples is 50, but configured is 7"
                ],
            },
        ),
        (
            ("learners", "rbp", "reinforcement"),
            0.02,
            {
                TRAINED: ["spec.learner.reinforcement is 0.01, but configured is 0.02"],
                RESULTS: ["inputs.rbp.learner.reinforcement is 0.01, but configured is 0.02"],
            },
        ),
        (
            ("inference", "damping"),
            0.5,
            {
                RESULTS: [
                    "inputs.bp.learner.damping is 0.3, but configured is 0.5 (so too in 1 more)"
                ]
            },
        ),
        (
            ("experiments", "matched", "samples"),
            {"last": 2},
            {
                TRAINED: [
                    "spec.samples is [1 to 3], but configured is [1, 2]",
                    "inputs.dataset.samples is 3, but configured is 2",
                ]
            },
        ),
        (("study", "seeds"), 3, {RESULTS: ["spec.seeds is 2, but configured is 3"]}),
        (
            ("experiments", "matched", "activation", "b"),
            1,
            {DRAWN[1]: ["spec.activation.b is 0.1, but configured is 1 (so too in 1 more)"]},
        ),
        (
            ("figures", "one", "panels"),
            [{"experiment": "again", "learners": ["bp"]}],
            {
                FIGURES[0]: [
                    "spec.figure.panels.0.learners is [bp, rbp], but configured is [bp]",
                    "spec.figure.panels.0.experiments is [matched], but configured is [again]",
                    'spec.learners.rbp is {"algorithm": "sum-product", "factor": "hard", ..., but '
                    "configured is absent",
                ]
            },
        ),
        (
            ("trees", "fields"),
            2.0,
            {
                paths.TREES: ["spec.trees.fields is 1.0, but configured is 2.0"],
                "figures/trees.pdf": [
                    "results.trees.spec.trees.fields is 1.0, but configured is 2.0"
                ],
            },
        ),
        (
            ("from_scratch", "blind", "samples"),
            [9],
            {
                SEARCHED: ["spec.case.samples is [8], but configured is [9]"],
                paths.FROM_SCRATCH: ["spec.cases.blind.samples is [8], but configured is [9]"],
                "figures/scratch.pdf": [
                    "spec.cases.blind.samples is [8], but configured is [9] (so too in 1 more)"
                ],
            },
        ),
        (
            ("figures",),
            {"two": {"panels": [{"experiment": "matched"}]}},
            {FIGURES[0]: ["figures: 'one' is not defined; allowed: two"]},
        ),
    ],
)
def test_what_is_not_as_configured_is_named(project, show, keys, value, lines):
    change(project, *keys, value=value)
    status, out, err = show(*lines)
    assert (status, err) == (3, [])
    for path, expected in lines.items():
        assert wrong(out, path)[: len(expected)] == expected


def test_a_whole_number_is_not_a_decimal_one_as_for_snakemake(project, show):
    change(project, "learners", "bp", "reinforcement", value=0.0)
    status, out, _ = show(RESULTS)
    assert status == 3
    assert wrong(out, RESULTS) == ["inputs.bp.learner.reinforcement is 0, but configured is 0.0"]


def test_claims_that_have_changed_are_named(project, show):
    (project / "workflow/claims.yaml").write_text(CLAIMS.replace("0.95", "0.9"))
    status, out, _ = show(VERDICTS, FIGURES[0])
    assert status == 3
    assert wrong(out, VERDICTS) == ["spec.claims.confidence is 0.95, but configured is 0.9"]
    assert out[-1].startswith(f"{FIGURES[0]} matches ")


def test_claims_that_the_study_here_cannot_test(project, show):
    (project / "workflow/claims.yaml").write_text(CLAIMS.replace("at: 3", "at: 4"))
    status, out, _ = show(VERDICTS)
    [line] = wrong(out, VERDICTS)
    assert status == 3 and line.startswith("this study cannot test the claims: C1: ")


def test_other_sources_are_named_by_step(show, monkeypatch):
    trained, here = sources("steps.train"), "0" * 16
    monkeypatch.setattr(
        inspection, "sources", lambda step: here if step == "steps.train" else sources(step)
    )
    status, out, _ = show(*DRAWN, TRAINED, RESULTS, FIGURES[0], VERDICTS)
    assert status == 3
    line = f'sources.train is "{trained}", but here it is "{here}"'
    assert wrong(out, TRAINED) == wrong(out, RESULTS) == [line]
    assert wrong(out, FIGURES[0]) == [f"results.matched.{line}"]
    assert wrong(out, VERDICTS) == [f"results.again.{line} (so too in 1 more)"]
    assert [
        path for path in DRAWN if f"{path} matches config.yaml and the sources here" in out
    ] == (DRAWN)


def test_kernels_of_other_sources(show, monkeypatch):
    monkeypatch.setattr(inspection, "kernel_sources", lambda: "0-0")
    status, out, _ = show(COMPILED)
    assert (status, wrong(out, COMPILED)) == (
        3,
        [f'sources.kernels is "{kernel_sources()}", but here it is "0-0"'],
    )


def test_other_versions_are_named_and_do_not_count(show):
    rewrite(TRAINED, lambda made: made | {"versions": made["versions"] | {"numpy": "1.2.3"}})
    status, out, _ = show(TRAINED)
    at = out.index("other versions, for which alone nothing is made anew:")
    [line, answer] = out[at + 1 :]
    assert line == f"  numpy is 1.2.3, but here it is {np.__version__}"
    assert status == 0 and answer.startswith(f"{TRAINED} matches ")


def test_versions_behind_results_are_named_where_they_are_others(show):
    rewrite(RESULTS, lambda made: made | {"engine": made["engine"] | {"versions": {"numpy": "1"}}})
    status, out, _ = show(RESULTS)
    assert status == 0
    assert "  versions    numpy 1" in out
    assert f"  numpy is 1, but here it is {np.__version__}" in out


def test_of_what_experiment_a_file_is_its_place_says_or_itself(project, show):
    for path in (TRAINED, RESULTS, FIGURES[0]):
        shutil.copy(path, project / Path(path).name)
    copied, *others = (Path(path).name for path in (TRAINED, RESULTS, FIGURES[0]))
    assert show(*others)[0] == 0
    status, out, _ = show(copied)
    [line] = wrong(out, copied)
    assert status == 3 and line.startswith(f"it is in no place like {paths.TRAINED}, ")
    assert out[0] == f"{copied}: estimates of learner unknown in experiment unknown, seed 1"
    shutil.copy(RESULTS, paths.RESULTS.format(experiment="again"))
    shutil.copy(TRAINED, project / "results/again/seed-0/bp.nc")
    status, out, _ = show("results/again.nc", "results/again/seed-0/bp.nc")
    assert status == 3
    assert 'spec.experiment is "matched", but configured is "again"' in wrong(
        out, "results/again.nc"
    )
    assert "seed is 1, but configured is 0" in wrong(out, "results/again/seed-0/bp.nc")


@pytest.mark.parametrize("path", ["results/other/seed-0/bp.nc", "results/matched/seed-0/other.nc"])
def test_what_is_not_configured_at_all(project, show, path):
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(TRAINED, path)
    status, out, _ = show(path)
    [line] = wrong(out, path)
    assert status == 3 and "'other' is not defined; allowed: " in line


# Which configuration.


def test_configuration_files_override_as_for_snakemake(project, show):
    (project / "a.yaml").write_text("study: {seeds: 3, test_samples: 7}")
    (project / "b.json").write_text('{"study": {"test_samples": 50}}')
    status, out, _ = show(DRAWN[1], "--configfile", "a.yaml", "b.json")
    assert status == 0
    assert out[-1] == f"{DRAWN[1]} matches config.yaml with a.yaml with b.json and the sources here"
    assert show(DRAWN[1], "--configfile", "b.json", "a.yaml")[0] == 3
    status, out, _ = show(RESULTS, "--configfile", "a.yaml", "b.json")
    assert (status, out[-1]) == (3, "  spec.seeds is 2, but configured is 3")


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("config.yaml", None, "config.yaml: cannot be read (No such file or directory)"),
        ("config.yaml", "study: {", "config.yaml: line 1: while parsing"),
        ("config.yaml", "study: {}", "config.yaml: top level: key 'experiments' is missing"),
        ("workflow/claims.yaml", "{", "claims.yaml: "),
        ("workflow/claims.yaml", None, ""),
    ],
)
def test_without_a_configuration_a_file_still_says_what_made_it(project, show, path, text, message):
    (project / path).unlink()
    if text is not None:
        (project / path).write_text(text)
    status, out, [line] = show(TRAINED)
    assert status == 1
    assert line.startswith(f"sparsebp show: nothing to compare with: {message}")
    assert out[0].startswith(f"{TRAINED}: ")
    assert not [line for line in out if "match" in line.replace("matched", "")]


# What is no file of the study.


@pytest.mark.parametrize(("path", "origin"), BARE.items())
def test_files_without_provenance_say_what_they_are_made_from(project, show, path, origin):
    assert (project / path).exists()
    status, out, [line] = show(path, RESULTS)
    assert line == f"sparsebp show: {path}: carries no provenance; it is made from {origin}"
    assert status == 1 and out[-1].startswith(f"{RESULTS} matches ")


@pytest.mark.parametrize("path", FILES)
def test_damaged_files_are_refused_in_one_line_and_alone(project, show, path):
    whole = (project / path).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], bytes(range(256)) * 4):
        (project / path).write_bytes(damaged)
        status, out, err = show(path, RESULTS if path != RESULTS else TRAINED)
        assert status == 1
        assert len(err) == 1 and err[0].startswith(f"sparsebp show: {path}: "), err
        assert " matches " in out[-1]


@pytest.mark.parametrize("path", [*DRAWN, TRAINED, RESULTS, FIGURES[1]])
def test_damage_beside_the_provenance_is_seen(project, show, path):
    whole = bytearray((project / path).read_bytes())
    compressed = whole.index(b"IDAT") + 100 if path.endswith(".png") else whole.rindex(b"x\x01") + 8
    whole[compressed] ^= 255
    (project / path).write_bytes(whole)
    status, out, [line] = show(path)
    assert (status, out) == (1, []) and line.startswith(f"sparsebp show: {path}: "), line


def foreign(path):
    """Write a valid file that is none of the study."""
    match path.suffix:
        case ".nc":
            netCDF4.Dataset(path, "w").close()
        case ".png":
            Image.new("L", (2, 2)).save(path)
        case ".svg":
            path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
        case ".pdf":
            Image.new("L", (2, 2)).save(path)
        case _:
            path.write_text("{}")


@pytest.mark.parametrize("name", ["a.nc", "a.png", "a.svg", "a.pdf", "a.json", "a.txt", "a"])
def test_foreign_missing_and_folders_are_refused_in_one_line(project, show, name):
    path = project / name
    for make in (lambda: None, lambda: foreign(path), lambda: (path.unlink(), path.mkdir())):
        make()
        status, out, [line] = show(name)
        assert (status, out) == (1, [])
        assert line.startswith(f"sparsebp show: {name}: ")


RECORD = {"step": "collect", "sources": "0"}
NO_RECORDS = [
    3,
    [],
    {},
    {"step": "collect"},
    RECORD,
    RECORD | {"spec": []},
    RECORD | {"spec": {"experiment": "matched"}},
    RECORD | {"spec": {}, "results": 3},
    RECORD | {"step": "paint", "spec": {}},
    RECORD | {"step": [], "spec": {}},
]


@pytest.mark.parametrize("made", NO_RECORDS, ids=json.dumps)
def test_provenance_that_the_study_does_not_write_is_refused_in_one_line(project, show, made):
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", json.dumps(made))
    Image.new("L", (2, 2)).save("a.png", pnginfo=text)
    Path("a.json").write_text(json.dumps(made))
    rewrite(TRAINED, lambda _: made)
    for path in ("a.png", "a.json", TRAINED):
        status, out, [line] = show(path, RESULTS)
        assert status == 1 and line.startswith(f"sparsebp show: {path}: "), line
        assert out[-1].startswith(f"{RESULTS} matches ")


# Exit status.


def test_the_worst_file_decides_the_exit_status(project, show):
    change(project, "learners", "rbp", "reinforcement", value=0.02)
    for files, status in (
        (DRAWN, 0),
        ([*DRAWN, TRAINED], 3),
        ([TRAINED, *DRAWN], 3),
        ([TRAINED, "missing.nc", *DRAWN], 1),
        (["missing.nc", TRAINED], 1),
    ):
        assert show(*files)[0] == status


def test_a_command_line_that_is_not_understood_has_a_status_of_its_own(show):
    with pytest.raises(SystemExit) as end:
        show("--configfile")
    assert end.value.code == 2
