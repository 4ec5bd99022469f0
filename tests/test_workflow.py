"""The workflow: what an edit reruns, and that runs repeat, stop and resume as they should.

A tiny study runs once, in a copy of the project. Each test starts from its outcome, edits one
thing, and compares the jobs that Snakemake then has with the exact set that should run.
"""

import os
import pty
import re
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from docs import write_gallery as gallery
from sparsebp.storage import store
from sparsebp.study import inspection
from tests import lint
from tests.outcomes import contents, lasting
from tests.workflow_helpers import TIMEOUT, Project, jobs
from tests.workflow_study import (
    AFTER_ALL,
    AFTER_MISMATCHED,
    CONFIG,
    EDITS_OF_CONFIG,
    EDITS_OF_SOURCES,
    EVERYTHING,
    FIGURES,
    KERNELS,
    PAGES,
    SEEDS,
    TRAININGS,
    answers,
    assert_shown,
    assert_why,
    train,
    why,
)

pytestmark = pytest.mark.thorough

MADE = ("results", "figures", "logs", "benchmarks", ".snakemake")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The project after one complete run, a copy of its state, and that run."""
    folder = tmp_path_factory.mktemp("workflow")
    project = Project(folder, yaml.safe_load(CONFIG), own_sources=True)
    run = project.make()
    project.save(folder / "finished")
    return project, folder / "finished", run


@pytest.fixture
def project(finished):
    """The project as it was after the complete run."""
    project, snapshot, _ = finished
    project.restore(snapshot)
    return project


@pytest.fixture
def bare(project):
    """The project as it was before the run."""
    for part in MADE:
        shutil.rmtree(project / part)
    return project


# --- What an edit reruns


def test_first_run_makes_everything_once(finished):
    run = finished[2]
    assert run.work == EVERYTHING
    assert not run.failed


def test_finished_study_has_nothing_to_do(project):
    assert project.make("--dry-run").jobs == []


@pytest.mark.parametrize("later", [0, 86400], ids=["now", "tomorrow"])
def test_touching_sources_reruns_nothing(project, later):
    stamp = time.time() + later
    for part in ("Snakefile", "workflow", "src", "config.yaml", "environment.yml"):
        for path in [project / part, *(project / part).rglob("*")]:
            os.utime(path, (stamp, stamp))
    assert project.todo() == set()


@pytest.mark.parametrize(("changes", "expected"), EDITS_OF_CONFIG.values(), ids=EDITS_OF_CONFIG)
def test_edit_of_the_configuration(project, changes, expected):
    project.change(changes)
    assert project.todo() == expected
    assert_shown(project, expected)
    assert_why(project, expected)


# --- What would run, and why, in words

REST = "2 results, 2 figures, 2 tables, 1 page"


def test_why_of_a_fresh_copy_is_that_nothing_is_there(bare):
    rules, reasons, time = why(bare)
    assert rules == Counter(name.split()[0] for name in bare.todo())
    assert reasons == {"missing output": f"4 teachers, 1 compilation, 8 trainings, {REST}"}
    assert time == "unknown, as nothing like it has run here"


def test_why_of_a_finished_study_has_nothing_to_say(project):
    assert_why(project, set())


def test_why_tells_an_edit_once(project):
    """Though two learners run in two experiments, and figures and results come after them."""
    project.change({"inference.damping": 0.4})
    _, reasons, time = why(project)
    assert reasons == {
        "learner.damping is 0.3, but configured is 0.4": f"8 trainings, {REST}",
    }
    assert re.fullmatch(r"about \d+ (s|min) on \d+ cores?, as earlier runs took", time)


def test_why_tells_each_of_several_edits_with_its_jobs(project):
    """Also where Snakemake asks no further: a figure to come after trainings has a new title."""
    project.change({"learners.rms.reinforcement": 0.02, "figures.both.panels.0.title": "New"})
    project.change({"study.seeds": 3})
    _, reasons, _ = why(project)
    again = "2 results, 2 figures, 2 tables, 1 page"
    figure = reasons.pop('figure.panels.0.title is "", but configured is "New"')
    assert figure == "1 figure"
    after_one = "1 result, 1 figure, 1 table, 1 page"
    assert reasons == {
        "missing output": f"2 teachers, 4 trainings, {again}",
        "seeds is 2, but configured is 3": again,
        "learner.reinforcement is 0.01, but configured is 0.02": f"2 trainings, {after_one}",
    }


def test_why_of_edited_sources(project):
    project.append("src/sparsebp/engine/learning.py", '\n"""An edit."""\n')
    assert why(project)[1] == {"sources have changed": f"8 trainings, {REST}"}


def test_why_of_lost_files(project):
    (project / "results/matched/seed-0/rbp.nc").unlink()
    assert_why(project, set())  # what came after it is there
    assert why(project, "results/matched/seed-0/rbp.nc")[1] == {"missing output": "1 training"}
    (project / "figures/one.png").unlink()
    assert why(project)[:2] == ({"figure": 1}, {"missing output": "1 figure"})


def test_why_after_a_failure_has_what_is_left(project):
    truncate(project / "results/matched/seed-0/dataset.nc")
    project.change({"learners.bp-online.reinforcement": 0.02})
    run = project.snakemake("--cores", "2")
    assert run.failed == {"train matched 0 bp-online"}
    reason = "learner.reinforcement is 0, but configured is 0.02"
    assert why(project)[1]["missing output"].startswith("1 training, 1 result, ")
    assert reason not in why(project)[1]


def test_why_where_the_former_configuration_is_lost(project):
    shutil.rmtree(project / ".snakemake/handed")
    project.change({"learners.rms.label": "max-sum"})
    text = "another configuration, which is not in .snakemake any more"
    assert why(project)[1] == {text: "1 figure"}


def test_why_reads_other_configurations_and_folders_as_snakemake_does(project):
    (project / "one.yaml").write_text("study: {test_samples: 7}\n")
    options = "--configfile", "one.yaml", "--directory", "elsewhere"
    student = "results/matched/seed-0/student.nc"
    project.make(student, *options)
    status, output = project.sparsebp("why", student, *options)
    assert (status, output.partition(":")[0]) == (0, "Nothing to do")
    _, reasons, _ = why(project, student, *options[2:])
    assert reasons == {"dataset.test_samples is 7, but configured is 5": "1 teacher"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["figures/on.pdf"], "figures/on.pdf: nothing makes it; nearest: figures/one.pdf; allowed"),
        (["--configfile", "none.yaml"], "none.yaml: "),
        (["--configfile", "bad.yaml"], "bad.yaml: study.seeds: 'two'"),
        (["--directory", "config.yaml"], "config.yaml"),
    ],
)
def test_why_refuses_in_one_line(project, arguments, said):
    (project / "bad.yaml").write_text("study: {seeds: two}")
    status, output = project.sparsebp("why", *arguments)
    (line,) = output.splitlines()
    assert status == 1 and line.startswith("sparsebp why: ") and said in line


# --- How far a run is, in one line


def test_a_run_is_told_in_one_line_and_logged_in_full(project):
    project.change({"learners.rms.label": "max-sum"})
    status, output = project.python("-m", "snakemake", "--cores", "2")
    lines = output.splitlines()
    assert status == 0 and re.fullmatch(r"2 of 2 jobs done, in \d+ (s|min)", lines[-1]), output
    assert re.search(r"^Time: about \d+ (s|min) on 2 cores, as earlier runs took$", output, re.M)
    log = max((project / ".snakemake/log").iterdir()).read_text()
    for text in ("drawing both", "Finished jobid: 0 (Rule: all)", "2 of 2 steps (100%) done"):
        assert text in log and text not in output


def test_on_a_terminal_the_line_is_rewritten_below_errors_in_full(project):
    truncate(project / "results/matched/seed-0/dataset.nc")
    project.change({"learners.bp-online.reinforcement": 0.02})
    ours, theirs = pty.openpty()
    running = project.start("-m", "snakemake", "--cores", "2", output=theirs)
    os.close(theirs)
    output = b""
    with suppress(OSError):  # the terminal is closed
        while more := os.read(ours, 10000):
            output += more
    os.close(ours)
    assert running.wait(TIMEOUT) == 1
    lines = [line.rpartition("\r\033[K")[2] for line in output.decode().split("\r\n")]
    assert re.fullmatch(r"1 of 8 jobs done, 1 failed, 6 left, in \d+ (s|min)", lines[-2]), lines
    assert not any("jobs done" in line for line in lines[:-2])
    assert b"0 of 8 jobs done, 2 running, 6 left" in output
    log = (project / "logs/results/matched/seed-0/bp-online.log").read_text()
    assert log.rstrip() in lines and any("Error in rule train" in line for line in lines)


def test_order_of_keys_reruns_nothing(project):
    layers = {"output": 20, "hidden": 20, "input": 20}
    project.change({"experiments.matched.layers": layers})
    assert project.todo() == set()
    assert_shown(project, set())


@pytest.mark.parametrize(("module", "expected"), EDITS_OF_SOURCES.items(), ids=EDITS_OF_SOURCES)
def test_edit_of_the_sources(project, module, expected):
    project.append(f"src/sparsebp/{module}", '\n"""An edit."""\n')
    assert project.todo() == expected
    assert_shown(project, expected)
    assert_why(project, expected)


def test_every_import_of_a_step_is_among_its_sources(project):
    script = """
import sys
from importlib import import_module
from pathlib import Path
from sparsebp.storage.sources import PACKAGE, source_files

for path in (PACKAGE / "steps").glob("[!_]*.py"):
    for name in [name for name in sys.modules if name.startswith("sparsebp")]:
        del sys.modules[name]
    import_module(f"sparsebp.steps.{path.stem}")
    files = {Path(m.__file__) for name, m in sys.modules.items() if name.startswith("sparsebp")}
    assert path in files, "not the copy's package"
    assert files == source_files(f"steps.{path.stem}"), path.stem
"""
    status, output = project.python("-c", script)
    assert status == 0, output


def test_new_experiment_with_a_figure_needs_the_configuration_alone(project):
    before = contents(project.folder)
    block = yaml.safe_load((project / "config.yaml").read_text())["experiments"]["matched"]
    block |= {"layers": {"input": 12, "hidden": 12, "output": 12}, "learners": ["rbp"]}
    panels = {"panels": [{"experiment": "added"}]}
    project.change({"experiments.added": block, "figures.new": panels})
    run = project.make()
    assert run.work == (
        jobs("draw", "added", SEEDS)
        | jobs("train", "added", SEEDS, "rbp")
        | {"collect added", "figure new", "table added", "provenance_page"}
    )
    after = contents(project.folder)
    assert after | before == after
    assert {name for name in after if "new." in name} >= {"new.pdf", "new.png", "new.svg"}
    assert_shown(project, set())


@pytest.mark.slow
def test_choices_train_variants_of_learners_beside_what_there_is(project):
    before = contents(project.folder)
    vary = [{"damping": [0, 0.3], "initial_scale": [0.5]}, {"reinforcement": [0.01, 0.1]}]
    again = {"experiments": {"again": "mismatched"}, "samples": [2], "vary": vary}
    project.change({"choices": again})
    run = project.make("results/again.nc")
    variants = [f"damping-{damping}-initial-scale-0.5" for damping in (0, 0.3)]
    learners = [
        f"{name}-{end}" for name in ("rbp", "rms") for end in (*variants, "reinforcement-0.1")
    ]
    assert run.work == (
        jobs("draw", "again", SEEDS)
        | jobs("train", "again", SEEDS, ("rbp", "rms", *learners))
        | {"collect again"}
    )
    after = contents(project.folder)
    assert after | before == after
    assert project.todo("results/again.nc") == set()
    assert_shown(project, set())
    for seed in SEEDS:
        one, other = (
            after[f"results/{name}/seed-{seed}/student.nc:input_topology"]
            for name in ("mismatched", "again")
        )
        assert one == other


def test_the_target_figures_is_those_of_the_thesis(bare):
    bare.change({"figures.one.thesis": "Fig. 1"})
    assert bare.todo("figures") == bare.todo("figures/one.pdf")
    assert bare.todo() == EVERYTHING


def test_one_figure_makes_only_what_it_needs(bare):
    assert bare.todo("figures/one.pdf") == (
        jobs("draw", "matched", SEEDS)
        | train("matched")
        | KERNELS
        | {"collect matched", "figure one"}
    )


def test_kernels_are_those_of_the_study_that_is_asked_for(bare):
    more = {"experiments": {"alike": {"like": "matched"}}}
    (bare / "workflow/studies").mkdir(exist_ok=True)
    (bare / "workflow/studies/more.yaml").write_text(yaml.safe_dump(more))
    bare.change({"studies": ["more"]})
    for experiment, study in (("matched", "config"), ("alike", "more")):
        todo = bare.todo(f"results/{experiment}.nc")
        assert {job for job in todo if job.startswith("kernels")} == {f"kernels {study}"}


def compiled(project):
    """The files of compiled kernels, and when they were written."""
    return {path: path.stat().st_mtime_ns for path in project.folder.rglob("*.nb[ic]")}


@pytest.mark.slow
def test_kernels_are_compiled_once_and_before_all_trainings(project):
    """No training writes to the cache, after an edit of the kernels either."""
    project.append("src/sparsebp/engine/kernels/updates.py", '\n"""An edit."""\n')
    before = compiled(project)
    run = project.make("--until", "kernels")
    assert run.work == KERNELS
    after = compiled(project)
    # One of another module stays as it is.
    steps = [path for path in before if "/steps-" in str(path)]
    assert len(after) == len(before) + len(steps) > 20
    project.make("results/matched.nc")
    assert compiled(project) == after


@pytest.mark.slow
def test_sources_edited_during_a_run_are_refused_and_taken_back_without_a_trace(bare, finished):
    """What was made by edited sources, kernels too, would else pass for what these make."""
    algebras = bare / "src/sparsebp/engine/algebras.py"
    right = algebras.read_text(encoding="utf-8")
    running = bare.begin("--cores", "2")
    while not list(bare.folder.glob("results/*/seed-*/teacher.nc")):
        assert running.process.poll() is None
        time.sleep(0.05)
    rule = "weights[0] * old + weights[1] * new"
    assert rule in right
    wrong = right.replace(rule, "weights[0] * new + weights[1] * old")
    algebras.write_text(wrong, encoding="utf-8")
    run = running.end()
    assert run.status == 1 and run.failed and run.failed <= KERNELS | TRAININGS
    assert "were edited since the workflow began; start it again" in run.output
    algebras.write_text(right, encoding="utf-8")
    bare.make()
    assert contents(bare.folder) == contents(finished[1])
    assert_shown(bare, set())


def test_lost_kernels_retrain_nothing(project):
    shutil.rmtree(project / ".snakemake/kernels")
    assert project.todo() == set()


def test_lost_kernels_retrain_nothing_but_what_changed(project):
    shutil.rmtree(project / ".snakemake/kernels")
    project.change({"learners.rms.reinforcement": 0.02})
    changed = jobs("train", "mismatched", SEEDS, "rms") | AFTER_MISMATCHED
    assert project.todo() == changed


def test_lost_training_is_made_again_when_asked_for(project):
    """Results that are there do not need it; a new training comes with all that follows from it."""
    lost = "results/mismatched/seed-1/rms.nc"
    (project / lost).unlink()
    assert project.todo() == set()
    assert project.todo("all", lost) == {"train mismatched 1 rms"} | AFTER_MISMATCHED


# --- Verdicts: a part of `all` where the study can test the claims

VERDICTS = "results/verdicts.json"
CLAIMS = """
confidence: 0.95
margins: {half: {value: 0.5, reason: A margin that is for tests.}}
claims:
  - id: C1
    thesis: Fig. 1
    statement: "So {it} is."
    tests:
      - {kind: exact, a: [matched, rbp], quantity: weight_error, at: 3, margin: half}
      - kind: equal
        a: [mismatched, rbp]
        b: [mismatched, rms]
        quantity: topology_error
        m: [1, 3]
        margin: half
"""


NUMBERS = """
numbers:
  error: {experiments: matched, learners: rbp, m: 3, digits: 3}
  elsewhere: {experiments: matched, learners: rbp, m: 4, digits: 3}
"""


def test_numbers_are_found_anew_only_for_what_they_depend_on(project):
    """And no figure is drawn for its caption, which is filled when a report shows it."""
    (project / "workflow/numbers.yaml").write_text(NUMBERS)
    project.change({"figures.one.found": "It is {error}, not {elsewhere}."})
    assert project.todo() == {"numbers"}
    page, options = project / "page.html", ("--report", "page.html")
    project.make("figures/one.pdf", *options)
    assert "It is (not computed), not (not computed)." in page.read_text()
    assert project.make(*options, "--report-after-run").work == {"numbers"}
    found = store.read_results(project / "results/matched.nc")["weight_error"]
    text = f"{found.sel(learner='rbp', n_samples=3).mean().item():.3f}"
    assert f"It is {text}, not (not computed)." in page.read_text()
    assert project.todo() == set()
    assert_shown(project, set())
    (project / "workflow/numbers.yaml").write_text(NUMBERS.replace("m: 3", "m: 2"))
    assert project.todo() == {"numbers"}
    assert_shown(project, {"numbers"})
    (project / "workflow/numbers.yaml").write_text(NUMBERS)
    project.append("src/sparsebp/steps/numbers.py", '\n"""An edit."""\n')
    assert project.todo() == {"numbers"}
    project.change({"learners.rbp.reinforcement": 0.02})
    changed = jobs("train", ("matched", "mismatched"), SEEDS, "rbp") | AFTER_ALL
    assert project.todo() == changed | {"numbers"}
    assert_shown(project, changed | {"numbers"})


def test_numbers_that_captions_lack_are_refused_before_anything_runs(bare):
    bare.change({"figures.one.found": "It is {error}."})
    run = bare.snakemake("--dry-run")
    assert run.status == 1
    assert "figures.one.found: 'error' is no number of numbers.yaml" in run.output


def test_verdicts_come_after_all_results(bare):
    (bare / "workflow/claims.yaml").write_text(CLAIMS)
    run = bare.make("--dry-run", VERDICTS)
    assert run.work == EVERYTHING - FIGURES - PAGES | {"verdicts"}
    assert run.jobs[-1] == "verdicts"


def test_verdicts_are_made_again_only_for_what_they_depend_on(project):
    (project / "workflow/claims.yaml").write_text(CLAIMS)
    assert project.todo(VERDICTS) == {"verdicts"}
    assert project.make().work == {"verdicts", "verdict_page", "explorer"}
    assert "Of 1 claim," in (project / "results/verdicts.md").read_text()
    assert project.todo(VERDICTS) == project.todo() == set()
    (project / "workflow/claims.yaml").write_text(CLAIMS.replace("0.95", "0.9"))
    assert project.todo() == {"verdicts", "verdict_page", "explorer"}
    (project / "workflow/claims.yaml").write_text(CLAIMS)
    project.append("src/sparsebp/claims/verdicts.py", '\n"""An edit."""\n')
    assert project.todo() == {"verdicts", "verdict_page", "explorer"}
    assert_shown(project, {"verdicts"})
    project.change({"learners.rms.reinforcement": 0.02})
    changed = jobs("train", "mismatched", SEEDS, "rms") | AFTER_MISMATCHED
    assert project.todo() == changed | {"verdicts", "verdict_page", "explorer"}
    assert_shown(project, changed | {"verdicts"})


def test_show_reads_other_configurations_and_folders_as_snakemake_does(project):
    (project / "one.yaml").write_text("study: {test_samples: 7, entropy: 3}\n")
    (project / "two.yaml").write_text("study: {test_samples: 6}\n")
    options, dataset = ("--configfile", "one.yaml", "two.yaml"), "results/matched/seed-0/dataset.nc"
    project.make(dataset, *options, "--directory", "elsewhere")
    found = answers(project, *options, folder="elsewhere")
    assert len(found) == 3 and all(found.values())
    for others in ((), options[:2], (options[0], options[2]), (options[0], *options[:0:-1])):
        found = answers(project, *others, folder="elsewhere")
        assert not found[Path(dataset)], others


def test_show_knows_what_a_file_was_made_from(project):
    """A training does not match its teacher as configured, be this drawn anew or not."""
    project.change({"experiments.mismatched.nonzeros_per_row.input": 1})
    changed = jobs("draw", "mismatched", SEEDS) | train("mismatched") | AFTER_MISMATCHED
    assert project.todo() == changed
    assert_shown(project, changed)
    assert project.make("results/mismatched/seed-0/teacher.nc").work == {"draw mismatched 0"}
    changed -= {"draw mismatched 0"}
    assert project.todo() == changed
    assert_shown(project, changed)


def test_verdicts_alone_are_refused_where_the_study_cannot_tell(bare):
    assert bare.todo() == EVERYTHING
    for claims, what in (
        (None, "C1: no experiment 'matched_tanh'"),
        (CLAIMS.replace("at: 3", "at: 4"), "C1: rbp in matched: no common m from 4 to 4"),
    ):
        if claims:
            (bare / "workflow/claims.yaml").write_text(claims)
        run = bare.snakemake("--cores", "2", VERDICTS)
        lines = [line for line in run.output.splitlines() if "cannot test the claims" in line]
        assert (run.status, run.jobs) == (1, [])
        assert len(lines) == 1 and what in lines[0], run.output


def test_bad_claims_are_refused_in_one_line(bare):
    (bare / "workflow/claims.yaml").write_text(CLAIMS.replace("kind: exact", "kind: nicer"))
    run = bare.snakemake("--cores", "2")
    lines = [line for line in run.output.splitlines() if "'nicer'" in line]
    assert (run.status, run.jobs) == (1, [])
    assert len(lines) == 1 and "claims.yaml: claims.0.tests.0.kind: " in lines[0], run.output
    assert "Traceback" not in run.output


# --- Runs that repeat, stop and resume


@pytest.mark.slow
def test_other_order_of_jobs_gives_the_same_files(finished, project):
    before = contents(project.folder)
    order = ("--scheduler", "greedy", "--prioritize", "results/mismatched.nc")
    again = project.make("--forceall", "--cores", "1", *order)
    assert again.work == EVERYTHING
    assert again.jobs != finished[2].jobs
    assert again.jobs.index("collect mismatched") < again.jobs.index("train matched 0 rbp")
    assert contents(project.folder) == before


def test_more_seeds_and_back_keep_what_there_is(project):
    results, before = "results/matched.nc", contents(project.folder)
    project.change({"study.seeds": 3})
    project.make(results)
    after = contents(project.folder)
    assert after[f"{results}:status"][2] == (2, 3, 3)
    changed = {name for name in before if after[name] != before[name]}
    assert {name.partition(":")[0] for name in changed} == {results}
    project.change({"study.seeds": 2})
    assert project.make(results).work == {"collect matched"}
    after = contents(project.folder)
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_edited_engine_trains_anew(project):
    trained = project / "results/matched/seed-0/rbp.nc"
    before = store.provenance(trained)
    limit = "lambda self: object.__setattr__(self, 'max_steps', 1)"
    project.append("src/sparsebp/engine/learner.py", f"\n\nLearner.__post_init__ = {limit}\n")
    # No kernel is compiled from it.
    run = project.make(str(trained.relative_to(project.folder)))
    assert run.work == {"train matched 0 rbp"}
    after = store.provenance(trained)
    assert after["sources"] != before["sources"]
    assert lasting(after | {"sources": before["sources"]}) == lasting(before)
    assert store.read_trained(trained)["iterations"].max() == 1


def test_results_name_the_engine_behind_them(project):
    engine = store.provenance(project / "results/matched/seed-0/rbp.nc")["sources"]
    assert engine in store.as_json(store.provenance(project / "results/matched.nc"))


def test_figures_and_verdicts_say_which_configuration_they_are_of(project):
    (project / "workflow/claims.yaml").write_text(CLAIMS)
    project.make(VERDICTS)

    def mismatches():
        study, claims = inspection.load(project.folder)
        return [
            *gallery.figure_mismatches(study, "one", project / "figures"),
            *gallery.figure_mismatches(study, "both", project / "figures"),
            *gallery.verdicts_mismatches(study, claims, project / VERDICTS),
        ]

    assert mismatches() == []
    project.change({"experiments.mismatched.inference": {"damping": 0.5}})
    where = "results.mismatched.inputs.rbp.learner.damping is 0.3, but configured is 0.5"
    assert mismatches() == [f"{name}: {where} (so too in 1 more)" for name in ("both", "verdicts")]


@pytest.mark.parametrize("whole_run", [False, True], ids=["one job", "whole run"])
def test_killed_run_resumes(project, tmp_path, whole_run):
    before = contents(project.folder)
    results, victim = "results/matched.nc", "results/matched/seed-1/rbp.nc"
    for path in (results, victim, "results/matched/seed-0/rbp.nc"):
        (project / path).unlink()
    # Stands in for the real program, and dies with half of one output written.
    program = tmp_path / "sparsebp"
    program.write_text(f"""#!/bin/sh
        case "$*" in *"--output {victim} "*)
            echo half > {victim}
            kill -9 {"0" if whole_run else "$$"}
        esac
        exec "{Path(sys.executable).parent}/sparsebp" "$@"
    """)
    program.chmod(0o755)
    run = project.snakemake("--cores", "1", results, before=str(tmp_path))
    if whole_run:
        assert run.status == -signal.SIGKILL
        assert "half" in (project / victim).read_text()
        locked = project.snakemake("--cores", "1", results)
        assert locked.status == 1 and "--unlock" in locked.output and locked.jobs == []
        assert project.snakemake("--unlock").status == 0
    else:
        assert run.status == 1
        assert run.failed == {"train matched 1 rbp"}
        assert run.work == jobs("train", "matched", SEEDS, "rbp")
        assert not (project / victim).exists()
    again = project.make(results)
    assert {"train matched 1 rbp", "collect matched"} <= again.work
    assert again.work | run.work == jobs("train", "matched", SEEDS, "rbp") | {"collect matched"}
    assert again.work & run.work == {"train matched 1 rbp"}
    assert contents(project.folder) == before


def truncate(path):
    """Cut a file in half; its time stays."""
    stat = path.stat()
    os.truncate(path, stat.st_size // 2)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_damaged_inputs_fail_in_one_line_and_alone(project):
    damaged = "results/matched/seed-0/dataset.nc", "results/mismatched/seed-0/teacher.nc"
    for path in damaged:
        truncate(project / path)
    project.change({"learners.bp-online.reinforcement": 0.02, "learners.rms.reinforcement": 0.02})
    run = project.snakemake("--cores", "2")
    assert run.status == 1
    assert run.failed == {"train matched 0 bp-online", "collect mismatched"}
    assert run.work == run.failed | {
        "train matched 1 bp-online",
        "train mismatched 0 rms",
        "train mismatched 1 rms",
    }
    outputs = "results/matched/seed-0/bp-online", "results/mismatched"
    for path, output in zip(damaged, outputs, strict=True):
        lines = (project / f"logs/{output}.log").read_text().splitlines()
        assert len(lines) == 1 and path in lines[0], lines
        assert lines[0] in run.output
        assert not (project / f"{output}.nc").exists()


# --- Bad input

BAD_CONFIGS = {
    "unknown key": ("experiments.matched.colour", "red", "experiments.matched: ", "'colour'"),
    "wrong type": ("study.seeds", "two", "study.seeds: ", "'two'"),
    "sizes that do not fit": (
        "experiments.matched.layers.output",
        21,
        "experiments.matched.nonzeros_per_row.output: ",
        "21 rows",
    ),
    "unknown learner": (
        "experiments.matched.learners",
        ["rbp", "rpb"],
        "experiments.matched.learners: ",
        "'rpb'",
    ),
    "unknown experiment": (
        "figures.one.panels.0.experiment",
        "matchd",
        "figures.one.panels.0.experiment: ",
        "'matchd'",
    ),
    "float for a whole number": ("study.seeds", 2.0, "study.seeds: ", "2.0"),
    "not a number": ("inference.damping", float("nan"), "inference.damping: ", "nan"),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name) for name, case in BAD_CONFIGS.items()],
)
def test_bad_configuration_is_refused_in_one_line(bare, case):
    key, value, where, what = case
    bare.change({key: value})
    run = bare.snakemake("--cores", "2", "results/matched/seed-0/teacher.nc")
    assert run.status == 1
    lines = [line for line in run.output.splitlines() if where in line]
    assert len(lines) == 1 and what in lines[0], run.output
    assert "Traceback" not in run.output
    assert run.jobs == []
    assert not (bare / "results").exists()


@pytest.mark.parametrize(
    ("target", "near"),
    [
        ("figures/on.pdf", "figures/one.pdf"),
        ("figures/one.jpg", "figures/one.png"),
        ("figure/both.svg", "figures/both.svg"),
        ("results/mismached.nc", "results/mismatched.nc"),
        ("results/matched/seed-1/bp-onlin.nc", "results/matched/seed-1/bp-online.nc"),
        ("results/matchd/seed-0/teacher.nc", "results/matched/seed-0/teacher.nc"),
        ("verdict", "verdicts"),
        ("results/trees.nc", "results/matched.nc"),  # a study without trees
        ("results/from_scratch.nc", "results/matched.nc"),
        ("nothing/like-it", None),
    ],
)
def test_what_nothing_makes_is_answered_with_the_nearest(bare, target, near):
    run = bare.snakemake("--dry-run", target)
    assert (run.status, run.jobs) == (1, [])
    [line] = [line for line in run.output.splitlines() if "nothing makes it" in line]
    said = f"; nearest: {near}" if near else ""
    assert line.strip().startswith(f"ConfigError: {target}: nothing makes it{said}; allowed: ")
    assert "figures/{figure}.{format}" in line


def test_every_file_that_a_rule_makes_is_no_unknown_one(bare):
    """Else Snakemake asks for it there, too, and warns of the answer."""
    phi = {"function": "tanh", "b": 0.1}
    case = {"neurons": 6, "nonzeros_per_row": {"input": 2, "output": 2}, "activation": phi}
    case |= {"output_pattern": "unknown", "samples": [4]}
    bare.change({"trees": {"outputs": [4], "activation": phi}, "from_scratch": {"blind": case}})
    run = bare.make("--dry-run", "all", "results/trees.nc", "results/from_scratch.nc")
    more = jobs("search", SEEDS, "blind") | {"trees", "from_scratch", "numbers"}
    assert run.work == EVERYTHING | more and "nothing makes it" not in run.output


def test_a_mistake_of_an_overlay_is_not_said_of_the_configuration(bare):
    """Although the key that does not fit stands in config.yaml."""
    overlay = {"experiments": {"matched": {"layers": {"output": 21}}}}
    (bare / "more.yaml").write_text(yaml.safe_dump(overlay))
    run = bare.snakemake("--dry-run", "--configfile", "more.yaml")
    assert (run.status, run.jobs) == (1, [])
    said = "configuration: more.yaml: experiments.matched.nonzeros_per_row.output: "
    assert said in run.output


def test_a_folder_with_braces_is_refused_in_one_line(tmp_path):
    """Snakemake takes them for wildcards, in paths of its own too."""
    project = Project(tmp_path / "a{x}", yaml.safe_load(CONFIG))
    run = project.snakemake("--dry-run")
    assert run.status == 1 and run.jobs == []
    lines = [line for line in run.output.splitlines() if "the project's folder" in line]
    assert len(lines) == 1 and str(project.folder) in lines[0], run.output
    assert "Traceback" not in run.output


def test_a_folder_with_a_backslash_is_like_any_other(tmp_path):
    project = Project(tmp_path / "a\\b c", yaml.safe_load(CONFIG))
    student = "results/matched/seed-0/student.nc"
    assert project.make(student).work == {"draw matched 0"}
    assert (project / student).exists() and project.todo(student) == set()


def test_lint_finds_nothing(project):
    assert lint.complaints(project.folder) == []
    project.append("workflow/rules/data.smk", '\n\nrule more:\n    output:\n        "more",\n')
    project.append("workflow/rules/data.smk", '    shell:\n        "touch {output}"\n')
    (line,) = lint.complaints(project.folder)
    assert "rule more" in line and line.endswith("No log directive defined")
