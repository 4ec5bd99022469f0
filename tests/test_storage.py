"""The workflow where files are in a storage: what is there is what a run in one folder makes.

Steps see copies under other names than those of the rules.
"""

import pytest
import yaml

from tests.outcomes import contents
from tests.workflow_helpers import Project, jobs
from tests.workflow_study import CONFIG, EVERYTHING, SEEDS

pytestmark = pytest.mark.slow

pytest.importorskip("snakemake_storage_plugin_fs", reason="the extra `dev` is not installed")

STORE = "elsewhere"
STORAGE = (
    *("--default-storage-provider", "fs", "--default-storage-prefix", f"{STORE}/"),
    *("--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache"),
)


def test_a_storage_holds_what_a_folder_does(tmp_path):
    config = yaml.safe_load(CONFIG)
    small = {"layers": {"input": 4, "hidden": 4, "output": 4}, "learners": ["rbp"]}
    config["experiments"]["small"] = config["experiments"]["matched"] | small
    config["trees"] = {"outputs": [4], "activation": {"function": "tanh", "b": 0.1}}
    drawing = {"of": "network", "experiment": "small"}
    config["figures"] |= {"drawn": {"drawing": drawing}, "trees": {"trees": {}}}
    project = Project(tmp_path, config)
    run = project.make(*STORAGE)
    assert run.work == (
        EVERYTHING
        | jobs("draw", "small", SEEDS)
        | jobs("train", "small", SEEDS, "rbp")
        | {"collect small", "table small", "figure drawn", "figure trees", "trees", "numbers"}
    )
    assert not (project / "results").exists()
    stored = contents(project / STORE)
    assert project.todo(*STORAGE) == set()
    project.change({"learners.rms.reinforcement": 0.02})
    todo = project.todo(*STORAGE)
    assert "collect mismatched" in todo and "table matched" not in todo
    project.change({"learners.rms.reinforcement": 0.01})
    project.make()
    assert contents(project.folder) == stored
