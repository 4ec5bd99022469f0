"""Draw a student's patterns, which contain its teacher's."""

from sparsebp import store
from sparsebp.data import PerRow, Sizes, draw_student
from sparsebp.provenance import record


def run(spec: dict, seed: int, teacher: str, output: str) -> None:
    """Write one student. ``spec``: see ``Study.student_spec``.

    Raises:
        BadFile: the teacher's file is not right.
        ValueError: sizes and degrees do not fit.
    """
    sizes, per_row = Sizes(**spec["layers"]), PerRow(**spec["nonzeros_per_row"])
    network = store.read_teacher(teacher)
    store.check_sizes(teacher, network, spec["layers"])
    patterns = draw_student(network, sizes, per_row, spec["entropy"], seed)
    store.write_student(output, patterns, spec["alphabet"], record("student", spec, seed=seed))
