"""Find the named numbers in the results of all experiments."""

import json

import numpy as np

from sparsebp.claims import numbers, reductions
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole
from sparsebp.storage.provenance import record

READERS = {"trees": store.read_trees, "from_scratch": store.read_from_scratch}
"""Of the results of ``numbers.BLOCKS``."""


def run(spec: dict, inputs: dict, output: str) -> None:
    """Write all numbers, to full precision and as pages show them, as JSON.

    Args:
        spec: the ``numbers``, see ``reductions.evaluate``.
        inputs: paths of the results by experiment, and of ``numbers.BLOCKS``.

    Raises:
        BadFile: an input file is not right.
    """
    behind = numbers.needed(spec["numbers"])
    found, made = store.read_experiments(inputs, [name for name in behind if name not in READERS])
    for name in READERS.keys() & behind:
        found[name], made[name] = READERS[name](inputs[name])
    values = {
        full: _value(number, value)
        for name, number in spec["numbers"].items()
        for full, value in reductions.evaluate(name, number, found).items()
    }
    everything = {"provenance": record("numbers", spec, results=made), "numbers": values}
    with written_whole(output) as part:
        part.write_text(json.dumps(everything, indent=1, sort_keys=True, allow_nan=False) + "\n")


def _value(number: dict, found: numbers.Value) -> dict:
    """A value as it is written: no value is null; what else it lacks is left out."""
    known = {"value": None, "text": numbers.text(number, found)}
    known |= {key: x for key, x in zip(("value", "half"), found, strict=False) if not np.isnan(x)}
    return known | ({"bound": True} if found.bound else {})
