"""What steps by hand are given as files of JSON."""

import json
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = TemporaryDirectory(prefix="given-")
NUMBER = count()


def given(value: dict | str) -> str:
    """A file of a value, or of a text that may be no JSON. It is there until the tests end."""
    path = Path(FOLDER.name) / f"{next(NUMBER)}.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)
