"""The workflow on a SLURM cluster of two nodes: the profile gives what a local run gives.

Skipped where SLURM, its accounting or a database are not installed, or not by root.
"""

import shutil
import time

import pytest

from tests import slurm_cluster
from tests.configurations import whole
from tests.outcomes import contents
from tests.workflow_helpers import Project, jobs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason=slurm_cluster.missing()),
]

# Two simulations in a cluster job, so that both nodes have some.
SLURM = ("--workflow-profile", "profiles/slurm", "--group-components", "simulation=2", "results=10")
SLURM += ("summary=20", "--slurm-init-seconds-before-status-checks", "1")
MADE = ("results", "figures", "logs", "benchmarks", ".snakemake/metadata", ".snakemake/incomplete")
EXPERIMENTS = ("matched_tanh", "output_mismatch")
VICTIM = "results/matched_tanh.nc"
TRAININGS = "results/matched_tanh/seed-*/*p-*.nc"
LEARNERS = tuple(
    f"{a}-{b}" for a in ("bp", "mp") for b in ("offline", "batch4", "batch2", "online")
)
SECONDS = 120


@pytest.fixture(scope="module")
def running():
    """A SLURM cluster that all programs of the tests find."""
    with slurm_cluster.cluster() as made, pytest.MonkeyPatch.context() as patch:
        for name, value in (made.environment | {"ASK_EVERY": "1"}).items():
            patch.setenv(name, value)
        yield made


@pytest.fixture
def cluster(running):
    """The same with both nodes up and without jobs."""
    yield running
    running.empty()
    for name in set(slurm_cluster.NODES) - running.daemons.keys():
        running.start_node(name)
    running.wait_until_idle()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Two experiments of the small study after a local run, and what that run made."""
    config = whole("tests/small.yaml")
    blocks, figures = config["experiments"], config["figures"]
    study = {key: config[key] for key in ("study", "inference", "learners")} | {
        "experiments": {name: blocks[name] for name in EXPERIMENTS},
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


def cluster_jobs(cluster, state):
    """Number, node and rules of the cluster jobs in a state."""
    said = cluster.ask("squeue", "--noheader", "--format=%i %N %k", "--states", state)
    return [tuple(line.split()) for line in said.splitlines()]


def test_a_cluster_gives_what_one_machine_gives_bit_for_bit(cluster, bare):
    project, made = bare
    before = cluster_jobs(cluster, "all")
    run = project.snakemake("figures", *SLURM, "--slurm-status-command", "sacct")
    assert (run.status, run.failed) == (0, set()), run.output
    assert jobs("train", "matched_tanh", ("0", "1"), LEARNERS) < run.work
    assert contents(project.folder) == made
    # Many jobs of the workflow, few of the cluster, on all nodes; none is left there.
    ended = set(cluster_jobs(cluster, "all")) - set(before)
    assert len(ended) == 5 < len(run.work) / 8, ended
    assert {node for _, node, _ in ended} == set(slurm_cluster.NODES)
    assert cluster_jobs(cluster, "pending,running") == []


def test_a_cluster_without_accounting_gives_the_same(cluster, bare):
    project, made = bare
    target = "results/output_mismatch.nc"
    run = project.snakemake(target, *SLURM, "--slurm-status-command", "squeue")
    assert (run.status, run.failed) == (0, set()), run.output
    found = contents(project.folder)
    assert target in found and found == {name: made[name] for name in found}


def amid_trainings(cluster, project, status):
    """Start a run; some trainings later, Snakemake and the one cluster job that trains."""
    running = project.begin(VICTIM, *SLURM, "--slurm-status-command", status)
    deadline = time.monotonic() + SECONDS
    while len(list(project.folder.glob(TRAININGS))) < 3:  # of 16
        assert running.process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    (job,) = cluster_jobs(cluster, "running")
    assert "train" in job[2]
    return running, job


def assert_a_rerun_completes(project, made):
    again = project.snakemake(VICTIM, *SLURM)
    assert again.status == 0, again.output
    after = contents(project.folder)
    assert after and after == {name: made[name] for name in after}
    assert VICTIM in after


def test_after_scancel_a_rerun_completes(cluster, bare):
    project, made = bare
    running, (number, *_) = amid_trainings(cluster, project, "squeue")
    cluster.ask("scancel", number)
    run = running.end()
    assert run.status == 1 and "matched_tanh" in run.output
    assert not (project / VICTIM).exists()
    assert_a_rerun_completes(project, made)


def test_after_the_loss_of_a_node_a_rerun_completes_on_the_other(cluster, bare):
    project, made = bare
    running, job = amid_trainings(cluster, project, "sacct")
    _, node, _ = job
    cluster.kill(node)
    run = running.end()
    assert run.status == 1
    assert job in cluster_jobs(cluster, "node_fail")
    assert not (project / VICTIM).exists()
    assert cluster_jobs(cluster, "pending,running") == []
    before = set(cluster_jobs(cluster, "all"))
    assert_a_rerun_completes(project, made)
    after = set(cluster_jobs(cluster, "all")) - before
    assert after and {other for _, other, _ in after} == set(slurm_cluster.NODES) - {node}
