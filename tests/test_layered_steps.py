"""Networks with several hidden layers, through all steps."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from tests.step_helpers import (
    COLLECT,
    DATASET,
    GRID,
    LEARNER,
    SEED_FOLDER,
    STUDENT,
    TEACHER,
    TRAIN,
    call,
    options,
    variables,
)

pytestmark = pytest.mark.thorough


def test_deep_networks_go_through_all_steps(tmp_path, capsys):
    """Three layers of weights: what is in between is in every file, and counts in every error."""
    layers = {"input": 9, "hidden": 6, "output": 6, "hidden_layers": 2}
    deep = {"layers": layers, "nonzeros_per_row": {"input": 3, "output": 2, "hidden": 2}}
    draw = {
        "teacher": TEACHER | deep,
        "dataset": DATASET | {"layers": layers},
        "student": STUDENT | deep | {"alphabet": [-1, 1]},
    }
    how = LEARNER | {"schedule": "online", "method": "layered", "max_values": 1000}
    place = tmp_path / SEED_FOLDER.format(experiment="tiny", seed=0)
    output = {"output": place / "deep.nc"}
    collect = COLLECT | {"learners": ["deep"], "seeds": 1}
    results = {"output": tmp_path / "results/tiny.nc"}

    def all_steps():
        return [
            call("draw", draw, *options("draw", tmp_path)),
            call("train", TRAIN | {"learner": how}, *options("train", tmp_path, **output)),
            call("collect", collect, *options("collect", tmp_path, **results)),
        ]

    assert all_steps() == [0, 0, 0]
    middle = ("middle", "hidden", "middle_slot")
    assert variables(place / "teacher.nc")["middle_weights"] == (middle, "i")
    assert variables(place / "student.nc")["middle_topology"] == (middle, "i")
    assert variables(output["output"])["middle_estimate"] == (("n_samples", *middle), "i")
    wrong = total = 0
    with netCDF4.Dataset(place / "teacher.nc") as true, netCDF4.Dataset(output["output"]) as found:
        for layer in ("input", "middle", "output"):
            weights, estimates = true[f"{layer}_weights"][:], found[f"{layer}_estimate"][:]
            wrong += (estimates != weights).reshape(len(GRID), -1).sum(axis=1)
            total += weights.size
    with xr.open_dataset(results["output"]) as data:
        np.testing.assert_allclose(data.weight_error.values[0, 0], wrong / total, rtol=1e-12)
        assert data.generalization_error.notnull().all() and data.entropy.isnull().all()

    # Another learner is for one hidden layer, and says so.
    capsys.readouterr()
    other = TRAIN | {"learner": LEARNER}
    assert call("train", other, *options("train", tmp_path, **output)) == 1
    assert "method messages is for one hidden layer" in capsys.readouterr().err
