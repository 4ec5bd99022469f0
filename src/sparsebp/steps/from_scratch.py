"""All that was found from scratch, in one file."""

import json

import numpy as np

from sparsebp.storage import provenance, store
from sparsebp.storage.formats import FOUND, scratch_coordinates


def run(spec: dict, inputs: dict, output: str) -> None:
    """Write what the searches of all cases and simulations found.

    Args:
        spec: see ``Study.from_scratch_spec``.
        inputs: for each case the paths of its files by seed, as text.
        output: path of the file.

    Raises:
        BadFile: an input file is not right, or not of its case and simulation.
        ValueError: files were made by different sources or library versions.
    """
    cases, seeds = spec["cases"], range(spec["seeds"])
    coordinates = scratch_coordinates(cases, spec["seeds"])
    values = {name: np.full([*map(len, coordinates.values())], np.nan) for name in FOUND}
    engines, seconds = {}, 0.0
    for i, (name, case) in enumerate(cases.items()):
        at_k = np.searchsorted(coordinates["candidates"], case["candidates"])
        at_m = np.searchsorted(coordinates["n_samples"], case["samples"])
        for seed in seeds:
            path = inputs[name][str(seed)]
            found, made = store.read_search(path), store.provenance(path)
            wanted = {"entropy": spec["entropy"], "case": case}
            store.check_made(path, made, step="search", seed=seed, spec=wanted)
            for key, wanted in (("candidates", case["candidates"]), ("n_samples", case["samples"])):
                if found[key].tolist() != wanted:
                    raise store.BadFile(
                        f"{path}: its {key} is {found[key].tolist()}; expected is {wanted}"
                    )
            engines[store.as_json(provenance.engine(made))] = path
            seconds += made["seconds"]
            for quantity in FOUND:
                values[quantity][i, at_k[:, None], seed, at_m] = found[quantity]
    if len(engines) > 1:
        raise ValueError(
            f"{' and '.join(list(engines.values())[:2])} were made by different sources or "
            "library versions; delete the older and rerun"
        )
    engine = json.loads(next(iter(engines))) | {"seconds": round(seconds, 1)}
    made = provenance.record("from_scratch", spec, engine=engine)
    store.write_from_scratch(output, values, coordinates, made)
