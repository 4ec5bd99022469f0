"""Learning sparse binary neural networks with belief propagation.

    import sparsebp as sb

    phi = sb.tanh(b=0.1)
    teacher = sb.draw_teacher(200, per_row=2, seed=0)
    data = sb.draw_samples(teacher, phi, 12, seed=0)
    student = sb.Student.knowing(teacher, activation=phi)
    for fit in sb.learn(student, data, sb.Learner("sum-product"), at=[4, 8, 12]):
        print(fit.n_samples, sb.weight_error(teacher, fit), fit.status)

Each name is loaded when it is used.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "api": ("Fit", "Student", "fit", "learn", "load"),
    "scratch": ("Found", "from_scratch", "snap"),
    "engine.learner": ("Learner",),
    "network.data": ("Overlap", "PerRow", "Samples", "Sizes", "draw_samples", "draw_teacher"),
    "network.metrics": (
        "generalization_error",
        "symmetric_error",
        "topology_error",
        "weight_error",
    ),
    "network.quantities": ("Status",),
    "network.model": ("Activation", "identity", "leaky_relu", "relu", "sign", "tanh"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
