"""The figures as files: each is drawn whole, in several formats, and says where it comes from."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

from matplotlib import style as mpl_style
from PIL import Image

from sparsebp.report import choice_plots, network_plots, panels, tree_plots
from sparsebp.storage.atomic import replacing
from sparsebp.study.markup import mapped, mathtext
from sparsebp.report.style import RC

KINDS = {"choices": choice_plots, "drawing": network_plots, "panels": panels, "trees": tree_plots}


def draw(spec, results, paths, provenance):
    """Draw one figure of the configuration and write it to each of `paths`, all or none.

    `spec` is what `Study.figure_spec` gives, `results` maps an experiment, or "trees", to its
    dataset, or for a drawing to its teacher and student, and `provenance` is put in the metadata
    (see `read_provenance`).
    """
    with mpl_style.context(RC, after_reset=True):
        (kind,) = (module for key, module in KINDS.items() if key in spec["figure"])
        drawing = kind.build(mapped(mathtext, spec), results)
        title = f"{spec['name']} ({spec['figure'].get('thesis', 'sparsebp')})"
        _save(drawing, title, paths, provenance)


def read_provenance(path):
    """Return the provenance that `draw` put in a PDF, PNG or SVG file."""
    path = Path(path)
    if path.suffix == ".png":
        with Image.open(path) as image:
            image.load()  # fails where it is damaged
            return json.loads(image.text["Description"])
    if path.suffix == ".svg":
        element = ElementTree.parse(path).find(".//{http://purl.org/dc/elements/1.1/}description")
        return json.loads(element.text)
    data = path.read_bytes()
    number = re.search(rb"/Info (\d+) 0 R", data[data.rindex(b"trailer") :])[1]
    info = data[data.index(b"\n" + number + b" 0 obj") :]
    subject = re.search(rb"/Subject\s*\(((?:[^\\()]|\\.)*)\)", info)[1]
    return json.loads(re.sub(rb"\\(.)", rb"\1", subject))


def _save(drawing, title, paths, provenance):
    """Write the drawing to every path, or to none: first beside each, then in their places."""
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
            part = stack.enter_context(replacing(path))
            drawing.savefig(part, format=path.suffix[1:], metadata=metadata[path.suffix])
