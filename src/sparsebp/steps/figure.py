"""Draw a figure."""

from sparsebp import store
from sparsebp.figures import draw
from sparsebp.provenance import record


def run(spec: dict, results: str, outputs: list[str]) -> None:
    """Draw one figure into all ``outputs``. ``spec``: see ``Study.figure_spec``.

    Args:
        results: path pattern with ``{experiment}`` to be filled in.

    Raises:
        BadFile: an input file is not right.
    """
    paths = {name: results.format(experiment=name) for name in spec["experiments"]}
    shown = {name: store.read_results(path) for name, path in paths.items()}
    made = {name: store.provenance(path) for name, path in paths.items()}
    provenance = record("figure", spec, results=made)
    draw(spec, shown, outputs, provenance)
