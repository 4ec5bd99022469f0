"""Figures as files, PDF, PNG and SVG, with their provenance inside."""

import json
import re
from contextlib import ExitStack
from io import StringIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from sparsebp.storage.atomic import written_whole

# Texts with a formula in an SVG file, and their letters: where, how they look, and which.
FORMULA = re.compile(r"<text>\s*(<tspan.*?)</text>", re.DOTALL)
LETTER = re.compile(r'<tspan x="([^"]*)" (y="[^"]*" style="[^"]*")>([^<]*)</tspan>')
# The font of a text there, and for readers who do not have it one that is about as wide.
FONT, FONTS = re.compile("'DejaVu Sans(?: Display)?'"), "'DejaVu Sans', Verdana, sans-serif"


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
            if path.suffix == ".svg":
                Path(part).write_text(svg(drawing, metadata[".svg"]), encoding="utf-8")
            else:
                drawing.savefig(part, format=path.suffix[1:], metadata=metadata[path.suffix])


def svg(drawing, metadata):
    """The drawing as SVG, with formulas as they are read, to be searched, and a choice of fonts."""
    text = StringIO()
    drawing.savefig(text, format="svg", metadata=metadata)
    return FORMULA.sub(_in_order, FONT.sub(FONTS, text.getvalue()))


def _in_order(formula):
    """A formula from left to right. Matplotlib writes it style by style, each letter by itself."""
    letters = sorted((float(x), look, text) for x, look, text in LETTER.findall(formula[1]))
    parts = []
    for look, group in groupby(letters, key=itemgetter(1)):
        (x, _, first), *others = group
        text = "".join([first, *(letter for *_, letter in others)]).replace("\xa0", " ")
        parts.append(f'<tspan x="{x:g}" {look}>{text}</tspan>')
    return f"<text>{''.join(parts)}</text>"


def read_provenance(path):
    """Return the provenance that `save` put in a PDF, PNG or SVG file."""
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
