"""Draw a figure."""

from sparsebp.report.figures import draw
from sparsebp.storage import store
from sparsebp.storage.provenance import engine, of_draws, record

SEED = 0  # the simulation that drawings are of


def run(spec: dict, inputs: dict, outputs: list[str]) -> None:
    """Draw one figure into all ``outputs``. ``spec``: see ``Study.figure_spec``.

    Args:
        inputs: paths of the results by experiment; for a drawing those of teacher and student, and
            for a figure of trees, or of what is found from scratch, that under this name.

    Raises:
        BadFile: an input file is not right.
    """
    if "drawing" in spec["figure"]:
        shown, behind = _drawn(spec["experiments"], inputs)
    elif "trees" in spec["figure"]:
        trees, made = store.read_trees(inputs["trees"])
        shown, behind = {"trees": trees}, {"results": {"trees": made}}
    elif "from_scratch" in spec["figure"]:
        found, made = store.read_from_scratch(inputs["from_scratch"])
        store.check_made(inputs["from_scratch"], made, cases=spec["cases"])
        shown, behind = {"from_scratch": found}, {"results": {"from_scratch": made}}
    else:
        shown, made = store.read_experiments(inputs, spec["experiments"])
        behind = {"results": made}
    draw(spec, shown, outputs, record("figure", spec, **behind))


def _drawn(experiments: dict, inputs: dict) -> tuple[dict, dict]:
    """The teacher and student of an experiment, and what made them."""
    ((name, specs),) = experiments.items()
    files = {what: inputs[what] for what in ("teacher", "student")}
    pair = store.read_teacher(files["teacher"]), store.read_student(files["student"])[0]
    made = store.provenance(files["teacher"])
    alike = {"drawn": made.get("drawn"), **engine(made)}
    for what, path in files.items():
        own = store.provenance(path)
        store.check_made(path, own, step="draw", seed=SEED, spec=specs[what])
        store.check_made(path, own, " and ".join(files.values()), **alike)
    return {name: pair}, {"seed": SEED, "drawn": alike["drawn"], **of_draws(made)}
