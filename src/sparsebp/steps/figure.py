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
    if "trees" in spec["figure"]:
        shown, made = (
            {"trees": part} for part in store.read_trees(results.format(experiment="trees"))
        )
    else:
        shown, made = store.read_experiments(results, spec["experiments"])
    provenance = record("figure", spec, results=made)
    draw(spec, shown, outputs, provenance)
