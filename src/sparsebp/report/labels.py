"""What keys and learners of the configuration are called in figures and captions."""

from collections import Counter

from sparsebp.engine.learner import ALGORITHMS

_LAYERS = ("input", "hidden", "output")
INFERENCE = {
    "damping": "damping",
    "damped": "damped messages",
    "initial_scale": "size of random start",
    "initial_messages": "messages that start at random",
    "initial_distribution": "distribution of random start",
    "tolerance": "tolerance",
    "max_steps": "step limit",
    "tie_tolerance": "tolerance of ties",
    "output_readout": "output read-out",
}
"""The keys of `inference`."""

KEYS = {
    **{f"layers.{layer}": f"{layer} neurons" for layer in _LAYERS},
    "layers.hidden_layers": "hidden layers",
    **{f"nonzeros_per_row.{layer}": f"{layer} weights per row" for layer in _LAYERS},
    **{f"student.nonzeros_per_row.{layer}": f"{layer} entries per row" for layer in _LAYERS},
    **{f"student.overlap.{layer}": "overlap" for layer in _LAYERS},
    "activation.a": "slope a of the activation",
    "activation.b": "shift b of the activation",
    "noise.flipped": "fraction flipped",
    "noise.jittered": "fraction shifted",
    "noise.scale": "standard deviation of shifts",
    "reinforcement": "reinforcement r",
    "batch_size": "batch size",
    "beta": "inverse temperature β",
    "max_values": "most values of a hidden variable",
    "learning_rate": "learning rate",
    "seeds.first": "first seed",
    "seeds.last": "last seed",
    "n_samples": "samples m",
    **INFERENCE,
    **{f"inference.{key}": label for key, label in INFERENCE.items()},
}
"""The numbers that blocks of experiments and learners may differ in, by dotted key."""


def called(learners: dict[str, dict]) -> dict[str, str]:
    """What learners are called beside each other, by name.

    That is their label, or their name where they have none; with their algorithm in front of it
    where another has the same, and their name behind where that does not tell them apart either.

    Args:
        learners: blocks of the configuration.
    """
    labels = {name: block.get("label") or name for name, block in learners.items()}
    full = {
        name: f"{ALGORITHMS[block['algorithm']].label}, {labels[name]}"
        for name, block in learners.items()
    }
    shared, again = Counter(labels.values()), Counter(full.values())
    return {
        name: label if shared[label] == 1 else full[name] + f" ({name})" * (again[full[name]] > 1)
        for name, label in labels.items()
    }
