"""How long jobs will take, by the benchmark files of earlier runs."""

import re
from types import SimpleNamespace

import pytest

from sparsebp.study.durations import announce, estimates, told, words

HEADER = "s\th:m:s\tmax_rss\n"
RULES = {
    "draw": r"benchmarks/results/(?P<experiment>\w+)/seed-(?P<seed>\d+)/teacher\.tsv$",
    "train": r"benchmarks/results/(?P<experiment>\w+)/seed-(?P<seed>\d+)/(?P<learner>bp|ms)\.tsv$",
    "figure": r"benchmarks/figures/(?P<figure>\w+)\.tsv$",
    "kernels": r"benchmarks/results/kernels\.tsv$",
    "all": None,
}
TIMES = {
    "results/a/seed-0/teacher": 1,
    "results/a/seed-0/bp": 10,
    "results/a/seed-1/bp": 14,
    "results/a/seed-2/bp": 90,
    "results/b/seed-0/ms": 200,
    "results/kernels": 60,
}


@pytest.fixture
def workflow(tmp_path, monkeypatch):
    """A workflow on two cores, some of whose jobs have run in this folder."""
    monkeypatch.chdir(tmp_path)
    for name, seconds in TIMES.items():
        path = tmp_path / f"benchmarks/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADER}{seconds}\t0:00:00\t5.40\n")
    rules = [
        SimpleNamespace(name=name, benchmark=pattern and re.compile(pattern))
        for name, pattern in RULES.items()
    ]
    return SimpleNamespace(rules=rules, local_exec=True, cores=2)


class Job(SimpleNamespace):
    """What is looked at of a job of Snakemake's."""

    __hash__ = object.__hash__


def job(rule, threads=1, **wildcards):
    names = SimpleNamespace(name=rule)
    return Job(rule=names, wildcards_dict=wildcards, threads=threads, output=["some file"])


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (job("train", experiment="a", seed="7", learner="bp"), 14),
        (job("train", experiment="a", seed="0", learner="ms"), 14),  # bp of this experiment
        (job("train", experiment="c", seed="0", learner="ms"), 52),  # of 10, 14, 90, 200
        (job("draw", experiment="a", seed="1"), 1),
        (job("draw", experiment="b", seed="1"), 1),
        (job("kernels"), 60),
        (job("figure", figure="one"), None),
    ],
)
def test_a_job_takes_the_median_of_those_most_like_it(workflow, wanted, seconds):
    assert estimates(workflow, [wanted])[wanted].seconds == seconds


def test_the_whole_is_divided_by_the_cores_that_jobs_do_not_take(workflow):
    first = job("train", experiment="a", seed="0", learner="bp")
    one = estimates(workflow, [first])
    assert told(workflow, one) == "about 7 s on 2 cores, as earlier runs took"
    both = estimates(workflow, [first, job("kernels", threads=2)])
    assert told(workflow, both) == "about 1 min on 2 cores, as earlier runs took"
    workflow.cores = 1
    assert told(workflow, one) == "about 14 s on 1 core, as earlier runs took"
    workflow.local_exec = False
    assert told(workflow, one) == "about 14 s of computing, as earlier runs took"


def test_it_is_said_what_is_guessed_and_what_is_not_known(workflow):
    jobs = [
        job("train", experiment="a", seed="0", learner="bp"),
        job("train", experiment="a", seed="0", learner="ms"),
        job("train", experiment="c", seed="0", learner="ms"),
        job("train", experiment="c", seed="1", learner="ms"),
        job("figure", figure="one"),
    ]
    assert told(workflow, estimates(workflow, jobs)) == (
        "about 1 min on 2 cores, as earlier runs took; 1 as other learners of their experiment; "
        "2 as other jobs of their rule; 1 not counted, as nothing like them has run here"
    )
    figure = job("figure", figure="one")
    unknown = "unknown, as nothing like it has run here"
    assert told(workflow, estimates(workflow, [figure])) == unknown


@pytest.mark.parametrize("text", ["", "nothing", HEADER, HEADER + "-\t0\t0\n", "x\ty\n1\t2\n"])
def test_damaged_files_count_for_nothing(workflow, tmp_path, text):
    (tmp_path / "benchmarks/results/a/seed-2/bp.tsv").write_text(text)
    wanted = job("train", experiment="a", seed="2", learner="bp")
    assert estimates(workflow, [wanted])[wanted].seconds == 12


def test_a_run_begins_with_its_time(workflow, caplog):
    """And says by the numbers of jobs, to who counts them, how much each computes."""
    jobs = [job("kernels", threads=2), job("figure", figure="one"), job("all")]
    jobs[2].output = []
    workflow.dag = SimpleNamespace(needrun_jobs=lambda: iter(jobs), jobid=jobs.index)
    with caplog.at_level("INFO", logger="snakemake.logging"):
        announce(workflow)
    [record] = caplog.records
    assert record.getMessage().startswith("Time: about 1 min on 2 cores, as earlier runs took; 1 ")
    known = {number: (threads, one) for number, (threads, one, _) in record.computing.items()}
    assert known == {0: (2, 60), 1: (1, None)}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (8.4, "8 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (89, "1 min"),
        (3569, "59 min"),
        (3571, "1 h 0 min"),
        (5100, "1 h 25 min"),
        (100000, "27 h 47 min"),
    ],
)
def test_durations_in_words(seconds, text):
    assert words(seconds) == text
