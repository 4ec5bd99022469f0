"""What is asked of the workflow and is none of its files: which of them may have been meant."""

import re
from collections.abc import Iterable, Iterator
from itertools import product

from sparsebp.storage import paths
from sparsebp.study.config import Study
from sparsebp.study.validation import ConfigError, listed, nearest


def constraints(study: Study) -> dict[str, str]:
    """A regular expression of each wildcard's values."""
    return {
        "experiment": "|".join(study.experiments),
        "learner": "|".join(map(re.escape, study.learners)),
        "figure": "|".join(study.figures),
        "case": "|".join(study.from_scratch or {}),
        "format": "|".join(paths.FIGURE_FORMATS),
        "seed": r"\d+",
        "sources": r"[\w-]+",
        "study": r"[^/]+",
    }


def others(study: Study) -> str:
    """A regular expression of all paths that are none of a file of the study."""
    files = "|".join(paths.regex(pattern, constraints(study)) for pattern in _patterns(study))
    return f"(?!(?:{files})$).+"


def refuse(target: str, study: Study, rules: Iterable[str]) -> None:
    """Raise ConfigError, which names the nearest of what may be asked for.

    Args:
        target: what was asked for.
        rules: that may be asked for by name.
    """
    seed = re.search(r"/seed-(\d+)/", target)
    rules = list(rules)
    names = [*rules, *_files(study, seed[1] if seed else "0")]
    raise ConfigError(
        f"{target}: nothing makes it{nearest(target, names)}; allowed: {listed(rules)}, and files "
        f"like {', '.join((paths.FIGURE, paths.RESULTS, paths.TABLE, paths.TRAINED))}"
    )


def _patterns(study: Study) -> list[str]:
    """Those of the files that the study has."""
    lacking = () if study.trees else (paths.TREES,)
    lacking += () if study.from_scratch else (paths.SEARCH, paths.FROM_SCRATCH)
    return [pattern for pattern in paths.FILES if pattern not in lacking]


def _files(study: Study, seed: str) -> Iterator[str]:
    """Every file that can be asked for, of one simulation."""
    for pattern in _patterns(study):
        if "{figure}" in pattern:
            for figure, format in product(study.figures, paths.FIGURE_FORMATS):
                yield pattern.format(figure=figure, format=format)
        elif "{case}" in pattern:
            yield from (pattern.format(seed=seed, case=case) for case in study.from_scratch or {})
        elif "{experiment}" in pattern:
            for name, block in study.experiments.items():
                learners = block["learners"] if "{learner}" in pattern else [""]
                yield from (pattern.format(experiment=name, seed=seed, learner=x) for x in learners)
        elif "{" not in pattern:
            yield pattern
