"""The provenance inside figures: PDF, PNG and SVG."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image


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
