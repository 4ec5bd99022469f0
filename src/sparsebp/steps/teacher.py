"""Draw a teacher."""

from sparsebp import store
from sparsebp.data import PerRow, Sizes, draw_teacher
from sparsebp.provenance import record


def run(spec: dict, seed: int, output: str) -> None:
    """Write the teacher of one simulation. ``spec``: see ``Study.teacher_spec``."""
    sizes, per_row = Sizes(**spec["layers"]), PerRow(**spec["nonzeros_per_row"])
    teacher = draw_teacher(sizes, per_row, spec["entropy"], seed)
    store.write_teacher(output, teacher, record("teacher", spec, seed=seed))
