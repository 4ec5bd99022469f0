"""What made a file, and whether the configuration and the sources here would make the same.

A file answers by the provenance it carries, of all that its making depends on: its own step and
those before it. So it matches just where Snakemake, asked for it, would run nothing because of the
configuration or the sources.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

from sparsebp.claims.numbers import BLOCKS, curves, needed
from sparsebp.storage import paths, store
from sparsebp.storage.provenance import surroundings
from sparsebp.storage.records import short
from sparsebp.storage.sources import kernel_sources, sources
from sparsebp.study import files
from sparsebp.study.claims_file import claimed_experiments, load_claims
from sparsebp.study.config import Study
from sparsebp.study.numbers_file import computable, load_numbers
from sparsebp.study.validation import ConfigError, check_among

STEPS = (
    "draw", "kernels", "train", "collect", "trees", "search", "from_scratch", "figure", "verdicts",
    "numbers",
)  # fmt: skip
DRAWN = {"teacher": paths.TEACHER, "dataset": paths.DATASET, "student": paths.STUDENT}
# Files without provenance: what they are made from.
MADE_FROM = {
    paths.TABLE: paths.RESULTS,
    paths.VERDICTS_TABLE: paths.VERDICTS,
    paths.VERDICTS_PAGE: paths.VERDICTS,
    paths.VERDICTS_FIGURE: paths.VERDICTS,
    paths.EXPLORER: paths.VERDICTS,
    paths.PROVENANCE_PAGE: paths.RESULTS,
    paths.TABLE_PAGE: paths.RESULTS,
}
ABSENT = object()


def load(root: Path, configfiles=()) -> tuple[Study, dict]:
    """The configuration and the claims of the project in a folder, read as Snakemake does.

    The numbers and the findings are those of the study.

    Args:
        configfiles: those that override its own files, as Snakemake's option of this name.

    Raises:
        ConfigError: one of them is not right.
    """
    own, over = files.read(root, configfiles)
    return assembled(root, files.merge(own, over), own | over)


def assembled(root: Path, config: dict, parts: dict) -> tuple[Study, dict]:
    """As ``load``, from the configuration merged already.

    Args:
        parts: what it is merged from, see ``Study.load``.
    """
    flow, schemas = root / "workflow", root / "workflow/schemas"
    study = Study.load(config, schemas / "config.schema.yaml", parts)
    numbers, findings = load_numbers(flow / "numbers.yaml", schemas / "numbers.schema.yaml", study)
    claims = load_claims(flow / "claims.yaml", schemas / "claims.schema.yaml")
    return replace(study, numbers=numbers, findings=findings), claims


def read(path: str | Path) -> dict:
    """The provenance that a file of the study carries, of any kind.

    Raises:
        BadFile: it is missing, damaged or foreign, or carries none.
    """
    found = _carried(Path(path))
    if found["step"] not in STEPS:
        raise store.BadFile(f"{path}: made by {found['step']!r}; allowed: {', '.join(STEPS)}")
    return found


def _carried(path: Path) -> dict:
    if path.suffix == ".nc":
        return store.verified_provenance(path)
    for pattern, origin in MADE_FROM.items():
        if (place := wildcards(path, pattern)) is not None:
            origin = origin.format(**{"experiment": "<experiment>"} | place)
            raise store.BadFile(f"{path}: carries no provenance; it is made from {origin}")
    if path.suffix not in (".json", *(f".{format}" for format in paths.FIGURE_FORMATS)):
        raise store.BadFile(f"{path}: not a file of this study")
    store.check_there(path)
    try:
        if path.suffix == ".json":
            found = json.loads(path.read_text(encoding="utf-8"))
            found = found.get("provenance", found)
        else:
            from sparsebp.storage.figure_metadata import (
                read_provenance,  # here, as it loads all that draws
            )

            found = read_provenance(path)
        if not {"step", "sources"} <= found.keys():
            raise ValueError("its provenance lacks step or sources")
    except Exception as error:  # What is no picture makes its readers fail in many ways.
        reason = shorten(f"{type(error).__name__}: {error}", 100, placeholder=" ...")
        raise store.BadFile(f"{path}: not a file of this study ({reason})") from None
    return found


def wildcards(path: Path, pattern: str) -> dict[str, str] | None:
    """The wildcards of a path that ends as a pattern says, else None."""
    named = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
    found = re.search(f"/{named}$", path.absolute().as_posix())
    return found and found.groupdict()


# What the provenance of a file would say if it were made now.


def expected(study: Study, claims: dict, path: str | Path, made: dict) -> dict:
    """What the provenance of a file would say of configuration and sources if it were made now.

    Args:
        made: what it says.

    Raises:
        ConfigError: this study makes no such file.
    """
    path = Path(path)
    match made["step"]:
        case "draw" | "train" as step:
            return _of_simulation(study, path, step)
        case "collect":
            place = wildcards(path, paths.RESULTS) or made["spec"]
            return _of_results(study, place["experiment"])
        case "search":
            return _of_search(study, path)
        case "trees" | "from_scratch" as name:
            return _of_block(study, name)
        case "figure":
            place = wildcards(path, paths.FIGURE) or {"figure": made["spec"]["name"]}
            return of_figure(study, place["figure"])
        case "verdicts":
            return of_verdicts(study, claims)
        case "numbers":
            return of_numbers(study)
        case _:
            # Any set of kernels will do: the first training that misses one compiles it.
            return {"step": "kernels", "spec": made["spec"], "sources": kernel_sources()}


def _of_simulation(study: Study, path: Path, step: str) -> dict:
    """For a file of one simulation. Of which experiment it is, its place alone says."""
    place = wildcards(path, pattern_of(path, step))
    if place is None:
        raise ConfigError(
            f"it is in no place like {pattern_of(path, step)}, so there is no configuration to "
            "compare with"
        )
    experiment = _among("experiments", place["experiment"], study.experiments)
    drawn, seed = study.draw_spec(experiment), int(place["seed"])
    record = {"step": step, "seed": seed, "sources": sources(f"steps.{step}")}
    if step == "draw":
        return record | {"spec": drawn[path.stem], "drawn": drawn}
    learner = _among("learners", place["learner"], study.learners)
    behind = {"inputs": drawn, "draw_sources": sources("steps.draw")}
    return record | {"spec": study.train_spec(experiment, learner)} | behind


def pattern_of(path: Path, step: str) -> str:
    """Where the workflow puts a file of one simulation."""
    return paths.TRAINED if step == "train" else DRAWN.get(path.stem, paths.TEACHER)


def _of_results(study: Study, experiment: str) -> dict:
    block = study.experiments[_among("experiments", experiment, study.experiments)]
    trained = {name: study.train_spec(experiment, name) for name in block["learners"]}
    return {
        "step": "collect",
        "spec": study.collect_spec(experiment),
        "inputs": study.draw_spec(experiment) | trained,
        "sources": sources("steps.collect"),
        "draw_sources": sources("steps.draw"),
        "engine": {"sources": sources("steps.train")},
    }


def _of_search(study: Study, path: Path) -> dict:
    place = wildcards(path, paths.SEARCH)
    if place is None:
        raise ConfigError(
            f"it is in no place like {paths.SEARCH}, so there is no configuration to compare with"
        )
    spec = study.search_spec(_among("from_scratch", place["case"], study.from_scratch or {}))
    seed = int(place["seed"])
    return {"step": "search", "seed": seed, "spec": spec, "sources": sources("steps.search")}


def _of_block(study: Study, name: str) -> dict:
    """For the results of a block that is no experiment, ``trees`` or ``from_scratch``."""
    if getattr(study, name) is None:
        raise ConfigError(
            f"{name}: is not in the configuration, so there is nothing to compare with"
        )
    found = {"step": name, "sources": sources(f"steps.{name}")}
    if name == "trees":
        return found | {"spec": study.trees_spec()}
    return found | {
        "spec": study.from_scratch_spec(),
        "engine": {"sources": sources("steps.search")},
    }


def of_figure(study: Study, name: str) -> dict:
    """As ``expected``, for a figure."""
    spec = study.figure_spec(_among("figures", name, study.figures))
    if "drawing" in spec["figure"]:
        record = {"step": "figure", "spec": spec, "seed": 0, "sources": sources("steps.figure")}
        drawn = study.draw_spec(spec["figure"]["drawing"]["experiment"])
        return record | {"drawn": drawn, "draw_sources": sources("steps.draw")}
    for name in BLOCKS:
        if name in spec["figure"]:
            return _of_many(study, "figure", spec, [name])
    return _of_many(study, "figure", spec, spec["experiments"])


def of_verdicts(study: Study, claims: dict) -> dict:
    """As ``expected``, for the verdicts."""
    spec = study.verdicts_spec(claims)
    return _of_many(study, "verdicts", spec, claimed_experiments(claims, study))


def of_numbers(study: Study) -> dict:
    """As ``expected``, for the numbers that the study has results for."""
    spec = {"numbers": computable(study)}
    return _of_many(study, "numbers", spec, needed(spec["numbers"]))


def of_number(made: dict, name: str) -> dict:
    """Of the record of a file of numbers, or of what it would be, the part that is behind one."""
    number = made["spec"]["numbers"][name]
    used = {result: set() for result in needed({name: number})}
    for experiment, learner in curves(number):
        used[experiment].add(learner)
    results = {result: of_learners(made["results"][result], used[result]) for result in used}
    return {"step": "numbers", "spec": number, "results": results, "sources": made["sources"]}


def of_learners(made: dict, learners) -> dict:
    """Of the record of results the part about some learners, those of them that are in it."""
    if "inputs" not in made:
        return made
    inputs = {key: made["inputs"][key] for key in (*DRAWN, *learners) if key in made["inputs"]}
    spec = {key: value for key, value in made["spec"].items() if key != "learners"}
    return made | {"inputs": inputs, "spec": spec}


def _of_many(study, step, spec, names) -> dict:
    results = {
        name: _of_block(study, name) if name in BLOCKS else _of_results(study, name)
        for name in names
    }
    return {"step": step, "spec": spec, "results": results, "sources": sources(f"steps.{step}")}


def _among(where: str, name: str, allowed) -> str:
    check_among(where, name, allowed)
    return name


# What differs.


def mismatches(study: Study, claims: dict, path: str | Path, made: dict) -> list[str]:
    """Why a file would not be made so here, each in a line; none if it matches.

    Args:
        made: its provenance.
    """
    try:
        now = expected(study, claims, path, made)
    except ConfigError as error:
        return [str(error)]
    return configuration_mismatches(made, now) + source_mismatches(made, now)


def configuration_mismatches(made: dict, expected: dict) -> list[str]:
    """Where the configuration behind a file is not as expected, a line for each change."""
    found, now = configuration(made), configuration(expected)
    return _lines(differences(found, now), "configured is")


def source_mismatches(made: dict, expected: dict) -> list[str]:
    """Where the sources behind a file are not as expected, a line for each step."""
    return _lines(differences(hashes(made), hashes(expected)), "here it is")


def version_mismatches(made: dict) -> list[str]:
    """Where the library versions behind a file are not those here, a line for each."""
    now = surroundings()["versions"]
    found = {
        (name, version)
        for record in _records(made)
        for name, version in record.get("versions", {}).items()
    }
    return [
        f"{name} is {version}, but here it is {now.get(name, 'none')}"
        for name, version in sorted(found)
        if version != now.get(name)
    ]


def configuration(record: dict) -> dict:
    """The part of a record that says with which configuration a file was made."""
    keys = ("seed", "spec", "drawn", "inputs")
    found = {key: record[key] for key in keys if key in record}
    behind = {name: configuration(other) for name, other in record.get("results", {}).items()}
    return found | ({"results": behind} if "results" in record else {})


def hashes(record: dict) -> dict:
    """The part of a record that says with which sources a file was made, by step."""
    found = {record["step"]: record["sources"]}
    if "draw_sources" in record:
        found["draw"] = record["draw_sources"]
    if "engine" in record:
        step = "search" if record["step"] == "from_scratch" else "train"
        found[step] = record["engine"]["sources"]
    behind = {name: hashes(other) for name, other in record.get("results", {}).items()}
    return {"sources": found, "results": behind}


def _records(record: dict) -> Iterator[dict]:
    """A record and those that it holds."""
    yield record
    if "engine" in record:
        yield record["engine"]
    if "draw_versions" in record:
        yield {"versions": record["draw_versions"]}
    for other in record.get("results", {}).values():
        yield from _records(other)


class Difference(NamedTuple):
    """A place at which two values differ.

    Attributes:
        where: the keys that lead there.
        found: what the first has there, ``ABSENT`` where it has no such key.
        expected: what the second has there.
    """

    where: tuple[str, ...]
    found: Any
    expected: Any

    @property
    def key(self) -> tuple[str, str, str]:
        """The change itself, at however many places it shows."""
        return self.where[-1], repr(self.found), repr(self.expected)

    def line(self, now: str) -> str:
        """The change in words.

        Args:
            now: how the second value is called, such as "configured is".
        """
        return f"{'.'.join(self.where)} is {_brief(self.found)}, but {now} {_brief(self.expected)}"


def differences(found, expected, *where: str) -> Iterator[Difference]:
    """All places at which two values differ, those of JSON.

    Args:
        where: the keys that lead to both.
    """
    if _blocks(found) and _blocks(expected) and len(found) == len(expected):
        found, expected = (dict(enumerate(blocks)) for blocks in (found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in expected | found:
            some, other = (value.get(key, ABSENT) for value in (found, expected))
            yield from differences(some, other, *where, str(key))
    elif ABSENT in (found, expected) or json.dumps(found) != json.dumps(expected):
        # As text, as Snakemake compares them: 1 is not 1.0.
        yield Difference(where, found, expected)


def _blocks(value) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _lines(found: Iterator[Difference], now: str) -> list[str]:
    """A line for each change of a value, however many places of a record it shows in."""
    places = {}
    for difference in found:
        places.setdefault(difference.key, []).append(difference)
    return [
        first.line(now) + (f" (so too in {len(others)} more)" if others else "")
        for first, *others in places.values()
    ]


def _brief(value) -> str:
    if value is ABSENT:
        return "absent"
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        value = f"[{short(value)}]"
    else:
        value = json.dumps(value)
    return shorten(value, 60, placeholder=" ...")
