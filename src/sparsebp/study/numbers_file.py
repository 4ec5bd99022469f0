"""Named numbers as a file: reading it, which of them a study has, and captions filled with them.

A caption has ``{name}`` in the place of a number.
"""

import hashlib
import json
import re
from pathlib import Path

from sparsebp.claims import numbers
from sparsebp.storage import paths
from sparsebp.study.claims_file import sample_grids
from sparsebp.study.config import Study
from sparsebp.study.figure_blocks import numbers_of
from sparsebp.study.markup import rst
from sparsebp.study.schema import load_schema
from sparsebp.study.validation import ConfigError, check, check_among, load_yaml

PLACEHOLDER = re.compile(r"\{([a-z][\w.-]*)\}")
NOT_COMPUTED = "(not computed)"
ALONE = {
    "count": ("until", "simulations", "from", "slope", "take", "interval"),
    "until": ("simulations", "from"),
    "slope": ("from", "take"),
    "from": ("simulations", "interval"),
    "take": ("interval",),
}
"""Keys of a number, each with those that do not go together with it."""


def load_numbers(
    path: str | Path, schema: str | Path, study: Study
) -> tuple[dict[str, dict], list[str]]:
    """Read the named numbers, and check them against their JSON schema and the study's captions.

    Returns:
        The numbers by name, and the findings: sentences that have some of them.

    Raises:
        ConfigError: the first thing that is wrong, in one line.
    """
    found = load_yaml(path)
    try:
        check(found, load_schema(schema))
        for name, number in found["numbers"].items():
            _check_number(f"numbers.{name}", number)
    except ConfigError as error:
        raise ConfigError(f"{Path(path).name}: {error}") from None
    named = full_names(found["numbers"])
    for figure, block in study.figures.items():
        for name in placeholders(block.get("found", "")):
            check_among(f"figures.{figure}.found", name, named, "is no number of numbers.yaml")
    findings = found.get("findings", [])
    for i, sentence in enumerate(findings):
        for name in placeholders(sentence):
            check_among(f"findings.{i}", name, named, "is no number of numbers.yaml")
    return found["numbers"], findings


def _check_number(where: str, number: dict) -> None:
    """Raise ConfigError for keys that do not go together."""
    if len({"digits", "significant"} & number.keys()) != 1:
        raise ConfigError(f"{where}: one of digits and significant should be there")
    for key, others in ALONE.items():
        for other in others:
            if key in number and other in number:
                raise ConfigError(f"{where}.{other}: not allowed together with {key}")
    if "trees" in number and not {"count", "take"} & number.keys():
        raise ConfigError(f"{where}: of several trees; allowed with count or take")
    if number.get("slope", "m") != "m" and "from_scratch" in number:
        raise ConfigError(f"{where}.slope: cases have no number to be against; allowed: m")
    if number.get("slope", "m") != "m" and isinstance(number["experiments"], str):
        raise ConfigError(f"{where}.slope: against a size; allowed with a list of experiments")
    several = "trees" not in number and isinstance(number.get("m", []), list)
    if several and not {"count", "until", "from", "slope", "take"} & number.keys():
        raise ConfigError(f"{where}: of several m; allowed with count, until, from, slope or take")


def full_names(found: dict[str, dict]) -> dict[str, str]:
    """The full names of all numbers, each with the name of its block."""
    return {full: name for name, number in found.items() for full in numbers.names(name, number)}


def placeholders(text: str) -> list[str]:
    """The names of the numbers that a caption asks for."""
    return PLACEHOLDER.findall(text)


def filled(text: str, texts: dict[str, str]) -> str:
    """A caption with its numbers, as far as there are any.

    Args:
        text: of the caption.
        texts: of the numbers, by full name.
    """
    return PLACEHOLDER.sub(lambda name: texts.get(name[1], NOT_COMPUTED), text)


def texts(path: str | Path) -> dict[str, str]:
    """The texts of the numbers in a file as the step writes it, by full name; none without one."""
    path = Path(path)
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    return {name: number["text"] for name, number in found.items()}


class Found(str):
    """A caption that is compared as it is. Printed it is reStructuredText, with its numbers.

    They are those that there are when it is printed: a report made after a run shows what the run
    has found.
    """

    def __str__(self) -> str:
        """The caption for reStructuredText."""
        return rst(filled(str.__str__(self), texts(paths.NUMBERS)))


class Finding(Found):
    """A sentence that is compared and printed as a caption, but is empty where it lacks a number.

    A study has none that it has no results for, and results may have none: see ``numbers.NONE``.
    """

    def __str__(self) -> str:
        """The sentence for reStructuredText."""
        there = {name for name, text in texts(paths.NUMBERS).items() if text != numbers.NONE}
        return super().__str__() if there.issuperset(placeholders(self)) else ""


# What a study has.


def computable(study: Study) -> dict[str, dict]:
    """The numbers that a study has results for, each as ``reductions.evaluate`` takes it.

    Raises:
        ConfigError: a slope is against what is no number of its experiments.
    """
    grids, kept = sample_grids(study), {}
    for name, number in study.numbers.items():
        if _computable(number, study, grids):
            kept[name], key = dict(number), number.get("slope", "m")
            if key != "m":
                found = [numbers_of(study.experiments[e]) for e in number["experiments"]]
                for block in found:
                    check_among(f"numbers.{name}.slope", key, block, "is neither m nor a number")
                kept[name]["sizes"] = [block[key] for block in found]
    return kept


def _computable(number: dict, study: Study, grids: dict) -> bool:
    if "trees" in number:
        outputs = number["where"].get("outputs")
        return bool(study.trees) and (not outputs or outputs in study.trees["outputs"])
    first, last = numbers.m_range(number)
    if "from_scratch" in number:
        cases, k = study.from_scratch or {}, number.get("candidates")
        asked = [cases.get(name) for name in numbers.as_list(number["cases"])]
        if not all(case and k in (None, *case["candidates"]) for case in asked):
            return False
        ran = [case["samples"] for case in asked]
    else:
        ran = [grids.get(e, {}).get(learner, []) for e, learner in numbers.curves(number)]
    return all(any(first <= m <= last for m in grid) for grid in ran)


def results_of(name: str) -> str:
    """Where the workflow puts the results of an experiment, or of ``numbers.BLOCKS``."""
    blocks = {"trees": paths.TREES, "from_scratch": paths.FROM_SCRATCH}
    return blocks.get(name) or paths.RESULTS.format(experiment=name)


# What a number depends on, of the records of files: small enough to stand beside it on a page.


def digest(value) -> str:
    """A hash of what JSON can hold: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
