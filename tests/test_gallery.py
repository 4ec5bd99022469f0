"""The gallery: what docs/ shows was made with the configuration that stands beside it."""

import json
import re
import shutil
from itertools import chain

import numpy as np
import pytest
import yaml

from docs import write_gallery as gallery
from sparsebp.network import quantities
from sparsebp.steps import figure, verdicts
from sparsebp.storage import store
from sparsebp.storage.figure_metadata import read_provenance
from sparsebp.storage.provenance import record
from sparsebp.study import inspection
from sparsebp.study.config import Study
from tests.conftest import ROOT
from tests.tree_problems import write_trees

AGAIN = "run `make gallery`, or take back the change of the configuration"
STUDY, CLAIMS = inspection.load(ROOT)


# The gallery of the repository.


def test_every_figure_is_in_the_gallery_and_no_other():
    shown = {path.stem for path in (ROOT / gallery.GALLERY).iterdir()}
    assert shown == set(STUDY.figures), AGAIN


@pytest.mark.parametrize("name", STUDY.figures)
def test_a_figure_in_the_gallery_is_of_this_configuration(name):
    wrong = gallery.figure_mismatches(STUDY, name, ROOT / gallery.GALLERY)
    assert not wrong, "\n".join([*wrong, AGAIN])


def test_the_verdicts_are_of_this_configuration():
    kept = json.loads((ROOT / gallery.VERDICTS).read_text(encoding="utf-8"))
    wrong = gallery.copy_mismatches(STUDY, CLAIMS, kept)
    assert not wrong, "\n".join([*wrong, AGAIN])


def test_the_pages_show_what_docs_hold():
    again = f"python -m docs.write_gallery {gallery.GALLERY} {gallery.VERDICTS}"
    for path, text in gallery.pages(ROOT, STUDY, CLAIMS).items():
        assert path.read_text(encoding="utf-8") == text, f"run `make gallery` or `{again}`"


# A small one, to see that these tests fail when they should.

CONFIG = """
study: {seeds: 2}
learners:
  bp: {algorithm: sum-product, schedule: offline}
  rbp: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
  other: {algorithm: max-product, schedule: offline}
experiments:
  matched: &block
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {last: 3}
    learners: [bp, rbp]
  mismatched:
    <<: *block
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
figures:
  one:
    thesis: Fig. 1
    panels: [{experiment: matched}]
  both:
    found: Both are wrong, at first.
    panels: [{experiment: matched}, {experiment: mismatched, quantity: topology_error}]
"""
CHOICES = """
choices:
  experiments: {again: mismatched}
  samples: [1, 3]
  vary: [{damping: [0, 0.3]}]
"""
CLAIM = """
confidence: 0.95
margins: {half: {value: 0.5, reason: "Of the simulations, more often than not."}}
claims:
  - id: C1
    thesis: Fig. 1
    statement: So it is.
    tests:
      - {kind: exact, a: [mismatched, bp], quantity: weight_error, at: 3, margin: half}
      - {kind: exact, a: [mismatched, rbp], quantity: weight_error, at: 3, margin: half}
"""
NUMBERS = """
numbers:
  error: {experiments: mismatched, learners: bp, m: 3, digits: 3}
"""
SIZES = ("input", "hidden", "output")
SECTION = """## both: matched and mismatched

`snakemake figures/both.pdf`

![Weight error and topology error against the number of samples, m = 1 to 3](gallery/both.png)

Weight error and topology error against the number of samples, m = 1 to 3: mean and 95 % \
confidence interval of 2 simulations.

**Found:** Both are wrong, at first.

- `matched`: 20 / 20 / 20 neurons, 2 and 2 non-zero weights per row of W_in and W_out, tanh \
(b = 0.1); the student has the same pattern and weights in {-1, 1}.
- `mismatched`: 20 / 20 / 20 neurons, 2 and 2 non-zero weights per row of W_in and W_out, tanh \
(b = 0.1); the student has 3 and 2 per row and weights in {-1, 0, 1}.
"""
OTHERS = """
figures:
  chosen: {choices: {experiment: again, samples: [2, 3]}}
  compared:
    panels:
      - {experiments: [matched, wider], against: layers.input, at: 3, quantity: flipped_error}
  mixed:
    panels:
      - {experiment: matched}
      - {experiments: [matched, wider], against: layers.input, at: 3}
  scaled:
    panels:
      - {experiments: [matched, wider], by: layers.input, learners: [bp]}
      - {experiments: [matched, wider], against: layers.input, at_most: 0.1}
  limited:
    panels:
      - {experiments: [matched, wider], against: layers.input, at_most: 0, quantity: topology_error}
  tuned: {panels: [{experiment: matched, against: reinforcement, at: [1, 3]}]}
  cooled: {panels: [{experiment: cold, against: beta, at: 3, quantity: topology_error}]}
  lost: {panels: [{experiment: matched, learners: [rbp], minus: bp, scale: log}]}
  decay: {panels: [{experiment: matched, quantity: entropy, learners: [bp], law: true}]}
"""
CAPTIONS = {
    "chosen": "Errors under each choice, in the mean over m = 2 to 3",
    "compared": "Error by flipped neurons against layers.input at m = 3",
    "mixed": ("Weight error against the number of samples, m = 1 to 3 and layers.input at m = 3"),
    "scaled": (
        "Weight error against the number of samples, m = 1 to 5; number of samples from which on "
        "weight error is at most 0.1 against layers.input"
    ),
    "limited": ("Number of samples from which on topology error is at most 0 against layers.input"),
    "tuned": "Weight error against reinforcement at m = 1 and 3",
    "cooled": "Topology error against beta at m = 3, beside bp and rbp without it",
    "lost": "Weight error less that of bp against the number of samples, m = 1 to 3",
    "decay": (
        "Entropy against the number of samples, m = 1 to 3; "
        "dashed the decay that counting undetermined weights gives"
    ),
}


# What a section says of experiments with these values.
SETTINGS = {
    "; the student has the same pattern and weights in {-1, 1}.": {},
    "; the student has 1 and 1 per row, fractions 0.5 and 0.5 of the teacher's, and weights in "
    "{-1, 0, 1}.": {
        "student": {
            "nonzeros_per_row": {"input": 1, "output": 1},
            "overlap": {"input": 0.5, "output": 0.5},
            "alphabet": [-1, 0, 1],
        },
    },
    "; the student has 2 and 2 per row, fractions 0.5 and 1 of the teacher's, and weights in "
    "{-1, 1}; a fraction 0.1 of the training outputs changes sign.": {
        "student": {"overlap": {"input": 0.5, "output": 1}, "alphabet": [-1, 1]},
        "noise": {"flipped": 0.1},
    },
    "and weights in {-1, 1}; a fraction 0.2 of the training outputs gets Gaussian noise of "
    "standard deviation 0.3.": {"noise": {"jittered": 0.2, "scale": 0.3}},
}


def parts(*names):
    """Empty places for generated parts, between other lines."""
    places = (f"<!-- {n}: generated by make gallery -->\nold\n<!-- end of {n} -->" for n in names)
    return "above\n\n" + "\n\nbetween\n\n".join(places) + "\n\nbelow\n"


def compute(folder, study, claims):
    """Results as of a run, all errors zero, and the figures and verdicts that the steps make."""
    results = {name: str(folder / f"results/{name}.nc") for name in study.experiments}
    for name, block in study.experiments.items():
        learners, m = block["learners"], block["samples"]
        shape = len(learners), study.study["seeds"], len(m)
        values = {variable: np.zeros(shape) for variable in quantities.QUANTITIES}
        values["status"] = np.ones(shape, np.int8)
        coordinates = {"learner": learners, "seed": list(study.seeds()), "n_samples": m}
        trained = {learner: study.train_spec(name, learner) for learner in learners}
        inputs = study.draw_spec(name) | trained
        made = record("collect", study.collect_spec(name), inputs=inputs)
        store.write_results(results[name], values, coordinates, made)
    for name in study.figures:
        figure.run(study.figure_spec(name), results, [str(folder / f"figures/{name}.png")])
    spec = {"claims": claims, "choices": study.choices}
    written = (str(folder / f"results/verdicts.{end}") for end in ("json", "md"))
    verdicts.run(spec, results, *written)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with a run, whose gallery is to be made."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "docs/gallery").mkdir(parents=True)
    (folder / "README.md").write_text(parts("verdicts"))
    (folder / "docs/gallery.md").write_text(parts("figures", "verdicts"))
    shutil.copytree(ROOT / "workflow/schemas", folder / "workflow/schemas")
    (folder / "config.yaml").write_text(CONFIG + CHOICES)
    (folder / "workflow/claims.yaml").write_text(CLAIM)
    (folder / "workflow/numbers.yaml").write_text(NUMBERS)
    compute(folder, *inspection.load(folder))
    return folder


RUN = ["figures", "results/verdicts.json"]


def changed(tmp_path, path, value):
    """The project's study with another value at a path with dots."""
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
    block = config
    for key in keys:
        block = block.setdefault(key, {}) if isinstance(block, dict) else block[key]
    block[last] = value
    return Study.load(config, tmp_path / "workflow/schemas/config.schema.yaml")


def wrong(study, claims, folder):
    """All mismatches of figures and verdicts."""
    found = gallery.verdicts_mismatches(study, claims, folder / "results/verdicts.json")
    drawn = (gallery.figure_mismatches(study, name, folder / "figures") for name in study.figures)
    return [*chain.from_iterable(drawn), *found]


@pytest.mark.thorough
def test_what_was_made_with_this_configuration_passes(project):
    assert wrong(*inspection.load(project), project) == []


def test_a_learner_that_no_claim_is_about_leaves_the_verdicts_as_they_are(project):
    _, claims = inspection.load(project)
    config = yaml.safe_load((project / "config.yaml").read_text())
    config["choices"]["learners"] = ["bp", "rbp"]
    config["experiments"]["mismatched"]["learners"] = ["bp", "rbp", "other"]
    more = Study.load(config, project / "workflow/schemas/config.schema.yaml")
    made = project / "results/verdicts.json"
    assert inspection.configuration_mismatches(
        inspection.read(made), inspection.of_verdicts(more, claims)
    )
    assert gallery.verdicts_mismatches(more, claims, made) == []
    assert more.experiments["mismatched"]["learners"] == ["bp", "rbp", "other"]
    assert gallery.figure_mismatches(more, "both", project / "figures")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        (
            "experiments.mismatched.inference.damping",
            0.5,
            [
                "both: results.mismatched.inputs.bp.learner.damping is 0.3, but configured is 0.5 "
                "(so too in 1 more)",
                'verdicts: spec.choices.damping 0.3.bp is absent, but configured is "bp-damp',
                "verdicts: spec.choices.damping 0.3.rbp is absent, but configured is ",
                "verdicts: results.again.inputs.bp.learner.damping is 0.3, but configured is 0.5 "
                "(so too in 3 more)",
            ],
        ),
        (
            "learners.rbp.reinforcement",
            0.02,
            [
                "one: spec.learners.rbp.reinforcement is 0.01, but configured is 0.02 (so too in",
                "both: spec.learners.rbp.reinforcement is 0.01, but configured is 0.02 (so too in",
                "verdicts: results.again.inputs.rbp.learner.reinforcement is 0.01, but ",
            ],
        ),
        (
            "study.test_samples",
            7,
            [
                "one: results.matched.inputs.dataset.test_samples is 50, but configured is 7",
                "both: results.matched.inputs.dataset.test_samples is 50, but configured is 7 (",
                "verdicts: results.again.inputs.dataset.test_samples is 50, but ",
            ],
        ),
        (
            "experiments.matched.learners",
            ["bp"],
            [
                "one: spec.figure.panels.0.learners is [bp, rbp], but configured is [bp] (so",
                'one: spec.learners.rbp is {"algorithm": "sum-product", ',
                "one: results.matched.inputs.rbp is {",
                "both: spec.figure.panels.0.learners is [bp, rbp], but configured is [bp] (so",
                "both: results.matched.inputs.rbp is {",
            ],
        ),
        ("figures.one.panels.0.title", "x", ['one: spec.figure.panels.0.title is "", but conf']),
        ("figures.new", {"panels": [{"experiment": "matched"}]}, ["new: no file "]),
        (
            "choices.samples",
            [2, 3],
            ["verdicts: results.again.spec.samples is [1, 3], but configured is [2, 3] (so too in"],
        ),
    ],
)
def test_what_another_configuration_made_is_named(project, path, value, lines):
    found = wrong(changed(project, path, value), inspection.load(project)[1], project)
    assert len(found) == len(lines), found
    for line, start in zip(found, lines, strict=True):
        assert line.startswith(start)


def test_claims_that_have_changed_are_named(project):
    study, claims = inspection.load(project)
    claims["claims"][0]["statement"] = "So it was."
    [line] = wrong(study, claims, project)
    assert line == (
        'verdicts: spec.claims.claims.0.statement is "So it is.", but configured is "So it was."'
    )


@pytest.mark.thorough
def test_a_drawing_is_told_in_words(project):
    config = yaml.safe_load(CONFIG)
    small = config["experiments"]["mismatched"] | {"layers": dict.fromkeys(SIZES, 4)}
    config["experiments"]["small"] = small
    for name, of in (("net", "network"), ("graph", "factor-graph")):
        config["figures"][name] = {"drawing": {"of": of, "experiment": "small", "output": 2}}
    study = Study.load(config, project / "workflow/schemas/config.schema.yaml")
    for name, what in (("net", "The teacher's network"), ("graph", "The student's factor graph")):
        caption = f"{what}, and in it what the factor of output 2 sees"
        assert gallery._section(study, name, {}) == (
            f"## {name}: small\n\n`snakemake figures/{name}.pdf`\n\n"
            f"![{caption}](gallery/{name}.png)\n\n{caption}, in the first simulation.\n\n"
            "- `small`: 4 / 4 / 4 neurons, 2 and 2 non-zero weights per row of W_in and W_out, "
            "tanh (b = 0.1); the student has 3 and 2 per row and weights in {-1, 0, 1}.\n"
        )


def test_a_figure_that_does_not_say_how_its_results_came_about_fails(project, monkeypatch):
    made = read_provenance(project / "figures/one.png")
    study = inspection.load(project)[0]
    for less, line in (
        ({"spec": made["spec"]}, "one: results is absent, but configured is {"),
        (made | {"spec": {}}, 'one: spec.name is absent, but configured is "one"'),
        (
            made | {"results": {"matched": {}}},
            "one: results.matched.spec is absent, but configured is {",
        ),
    ):
        monkeypatch.setattr(inspection, "read", lambda path, less=less: less)
        found, *_ = gallery.figure_mismatches(study, "one", project / "figures")
        assert found.startswith(line)


def test_sources_and_versions_may_differ(project, monkeypatch):
    made = read_provenance(project / "figures/one.png")
    other = made | {"sources": "other", "versions": {}, "commit": "other"}
    monkeypatch.setattr(inspection, "read", lambda path: other)
    assert gallery.figure_mismatches(inspection.load(project)[0], "one", project / "figures") == []


def test_the_gallery_of_a_run(project):
    (project / "docs/gallery/old.png").write_text("")
    (project / "figures/old.png").write_text("")
    assert gallery.main(RUN) == 0
    assert sorted(path.name for path in (project / "docs").rglob("*.*")) == [
        "both.png",
        "gallery.md",
        "one.png",
        "verdicts.json",
        "verdicts.md",
    ]
    for name in ("one.png", "both.png"):
        copy = project / "docs/gallery" / name
        assert copy.read_bytes() == (project / "figures" / name).read_bytes()
    page = (project / "docs/gallery.md").read_text()
    assert SECTION in page
    assert "## Fig. 1: matched\n\n`snakemake figures/one.pdf`\n" in page
    assert page.count("Of 1 claims") == 1
    readme = (project / "README.md").read_text()
    assert re.search(r"^\| C1 \| So it is\. \| \*\*.*\| 2 \| \w+ under all 2 \|$", readme, re.M)
    for text in (page, readme):
        assert text.startswith("above\n\n<!-- ")
        assert text.endswith(" -->\n\nbelow\n")
        assert "\nold\n" not in text
    own = (project / "results/verdicts.md").read_text()
    assert (project / "docs/verdicts.md").read_text() == own


def test_the_pages_alone_are_made_from_docs(project):
    assert gallery.main(RUN) == 0
    shutil.rmtree(project / "results")
    shutil.rmtree(project / "figures")
    before = {path: path.read_bytes() for path in project.rglob("*.*") if path.is_file()}
    (project / "README.md").write_text(parts("verdicts"))
    assert gallery.main(["docs/gallery", "docs/verdicts.json"]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert gallery.pages(project, *inspection.load(project)).keys() <= before.keys()


def test_what_docs_hold_of_verdicts_is_small_and_of_one_configuration(project, capsys):
    assert gallery.main(RUN) == 0
    kept = json.loads((project / "docs/verdicts.json").read_text())
    study, claims = inspection.load(project)
    assert gallery.copy_mismatches(study, claims, kept) == []
    records = {(r["id"], r["choice"]): r for r in kept["records"]}
    assert len(records) == 3 and len(records["C1", None]["tests"]) == 2
    assert [len(r["tests"]) for (_, choice), r in records.items() if choice] == [1, 1]
    config = yaml.safe_load((project / "config.yaml").read_text())
    # Another learner changes nothing, and another damping what was run with it.
    config["experiments"]["mismatched"]["learners"] = ["bp", "rbp", "other"]
    config["choices"]["learners"] = ["bp", "rbp"]
    schema = project / "workflow/schemas/config.schema.yaml"
    assert gallery.copy_mismatches(Study.load(config, schema), claims, kept) == []
    config["experiments"]["mismatched"]["inference"] = {"damping": 0.5}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    shutil.rmtree(project / "figures")
    assert gallery.main(["docs/gallery", "docs/verdicts.json"]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if ": verdicts: " in line]
    changed = ("choices", "again", "mismatched")
    assert lines == [f"gallery: verdicts: {name} of another configuration" for name in changed]
    claims["claims"][0]["statement"] = "So it was."
    assert gallery.copy_mismatches(study, claims, kept) == [
        "verdicts: claims of another configuration"
    ]


def test_a_run_of_another_configuration_is_refused(project, capsys):
    (project / "config.yaml").write_text(CONFIG.replace("b: 0.1", "b: 0.2") + CHOICES)
    before = {path: path.read_bytes() for path in (project / "docs").rglob("*.*")}
    assert gallery.main(RUN) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(
        "gallery: one: spec.experiments.matched.activation.b is 0.1, but configured is 0.2"
    )
    assert {path: path.read_bytes() for path in (project / "docs").rglob("*.*")} == before


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("README.md", "nothing\n", "README.md: <!-- verdicts: generated by make gallery --> and "),
        ("README.md", parts("verdicts", "verdicts"), "README.md: "),
        ("config.yaml", "study: {}\n", "config.yaml: top level: key 'experiments'"),
        ("workflow/claims.yaml", CLAIM.replace("at: 3", "at: 9"), "this study cannot test the cla"),
        ("results/verdicts.json", "", "results/verdicts.json: not a file of this study ("),
        ("figures/one.png", "", "figures/one.png: not a file of this study ("),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(project, capsys, path, text, message):
    (project / path).write_text(text)
    assert gallery.main(RUN) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gallery: {message}")


def test_a_missing_run_is_named(project, capsys):
    shutil.rmtree(project / "figures")
    (project / "results/verdicts.json").unlink()
    assert gallery.main(RUN) == 1
    assert capsys.readouterr().err.splitlines() == [
        "gallery: one: no file figures/one.png",
        "gallery: both: no file figures/both.png",
        "gallery: verdicts: no file results/verdicts.json",
    ]


@pytest.mark.thorough
def test_the_section_of_trees(tmp_path):
    """Its caption has the numbers of the configuration, and its figure is refused if others."""
    config = yaml.safe_load(CONFIG + CHOICES)
    config["figures"] = {"trees": {"trees": {}}}
    config["trees"] = {"outputs": [4, 7], "activation": {"function": "tanh", "b": 0.1}}
    schema = ROOT / "workflow/schemas/config.schema.yaml"
    study = Study.load(yaml.safe_load(yaml.safe_dump(config)), schema)
    section = gallery._section(study, "trees", {})
    assert section.startswith("## trees: appendix A\n\n`snakemake figures/trees.pdf`\n")
    assert "- 2 graphs of each kind with 4 and 7 observed outputs, tanh (b = 0.1), " in section
    write_trees(tmp_path / "trees.nc", study)
    results = {"trees": str(tmp_path / "trees.nc")}
    figure.run(study.figure_spec("trees"), results, [str(tmp_path / "trees.png")])
    assert gallery.figure_mismatches(study, "trees", tmp_path) == []
    config["trees"]["outputs"] = [4, 10]
    other = Study.load(config, schema)
    assert gallery.figure_mismatches(other, "trees", tmp_path) == [
        "trees: spec.figure.trees.outputs is [4, 7], but configured is [4, 10] (so too in 1 more)"
    ]


def test_the_caption_says_what_figures_of_each_kind_show(project):
    config = yaml.safe_load(CONFIG + CHOICES) | yaml.safe_load(OTHERS)
    wider = {"layers": {"input": 40, "hidden": 20, "output": 20}}
    wider |= {"nonzeros_per_row": {"input": 2, "output": 2}, "samples": {"last": 5}}
    config["experiments"]["wider"] = config["experiments"]["matched"] | wider
    cold = {"algorithm": "sum-product", "factor": "soft", "schedule": "offline", "beta": 2}
    config["learners"]["cold"] = cold
    learners = {"learners": ["bp", "cold", "rbp"]}
    config["experiments"]["cold"] = config["experiments"]["matched"] | learners
    study = Study.load(config, project / "workflow/schemas/config.schema.yaml")
    for name, caption in CAPTIONS.items():
        section = gallery._section(study, name, {})
        assert f"\n![{caption}](gallery/{name}.png)\n\n{caption}: mean and 95 %" in section


@pytest.mark.parametrize(("said", "values"), SETTINGS.items())
def test_a_section_says_of_which_students_and_data(project, said, values):
    config = yaml.safe_load(CONFIG + CHOICES)
    config["experiments"]["matched"] |= values
    study = Study.load(config, project / "workflow/schemas/config.schema.yaml")
    assert said in gallery._section(study, "one", {})


def test_a_title_names_few_experiments(project, monkeypatch):
    study = Study.load(yaml.safe_load(CONFIG), project / "workflow/schemas/config.schema.yaml")
    assert gallery._section(study, "both", {}).startswith("## both: matched and mismatched\n")
    monkeypatch.setattr(gallery, "MOST_NAMED", 1)
    assert gallery._section(study, "both", {}).startswith("## both: 2 experiments\n")
