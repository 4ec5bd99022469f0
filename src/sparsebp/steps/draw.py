"""Draw a teacher, let it answer random inputs, and draw a student's pattern."""

from sparsebp.network.data import (
    Noise,
    Overlap,
    PerRow,
    Sizes,
    disturb,
    draw_samples,
    draw_student,
    draw_teacher,
)
from sparsebp.network.model import activation
from sparsebp.storage import store
from sparsebp.storage.provenance import record


def run(spec: dict, seed: int, teacher: str, dataset: str, student: str) -> None:
    """Write the three files that the trainings of one simulation start from.

    Args:
        spec: the slices that ``teacher``, ``dataset`` and ``student`` depend on, see
            ``Study.draw_spec``; each file names its own as its spec, and all of them as drawn.

    Raises:
        ValueError: the slices do not fit together, or sizes and degrees do not.
    """
    for key in ("entropy", "layers"):
        if not spec["teacher"][key] == spec["dataset"][key] == spec["student"][key]:
            raise ValueError(f"SPEC has different {key} for teacher, dataset and student")
    entropy, sizes = spec["teacher"]["entropy"], Sizes(**spec["teacher"]["layers"])

    per_row = PerRow(**spec["teacher"]["nonzeros_per_row"])
    drawing = spec["teacher"].get("drawing", "trades")
    network = draw_teacher(sizes, per_row, entropy, seed, drawing)
    phi = activation(**spec["dataset"]["activation"])
    train, test = (
        draw_samples(network, phi, spec["dataset"][count], entropy, seed, test=test)
        for count, test in (("samples", False), ("test_samples", True))
    )
    if "noise" in spec["dataset"]:
        noise = Noise(**spec["dataset"]["noise"])
        train = train._replace(y=disturb(train.y, noise, entropy, seed))
    per_row = PerRow(**spec["student"]["nonzeros_per_row"])
    overlap = Overlap(**spec["student"].get("overlap", {}))
    patterns = draw_student(network, per_row, entropy, seed, overlap)

    made = {name: record("draw", part, seed=seed, drawn=spec) for name, part in spec.items()}
    # The alphabet is checked when it is written, so this comes first: all files or none.
    store.write_student(student, patterns, spec["student"]["alphabet"], made["student"])
    store.write_teacher(teacher, network, made["teacher"])
    store.write_dataset(dataset, train, test, made["dataset"])
