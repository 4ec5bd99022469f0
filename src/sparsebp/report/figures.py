"""The figures as files, in several formats, with their provenance."""

import json
from contextlib import ExitStack
from pathlib import Path

from matplotlib import style as mpl_style

from sparsebp.report import choice_plots, maps, network_plots, panels, scratch_plots, tree_plots
from sparsebp.report.style import RC
from sparsebp.storage.atomic import written_whole
from sparsebp.study.markup import mapped, mathtext

FIGURE_KINDS = {
    "choices": choice_plots,
    "drawing": network_plots,
    "from_scratch": scratch_plots,
    "maps": maps,
    "panels": panels,
    "trees": tree_plots,
}


def draw(spec, results, paths, provenance):
    """Draw one figure of the configuration and write it to each of `paths`, all or none.

    `spec` is what `Study.figure_spec` gives, `results` maps an experiment, "trees" or
    "from_scratch" to its dataset, or for a drawing to its teacher and student, and `provenance` is
    put in the metadata (see `read_provenance`).
    """
    with mpl_style.context(RC, after_reset=True):
        (kind,) = (module for key, module in FIGURE_KINDS.items() if key in spec["figure"])
        drawing = kind.build(mapped(mathtext, spec), results)
        title = f"{spec['name']} ({spec['figure'].get('thesis', 'sparsebp')})"
        save(drawing, title, paths, provenance)


def save(drawing, title, paths, provenance):
    """Write the drawing to every path, or to none: first beside each, then in their places.

    `provenance` is put in the metadata, as JSON.
    """
    text = json.dumps(provenance, sort_keys=True)
    metadata = {
        ".pdf": {"Title": title, "Creator": "sparsebp", "Subject": text, "CreationDate": None},
        ".png": {"Title": title, "Creator": "sparsebp", "Description": text},
        ".svg": {"Title": title, "Creator": "sparsebp", "Description": text, "Date": None},
    }
    paths = [Path(path) for path in paths]
    for path in paths:
        if path.suffix not in metadata:
            raise ValueError(f"{path}: a figure is written as {', '.join(metadata)}")
    with ExitStack() as stack:
        for path in paths:
            part = stack.enter_context(written_whole(path))
            drawing.savefig(part, format=path.suffix[1:], metadata=metadata[path.suffix])
