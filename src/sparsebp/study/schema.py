"""Schemas of the study's files: what they say of each key, and what the package says of it.

Where a key's rule in a schema has ``package: learner.damping``, the package knows what the key may
be, and it is told there alone.
"""

from functools import cache
from pathlib import Path

from sparsebp.claims import comparisons
from sparsebp.engine.learner import NAMES, NUMBERS
from sparsebp.engine.problem import WEIGHTS
from sparsebp.network import patterns
from sparsebp.network.data import RANGES
from sparsebp.network.model import ACTIVATIONS
from sparsebp.network.quantities import QUANTITIES
from sparsebp.network.ranges import ENTROPY, MEMORY_GIB, SAMPLES, Range
from sparsebp.storage.formats import FOUND
from sparsebp.study import experiment_blocks, figure_blocks
from sparsebp.study.validation import load_yaml

KNOWN: dict[str, tuple | Range] = {
    **{f"learner.{key}": allowed for key, allowed in (NAMES | NUMBERS).items()},
    **{
        f"{record.__name__}.{key}": allowed
        for record, ranges in RANGES.items()
        for key, allowed in zip(record._fields, ranges, strict=True)
    },
    **{f"activation.{kind.parameter_name}": kind.allowed for kind in ACTIVATIONS.values()},
    "activation": tuple(ACTIVATIONS),
    "drawing": patterns.DRAWINGS,
    "drawn": tuple(figure_blocks.DRAWINGS),
    "width": tuple(figure_blocks.WIDTHS),
    "test.kind": tuple(comparisons.KINDS),
    "test.quantity": tuple(comparisons.MEASURED),
    "quantity": tuple(name for name, quantity in QUANTITIES.items() if quantity.label),
    "result": tuple(QUANTITIES),
    "found": tuple(FOUND),
    "weight": Range(WEIGHTS[0], WEIGHTS[-1], whole=True),
    "search.per_row": Range(1, experiment_blocks.SEARCHED, whole=True),
    "samples": SAMPLES,
    "entropy": ENTROPY,
    "memory_gib": MEMORY_GIB,
}
"""What the package allows, names or numbers, by what a schema calls it."""


@cache  # reading it takes longer than checking a configuration
def load_schema(path: str | Path) -> dict:
    """The JSON schema in a file, with what the package says of its keys.

    Raises:
        ConfigError: the file cannot be read.
        KeyError: it asks for what the package does not know.
    """
    return _completed(load_yaml(path))


def _completed(part):
    if isinstance(part, list):
        return [_completed(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = {key: _completed(value) for key, value in part.items()}
    # Also a key of the configuration may be called so, whose rule is no text.
    if isinstance(part.get("package"), str):
        part = _rule(KNOWN[part.pop("package")]) | part
    return part


def _rule(allowed: tuple | Range) -> dict:
    """What is allowed, as JSON Schema has it."""
    if isinstance(allowed, Range):
        return {
            "type": "integer" if allowed.whole else "number",
            "exclusiveMinimum" if allowed.above else "minimum": allowed.least,
            "exclusiveMaximum" if allowed.below else "maximum": allowed.most,
        }
    return {"enum": list(allowed)}
