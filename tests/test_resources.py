"""What jobs declare as their memory, beside what they take."""

import subprocess
import sys

import pytest
import yaml

from sparsebp.study.config import Study
from tests.given import given
from tests.step_helpers import options, simulations

pytestmark = pytest.mark.slow

CONFIG = """
study: {seeds: 1, test_samples: 30}
inference: {max_steps: 3}
learners:
  messages: {algorithm: sum-product, schedule: offline}
  reinforced: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
  soft: {algorithm: sum-product, schedule: offline, factor: soft, beta: 1}
  exact: {algorithm: sum-product, schedule: offline, method: exact}
  blocked: {algorithm: sum-product, schedule: offline, method: blocked}
  layered: {algorithm: sum-product, schedule: online, method: layered, max_values: 100}
  sparse: {algorithm: gradient-descent, schedule: offline, network: sparse, learning_rate: 0.03}
  dense: {algorithm: gradient-descent, schedule: offline, network: dense, learning_rate: 0.03}
experiments:
  small: &one
    layers: {input: 100, hidden: 100, output: 100}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: [1, 2, 6]
    learners: [messages, reinforced, soft, exact, blocked, layered, sparse]
  large: {<<: *one, layers: {input: 20000, hidden: 20000, output: 20000}}
  overlap_small: &overlap
    <<: *one
    student: {alphabet: [-1, 0, 1], overlap: {input: 0.5, output: 0.5}}
    learners: [dense]
  overlap_large: {<<: *overlap, layers: {input: 1500, hidden: 1500, output: 1500}}
figures: {}
"""
PEAK = """
import resource, sys
from sparsebp.cli import main
main(sys.argv[1:]) and sys.exit(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(step, spec, *files):
    """The most memory that a step takes at a time, in megabytes."""
    command = [sys.executable, "-c", PEAK, step, given(spec), *map(str, files)]
    # Through a shell, as a process first counts as large as the one that starts it.
    ran = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout) * 1024 / 1e6


@pytest.mark.parametrize("kind", ["", "overlap_"])
def test_what_jobs_declare_is_more_than_they_take(tmp_path, schema, kind):
    """And so is what they declare for their size alone, by which large ones differ from small."""
    if kind:
        for name in ("jax", "optax"):
            pytest.importorskip(name, reason=f"{name}: the extra `gradient` is not installed")
    study = Study.load(yaml.safe_load(CONFIG), schema)
    declared, taken = {}, {}
    for size in ("small", "large"):
        experiment, folder = kind + size, tmp_path / size
        declared["draw", size] = study.drawing_mb(experiment)
        taken["draw", size] = peak("draw", study.draw_spec(experiment), *options("draw", folder))
        learners = study.experiments[experiment]["learners"]
        for learner in learners:
            spec = study.train_spec(experiment, learner)
            output = folder / f"results/tiny/seed-0/{learner}.nc"
            files = options("train", folder, output=output)
            if size == "small":
                peak("train", spec, *files)  # which compiles kernels
            declared[learner, size] = study.training_mb(experiment, learner)
            taken[learner, size] = peak("train", spec, *files)
        declared["collect", size] = study.collecting_mb(experiment)
        collect = study.collect_spec(experiment) | {"experiment": "tiny"}
        files = "--inputs", given(simulations(folder, learners)), "--output", folder / "tiny.nc"
        taken["collect", size] = peak("collect", collect, *files)
    few = {}
    for job in ("draw", *learners, "collect"):
        small, large = ((taken[job, size], declared[job, size]) for size in ("small", "large"))
        more = large[0] - small[0], large[1] - small[1]
        if not all(least <= most for least, most in (small, large, more)):
            few[job] = small, large, more
    assert few == {}


# Of samples so few that many explanations are listed.
SEARCHES = """
  small: &case
    neurons: 100
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    output_pattern: unknown
    samples: [10, 11, 12]
  large: {<<: *case, neurons: 3000, samples: [17, 18]}
  known_small: {<<: *case, output_pattern: known}
  known_large: {<<: *case, output_pattern: known, neurons: 3000, samples: [14, 15]}
"""


@pytest.mark.parametrize("kind", ["", "known_"])
def test_what_searches_declare_is_more_than_they_take(tmp_path, schema, kind):
    config = yaml.safe_load(CONFIG) | {"from_scratch": yaml.safe_load(SEARCHES)}
    study = Study.load(config, schema)
    taken, declared = [], []
    for size in ("small", "small", "large"):  # the first of which compiles
        case, output = kind + size, tmp_path / f"{size}.nc"
        seed = "--seed", "0", "--output", output
        taken.append(peak("search", study.search_spec(case), *seed))
        declared.append(study.searching_mb(case))
    assert taken[1] <= declared[1] and taken[2] <= declared[2]
    assert taken[2] - taken[1] <= declared[2] - declared[1]
