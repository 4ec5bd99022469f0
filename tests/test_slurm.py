"""The workflow on a SLURM cluster of one node: the profile gives what a local run gives.

Skipped where SLURM is not installed, or not by root.
"""

import shutil
import time

import pytest
import yaml

from tests import slurm_node
from tests.outcomes import contents
from tests.workflow_helpers import ROOT, Project, jobs

pytestmark = pytest.mark.skipif(bool(slurm_node.missing()), reason=slurm_node.missing())

SLURM = ("--workflow-profile", "profiles/slurm")
MADE = ("results", "figures", "logs", "benchmarks", ".snakemake/metadata", ".snakemake/incomplete")
EXPERIMENTS = ("matched_tanh", "output_mismatch")
VICTIM = "results/matched_tanh.nc"
TRAININGS = "results/matched_tanh/seed-*/*p-*.nc"
LEARNERS = tuple(
    f"{a}-{b}" for a in ("bp", "mp") for b in ("offline", "batch4", "batch2", "online")
)
SECONDS = 120


@pytest.fixture(scope="module")
def node():
    """A SLURM node that all programs of the tests find."""
    with slurm_node.node() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Two experiments of the small study after a local run, and what that run made."""
    config, small = (
        yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
        for name in ("config.yaml", "tests/small.yaml")
    )
    blocks, figures = config["experiments"], config["figures"]
    study = {
        "study": config["study"] | small["study"],
        "inference": config["inference"],
        "learners": config["learners"],
        "experiments": {name: blocks[name] | small["experiments"][name] for name in EXPERIMENTS},
        "figures": {name: figures[name] for name in ("fig2_2", "fig3_2")},
    }
    project = Project(tmp_path_factory.mktemp("slurm"), study)
    project.make("figures")
    return project, contents(project.folder)


@pytest.fixture
def bare(local):
    """The same before any run, but for compiled kernels; and what the local run made."""
    project, made = local
    for part in MADE:
        shutil.rmtree(project / part, ignore_errors=True)
    return project, made


def cluster_jobs(node, *state):
    """Numbers and rules of the cluster jobs that wait or run, or of those in a state."""
    states = ("--states", *state) if state else ()
    lines = slurm_node.ask("squeue", "--noheader", "--format=%i %k", *states, environment=node)
    return [tuple(line.split()) for line in lines.splitlines()]


def test_a_cluster_gives_what_one_machine_gives_bit_for_bit(node, bare):
    project, made = bare
    run = project.snakemake("figures", *SLURM)
    assert (run.status, run.failed) == (0, set()), run.output
    assert jobs("train", "matched_tanh", ("0", "1"), LEARNERS) < run.work
    assert contents(project.folder) == made
    # Many jobs of the workflow, few of the cluster; none is left there.
    ended = cluster_jobs(node, "all")
    assert len(ended) == 4 < len(run.work) / 10, ended
    assert cluster_jobs(node) == []


def test_after_scancel_a_rerun_completes(node, bare):
    project, made = bare
    running = project.begin(VICTIM, *SLURM)
    deadline = time.monotonic() + SECONDS
    while len(list(project.folder.glob(TRAININGS))) < 3:  # of 16
        assert running.process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    (number, what), *others = cluster_jobs(node, "running")
    assert "train" in what and not others
    slurm_node.ask("scancel", number, environment=node)
    run = running.end()
    assert run.status == 1 and "matched_tanh" in run.output
    assert not (project / VICTIM).exists()
    again = project.snakemake(VICTIM, *SLURM)
    assert again.status == 0, again.output
    after = contents(project.folder)
    assert after and after == {name: made[name] for name in after}
    assert VICTIM in after
