"""The gallery: a run's figures and verdicts in docs/, and the pages that show them.

    python -m docs.write_gallery figures results/verdicts.json

run in the project's folder, takes them from there (``make gallery``); ``docs/gallery
docs/verdicts.json`` in their place writes the pages alone anew. Both refuse what was made with
another configuration than config.yaml and workflow/claims.yaml have.

Sources and versions may differ: whether the same configuration still gives the same numbers is for
the tests of the engine, and tidying code is no reason to compute for an hour.
"""

import argparse
import json
import re
import sys
from copy import deepcopy
from pathlib import Path

from sparsebp.report import tables
from sparsebp.report.style import CONFIDENCE, Y_LABELS
from sparsebp.storage import paths
from sparsebp.storage.atomic import written_whole
from sparsebp.study import inspection
from sparsebp.study.config import Study
from sparsebp.study.figure_blocks import DRAWINGS
from sparsebp.study.markup import markdown

GALLERY, VERDICTS, VERDICTS_PAGE = "docs/gallery", "docs/verdicts.json", "docs/verdicts.md"
MOST_NAMED = 6  # experiments in the title of a section


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


def pages(root: Path, study: Study) -> dict[Path, str]:
    """The text of every page of the project that shows figures or verdicts.

    Raises:
        ValueError: a page lacks the comments between which its changing part stands.
    """
    verdicts = json.loads((root / VERDICTS).read_text(encoding="utf-8"))
    records, spec = verdicts["records"], verdicts["provenance"]["spec"]
    short = f"{tables.headline(records)}\n{tables.table(records, tables.SHORT)}"
    sections = "\n".join(_section(study, name) for name in study.figures)
    changing = {
        "README.md": {"verdicts": short},
        f"{GALLERY}.md": {"figures": sections, "verdicts": tables.summary(records)},
    }
    found = {root / VERDICTS_PAGE: tables.page(records, spec)}
    for page, parts in changing.items():
        text = (root / page).read_text(encoding="utf-8")
        for part, content in parts.items():
            text = _replaced(text, page, part, content)
        found[root / page] = text
    return found


def write(root: Path, study: Study, figures: Path, verdicts: Path) -> None:
    """Put figures and verdicts into the docs of the project in a folder, and write the pages.

    Raises:
        ValueError: as from ``pages``.
    """
    for name in study.figures:
        _write(root / GALLERY / f"{name}.png", (figures / f"{name}.png").read_bytes())
    for path in (root / GALLERY).glob("*.png"):
        if path.stem not in study.figures:
            path.unlink()
    _write(root / VERDICTS, verdicts.read_bytes())
    for path, text in pages(root, study).items():
        _write(path, text.encode())


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit status: 1 with lines on stderr for what is not right."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.write_gallery",
        description="Put the figures and verdicts of a run into docs, and write the pages.",
    )
    parser.add_argument("figures", type=Path, help="folder of the figures, as .png")
    parser.add_argument("verdicts", type=Path, help=f"file of verdicts, as {paths.VERDICTS}")
    options, root = parser.parse_args(arguments), Path()
    try:
        study, claims = inspection.load(root)
        wrong = [
            m for name in study.figures for m in figure_mismatches(study, name, options.figures)
        ]
        wrong += verdicts_mismatches(study, claims, options.verdicts)
        if not wrong:
            write(root, study, options.figures, options.verdicts)
    except (ValueError, OSError) as error:
        wrong = [str(error)]
    for line in wrong:
        print(f"gallery: {line}", file=sys.stderr)
    return 1 if wrong else 0


# Pages.


def _section(study: Study, name: str) -> str:
    """A figure with its title, command and caption, as configured."""
    figure = study.figures[name]
    if "trees" in figure:
        return _section_of_trees(study, name)
    shown, caption, mean = _content(study, figure)
    about = _list(shown) if len(shown) <= MOST_NAMED else f"{len(shown)} experiments"
    lines = [
        f"## {markdown(figure.get('thesis', name))}: {about}\n",
        f"`snakemake {paths.FIGURE.format(figure=name, format='pdf')}`\n",
        f"![{caption}]({Path(GALLERY).name}/{name}.png)\n",
        f"{caption}{mean}.\n",
        *_found(figure),
        *(f"- `{experiment}`: {_setting(study.experiments[experiment])}." for experiment in shown),
    ]
    return "\n".join(lines) + "\n"


def _found(figure: dict) -> list[str]:
    return [f"**Found:** {markdown(figure['found'])}\n"] if "found" in figure else []


def _section_of_trees(study: Study, name: str) -> str:
    block, figure = study.trees, study.figures[name]
    function, *parameters = block["activation"].items()
    caption = "Belief propagation on trees and rings, beside the exact posterior"
    lines = [
        f"## {markdown(figure.get('thesis', name))}: appendix A\n",
        f"`snakemake {paths.FIGURE.format(figure=name, format='pdf')}`\n",
        f"![{caption}]({Path(GALLERY).name}/{name}.png)\n",
        f"{caption}: the largest error of any belief after each step, on chains (a, the largest of "
        f"{study.study['seeds']}) and on a random tree of each size (b), from a uniform and from a "
        "random start; the steps that it takes until beliefs are exact, against half the diameter "
        "of the factor graph (c); and how far the Bethe free energy is from the exact log Z (d).\n",
        *_found(figure),
        f"- {study.study['seeds']} graphs of each kind with {_list(map(str, block['outputs']))} "
        f"observed outputs, {function[1]} "
        f"({', '.join(f'{key} = {value}' for key, value in parameters)}), weights in {{-1, 1}}, "
        f"log-fields of standard deviation {block['fields']:g}; one sample, of a random teacher or "
        "of one whose hidden neurons no output can tell apart (relay).",
    ]
    return "\n".join(lines) + "\n"


def _content(study: Study, figure: dict) -> tuple[list[str], str, str]:
    """The experiments that a figure is about, what it shows, and of which simulations."""
    if "drawing" in figure:
        drawing = figure["drawing"]
        caption = f"{DRAWINGS[drawing['of']]}, and in it what the factor of output "
        caption = f"{caption[0].upper()}{caption[1:]}{drawing['output']} sees"
        return [drawing["experiment"]], caption, ", in the first simulation"
    interval = f"{100 * CONFIDENCE:g} % confidence interval"
    mean = f": mean and {interval} of {study.study['seeds']} simulations"
    if "choices" in figure:
        first, last = figure["choices"]["samples"]
        caption = f"Errors under each choice, in the mean over m = {first} to {last}"
        return [figure["choices"]["experiment"]], caption, mean
    panels, against, names, limits = figure["panels"], [], {}, {}
    curves = [experiment for p in panels if "against" not in p for experiment in p["experiments"]]
    if curves:
        samples = [m for experiment in curves for m in study.experiments[experiment]["samples"]]
        against.append(f"the number of samples, m = {min(samples)} to {max(samples)}")
    against += dict.fromkeys(map(_position, (p for p in panels if "at" in p)))
    for panel in panels:
        error = Y_LABELS[panel["quantity"]].split(" (")[0]
        if "minus" in panel:
            error += f" less that of {panel['minus']}"
        if "at_most" in panel:
            limit = f"{error} is at most {panel['at_most']:g} against {panel['against']}"
            limits[f"number of samples from which on {limit}"] = None
        else:
            names[error] = None
    parts = [f"{_list(names)} against {_list(against)}", *limits] if names else [*limits]
    if any(panel.get("law") for panel in panels):
        parts.append("dashed the decay that counting undetermined weights gives")
    shown = dict.fromkeys(experiment for panel in panels for experiment in panel["experiments"])
    caption = "; ".join(parts)
    return list(shown), caption[0].upper() + caption[1:], mean


def _position(panel: dict) -> str:
    """What a panel at some m is drawn against, in words."""
    if "numbers" not in panel:
        return f"{panel['against']} at m = {panel['at']}"
    limits = [name for name in panel["learners"] if name not in panel["numbers"]]
    beside = f", beside {_list(limits)} without it" if limits else ""
    return f"{panel['against']} at m = {_list(map(str, panel['at']))}{beside}"


def _setting(experiment: dict) -> str:
    """An experiment's network and student in words."""
    layers, student = experiment["layers"], experiment["student"]
    between = layers.get("hidden_layers", 1) - 1
    sizes = layers["input"], *[layers["hidden"]] * (1 + between), layers["output"]
    also = f" and {experiment['nonzeros_per_row']['hidden']} in between" if between else ""
    function, *parameters = experiment["activation"].items()
    parameters = ", ".join(f"{key} = {value}" for key, value in parameters)
    teacher, own = (_per_row(block["nonzeros_per_row"]) for block in (experiment, student))
    pattern = "the same pattern" if own == teacher else f"{own} per row"
    if "overlap" in student:
        pattern = f"{own} per row, fractions {_per_row(student['overlap'])} of the teacher's,"
    noise, flipped, shifted = experiment.get("noise", {}), "", ""
    if noise.get("flipped"):
        flipped = f"; a fraction {noise['flipped']} of the training outputs changes sign"
    if noise.get("jittered"):
        shifted = (
            f"; a fraction {noise['jittered']} of the training outputs gets Gaussian noise of "
            f"standard deviation {noise['scale']}"
        )
    return (
        f"{' / '.join(map(str, sizes))} neurons, {teacher} non-zero weights per row of W_in and "
        f"W_out{also}, {function[1]} ({parameters}); the student has {pattern} and weights in "
        f"{{{', '.join(map(str, student['alphabet']))}}}{flipped}{shifted}"
    )


def _per_row(numbers: dict) -> str:
    return f"{numbers['input']} and {numbers['output']}"


def _list(names) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _replaced(text: str, page: str, part: str, content: str) -> str:
    """A page with other content between the comments that enclose a part."""
    first, last = f"<!-- {part}: generated by make gallery -->", f"<!-- end of {part} -->"
    pattern = f"{re.escape(first)}.*?{re.escape(last)}"
    if len(re.findall(pattern, text, re.DOTALL)) != 1:
        raise ValueError(f"{page}: {first} and {last} should be there, once")
    return re.sub(pattern, lambda _: f"{first}\n\n{content}\n{last}", text, flags=re.DOTALL)


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as part:
        part.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
