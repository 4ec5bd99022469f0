"""Nothing in a figure is cut off: of every study, and with few simulations and long labels."""

import itertools
import re
from copy import deepcopy

import numpy as np
import pytest
import xarray as xr
from matplotlib import style as mpl_style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.textpath import TextPath
from matplotlib.transforms import Bbox

from docs.write_keys import SCHEMA as KEYS_SCHEMA
from sparsebp.network.data import PerRow, Sizes, draw_student, draw_teacher
from sparsebp.report import fitting, labels, panels, style
from sparsebp.report.figures import FIGURE_KINDS, set_symbols
from sparsebp.storage import formats
from sparsebp.study.config import Study
from sparsebp.study.schema import load_schema
from tests.configurations import FULL, SCHEMA, whole
from tests.scratch_problems import scratch_dataset
from tests.tree_problems import tree_results

LONG = "a label that goes on and on, as those of other people do, until nothing is left to say"
STATUSES = (1, 1, 1, 2, 3, 4)


def long_labels(config):
    """The configuration with two simulations and long texts wherever a figure shows one."""
    config = deepcopy(config)
    config["study"]["seeds"] = 2
    for block in config["experiments"].values():
        if "seeds" in block:
            block["seeds"]["last"] = block["seeds"]["first"] + 1
        if "thesis" in block:
            block["thesis"] = f"{block['thesis']} {LONG}"
    for name, block in config["learners"].items():
        block["label"] = f"{name} {LONG}"
    for figure in config["figures"].values():
        for block in figure.get("maps", []):
            block["title"] = f"{block.get('title', '')} {LONG}"
        for panel in figure.get("panels", []):
            panel["title"] = f"{panel.get('title', '')} {LONG}"
            if panel.get("quantity") in ("entropy", "weight_error", None) and "law" in figure:
                panel["law"] = True
    return config


def as_wide(width, config):
    """The figures of panels and maps of a configuration, as wide as a journal has them."""
    config = deepcopy(config)
    config["figures"] = {
        name: figure | {"width": width} | ({"columns": 1} if width == "single" else {})
        for name, figure in config["figures"].items()
        if "panels" in figure or "maps" in figure
    }
    return config


STUDIES = {
    "as it is": Study.load(FULL, SCHEMA),
    "small": Study.load(whole("tests/small.yaml"), SCHEMA),
    "long": Study.load(long_labels(FULL), SCHEMA),
    "single": Study.load(as_wide("single", FULL), SCHEMA),
    "double": Study.load(as_wide("double", FULL), SCHEMA),
    "long single": Study.load(as_wide("single", long_labels(FULL)), SCHEMA),
}
EACH = [(kind, name) for kind, study in STUDIES.items() for name in study.figures]


def results(study, name):
    """What a figure is drawn of: errors of every size down to zero, and each status."""
    figure, spec = study.figures[name], study.figure_spec(name)
    if "trees" in figure:
        values, coordinates = tree_results(study)
        found = {q: (formats.CONTRACT["trees"][q][0], values[q]) for q in values}
        return spec, {"trees": xr.Dataset(found, coordinates)}
    if "from_scratch" in figure:
        return spec, {"from_scratch": scratch_dataset(study)}
    if "drawing" in figure:
        block = study.experiments[figure["drawing"]["experiment"]]
        sizes, rows = Sizes(**block["layers"]), PerRow(**block["nonzeros_per_row"])
        teacher = draw_teacher(sizes, rows, 0, 0)
        pair = teacher, draw_student(teacher, rows, 0, 0)
        return spec, {figure["drawing"]["experiment"]: pair}
    rng = np.random.default_rng(len(name))
    drawn = {}
    for experiment in spec["experiments"]:
        block = study.experiments[experiment]
        seeds, m = list(study.seeds(experiment)), np.array(block["samples"])
        coordinates = {"learner": block["learners"], "seed": seeds, "n_samples": m}
        shape = tuple(map(len, coordinates.values()))
        errors = rng.random((len(style.Y_LABELS), *shape)) * 0.6 ** np.minimum(m, 20) * (m < 18)
        data = {q: ([*coordinates], e) for q, e in zip(style.Y_LABELS, errors, strict=True)}
        data["expected_error"] = data["weight_error"]
        data["status"] = [*coordinates], rng.choice(STATUSES, shape).astype(np.int8)
        drawn[experiment] = xr.Dataset(data, coordinates)
    return spec, drawn


@pytest.fixture(scope="module", params=EACH, ids=" ".join)
def drawing(request):
    kind, name = request.param
    spec, drawn = results(STUDIES[kind], name)
    with mpl_style.context(style.RC, after_reset=True):
        (module,) = (m for key, m in FIGURE_KINDS.items() if key in spec["figure"])
        figure = module.build(spec, drawn)
        set_symbols(figure)
        inches = {"single": 3.4, "double": 7.0}.get(spec["figure"].get("width"))
        assert inches in (None, figure.get_figwidth())
        FigureCanvasAgg(figure).draw()
    return figure


def texts(drawing):
    """All texts that are seen, with their boxes."""
    shown = []
    for ax in drawing.axes:
        shown += [ax.title, ax._left_title, *ax.texts, ax.xaxis.label, ax.yaxis.label]
        if ax.axison:
            for axis in (ax.xaxis, ax.yaxis):
                ticks = [*axis._update_ticks()]
                shown += [label for tick in ticks for label in (tick.label1, tick.label2)]
        if ax.get_legend():
            shown += ax.get_legend().get_texts()
    shown += [text for legend in drawing.legends for text in legend.get_texts()]
    return [
        (text, text.get_window_extent()) for text in shown if text.get_text() and text.get_visible()
    ]


@pytest.mark.thorough
def test_every_text_and_legend_is_inside_its_figure(drawing):
    page = drawing.bbox
    boxes = texts(drawing)
    boxes += [(legend, legend.get_window_extent()) for legend in drawing.legends]
    outside = [
        (thing, box)
        for thing, box in boxes
        if not (page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1)
    ]
    assert len(boxes) > 5 and not outside


def test_texts_of_a_figure_for_a_journal_have_8_points():
    for kind in ("single", "double"):
        spec, drawn = results(STUDIES[kind], "fig3_1")
        with mpl_style.context(style.RC, after_reset=True):
            figure = panels.build(spec, drawn)
            FigureCanvasAgg(figure).draw()
        assert {round(text.get_fontsize()) for text, _ in texts(figure)} == {8}


@pytest.mark.thorough
def test_no_title_lies_on_another_or_on_a_legend_or_a_panel(drawing):
    titles = [
        t.get_window_extent() for ax in drawing.axes for t in [ax._left_title] if t.get_text()
    ]
    legends = [legend.get_window_extent() for legend in drawing.legends]
    for one, other in itertools.combinations([*titles, *legends], 2):
        assert not one.overlaps(other)
    for box, ax in itertools.product([*titles, *legends], drawing.axes):
        assert not box.overlaps(ax.bbox) or not ax.axison


@pytest.mark.thorough
def test_no_marker_is_cut_where_an_axis_begins_or_ends(drawing):
    """But for close-ups and panels of a part of the samples, whose limits are asked for."""
    for ax in drawing.axes:
        for line in ax.lines if ax.axison else []:
            if line.get_marker() in ("", "None") or not line.get_clip_on():
                continue
            places = line.get_transform().transform(line.get_xydata())
            radius = line.get_markersize() / 2 * drawing.dpi / 72
            for axis, (low, high) in enumerate((ax.bbox.intervalx, ax.bbox.intervaly)):
                centre = places[~np.isnan(places).any(axis=1)][:, axis]
                cut = (centre > low) & (centre < high)
                cut &= (centre - radius < low - 0.5) | (centre + radius > high + 0.5)
                close_up = axis == 1 and ax.get_yscale() == "linear"
                part = axis == 0 and (centre > high).any()
                assert close_up or part or not cut.any(), (ax.get_title(loc="left"), line)


@pytest.mark.thorough
def test_no_tick_label_lies_on_another_or_on_a_marker_beside_a_strip(drawing):
    for ax in drawing.axes:
        for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
            labels = [tick.label1 for tick in axis._update_ticks()]
            seen = [text for text in labels if text.get_text() and text.get_visible()]
            # Letters are lower than their boxes; labels in a row are a space apart.
            apart = 1.5 if axis is ax.xaxis else -1
            boxes = [text.get_window_extent().padded(apart, -1) for text in seen]
            for one, other in itertools.combinations(boxes, 2):
                assert not one.overlaps(other), ax.get_title(loc="left")
            for line in ax.lines:
                for x, y in line.get_transform().transform(line.get_xydata()):
                    marker = Bbox.from_bounds(x - 3, y - 3, 6, 6)
                    beside = not line.get_clip_on() and x < ax.bbox.x0
                    assert not (beside and any(map(marker.overlaps, boxes)))


@pytest.mark.parametrize("width", [0.3, 1, 3])
@pytest.mark.parametrize("text", [LONG, "x" * 200, r"5\$ and 6\$ " * 9, "two\nlines", "", "a  b"])
def test_wrapped_lines_are_short_and_lose_nothing(text, width):
    lines = fitting.wrapped(text, width, 8).split("\n")
    for line in lines:
        if line.strip():
            box = TextPath((0, 0), line, size=8, prop={"family": "DejaVu Sans"}).get_extents()
            assert box.width / 72 <= width * 1.02
            assert not line.endswith("\\")
    squeezed = re.compile(r"\s")
    assert squeezed.sub("", "".join(lines)) == squeezed.sub("", text)


def test_a_line_is_broken_only_where_it_has_to_be():
    assert fitting.wrapped("short words", 5, 8) == "short words"
    assert fitting.wrapped("two words", 0.4, 8) == "two\nwords"


def numbers_in(rule, defs, above=""):
    """The dotted keys of a block of the schema that may be numbers."""
    rule = defs[rule["$ref"].rpartition("/")[2]] | rule if "$ref" in rule else rule
    if rule.get("type") in ("number", "integer"):
        yield above
    for key, inner in rule.get("properties", {}).items():
        yield from numbers_in(inner, defs, f"{above}.{key}".lstrip("."))


@pytest.mark.parametrize("kind", ["experiments", "learners"])
def test_every_number_that_a_figure_can_be_against_has_a_label(kind):
    schema = load_schema(KEYS_SCHEMA)
    found = {*numbers_in(schema["properties"][kind]["additionalProperties"], schema["$defs"])}
    assert len(found) > 8 and not found - labels.KEYS.keys()


def test_every_choice_has_a_label():
    schema = load_schema(KEYS_SCHEMA)
    vary = schema["properties"]["choices"]["properties"]["vary"]["items"]
    assert not vary["properties"].keys() - {"by_construction"} - labels.KEYS.keys()
