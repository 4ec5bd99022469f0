"""Draw a figure."""

from sparsebp import store
from sparsebp.figures import draw
from sparsebp.provenance import engine, of_draws, record

SEED = 0  # the simulation that drawings are of


def run(
    spec: dict,
    results: str,
    outputs: list[str],
    teacher: str | None = None,
    student: str | None = None,
) -> None:
    """Draw one figure into all ``outputs``. ``spec``: see ``Study.figure_spec``.

    Args:
        results: path pattern with ``{experiment}`` to be filled in.
        teacher, student: path patterns with ``{experiment}`` and ``{seed}``; drawings need them.

    Raises:
        BadFile: an input file is not right.
    """
    if "drawing" in spec["figure"]:
        shown, behind = _drawn(spec["experiments"], {"teacher": teacher, "student": student})
    elif "trees" in spec["figure"]:
        trees, made = store.read_trees(results.format(experiment="trees"))
        shown, behind = {"trees": trees}, {"results": {"trees": made}}
    else:
        shown, made = store.read_experiments(results, spec["experiments"])
        behind = {"results": made}
    draw(spec, shown, outputs, record("figure", spec, **behind))


def _drawn(experiments: dict, patterns: dict) -> tuple[dict, dict]:
    """The teacher and student of an experiment, and what made them."""
    ((name, specs),) = experiments.items()
    files = {what: pattern.format(experiment=name, seed=SEED) for what, pattern in patterns.items()}
    pair = store.read_teacher(files["teacher"]), store.read_student(files["student"])[0]
    made = store.provenance(files["teacher"])
    alike = {"drawn": made.get("drawn"), **engine(made)}
    for what, path in files.items():
        own = store.provenance(path)
        store.check_made(path, own, step="draw", seed=SEED, spec=specs[what])
        store.check_made(path, own, " and ".join(files.values()), **alike)
    return {name: pair}, {"seed": SEED, "drawn": alike["drawn"], **of_draws(made)}
