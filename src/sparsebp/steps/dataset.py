"""Let a teacher answer random inputs."""

from sparsebp import store
from sparsebp.data import draw_samples
from sparsebp.model import activation
from sparsebp.provenance import record


def run(spec: dict, seed: int, teacher: str, output: str) -> None:
    """Write training and test samples of one teacher. ``spec``: see ``Study.dataset_spec``.

    Raises:
        BadFile: the teacher's file is not right.
        ValueError: the teacher is of other sizes than the spec.
    """
    network, layers = store.read_teacher(teacher), spec["layers"]
    store.check_sizes(teacher, network, layers)
    phi, entropy = activation(**spec["activation"]), spec["entropy"]
    inputs = layers["input"]
    train = draw_samples(network, phi, inputs, spec["samples"], entropy, seed)
    test = draw_samples(network, phi, inputs, spec["test_samples"], entropy, seed, test=True)
    store.write_dataset(output, train, test, record("dataset", spec, seed=seed))
