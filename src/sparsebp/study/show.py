"""What made files, in words, and whether they would be made so here: ``sparsebp show``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent, wrap

import yaml

from sparsebp.storage import paths, store
from sparsebp.storage.records import own, shared, short
from sparsebp.study import inspection
from sparsebp.study.figure_blocks import DRAWINGS

MATCH, UNREADABLE, MISMATCH = 0, 1, 3
"""Exit status; 2 is that of a command line that is not understood."""

LINE_WIDTH = 100


def run(files: list[str], configfiles: list[str]) -> int:
    """Print what made each file and whether it would be made so here. Returns the exit status."""
    status, study = MATCH, None
    try:
        study, claims = inspection.load(Path(), configfiles)
    except (ValueError, OSError) as error:
        status = _complain(f"nothing to compare with: {error}")
    here = f"{' with '.join(['config.yaml', *configfiles])} and the sources here"
    for number, path in enumerate(files):
        try:
            made = inspection.read(path)
            text = about(path, made)
            wrong = [] if study is None else inspection.mismatches(study, claims, path, made)
            others = inspection.version_mismatches(made)
        except store.BadFile as error:
            status = _complain(str(error))
            continue
        except (TypeError, LookupError, AttributeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            status = _complain(f"{path}: its provenance is not as this study writes it ({what})")
            continue
        print("\n" * (number > 0) + text)
        if others:
            print("other versions, for which alone nothing is made anew:")
            print(indent("\n".join(others), "  "))
        if wrong:
            print(f"{path} does not match {here}:")
            print(indent("\n".join(wrong), "  "))
            status = status or MISMATCH
        elif study is not None:
            print(f"{path} matches {here}")
    return status


def _complain(message: str) -> int:
    sys.stdout.flush()
    print(f"sparsebp show: {message}", file=sys.stderr)
    return UNREADABLE


def about(path: str | Path, made: dict) -> str:
    """What made a file, in words, and the configuration as YAML."""
    results = {made["spec"]["experiment"]: made} if made["step"] == "collect" else {}
    results |= made.get("results", {})
    others = {name: results.pop(name, None) for name in inspection.BLOCKS}  # of no trainings
    rows = _made(made) | (_trainings(made, list(results.values())) if results else {})
    lines = [f"{path}: {_title(Path(path), made)}", *_aligned(rows)]
    if made["step"] == "verdicts":
        spec = made["spec"]
        ids = ", ".join(claim["id"] for claim in spec["claims"]["claims"])
        lines += _aligned({"claims": ids, "choices": "; ".join(spec["choices"]) or "none"})
    elif made["step"] == "numbers":
        lines += _aligned({"numbers": ", ".join(made["spec"]["numbers"])})
    elif made["step"] == "figure" and "choices" in made["spec"]:
        values = [choice["values"] for choice in made["spec"]["choices"]]
        lines += _block("configuration", made["spec"] | {"choices": values})
    else:
        lines += _block("configuration", made["spec"])
    for name, record in others.items():
        if record:
            lines += _block(f"results of {name}", record["spec"])
    if "inputs" in made:
        drawn = {name: spec for name, spec in made["inputs"].items() if name in inspection.DRAWN}
        lines += _block("drawn from", drawn)
    if results:
        trained = [_learners(record) for record in results.values()]
        alike = shared([block for learners in trained for block in learners.values()])
        lines += _block("all trainings", alike)
    if made["step"] == "collect":
        alone = {name: own(block, alike) for name, block in _learners(made).items()}
        lines += _block("learners", alone)
    elif results:
        scopes = {f"  {name}": _scope(record) for name, record in results.items()}
        lines += ["results of:", *_aligned(scopes)]
    return "\n".join(lines)


def _block(title: str, block: dict) -> list[str]:
    text = yaml.safe_dump(
        block, sort_keys=False, default_flow_style=None, width=LINE_WIDTH - 10, allow_unicode=True
    )
    return [f"{title}:", indent(text.rstrip(), "  ")]


def _learners(record: dict) -> dict[str, dict]:
    """The learners in a record of results by name, each with all of its fields."""
    inputs = record["inputs"]
    return {name: spec["learner"] for name, spec in inputs.items() if name not in inspection.DRAWN}


def _title(path: Path, made: dict) -> str:
    """What a file is."""
    spec = made["spec"]
    match made["step"]:
        case "draw" | "train" as step:
            unknown = dict.fromkeys(("experiment", "learner"), "unknown")
            place = inspection.wildcards(path, inspection.pattern_of(path, step)) or unknown
            what = path.stem if step == "draw" else f"estimates of learner {place['learner']}"
            return f"{what} in experiment {place['experiment']}, seed {made['seed']}"
        case "collect":
            return f"errors of {_scope(made)} in experiment {spec['experiment']}"
        case "trees":
            sizes, seeds = short(spec["trees"]["outputs"]), short([*range(spec["seeds"])])
            return f"beliefs on trees and rings of {sizes} outputs, seeds {seeds}"
        case "search":
            place = inspection.wildcards(path, paths.SEARCH) or {"case": "unknown"}
            return f"network from scratch in case {place['case']}, seed {made['seed']}"
        case "from_scratch":
            seeds = short([*range(spec["seeds"])])
            return f"networks from scratch in cases {', '.join(spec['cases'])}, seeds {seeds}"
        case "figure":
            title = f"figure {spec['name']} ({spec['figure'].get('thesis', 'not in the thesis')})"
            if drawing := spec["figure"].get("drawing"):
                what = f"{DRAWINGS[drawing['of']]} in experiment {drawing['experiment']}"
                title += f", {what}, seed {made['seed']}"
            return title
        case "verdicts":
            return f"verdicts on {len(spec['claims']['claims'])} claims"
        case "numbers":
            return f"named numbers, as {len(spec['numbers'])} blocks of numbers.yaml define them"
        case _:
            return f"{len(spec['kernels'])} compiled kernels"


def _scope(record: dict) -> str:
    """How much of an experiment a record of results is about."""
    spec = record["spec"]
    many = "learner" if len(spec["learners"]) == 1 else "learners"
    first = spec.get("first_seed", 0)
    seeds, samples = short([*range(first, first + spec["seeds"])]), short(spec["samples"])
    return f"{len(spec['learners'])} {many}, seeds {seeds}, m = {samples}"


def _made(made: dict) -> dict[str, str]:
    """When, where and of what a file was made."""
    when, where = made.get("made", "time unknown"), made.get("host", "an unknown host")
    records = [made, *made.get("results", {}).values()]
    pairs = dict.fromkeys(
        pair for one in records for pair in inspection.hashes(one)["sources"].items()
    )
    rows = {
        "made": f"{when} on {where}, in {made['seconds']} s",
        "processor": made.get("processor", "unknown"),
        "commit": _commit(made["commit"]),
        "sources": ", ".join(f"{digest} ({step})" for step, digest in pairs),
        "versions": _versions(made["versions"]),
    }
    if "engine_seconds" in made:
        rows["made"] += f", {made['engine_seconds']} s of them to pass messages"
    return rows


def _trainings(made: dict, results: list[dict]) -> dict[str, str]:
    """How long, where and with what the estimates behind results were made."""
    engines = [record["engine"] for record in results]

    def all_of(key):
        return sorted({value for engine in engines for value in engine.get(key, ["unknown"])})

    rows = {
        "trainings": f"{sum(engine['training_seconds'] for engine in engines):.1f} s in all",
        "  hosts": ", ".join(all_of("hosts")),
        "  processors": "; ".join(all_of("processors")),
        "  commits": "; ".join(map(_commit, all_of("commits"))),
    }
    if others := {_versions(e["versions"]) for e in engines} - {_versions(made["versions"])}:
        rows["  versions"] = "; ".join(sorted(others))
    return rows


def _commit(commit: str) -> str:
    """A commit, and whether the working tree was clean; ``unknown`` outside a git checkout."""
    named = commit.removesuffix("-dirty")
    if named.startswith("unknown"):
        return named
    state = "clean" if named == commit else "with changes that are not committed"
    return f"{named}, working tree {state}"


def _versions(versions: dict) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _aligned(rows: dict[str, str]) -> Iterator[str]:
    """Rows of a name and a text, whose lines begin at the same column."""
    column = 2 + max(map(len, rows))
    for name, text in rows.items():
        yield from wrap(
            text,
            LINE_WIDTH,
            initial_indent=name.ljust(column),
            subsequent_indent=" " * column,
            break_on_hyphens=False,
        )
