"""The choices of a configuration, made into experiments and learners."""

from copy import deepcopy
from dataclasses import fields
from itertools import groupby, product
from math import prod

from sparsebp.claims.conditions import settings
from sparsebp.engine.learner import OPEN_CHOICES, RANDOM_START, Learner, open_choices
from sparsebp.study.validation import ConfigError, check_among

MOST_COMBINATIONS = 100
"""Choices, at most."""

LONGEST_NAME = 200
"""Characters of a learner's name, at most: it is that of a file, with some more around it."""


def add_choices(config: dict, general: dict, choices: dict) -> tuple[dict, dict]:
    """Add the experiments and learners of the choices to the configuration.

    Returns:
        ``Study.choices``, and which claims hold under them by construction.
    """
    experiments, learners = config["experiments"], config["learners"]
    blocks = {}
    for again, original in choices["experiments"].items():
        where = f"choices.experiments.{again}"
        check_among(where, original, experiments)
        if again in experiments:
            raise ConfigError(f"{where}: an experiment of this name is defined already")
        blocks[again] = deepcopy(experiments[original]) | {"samples": choices["samples"]}
        if "learners" in choices:
            ran = blocks[again]["learners"]
            for name in choices["learners"]:
                check_among("choices.learners", name, ran, f"does not run in {original}")
            blocks[again]["learners"] = list(choices["learners"])
    bases = {name: None for block in blocks.values() for name in block["learners"]}
    inferences = [general | block.get("inference", {}) for block in blocks.values()]
    known = {}
    for values in choices["vary"]:
        claims = values.pop("by_construction", [])
        known |= {_title(choice): claims for choice in _combinations([values]) if claims}
    count = sum(prod(map(len, values.values())) for values in choices["vary"])
    if count > MOST_COMBINATIONS:
        raise ConfigError(
            f"choices.vary: {count} combinations of values; at most {MOST_COMBINATIONS}"
        )
    titles = {}
    for choice in _combinations(choices["vary"]):
        title = _title(choice)
        if title in titles:
            raise ConfigError(f"choices.vary: {title} stands there twice, to six digits")
        names = {original: again for again, original in choices["experiments"].items()}
        for base in bases:
            read = _read(learners[base], choice)
            variant = _variant(learners[base], read)
            pairs = [[learner_fields(i, b) for b in (variant, learners[base])] for i in inferences]
            if all(one == other for one, other in pairs):
                continue  # the learner is as this choice has it
            names[base] = f"{base}-{_title(read, '-')}"
            if len(names[base]) > LONGEST_NAME:
                raise ConfigError(
                    f"choices.vary: {names[base]} is too long a name; "
                    f"at most {LONGEST_NAME} characters"
                )
            if learners.setdefault(names[base], variant) != variant:
                raise ConfigError(f"learners.{names[base]}: the choices make one of this name")
            for block in blocks.values():
                if base in block["learners"] and names[base] not in block["learners"]:
                    block["learners"].append(names[base])
        titles[title] = names
    experiments.update(blocks)
    return titles, known


def sets(choices: dict) -> list[list[str]]:
    """The titles of ``Study.choices``, those side by side that set the same keys together."""
    return [list(titles) for _, titles in groupby(choices, lambda title: [*settings(title)])]


def learner_fields(inference: dict, block: dict) -> dict:
    """The fields of a Learner: its block's own values and ``inference`` over the given ones.

    Open choices that it does not read are left out, so that an edit of them leaves it as it is; and
    fields that it does not have, so that a new kind of learner, with a field of its own, leaves the
    others as they are.
    """
    merged = inference | block.get("inference", {}) | block
    unread = {*OPEN_CHOICES} - {*read_choices(block)}
    if not merged.get("initial_scale", 0) > 0:
        unread |= {*RANDOM_START}
    names = [field.name for field in fields(Learner) if field.name not in unread]
    return {name: merged[name] for name in names if name in merged}


def read_choices(learner: dict) -> tuple[str, ...]:
    """The open choices that a learner reads, from its block."""
    return open_choices(learner["algorithm"], learner.get("method", Learner.method))


def _combinations(sets: list[dict]) -> list[dict]:
    """Every combination of the values of each set."""
    return [
        dict(zip(values, combination, strict=True))
        for values in sets
        for combination in product(*values.values())
    ]


def _title(choice: dict, link: str = " ") -> str:
    """``damping 0.3, max_steps 500``, or with ``-`` as the link the end of a learner's name."""
    values = [value if isinstance(value, str) else f"{value:g}" for value in choice.values()]
    parts = [key + link + value for key, value in zip(choice, values, strict=True)]
    return ", ".join(parts) if link == " " else link.join(parts).replace("_", link)


def _read(learner: dict, choice: dict) -> dict:
    """What of a choice a learner reads. Without reinforcement it stays so."""
    return {
        key: value
        for key, value in choice.items()
        if key != "reinforcement" or learner["reinforcement"]
    }


def _variant(learner: dict, choice: dict) -> dict:
    """A learner's block under what it reads of a choice."""
    inference = dict(choice)
    own = {key: inference.pop(key) for key in ("reinforcement",) if key in inference}
    return learner | own | {"inference": learner.get("inference", {}) | inference}
