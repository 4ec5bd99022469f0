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
    shown = {
        name: store.read_results(results.format(experiment=name)) for name in spec["experiments"]
    }
    provenance = record("figure", spec)
    draw(
        spec["name"],
        spec["figure"],
        spec["learners"],
        spec["experiments"],
        shown,
        outputs,
        provenance,
    )
