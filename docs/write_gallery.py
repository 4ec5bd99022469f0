"""The gallery: a run's figures, verdicts and explorer in docs/, and the pages that show them.

    python -m docs.write_gallery figures results/verdicts.json

run in the project's folder, takes them from there (``make gallery``); ``docs/gallery
docs/verdicts.json`` in their place writes the pages alone anew. Both refuse what was made with
another configuration than config.yaml and workflow/claims.yaml have, and an explorer or a picture
of other verdicts. Both lie beside the verdicts.

Sources and versions may differ: whether the same configuration still gives the same numbers is for
the tests of the engine, and tidying code is no reason to compute for an hour.
"""

import argparse
import json
import re
import sys
from copy import deepcopy
from pathlib import Path

from docs import fill
from sparsebp.report import explorer, tables, verdict_plots
from sparsebp.report.captions import caption
from sparsebp.storage import paths
from sparsebp.storage.atomic import written_whole
from sparsebp.storage.figure_metadata import read_provenance
from sparsebp.study import inspection
from sparsebp.study.config import Study
from sparsebp.study.markup import markdown
from sparsebp.study.numbers_file import PLACEHOLDER
from sparsebp.study.validation import check_among

GALLERY, VERDICTS, VERDICTS_PAGE = "docs/gallery", "docs/verdicts.json", "docs/verdicts.md"
EXPLORER, PICTURE = "docs/explorer.json", "docs/verdicts.png"
RECORD = ("id", "thesis", "statement", "choice", "reading", "verdict", "from")
TEST = (
    *("kind", "contrast", "measured", "meaning", "verdict", "effect", "interval", "corrected", "n"),
    *("m", "margin", "turns"),
)


def figure_mismatches(study: Study, name: str, figures: Path) -> list[str]:
    """What in the provenance of a figure is not as configured, each in one line.

    Args:
        figures: the folder of the figure's .png file.
    """
    return _mismatches(name, figures / f"{name}.png", inspection.of_figure(study, name))


def verdicts_mismatches(study: Study, claims: dict, verdicts: Path) -> list[str]:
    """What in the provenance of the verdicts is not as configured, each in one line.

    Experiments may have learners that they had not when claims were judged: the claims, which are
    the same, are not about them.

    Raises:
        ConfigError: the study cannot test its claims.
    """
    expected = deepcopy(inspection.of_verdicts(study, claims))
    if verdicts.exists():
        for name, made in inspection.read(verdicts)["results"].items():
            now = expected["results"].get(name, {"spec": {"learners": []}})
            for learner in set(now["spec"]["learners"]) - set(made["spec"]["learners"]):
                now["spec"]["learners"].remove(learner)
                del now["inputs"][learner]
    return _mismatches("verdicts", verdicts, expected)


def explored(file: Path) -> dict:
    """What a page of the explorer shows, or docs keep of one; see ``explorer.collect``.

    Raises:
        ValueError: the file is neither.
    """
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else explorer.shown_in(text)


def explorer_mismatches(file: Path, kept: dict) -> list[str]:
    """What of a file of the explorer is not as in a copy of verdicts, in a line.

    Raises:
        ValueError: as from ``explored``.
    """
    if not file.exists():
        return [f"explorer: no file {file}"]
    cells = [cell for way in explored(file)["ways"] for cell in way["cells"]]
    same = cells == explorer.verdicts(kept["records"])
    return [] if same else [f"explorer: {file} shows other verdicts"]


def picture_mismatches(picture: Path, kept: dict) -> list[str]:
    """Whether a picture is not of the verdicts in a copy of them, in a line."""
    try:
        shown = read_provenance(picture)
    except (OSError, ValueError, LookupError):  # missing, or another picture
        shown = None
    same = shown == verdict_plots.shown(kept["records"])
    return [] if same else [f"verdicts: {picture}: no picture of these verdicts"]


def copy(verdicts: Path) -> dict:
    """What pages need of a file of verdicts: the tests that they name, and what those are of.

    That is, in ``of``, hashes of the claims, the choices, the readings, what holds by construction
    and the configuration of each experiment,
    with the learners that it had. Tests go by their number as text, as there may be gaps: under a
    choice only the test that decides is needed, and how it is called in the claim.
    """
    made, found = inspection.read(verdicts), json.loads(verdicts.read_text(encoding="utf-8"))
    spec, results = made["spec"], made["results"]
    learners = {name: record["spec"]["learners"] for name, record in results.items()}
    return {
        "commit": made["commit"],
        "learners": learners,
        "of": _hashes(spec, _set(results), learners),
        "records": [_needed(record) for record in found["records"]],
    }


def _needed(record: dict) -> dict:
    whole = tables.configured(record)
    numbers = range(len(record["tests"])) if whole else [record["key"]]
    tests = {f"{i}": {key: record["tests"][i][key] for key in TEST} for i in numbers}
    return {key: record[key] for key in RECORD} | {"key": f"{record['key']}", "tests": tests}


def copy_mismatches(study: Study, claims: dict, kept: dict) -> list[str]:
    """Which hashes of a copy of verdicts are not those of a configuration, each in one line."""
    results = inspection.of_verdicts(study, claims)["results"]
    now = _hashes(study.verdicts_spec(claims), results, kept["learners"])
    return [
        f"verdicts: {name} of another configuration"
        for name in now | kept["of"]
        if now.get(name) != kept["of"].get(name)
    ]


def _hashes(spec: dict, results: dict, learners: dict) -> dict[str, str]:
    parts = {
        name: inspection.configuration(inspection.of_learners(made, learners.get(name, ())))
        for name, made in results.items()
    }
    parts = spec | parts
    return {name: fill.digest(part) for name, part in parts.items()}


def _mismatches(name: str, path: Path, expected: dict) -> list[str]:
    if not path.exists():
        return [f"{name}: no file {path}"]
    # What is not set stands in older files as null.
    lines = inspection.configuration_mismatches(_set(inspection.read(path)), expected)
    return [f"{name}: {line}" for line in lines]


def _set(value):
    """JSON without what is null in it."""
    if isinstance(value, dict):
        return {key: _set(item) for key, item in value.items() if item is not None}
    return [_set(item) for item in value] if isinstance(value, list) else value


def pages(root: Path, study: Study, claims: dict) -> dict[Path, str]:
    """The text of every page of the project that shows figures or verdicts.

    Raises:
        ValueError: a page lacks the comments between which its changing part stands.
    """
    records = json.loads((root / VERDICTS).read_text(encoding="utf-8"))["records"]
    parts = tables.headline(records), tables.failing(records), tables.matrix(records)
    short = "\n".join(part for part in parts if part)
    numbers = fill.kept(root)
    sections = "\n".join(_section(study, name, numbers) for name in study.figures)
    changing = {
        "README.md": {"verdicts": short},
        f"{GALLERY}.md": {"figures": sections, "verdicts": tables.summary(records)},
    }
    verdicts = tables.page(records, study.verdicts_spec(claims))
    # Here the explorer takes the place of a page.
    found = {root / VERDICTS_PAGE: verdicts.replace("(explorer.html)", "(explorer.md)")}
    for page, parts in changing.items():
        text = (root / page).read_text(encoding="utf-8")
        for part, content in parts.items():
            text = _replaced(text, page, part, content)
        found[root / page] = fill.filled(text, numbers)
    return found


def write(
    root: Path,
    study: Study,
    claims: dict,
    figures: Path,
    verdicts: dict,
    beside: dict[str, bytes],
    names: list[str],
) -> None:
    """Put figures and verdicts into the docs of the project in a folder, and write the pages.

    Args:
        verdicts: as ``copy`` returns them.
        beside: what stands beside them, by its path: the explorer and the picture.
        names: of the figures to be put there; the others stay.

    Raises:
        ValueError: as from ``pages``.
    """
    for name in names:
        _write(root / GALLERY / f"{name}.png", (figures / f"{name}.png").read_bytes())
    for path in (root / GALLERY).glob("*.png"):
        if path.stem not in study.figures:
            path.unlink()
    _write(root / VERDICTS, lines(verdicts).encode())
    for path, content in beside.items():
        _write(root / path, content)
    for path, text in pages(root, study, claims).items():
        _write(path, text.encode())


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit status: 1 with lines on stderr for what is not right."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.write_gallery",
        description="Put the figures and verdicts of a run into docs, and write the pages.",
    )
    parser.add_argument("figures", type=Path, help="folder of the figures, as .png")
    parser.add_argument("verdicts", type=Path, help=f"file of verdicts, as {paths.VERDICTS}")
    parser.add_argument(
        "--only", nargs="+", metavar="figure", help="put these figures there, and leave the others"
    )
    options, root = parser.parse_args(arguments), Path()
    try:
        study, claims = inspection.load(root)
        names = options.only or list(study.figures)
        for name in names:
            check_among("--only", name, study.figures)
        wrong = [m for name in names for m in figure_mismatches(study, name, options.figures)]
        if options.verdicts == Path(VERDICTS):
            verdicts = json.loads(options.verdicts.read_text(encoding="utf-8"))
            wrong += copy_mismatches(study, claims, verdicts)
            shown = Path(EXPLORER)
        else:
            wrong += verdicts_mismatches(study, claims, options.verdicts)
            verdicts = {} if wrong else copy(options.verdicts)
            shown = options.verdicts.with_name(Path(paths.EXPLORER).name)
        picture = options.verdicts.with_name(Path(PICTURE).name)
        if not wrong:
            wrong = explorer_mismatches(shown, verdicts) + picture_mismatches(picture, verdicts)
        if not wrong:
            beside = {EXPLORER: lines(explored(shown)).encode(), PICTURE: picture.read_bytes()}
            write(root, study, claims, options.figures, verdicts, beside, names)
    except (ValueError, OSError) as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"gallery: {line}", file=sys.stderr)
    return 1 if wrong else 0


# Pages.


def _section(study: Study, name: str, numbers: dict) -> str:
    """A figure with its title, command and caption, as configured."""
    figure, said = study.figures[name], caption(study, name)
    about = markdown(said.about)
    head = [figure.get("thesis", name), *([figure["message"]] if "message" in figure else [])]
    lines = [
        f"## {markdown(': '.join(head))}\n",
        f"`snakemake {paths.FIGURE.format(figure=name, format='pdf')}`\n",
        f"![{about}]({Path(GALLERY).name}/{name}.png)\n",
        f"{about}\n",
        *_found(figure, numbers),
        *([f"All experiments: {markdown(said.common)}.\n"] if said.common else []),
        *(f"- `{one}`: {markdown(text)}." for one, text in said.experiments.items()),
    ]
    return "\n".join(lines) + "\n"


def _found(figure: dict, numbers: dict) -> list[str]:
    """What a figure shows, in words, with each number in front of its mark."""
    if "found" not in figure:
        return []
    text = PLACEHOLDER.sub(lambda name: fill.marked(name[1], numbers), markdown(figure["found"]))
    return [f"**Found:** {text}\n"]


def _replaced(text: str, page: str, part: str, content: str) -> str:
    """A page with other content between the comments that enclose a part."""
    first, last = f"<!-- {part}: generated by make gallery -->", f"<!-- end of {part} -->"
    pattern = f"{re.escape(first)}.*?{re.escape(last)}"
    if len(re.findall(pattern, text, re.DOTALL)) != 1:
        raise ValueError(f"{page}: {first} and {last} should be there, once")
    return re.sub(pattern, lambda _: f"{first}\n\n{content}\n{last}", text, flags=re.DOTALL)


def lines(value: dict) -> str:
    """JSON with a line for each item of what it holds."""
    return _lines(value, 2) + "\n"


def _lines(value, depth: int) -> str:
    if not (value and depth and isinstance(value, dict | list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[\n" + ",\n".join(_lines(item, depth - 1) for item in value) + "\n]"
    parts = (f"{_lines(key, 0)}: {_lines(item, depth - 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(parts) + "\n}"


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as part:
        part.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
