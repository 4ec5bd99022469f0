"""Curves whose truth is known, and claims about them."""

import numpy as np
import xarray as xr

from sparsebp.claims.verdicts import judge

MARGINS = {
    "half": {"value": 0.5, "reason": "a proportion, for tests"},
    "tenth": {"value": 0.1, "reason": "a tenth, for tests of the tests"},
}
NO_OTHERS = {"choices": {}, "readings": {}, "by_construction": {}}
QUANTITIES = ("weight_error", "topology_error", "generalization_error")


def results(status=1, **curves):
    """A data set of curves by learner, (seed, m) each; m from 1; NaN where not run."""
    values = np.array(list(curves.values()), float)
    dims = ("learner", "seed", "n_samples")
    names = (*QUANTITIES, "expected_error", "iterations")
    data = {name: (dims, values.copy()) for name in names}
    data["status"] = dims, np.where(np.isnan(values), 0, np.broadcast_to(status, values.shape))
    coords = dict(zip(dims, (list(curves), *map(np.arange, values.shape[1:])), strict=True))
    coords["n_samples"] = np.arange(values.shape[2]) + 1
    return xr.Dataset(data, coords=coords)


def claims(*tests, confidence=0.95):
    """A document of one claim."""
    claim = {"id": "C1", "thesis": "Fig. 1", "statement": "So it is.", "tests": list(tests)}
    return {"confidence": confidence, "margins": MARGINS, "claims": [claim]}


def case(kind, **more):
    """A test of a against b in experiment e."""
    shared = {"kind": kind, "quantity": "weight_error"}
    if kind == "most_variable":
        return shared | {"learner": "a", "others": ["b"], "experiments": ["e", "f"]} | more
    shared["a"] = ["e", "a"]
    if kind == "exact":
        return shared | {"at": 1, "margin": "half"} | more
    if kind in ("equal", "lower", "not_worse"):
        shared["b"] = ["e", "b"]
    return shared | {"m": [1, 99], "margin": "tenth"} | more


def found(test, **data):
    """The record of one test."""
    [record] = judge(claims(test), data)
    assert record["verdict"] == record["tests"][0]["verdict"]
    return record["tests"][0]


def noise(rng, *shape, scale=0.02):
    return scale * rng.standard_normal(shape)


def pair(rng, difference, seeds=10, scale=0.02, samples=3):
    """Curves a and b whose difference has this mean (one, or one for each m)."""
    b = 0.3 + noise(rng, seeds, samples)
    return {"a": b + difference + noise(rng, seeds, samples, scale=scale), "b": b}
