"""The drawings: what is seen on them is the teacher and the factor graph of the files."""

import itertools
from copy import deepcopy
from functools import cache
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from matplotlib import style as mpl_style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from sparsebp.cli import main
from sparsebp.network.data import PerRow, Sizes, draw_student, draw_teacher
from sparsebp.report import network_plots
from sparsebp.report.style import PALETTE, RC
from sparsebp.steps import draw, figure
from sparsebp.storage import store
from sparsebp.storage.figure_metadata import read_provenance
from sparsebp.study import inspection, show
from sparsebp.study.config import Study
from sparsebp.study.figure_blocks import MOST_WEIGHTS
from tests.configurations import EXTENDED, FULL, ROOT, SCHEMA, load, put, refusal
from tests.given import given
from tests.workflow_helpers import Project

# Layers, and non-zero weights per row of teacher and student.
SHAPES = {
    "the configured one": ((6, 6, 6), (2, 2), (2, 2)),
    "more input weights": ((6, 6, 6), (2, 2), (3, 2)),
    "more output weights": ((4, 4, 4), (2, 2), (2, 3)),
    "more of both": ((4, 4, 4), (2, 2), (3, 3)),
    "few inputs": ((3, 6, 6), (2, 2), (2, 2)),
    "as many as can be": ((10, 10, 10), (2, 2), (2, 2)),
    "trees": ((12, 12, 4), (1, 3), (1, 3)),
    "pairs": ((3, 3, 3), (1, 1), (1, 1)),
    "one neuron": ((1, 1, 1), (1, 1), (1, 1)),
    "one hidden neuron": ((5, 1, 4), (5, 1), (5, 1)),
}
# The files of the drawings in config.yaml.
INPUTS = {
    "teacher": "results/illustration/seed-0/teacher.nc",
    "student": "results/illustration/seed-0/student.nc",
}
EACH = [(shape, entropy) for shape in SHAPES.values() for entropy in (0, 2020)]
STUDY, CLAIMS = inspection.load(ROOT)


def drawn(shape, entropy):
    """A teacher and its student."""
    sizes, own, students = Sizes(*shape[0]), PerRow(*shape[1]), PerRow(*shape[2])
    teacher = draw_teacher(sizes, own, entropy, 0)
    return teacher, draw_student(teacher, students, entropy, 0)


@cache
def build(of, shape, entropy, output=1):
    """The figure, drawn."""
    asked = {"of": of, "experiment": "one", "output": output}
    with mpl_style.context(RC, after_reset=True):
        drawing = network_plots.build(
            {"figure": {"drawing": asked}}, {"one": drawn(shape, entropy)}
        )
        FigureCanvasAgg(drawing).draw()
    return drawing


def matrices(teacher, student):
    """Dense (W_in, W_out) of the teacher, and where the student's may be non-zero."""
    inner, outer = student
    shapes = [(len(inner), inner.max() + 1), (len(outer), len(inner))]
    weights = [np.zeros(shape, int) for shape in shapes]
    possible = [np.zeros(shape, bool) for shape in shapes]
    for layer, dense in zip(teacher, weights, strict=True):
        for r, c in itertools.product(range(len(dense)), range(layer.topology.shape[1])):
            dense[r, layer.topology[r, c]] = layer.weights[r, c]
    for pattern, dense in zip(student, possible, strict=True):
        dense[np.arange(len(dense))[:, None], pattern] = True
    return weights, possible


def neurons(weights):
    """The names of the edges (row, column) of both layers, as on the drawing."""
    (inner, outer), found = weights, {}
    for layer, dense in (("hx", inner), ("yh", outer)):
        for r, c in np.ndindex(dense.shape):
            found[f"${layer[1]}_{{{c + 1}}}$", f"${layer[0]}_{{{r + 1}}}$"] = dense[r, c]
    return found


def named(ax):
    """The label at each place of the axes."""
    return {tuple(np.round(text.get_position(), 6)): text.get_text() for text in ax.texts}


def lines(ax):
    """Of all lines: the labels or places of their ends, colour, whether dashed, and width."""
    labels = named(ax)
    for collection in ax.collections:
        for segment in collection.get_paths() if not collection.get_offsets().any() else []:
            ends = [tuple(np.round(end, 6)) for end in segment.vertices]
            if len(ends) == 2:
                look = to_hex(collection.get_color()[0]), collection.get_linestyle()[0][1]
                yield tuple(labels.get(end, end) for end in ends), look, collection.get_linewidth()


@pytest.mark.thorough
@pytest.mark.parametrize("shape, entropy", EACH)
def test_lines_of_the_network_are_the_weights_and_their_colours_the_signs(shape, entropy):
    weights, possible = matrices(*drawn(shape, entropy))
    signs, there = neurons(weights), neurons(possible)
    (ax,) = build("network", shape, entropy).axes
    pale = {*network_plots.PALE.values()}
    thin = [(ends, look) for ends, look, _ in lines(ax) if look[0] not in pale]
    assert len(thin) == len({ends for ends, _ in thin}) == sum(there.values())
    assert {ends for ends, _ in thin} == {ends for ends, is_there in there.items() if is_there}
    for ends, (color, dashes) in thin:
        expected = {1: PALETTE[0], -1: PALETTE[3], 0: to_hex("0.55")}[signs[ends]]
        assert color == expected
        assert (dashes is None) == (signs[ends] == 1)  # also without colour


@pytest.mark.thorough
@pytest.mark.parametrize("shape, entropy", EACH)
def test_the_network_highlights_what_the_factor_sees(shape, entropy):
    inner, outer = matrices(*drawn(shape, entropy))[1]
    a = len(outer)
    (ax,) = build("network", shape, entropy, a).axes
    expected = {"out": set(), "in": set()}
    for r in np.flatnonzero(outer[a - 1]):
        expected["out"].add((f"$h_{{{r + 1}}}$", f"$y_{{{a}}}$"))
        for s in np.flatnonzero(inner[r]):
            expected["in"].add((f"$x_{{{s + 1}}}$", f"$h_{{{r + 1}}}$"))
    for kind, color in network_plots.PALE.items():
        assert {ends for ends, look, _ in lines(ax) if look[0] == color} == expected[kind]


def variable(layer, row, column):
    """The label of a weight."""
    numbers = [str(row + 1), str(column + 1)]
    return f"$w^{{\\mathrm{{{layer}}}}}_{{{(',' * (max(map(len, numbers)) > 1)).join(numbers)}}}$"


def adjacency(inner, outer):
    """SPEC, section 2: a factor sees its row of W_out, and the rows of W_in of what it reads."""
    pairs = set()
    for a, r in np.argwhere(outer):
        pairs.add((f"$\\xi_{{{a + 1}}}$", variable("out", a, r)))
    reads = outer.astype(int)[:, :, None] * inner.astype(int)[None]  # output, hidden, input
    for a, r, s in np.argwhere(reads):
        pairs.add((f"$\\xi_{{{a + 1}}}$", variable("in", r, s)))
    return pairs


@pytest.mark.thorough
@pytest.mark.parametrize("shape, entropy", EACH)
def test_lines_of_the_factor_graph_are_those_of_its_definition(shape, entropy):
    inner, outer = matrices(*drawn(shape, entropy))[1]
    expected = adjacency(inner, outer)
    (ax,) = build("factor-graph", shape, entropy).axes
    found = [ends for ends, look, _ in lines(ax) if look[0] == to_hex(network_plots.QUIET)]
    kinds = [sum(isinstance(end, str) for end in ends) for ends in found]
    between = {tuple(sorted(ends)) for ends, k in zip(found, kinds, strict=True) if k == 2}
    assert between == {tuple(sorted(pair)) for pair in expected}
    weights = sorted({weight for _, weight in expected})
    assert sorted(named(ax).values()) == sorted({factor for factor, _ in expected} | {*weights})
    # The others lead from each weight to its prior, which has no label.
    priors = [(ends[0], ends[1]) for ends, k in zip(found, kinds, strict=True) if k == 1]
    ends = [sorted(pair, key=lambda end: isinstance(end, tuple)) for pair in priors]
    assert sorted(weight for weight, _ in ends) == weights
    assert len({place for _, place in ends}) == len(weights)
    assert len(found) == len(expected) + len(weights)


@pytest.mark.thorough
@pytest.mark.parametrize("shape, entropy", EACH)
def test_the_factor_graph_highlights_one_factor_with_all_its_lines(shape, entropy):
    inner, outer = matrices(*drawn(shape, entropy))[1]
    a = len(outer)
    (ax,) = build("factor-graph", shape, entropy, a).axes
    bright = {frozenset(ends): look[0] for ends, look, _ in lines(ax)}
    expected = {pair for pair in adjacency(inner, outer) if pair[0] == f"$\\xi_{{{a}}}$"}
    for pair in adjacency(inner, outer):
        kind = "out" if "out" in pair[1] else "in"
        color = network_plots.BRIGHT[kind] if pair in expected else to_hex(network_plots.QUIET)
        assert bright[frozenset(pair)] == color


@pytest.mark.parametrize("shape, entropy", EACH)
def test_every_node_has_room_of_its_own(shape, entropy):
    graph = network_plots.factor_graph(drawn(shape, entropy)[1])
    places = network_plots.layout(graph)
    assert places.keys() == set(graph)
    sizes = {
        "factor": network_plots.FACTOR * 2**0.5,  # corners may point at each other
        "out": network_plots.WEIGHT,
        "in": network_plots.WEIGHT,
        "prior": network_plots.PRIOR * 2**0.5,
    }
    for one, other in itertools.combinations(graph, 2):
        apart = np.hypot(*np.subtract(places[one], places[other]))
        assert apart > (sizes[one[0]] + sizes[other[0]]) / 2, (one, other)


@pytest.mark.thorough
@pytest.mark.parametrize("of", ["network", "factor-graph"])
@pytest.mark.parametrize("shape, entropy", EACH)
def test_no_labels_overlap_and_all_are_on_the_page(of, shape, entropy):
    drawing = build(of, shape, entropy)
    (ax,), (legend,) = drawing.axes, drawing.legends
    boxes = [text.get_window_extent() for text in (*ax.texts, *legend.get_texts())]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    page = drawing.bbox
    for box in [*boxes, legend.get_window_extent()]:
        assert page.x0 <= box.x0 and page.y0 <= box.y0 and box.x1 <= page.x1 and box.y1 <= page.y1
    assert legend.get_window_extent().y1 <= min(text.get_window_extent().y0 for text in ax.texts)


def test_where_every_output_reads_two_neurons_there_are_rings():
    """And a ring is drawn as one: no two of its lines cross."""
    graph = network_plots.factor_graph(drawn(SHAPES["the configured one"], 2020)[1])
    places = network_plots.layout(graph)
    edges = [(np.array(places[u]), np.array(places[v]), {u, v}) for u, v in graph.edges]

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    for (p, q, one), (r, s, other) in itertools.combinations(edges, 2):
        if not one & other:
            assert side(p, q, r) == side(p, q, s) or side(r, s, p) == side(r, s, q)
    assert nx.number_connected_components(graph) == 2


# The files.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the first simulations of two experiments and both drawings."""
    monkeypatch.chdir(tmp_path)
    for experiment in ("illustration", "size_200"):
        files = {
            what: pattern.format(experiment=experiment, seed=0)
            for what, pattern in inspection.DRAWN.items()
        }
        Path(files["teacher"]).parent.mkdir(parents=True)
        draw.run(STUDY.draw_spec(experiment), 0, **files)
    Path("figures").mkdir()
    for name in ("network", "factor_graph"):
        outputs = [f"figures/{name}.{end}" for end in ("pdf", "png", "svg")]
        figure.run(STUDY.figure_spec(name), INPUTS, outputs)
    return tmp_path


@pytest.mark.thorough
def test_a_drawing_says_what_made_it(folder):
    teacher = store.provenance("results/illustration/seed-0/teacher.nc")
    for name, words in (
        ("network", "the teacher's network in experiment illustration, seed 0"),
        ("factor_graph", "the student's factor graph in experiment illustration, seed 0"),
    ):
        for path in Path("figures").glob(f"{name}.*"):
            made = read_provenance(path)
            assert made["spec"] == STUDY.figure_spec(name)
            assert made["drawn"] == teacher["drawn"] == STUDY.draw_spec("illustration")
            assert (made["seed"], made["draw_sources"]) == (0, teacher["sources"])
            assert inspection.mismatches(STUDY, CLAIMS, path, inspection.read(path)) == []
            assert words in show.about(path, made).splitlines()[0]
            assert f"{teacher['sources']} (draw)" in show.about(path, made)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path, value, line",
    [
        ("figures/network/drawing/output", 2, "spec.figure.drawing.output is 1, but configured"),
        ("study/entropy", 3, "spec.experiments.illustration.teacher.entropy is 2020, but"),
        ("study/test_samples", 7, "drawn.dataset.test_samples is 50, but configured is 7"),
    ],
)
def test_a_drawing_of_another_configuration_is_found(folder, path, value, line):
    study = Study.load(put(path, value, FULL), SCHEMA)
    made = inspection.read("figures/network.png")
    (found,) = inspection.mismatches(study, CLAIMS, "figures/network.png", made)
    assert found.startswith(line)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"teacher": "results/size_200/seed-0/teacher.nc"}, "size_200/seed-0/teacher.nc: spec of"),
        ({"student": "results/size_200/seed-0/student.nc"}, "size_200/seed-0/student.nc: spec of"),
        ({"student": "results/illustration/seed-0/teacher.nc"}, "a student file is expected here"),
        ({"teacher": "none.nc"}, "none.nc: no such file"),
        ({"teacher": "elder.nc"}, "seed-0/student.nc: drawn of its provenance is"),
        ({"teacher": "other.nc"}, "seed-0/student.nc: sources of its provenance is"),
        ({"teacher": "second.nc"}, "second.nc: seed of its provenance is 1; expected is 0"),
    ],
)
def test_files_that_are_not_right_are_refused(folder, capsys, changes, said):
    network, made = (read(INPUTS["teacher"]) for read in (store.read_teacher, store.provenance))
    other = deepcopy(made["drawn"])
    other["dataset"]["samples"] = 9
    for name, change in (("elder", {"drawn": other}), ("other", {"sources": "0" * 16})):
        store.write_teacher(f"{name}.nc", network, made | change)
    store.write_teacher("second.nc", network, made | {"seed": 1})
    arguments = ["figure", given(STUDY.figure_spec("network")), "--inputs", given(INPUTS | changes)]
    assert main([*arguments, "--output", "new.png"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not Path("new.png").exists()


@pytest.mark.thorough
def test_a_drawing_is_the_same_again(folder):
    before = {path: path.read_bytes() for path in Path("figures").glob("*.svg")}
    for name in ("network", "factor_graph"):
        figure.run(STUDY.figure_spec(name), INPUTS, [f"figures/{name}.svg"])
    for path, content in before.items():
        one, other = (text.split(b"</metadata>")[1] for text in (content, path.read_bytes()))
        assert one == other


# The configuration.

SMALL = put(
    "experiments/small",
    EXTENDED["experiments"]["wider"] | {"layers": {"input": 4, "hidden": 4, "output": 4}},
    put("figures/drawn", {"drawing": {"of": "network", "experiment": "small"}}, EXTENDED),
)


def test_the_first_output_is_highlighted_unless_another_is_named():
    assert load(SMALL).figures["drawn"]["drawing"]["output"] == 1


@pytest.mark.parametrize(
    "path, value, said",
    [
        ("drawing/of", "tree", "drawing.of: 'tree'; allowed: network, factor-graph"),
        ("drawing/experiment", "none", "drawing.experiment: 'none' is not defined; allowed: "),
        ("drawing/experiment", "wider", f"wider has 100 weights; at most {MOST_WEIGHTS}"),
        ("drawing/output", 5, "drawing.output: 5; must be at most 4, the outputs of small"),
        ("drawing/output", 0, "drawing.output: 0; must be at least 1"),
        ("drawing/input", 1, "drawing: unknown key 'input'; allowed: experiment, of, output"),
        ("drawing", {"of": "network"}, "drawing: key 'experiment' is missing"),
        ("drawing", {"experiment": "small"}, "drawing: key 'of' is missing"),
        ("columns", 2, "columns: 2; allowed with panels or maps only"),
        ("panels", [{"experiment": "wider"}], "not allowed together with panels"),
        (
            "choices",
            {"experiment": "again", "samples": [1, 2]},
            "not allowed together with choices",
        ),
    ],
)
def test_a_bad_drawing_is_named(path, value, said):
    message = refusal(put(f"figures/drawn/{path}", value, SMALL))
    assert message.startswith("figures.drawn") and said in message


def test_a_figure_is_of_some_kind():
    assert refusal(put("figures/drawn", {}, SMALL)) == (
        "figures.drawn: key 'panels' is missing, or 'choices' or 'drawing' or 'maps' in its place"
    )


@pytest.mark.parametrize(
    "path, value, changes",
    [
        ("experiments/small/layers/output", 8, True),
        ("experiments/small/student/nonzeros_per_row/input", 4, True),
        ("study/entropy", 5, True),
        ("figures/drawn/drawing/output", 2, True),
        ("experiments/small/activation/a", 0.2, False),
        ("experiments/small/samples", [3], False),
        ("learners/ms/label", "other", False),
        ("study/seeds", 5, False),
    ],
)
def test_a_drawing_depends_on_teacher_and_student_alone(path, value, changes):
    before, after = (load(c).figure_spec("drawn") for c in (SMALL, put(path, value, SMALL)))
    assert (before != after) == changes


# The workflow.


@pytest.mark.thorough
def test_a_drawing_needs_no_training(tmp_path):
    project = Project(tmp_path, SMALL, own_sources=True)
    assert project.todo("figures/drawn.pdf") == {"draw small 0", "figure drawn"}
    project.make("figures/drawn.pdf")
    assert project.todo("figures/drawn.png", "figures/drawn.svg") == set()
    project.change({"figures.drawn.drawing.output": 3})
    assert project.todo("figures/drawn.pdf") == {"figure drawn"}
    project.change({"figures.drawn.drawing.output": 1, "learners.ms.label": "other"})
    assert project.todo("figures/drawn.pdf") == set()
    project.change({"study.entropy": 5})
    assert project.todo("figures/drawn.pdf") == {"draw small 0", "figure drawn"}
    project.change({"study.entropy": 1})
    project.append("src/sparsebp/report/network_plots.py", '\n"""An edit."""\n')
    assert project.todo("figures/drawn.pdf") == {"figure drawn"}
