"""What keys of the configuration are called in figures and captions."""

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
