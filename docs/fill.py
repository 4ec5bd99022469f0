"""Numbers about results in the pages: each stands in front of a mark, as in 0.128<!--=name-->.

    python -m docs.fill results/numbers.json

run in the project's folder (``make fill``), puts the numbers of a run into README.md and all pages
of docs/, and a small copy of them into docs/numbers.json, by which tests tell whether pages have
been filled. It refuses numbers of another configuration than the one that stands here, and a run
that lacks some, unless ``--partial`` asks for those that there are; the others then stay as they
are. ``docs/numbers.json`` in place of the file writes the pages alone anew.

Each page says of which commits its numbers are. A number typed by hand, of a run that is gone, has
a † until a run has it.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

from sparsebp.claims.numbers import TEXT, needed
from sparsebp.storage import paths, store
from sparsebp.storage.atomic import written_whole
from sparsebp.study import inspection
from sparsebp.study.config import Study
from sparsebp.study.numbers_file import NOT_COMPUTED, digest, full_names, placeholders

COPY = Path("docs/numbers.json")
OLD = "†"
MARK = re.compile(rf"(?<![\w.+-])(?:(?:{TEXT}){OLD}?|{re.escape(NOT_COMPUTED)})<!--=([\w.-]+)-->")
ANY_MARK = re.compile(r"<!--=([^>]*)-->")
FIRST, LAST = "<!-- numbers: filled in by make fill -->", "<!-- end of numbers -->"
PLACE = re.compile(f"{FIRST}.*?{LAST}", re.DOTALL)


def page_paths(root: Path) -> list[Path]:
    """All pages of a project that may show numbers."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def kept(root: Path) -> dict[str, dict]:
    """The numbers in the copy of a project by full name; none without one."""
    path = root / COPY
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


# A run's numbers.


def taken(path: Path) -> dict[str, dict]:
    """The numbers in a file as the step writes it, each with what it is of.

    Returns:
        By full name ``value``, ``text`` and so on; ``commit``, those of its results; ``of`` and
        ``sources``, hashes of the configuration and of the sources behind it.

    Raises:
        BadFile: not such a file.
    """
    made = inspection.read(path)
    if made["step"] != "numbers":
        raise store.BadFile(f"{path}: made by {made['step']!r}; allowed: numbers")
    values = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    found = {}
    for full, name in full_names(made["spec"]["numbers"]).items():
        behind = inspection.of_number(made, name)
        commits = {commit for record in behind["results"].values() for commit in _commits(record)}
        found[full] = values[full] | {"commit": ", ".join(sorted(commits))} | _hashes(behind)
    return found


def _commits(record: dict) -> list[str]:
    return [record["commit"], *record.get("engine", {}).get("commits", [])]


def _hashes(behind: dict) -> dict[str, str]:
    return {
        "of": digest(inspection.configuration(behind)),
        "sources": digest(inspection.hashes(behind)),
    }


def expected(study: Study) -> dict[str, dict]:
    """The ``of`` and ``sources`` that the numbers of a study would have if they were found now."""
    now = inspection.of_numbers(study)
    names = full_names(now["spec"]["numbers"])
    hashes = {name: _hashes(inspection.of_number(now, name)) for name in now["spec"]["numbers"]}
    return {full: hashes[name] for full, name in names.items()}


# What is not right, each in a line.


def configuration_mismatches(study: Study, found: dict[str, dict]) -> list[str]:
    """Which of the numbers of a copy or a run are of another configuration than a study.

    Those of a run that is gone, typed by hand, are not asked.
    """
    now = expected(study)
    return [
        f"{name}: is of another configuration"
        for name, number in found.items()
        if "of" in number and number["of"] != now.get(name, {}).get("of")
    ]


def source_mismatches(study: Study, found: dict[str, dict]) -> list[str]:
    """Which of the numbers of a copy are not what the sources here have found: for a release."""
    now = expected(study)
    lines = [f"{name}: is not computed" for name in now if "of" not in found.get(name, {})]
    return lines + [
        f"{name}: is of other sources, commit {number['commit']}"
        for name, number in found.items()
        if "of" in number and number["sources"] != now.get(name, {}).get("sources")
    ]


def name_mismatches(root: Path, study: Study, found: dict[str, dict]) -> list[str]:
    """Names that pages and captions have and numbers.yaml has not, and the other way round.

    Args:
        root: of the project.
        study: with its numbers and captions.
        found: the numbers of its copy.
    """
    captions = [block.get("found", "") for block in study.figures.values()] + study.findings
    named, used = full_names(study.numbers), {n for text in captions for n in placeholders(text)}
    lines = []
    for path in page_paths(root):
        text = path.read_text(encoding="utf-8")
        marks = ANY_MARK.findall(text)
        used.update(marks)
        lines += [f"{path.name}: {name}: no such number" for name in marks if name not in named]
        bare = Counter(marks) - Counter(MARK.findall(text))
        lines += [f"{path.name}: {name}: no number stands in front of the mark" for name in bare]
        if marks and len(PLACE.findall(text)) != 1:
            lines.append(f"{path.name}: {FIRST} and {LAST} should be there, once")
    lines += [f"{name}: no page and no caption shows it" for name in named if name not in used]
    return lines + [f"{COPY}: {name}: no such number" for name in found if name not in named]


# Pages.


def shown(number: dict | None) -> str:
    """A number as pages show it."""
    if number is None:
        return NOT_COMPUTED
    return number["text"] + OLD * ("of" not in number)


def marked(name: str, found: dict[str, dict]) -> str:
    """A number as pages show it, with its mark."""
    return f"{shown(found.get(name))}<!--={name}-->"


def filled(text: str, found: dict[str, dict]) -> str:
    """The text of a page with these numbers in front of their marks, and where they are from."""
    origin = _origin({name: found.get(name, {}) for name in MARK.findall(text)})
    text = MARK.sub(lambda mark: marked(mark[1], found), text)
    return PLACE.sub(f"{FIRST}\n\n{origin}\n\n{LAST}", text)


def _origin(numbers: dict[str, dict]) -> str:
    """Of which commits the numbers of a page are."""
    commits = {c for number in numbers.values() for c in number.get("commit", "").split(", ") if c}
    typed = sum("text" in number and "of" not in number for number in numbers.values())
    said = []
    if commits:
        said.append(f"Numbers about results are those of commit {', '.join(sorted(commits))}.")
    if typed:
        said.append(
            f"{typed} of {len(numbers)}, with a {OLD}, were typed by hand, of an older run."
        )
    return f"*{' '.join(said)}*" if said else ""


def pages(root: Path, found: dict[str, dict]) -> dict[Path, str]:
    """The text of every page of a project that shows numbers."""
    texts = {path: path.read_text(encoding="utf-8") for path in page_paths(root)}
    return {path: filled(text, found) for path, text in texts.items() if ANY_MARK.search(text)}


def copy(found: dict[str, dict]) -> str:
    """The content of a project's copy: a line for each number."""
    lines = [f"{json.dumps(n)}: {json.dumps(found[n], ensure_ascii=False)}" for n in sorted(found)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(root: Path, found: dict[str, dict]) -> None:
    """Write the copy and the pages of a project."""
    for path, text in {root / COPY: copy(found), **pages(root, found)}.items():
        with written_whole(path) as part:
            part.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit status: 1 with lines on stderr for what is not right."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.fill",
        description="Put the numbers of a run into README.md and the pages of docs/.",
    )
    parser.add_argument("numbers", type=Path, help=f"file of numbers, as {paths.NUMBERS}")
    parser.add_argument(
        "--partial", action="store_true", help="keep what pages have of numbers that the run lacks"
    )
    options, root = parser.parse_args(arguments), Path()
    try:
        study, _ = inspection.load(root)
        here = kept(root)
        found = here if options.numbers == COPY else taken(options.numbers)
        wrong = configuration_mismatches(study, found) + name_mismatches(root, study, {})
        if not options.partial and options.numbers != COPY:
            wrong += _missing(study, found)
        if not wrong:
            named = full_names(study.numbers)
            write(root, {name: number for name, number in (here | found).items() if name in named})
    except (ValueError, OSError) as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"fill: {line}", file=sys.stderr)
    return 1 if wrong else 0


def _missing(study: Study, found: dict[str, dict]) -> list[str]:
    """The results that the run lacks, each with the numbers that are taken from it."""
    names = full_names(study.numbers)
    lacking = {name: study.numbers[name] for full, name in names.items() if full not in found}
    lines = []
    for result in needed(lacking):
        asked = [name for name, number in lacking.items() if result in needed({name: number})]
        lines.append(f"no results of {result}, which these numbers need: {', '.join(asked)}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
