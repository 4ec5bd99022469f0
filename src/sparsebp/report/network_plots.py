"""Drawings of what is studied: a teacher's network, and the factor graph of its student.

Both are drawn of the files of one simulation. Neurons are numbered from 1, from 0 in the files. One
output is highlighted, with the weights that its factor sees: its own output weights, and the input
weights of each hidden neuron that it reads.

The network. Columns of neurons; a line is a weight that the student may have, its colour and dashes
tell the teacher's value: +1, -1, or none where the pattern of the student alone has it.

The factor graph. Big squares are the factors of the outputs (Eqs. 2.5, 3.1), circles the weights,
and a small square is the prior of a weight, by which mini-batches hand on what they learnt (Eq.
2.10). Factors and hidden neurons stand on a circle for each connected part, in the order of a walk
through it: where every output reads two hidden neurons and each is read by two, it is a ring.
"""

from functools import partial

import networkx as nx
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sparsebp.report.style import PALETTE

# The teacher's weight: line, dashes, and what it is called.
SIGN_STYLES = {
    1: (PALETTE[0], "-", "weight +1"),
    -1: (PALETTE[3], (0, (3.2, 1.6)), "weight −1"),
    0: ("0.55", (0, (0.8, 1.6)), "weight 0"),
}
# Of output and input weights, when highlighted and when not.
BRIGHT = {"out": PALETTE[1], "in": PALETTE[2]}
PALE = {"out": "#fbe9c9", "in": "#cdeee2"}
WEIGHT_NAMES = {"out": "output weight", "in": "input weight"}
INK, QUIET = "0.15", "0.5"
# Inches: between rows and between columns of neurons, a line of text, and around a drawing.
ROW, COLUMN, LINE, MARGIN = 0.39, 0.98, 0.16, 0.06
# Inches: a weight or neuron, a factor and a prior; from a factor to its output weights, from a
# weight to its prior; between neighbours on a circle, and between weights of one neuron.
WEIGHT, FACTOR, PRIOR = 0.3, 0.24, 0.075
LEAF, HANG, SLOT, STACK = 0.45, 0.25, 0.43, 0.46


def build(spec, drawn):
    """Return the matplotlib figure.

    Args:
        spec: see `Study.figure_spec`.
        drawn: experiment -> (teacher, student), a `data.Network` and `data.Patterns`.
    """
    asked = spec["figure"]["drawing"]
    teacher, student = drawn[asked["experiment"]]
    if asked["of"] == "network":
        return _draw_network(network(teacher, student), seen(student, asked["output"] - 1))
    return _draw_factor_graph(factor_graph(student), asked["output"] - 1)


def network(teacher, student):
    """The network as a directed graph.

    Returns:
        Nodes ("x", s), ("h", r) and ("y", a), with neurons numbered from 0, and an edge for each
        weight of the student; its `weight` is the teacher's: -1, 1, or 0 where it has none.
    """
    graph = nx.DiGraph()
    layers = zip("xh", "hy", teacher, student, strict=True)
    for below, above, layer, pattern in layers:
        edges = [((below, int(c)), (above, r)) for r, row in enumerate(pattern) for c in row]
        graph.add_edges_from(edges, weight=0)
        for r, (columns, weights) in enumerate(zip(layer.topology, layer.weights, strict=True)):
            for c, weight in zip(columns, weights, strict=True):
                graph.add_edge((below, int(c)), (above, r), weight=int(weight))
    return graph


def seen(student, a):
    """The edges of the network whose weights the factor of output `a` sees: output, input ones."""
    output = [(("h", int(r)), ("y", a)) for r in student.outer[a]]
    return output, [(("x", int(s)), h) for h, _ in output for s in student.inner[h[1]]]


def factor_graph(student):
    """The factor graph, with the priors of mini-batches.

    Returns:
        Nodes ("factor", a), ("out", a, r) and ("in", r, s) for the weights of output a and hidden
        neuron r, and of hidden neuron r and input s, and ("prior", weight), all numbered from 0.
    """
    graph = nx.Graph()
    for a, hidden in enumerate(student.outer.tolist()):
        for r in hidden:
            graph.add_edge(("factor", a), ("out", a, r))
            graph.add_edges_from((("factor", a), ("in", r, s)) for s in student.inner[r].tolist())
    weights = [node for node in graph if node[0] != "factor"]
    graph.add_edges_from((weight, ("prior", weight)) for weight in weights)
    return graph


def _draw_network(graph, highlighted):
    layers = {name: sorted(node for node in graph if node[0] == name) for name in "xhy"}
    height = ROW * (max(map(len, layers.values())) - 1)
    places = {
        node: (COLUMN * k, height / 2 - ROW * (i - (len(nodes) - 1) / 2))
        for k, nodes in enumerate(layers.values())
        for i, node in enumerate(nodes)
    }
    weights = nx.get_edge_attributes(graph, "weight")
    y = highlighted[0][0][1]
    output = f"$y_{{{y[1] + 1}}}$"
    entries = [
        Line2D([], [], color=color, linestyle=dashes, label=label)
        for value, (color, dashes, label) in SIGN_STYLES.items()
        if value or 0 in weights.values()
    ] + [
        Line2D([], [], color=PALE[kind], linewidth=6, label=f"{WEIGHT_NAMES[kind]} of {output}")
        for kind in PALE
    ]
    drawing, ax = _canvas(places, entries, 2, heads=1)
    draw = partial(nx.draw_networkx_edges, graph, places, arrows=False, ax=ax)
    for edges, color in zip(highlighted, PALE.values(), strict=True):
        draw(edges, width=6, edge_color=color)
    bright = {edge for edges in highlighted for edge in edges}
    for value, (color, dashes, _) in SIGN_STYLES.items():
        for width, edges in ((1.0, weights.keys() - bright), (1.8, bright)):
            shown = sorted(edge for edge in edges if weights[edge] == value)
            draw(shown, width=width, edge_color=color, style=dashes)
    colors = [INK if node == y else "white" for node in graph]
    _draw_nodes(ax, graph, places, WEIGHT, "o", node_color=colors)
    labels = {(kind, i): f"${kind}_{{{i + 1}}}$" for kind, i in graph}
    _draw_labels(ax, graph, places, labels, 8, {y: "white"})
    for k, head in enumerate(("input", "hidden", "output")):
        ax.text(COLUMN * k, height + WEIGHT / 2 + 0.06, head, ha="center", fontsize=8)
    return drawing


def _draw_factor_graph(graph, a):
    places, factor = layout(graph), ("factor", a)
    looks = {
        "factor": (FACTOR, "s", QUIET, "factor of an output"),
        "out": (WEIGHT, "o", PALE["out"], WEIGHT_NAMES["out"]),
        "in": (WEIGHT, "o", PALE["in"], WEIGHT_NAMES["in"]),
        "prior": (PRIOR, "s", "0.6", "prior"),
    }
    entries = [
        Line2D(
            [], [], linestyle="none", marker=shape, color=color, label=label,
            markeredgecolor=INK, markeredgewidth=0.7, markersize=24 * size + 2,
        )
        for size, shape, color, label in looks.values()
    ]  # fmt: skip
    drawing, ax = _canvas(places, entries, 4)
    nx.draw_networkx_edges(graph, places, ax=ax, width=0.8, edge_color=QUIET)
    for kind, color in BRIGHT.items():
        edges = [(factor, node) for node in graph[factor] if node[0] == kind]
        nx.draw_networkx_edges(graph, places, edges, ax=ax, width=2.4, edge_color=color)
    for kind, (size, shape, color, _) in looks.items():
        nodes = [node for node in graph if node[0] == kind]
        bright = [node in graph[factor] for node in nodes]
        _draw_nodes(
            ax, graph, places, size, shape, nodelist=nodes,
            node_color=[INK if node == factor else color for node in nodes],
            edgecolors=[BRIGHT[kind] if b else INK for b in bright],
            linewidths=[2.0 if b else 0.7 for b in bright],
        )  # fmt: skip
    weights = [node for node in graph if node[0] in WEIGHT_NAMES]
    labels = {node: f"$w^{{\\mathrm{{{node[0]}}}}}_{{{_indices(*node[1:])}}}$" for node in weights}
    _draw_labels(ax, graph, places, labels, 6.6)
    labels = {node: f"$\\xi_{{{node[1] + 1}}}$" for node in graph if node[0] == "factor"}
    _draw_labels(ax, graph, places, labels, 8.5, dict.fromkeys(labels, "white"))
    return drawing


def _indices(*numbers):
    """Indices from 1: 46, or 4,10 where there is more than one digit."""
    texts = [str(number + 1) for number in numbers]
    return ("," if max(map(len, texts)) > 1 else "").join(texts)


def _draw_nodes(ax, graph, places, size, shape, **looks):
    looks = {"edgecolors": INK, "linewidths": 0.9} | looks
    nx.draw_networkx_nodes(
        graph, places, ax=ax, node_size=(72 * size) ** 2, node_shape=shape, **looks
    )


def _draw_labels(ax, graph, places, labels, size, colors=None):
    colors = dict.fromkeys(labels, "black") | (colors or {})
    nx.draw_networkx_labels(graph, places, labels, ax=ax, font_size=size, font_color=colors)


def layout(graph):
    """Where the nodes of a factor graph are drawn: node -> (x, y) in inches."""
    skeleton = nx.Graph(
        (node, ("hidden", weight[1]))
        for node in graph
        if node[0] == "factor"
        for weight in graph[node]
        if weight[0] == "in"
    )
    places, right = {}, 0.0
    # The longest first, each turned so that it is narrow.
    parts = sorted(nx.connected_components(skeleton), key=lambda part: (-len(part), min(part)))
    for part in parts:
        order = list(nx.dfs_preorder_nodes(skeleton.subgraph(part), min(part)))
        turned = [_circle(graph, order, slots) for slots in (0, 1)]
        found = min(turned, key=lambda found: np.ptp([x for x, _ in found.values()]))
        shift = right - min(x for x, _ in found.values())
        places |= {node: (x + shift, y) for node, (x, y) in found.items()}
        right = max(x for x, _ in places.values()) + 1.5 * WEIGHT
    return places


def _circle(graph, order, turned):
    """Places of a connected part: its factors and hidden neurons in order around the origin.

    The first stands at the top, or is turned back by some places.
    """
    own = {node: [] for node in order}
    for node in graph:
        group = {"in": "hidden", "out": "factor"}.get(node[0]), node[1]
        if group in own:
            own[group].append(node)
    # So large that nothing is near to its neighbour, nor, on a ring, to the next but one.
    ring = all(order[i][0] != order[i - 1][0] for i in range(len(order)))
    slots = len(order) / (2 * np.pi)
    apart = slots / 2 if ring else slots
    wide, deep = (max(len(own[n]) for n in order if n[0] == k) for k in ("factor", "hidden"))
    deep = STACK * (deep - 1) / 2
    radius = max(
        SLOT * slots,
        STACK * wide * apart - LEAF,
        deep + STACK * apart,
        deep + HANG + max(0.1, 2 * PRIOR * apart),
    )
    places = {}
    for i, node in enumerate(order):
        angle = np.pi / 2 - 2 * np.pi * (i - turned) / len(order)
        outward, along = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
        offsets = STACK * (np.arange(len(own[node])) - (len(own[node]) - 1) / 2)
        if node[0] == "factor":
            places[node] = radius * outward
        for weight, offset in zip(own[node], offsets, strict=True):
            if node[0] == "factor":
                place, hang = (radius + LEAF) * outward + offset * along, HANG
            else:
                place, hang = (radius + offset) * outward, HANG if offset >= 0 else -HANG
            places |= {weight: place, ("prior", weight): place + hang * outward}
    return {node: (float(x), float(y)) for node, (x, y) in places.items()}


def _canvas(places, entries, columns, heads=0):
    """A figure over a legend, and its axes, on which a unit is an inch and all places have room."""
    low, high = (f(list(places.values()), axis=0) for f in (np.min, np.max))
    sides = max(0, COLUMN * columns - np.ptp([low[0], high[0]])) / 2  # room for the legend
    low -= WEIGHT / 2 + MARGIN + np.array([sides, 0])
    high += WEIGHT / 2 + MARGIN + np.array([sides, heads * LINE])
    width, height = high - low
    legend = LINE * -(-len(entries) // columns) + MARGIN
    drawing = Figure(figsize=(width, height + legend))
    ax = drawing.add_axes((0, legend / (height + legend), 1, height / (height + legend)))
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.axis("off")
    drawing.legend(
        handles=entries, loc="lower center", ncols=columns, frameon=False, fontsize=7.5,
        borderpad=0, labelspacing=0.35, columnspacing=1.1, handlelength=1.8, handletextpad=0.5,
    )  # fmt: skip
    return drawing, ax
