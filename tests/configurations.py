"""Configurations that tests change: short ones, and the whole study."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from sparsebp.study import files
from sparsebp.study.config import ConfigError, Study
from sparsebp.study.schema import load_schema

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"


def whole(*configfiles) -> dict:
    """The whole study in one block, with all that blocks take over from others."""
    own, over = files.read(ROOT, [ROOT / path for path in configfiles])
    config = files.merge(own, over)
    files.complete(config, load_schema(SCHEMA))
    del config["studies"]
    return config


FULL = whole()

BASE = yaml.safe_load("""
study: {entropy: 1, seeds: 3, test_samples: 10, memory_gib: 1}
inference: {damping: 0.3}
learners:
  bp: {label: BP, algorithm: sum-product, schedule: offline, reinforcement: 0.01}
  batch4: {algorithm: sum-product, schedule: mini-batch, batch_size: 4}
  mp: {algorithm: max-product, schedule: online}
  ms: {algorithm: max-sum, factor: soft, schedule: offline}
  soft: {algorithm: sum-product, factor: soft, beta: 2.0, schedule: offline}
  gd: {algorithm: gradient-descent, network: dense, learning_rate: 0.01, schedule: offline}
experiments:
  matched:
    layers: {input: 30, hidden: 20, output: 20}
    nonzeros_per_row: {input: 3, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {first: 1, last: 8}
    learners: [bp, batch4, mp]
  wider:
    thesis: Fig. 7
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: leaky-relu, a: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
    samples: [1, 2, 5]
    learners: [bp, ms, soft]
figures:
  one: {panels: [{experiment: matched}, {experiment: wider, learners: [ms], y: [0, 1]}]}
  two: {columns: 2, panels: [{experiment: wider}]}
""")
# The same with choices, a student of another pattern, noise, and a figure of each other kind.
EXTENDED = BASE | yaml.safe_load("""
choices:
  experiments: {again: wider}
  samples: [1, 2, 5]
  vary: [{damping: [0, 0.3]}, {reinforcement: [0.1]}]
figures:
  one: {panels: [{experiment: matched}, {experiment: wider, learners: [ms], y: [0, 1]}]}
  two: {columns: 2, panels: [{experiment: wider}]}
  several: {panels: [{experiments: [matched, wider], against: layers.input, at: 5}]}
  limited: {panels: [{experiments: [matched, wider], against: layers.input, at_most: 0}]}
  curves: {panels: [{experiments: [matched, wider], by: layers.input}]}
  cooled: {panels: [{experiment: wider, against: beta, at: [2, 5], x_scale: log}]}
  chosen: {choices: {experiment: again, samples: [2, 5], learners: [bp, ms]}}
  drawn: {drawing: {of: network, experiment: small, output: 2}}
""")
EXTENDED["experiments"] = BASE["experiments"] | yaml.safe_load("""
  small:
    layers: {input: 4, hidden: 4, output: 4}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 2}, alphabet: [-1, 0, 1]}
    samples: [1, 2]
    learners: [bp]
  other:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student:
      nonzeros_per_row: {input: 1, output: 2}
      overlap: {input: 0.5, output: 0}
      alphabet: [-1, 1]
    noise: {flipped: 0.1, jittered: 0.2, scale: 0.5}
    samples: [1, 2]
    learners: [ms, gd]
  close: {like: small, samples: [1]}
""")
DELETE = object()


def put(path, value, base=BASE):
    """A copy of a configuration with one key set, or deleted."""
    config = deepcopy(base)
    block, (*parents, last) = config, path.split("/")
    for key in parents:
        block = block[int(key)] if isinstance(block, list) else block.setdefault(key, {})
    if value is DELETE:
        del block[last]
    else:
        block[int(last) if isinstance(block, list) else last] = value
    return config


def load(config):
    return Study.load(config, SCHEMA)


def specs(study):
    """Every slice of the configuration, by step and names."""
    found = {}
    for e, experiment in study.experiments.items():
        for step in ("teacher", "dataset", "student", "collect"):
            found[step, e] = getattr(study, f"{step}_spec")(e)
        for learner in experiment["learners"]:
            found["train", e, learner] = study.train_spec(e, learner)
    return found | {("figure", f): study.figure_spec(f) for f in study.figures}


def refusal(config):
    with pytest.raises(ConfigError) as error:
        load(config)
    message = str(error.value)
    assert message.strip()
    assert len(message.splitlines()) == 1
    return message


M, W, X = "experiments/matched", "experiments/wider", "experiments/other"


def nodes(value, path=()):
    """The paths of all keys and items of a configuration."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from nodes(item, (*path, key))
