"""The explorer: a page on which a reader picks a claim and a choice and sees the curves behind it.

Or picks a key that the study varies, and sees a curve for each of its values. The page is one HTML
file that needs no other file and no network. What it shows stands in it as JSON. Its script
(``explorer_page``) draws that with Vega and Vega-Lite, which come with Snakemake. Text of the
configuration is only ever the text of an element, never markup.
"""

import hashlib
import json
import re
from itertools import chain, dropwhile, takewhile

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from snakemake.assets import Assets

from sparsebp.claims.conditions import settings
from sparsebp.claims.numbers import CONFIDENCE
from sparsebp.claims.verdicts import number
from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.report.explorer_page import TEMPLATE
from sparsebp.report.intervals import mean_interval
from sparsebp.report.labels import KEYS, called
from sparsebp.report.style import Style, number_label, style_learners, style_numbers
from sparsebp.report.tables import SYMBOLS, configured, headline

SHOWN = ("weight_error", "topology_error", "generalization_error")
"""The quantities of Figs. 3.1 and 3.2: a panel for each."""

ENDS = [status for status in Status if status != Status.NOT_RUN]
DIGITS = 4
"""Significant digits of the numbers on the page: its size counts."""

SCRIPTS, NEXT = ("vega/vega.js", "vega-lite/vega-lite.js"), "vega-embed/vega-embed.js"
LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
AS_JSON = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
OPENING = '<script id="data" type="application/json">'


def collect(records: list[dict], spec: dict, results: dict, made: dict) -> dict:
    """All that the page shows, as JSON can hold it.

    Args:
        records: as ``verdicts.judge`` returns them.
        spec: as ``Study.explorer_spec`` returns it.
        results: experiment -> data set over (learner, seed, n_samples).
        made: experiment -> the provenance of its results.

    Returns:
        ``claims``, ``ways`` (as configured, each choice, each reading) with the verdict of each
        claim and the names that stand for those as configured, ``experiments`` with the look of
        each learner; ``varied``, the keys with the look of each value and the curves to choose
        from; and ``results``: of each learner the m at which it ran, and for each of them how many
        trainings ended in which of ``ends``, and of each quantity ``[mean, lower end, upper end,
        n]`` to ``DIGITS``, with ``mean_interval`` for the ends, or None with one simulation. A
        learner without the quantity has None.
    """
    ways = list(dict.fromkeys(_of(record) for record in records))
    cells = verdicts(records)
    named = [_way(*way, [cell for cell in cells if _of(cell) == way], spec) for way in ways]
    wanted: dict[str, dict] = {}
    for way in named:
        for curves in way["curves"].values():
            learners = dict.fromkeys(curves["learners"].values())
            wanted.setdefault(curves["experiment"], {}).update(learners)
    for family in spec["varied"]:
        for experiment, learner in chain.from_iterable(family["curves"].values()):
            wanted.setdefault(experiment, {})[learner] = None
    return {
        "headline": headline(records).strip(),
        "confidence": CONFIDENCE,
        "symbols": SYMBOLS,
        "ends": [f"{status}" for status in ENDS],
        "quantities": {name: QUANTITIES[name].label for name in SHOWN},
        "claims": [
            {key: record[key] for key in ("id", "thesis", "statement")}
            | {"experiments": spec["claims"][record["id"]]}
            for record in records
            if configured(record)
        ],
        "ways": named,
        "experiments": {
            name: {"thesis": block["thesis"], "learners": _looks(block["learners"])}
            for name, block in spec["experiments"].items()
        },
        "varied": [_varied(**family) for family in spec["varied"]],
        "results": {
            name: {
                "commit": made[name]["commit"],
                "curves": {one: _curves(results[name].sel(learner=one)) for one in learners},
            }
            for name, learners in wanted.items()
        },
    }


def verdicts(records: list[dict]) -> list[dict]:
    """What a page shows of verdicts: of each way and claim the verdict and the test that decides.

    Args:
        records: as ``verdicts.judge`` returns them; of their tests those that decide are enough,
            by their number or by that as text.
    """
    named = {record["id"]: record for record in records if configured(record)}
    cells = []
    for record in records:
        test, as_named = (r["tests"][record["key"]] for r in (record, named[record["id"]]))
        cells.append(
            {
                "choice": record["choice"],
                "reading": record["reading"],
                "claim": record["id"],
                "verdict": record["verdict"],
                "test": f"{as_named['contrast']}: {test['measured']}",
                "number": number(test),
                "meaning": test["meaning"],
                "margin": test["margin"],
                "m": test["m"],
                "n": test["n"],
            }
        )
    return cells


def page(shown: dict) -> str:
    """The page: HTML. ``shown`` is as ``collect`` returns it.

    Raises:
        RuntimeError: a script of Snakemake's is not the one whose hash Snakemake knows.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = AS_JSON
    return environment.from_string(TEMPLATE).render(
        title="Claims, choices and curves" if shown["claims"] else "Varied keys and curves",
        opening=Markup(OPENING),
        data=shown,
        scripts=[Markup(_asset(name)) for name in SCRIPTS],
        licences=[(name, _asset(name)) for name in _licences()],
    )


def shown_in(text: str) -> dict:
    """What a page shows, as ``collect`` returned it.

    Raises:
        ValueError: the text is not such a page.
    """
    found = re.search(re.escape(OPENING) + "(.*?)</script>", text, re.DOTALL)
    if not found:
        raise ValueError("not a page of the explorer")
    return json.loads(found[1])


def _of(record: dict) -> tuple:
    return record["choice"], record["reading"]


def _way(choice: str | None, reading: str | None, cells: list[dict], spec: dict) -> dict:
    """A row of the matrix, and what stands for the experiments and learners as configured.

    Rows of a group stand together: choices that set the same keys, and readings.
    """
    return {
        "title": choice or (f"under {reading}" if reading else "as configured"),
        "group": ", ".join(settings(choice)) if choice else "reading" if reading else "",
        "cells": cells,
        "curves": spec["ways"][choice or reading] if choice or reading else spec["configured"],
    }


def _curves(data) -> dict:
    """The points of a learner's curves; ``data`` is over (seed, n_samples)."""
    ran = data.isel(n_samples=np.flatnonzero((data["status"].values > 0).any(axis=0)))
    found = {
        "m": ran["n_samples"].values.tolist(),
        "ended": [[int((codes == s).sum()) for s in ENDS] for codes in ran["status"].values.T],
    }
    for quantity in SHOWN:
        found[quantity] = [_point(values[~np.isnan(values)]) for values in ran[quantity].values.T]
    return found


def _point(values: np.ndarray) -> list | None:
    if not len(values):
        return None
    ends = map(_rounded, mean_interval(values)) if len(values) > 1 else (None, None)
    return [_rounded(values.mean()), *ends, len(values)]


def _rounded(value: float) -> float | int:
    """A number to ``DIGITS``, and as short as JSON can have it."""
    number = float(f"{value:.{DIGITS}g}")
    return int(number) if number.is_integer() else number


def _varied(key: str, values: list, learners: dict, curves: dict) -> dict:
    """A key of ``Study.explorer_spec`` with its values, as the page offers and draws them."""
    labels = called(learners)
    texts = [value if isinstance(value, str) else number_label(value) for value in values]
    styles = style_numbers(range(len(values)))
    experiments = list(dict.fromkeys(name for name, _ in chain.from_iterable(curves.values())))
    return {
        "key": key,
        "label": KEYS[key],
        "experiments": experiments,
        "looks": [_look(text, styles[i]) for i, text in enumerate(texts)],
        "options": [
            {"label": labels.get(name, name), "curves": places} for name, places in curves.items()
        ],
    }


def _looks(learners: dict) -> list[dict]:
    """How learners look, as in figures."""
    labels = called(learners)
    styles = style_learners(learners)
    return [{"name": name} | _look(labels[name], style) for name, style in styles.items()]


def _look(label: str, style: Style) -> dict:
    return {
        "label": label,
        "color": style.color,
        "dash": _dash(style.linestyle),
        "shape": _shape(style.marker),
    }


def _dash(linestyle) -> list[float]:
    """Dashes and gaps in line widths; none where the line is whole."""
    names = {"--": "dashed", "-.": "dashdot", ":": "dotted"}
    if linestyle == "-":
        return []
    if linestyle in names:
        return mpl.rcParamsDefault[f"lines.{names[linestyle]}_pattern"]
    return list(linestyle[1])


def _shape(marker: str) -> str:
    """A marker of matplotlib as an SVG path in the square from -1 to 1, as Vega takes it."""
    style = MarkerStyle(marker)
    outline = style.get_path().transformed(style.get_transform())
    parts = ["M0,0"]  # an empty path would be a circle
    for points, code in outline.iter_segments():
        flipped = (2 * points.reshape(-1, 2) * (1, -1)).ravel()
        place = ",".join(f"{value:.3g}" for value in flipped)
        parts.append("Z" if code == Path.CLOSEPOLY else LETTERS[code] + place)
    return "".join(parts)


def _asset(name: str) -> str:
    """A file that comes with Snakemake, the one whose hash Snakemake knows."""
    content = (Assets.base_path() / name).read_bytes()  # its own way would ask the network
    if hashlib.sha256(content).hexdigest() != Assets.spec[name].sha256:
        raise RuntimeError(f"{name} of Snakemake is not as released; install Snakemake again")
    return content.decode()


def _licences() -> list[str]:
    """Licences of the scripts and of what is in them, which Snakemake lists between them."""
    listed = takewhile(lambda n: n != NEXT, dropwhile(lambda n: n != SCRIPTS[0], Assets.spec))
    return [name for name in listed if name not in SCRIPTS]
