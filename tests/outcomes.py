"""What runs of the workflow have made, to be compared."""

import json

import netCDF4
from PIL import Image

from sparsebp.storage.figure_metadata import read_provenance

RUN = {"seconds", "training_seconds", "engine_seconds", "made"}
RUN |= {"commit", "commits", "host", "hosts"}


def lasting(provenance):
    """Provenance without what is another in every run."""
    if isinstance(provenance, dict):
        return {key: lasting(value) for key, value in provenance.items() if key not in RUN}
    return provenance


def contents(folder):
    """All that a run has made: NetCDF files as values, bit for bit, and figures as pixels."""
    found = {}
    for path in (folder / "figures").glob("[!.]*"):
        found[path.name] = lasting(read_provenance(path))
        if path.suffix == ".png":
            with Image.open(path) as image:
                found[f"{path.name}:pixels"] = image.tobytes()
    for path in sorted((folder / "results").rglob("[!.]*.nc")):
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            name = str(path.relative_to(folder))
            found[name] = lasting(json.loads(file.provenance))
            for key, variable in file.variables.items():
                values = variable[:]
                raw = list(values) if values.dtype == object else values.tobytes()
                found[f"{name}:{key}"] = variable.dimensions, str(values.dtype), values.shape, raw
    return found
