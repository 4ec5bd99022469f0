"""Values that rules pass to steps, each as a JSON file.

A command names the file, so its length does not grow with the study.
"""

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from sparsebp.storage import paths


def write(value: dict) -> str:
    """Write a value into a file whose name is a hash of the content, unless it is there.

    It is no input of a rule: whoever looks at a job's parameters makes sure that it is there. So
    nothing is made anew because it is lost, and what differs has another name, which is what
    Snakemake compares.

    Returns:
        The path of the file, relative to the folder of the study.

    Raises:
        OSError: it cannot be written.
    """
    return _written(json.dumps(value))


@cache
def _written(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = Path(paths.HANDED.format(digest=digest))
    # Programs that write it at the same time write the same.
    if not path.exists() or path.read_bytes() != text.encode():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.urandom(8).hex()}.part")
        part.write_text(text)
        os.replace(part, path)
    return str(path)


def read(path: str) -> dict:
    """Read a value that a command names, as ``write`` writes it or as typed by hand.

    Returns:
        A dict that, as those in it, says in which file a key is missing where one is asked for.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no JSON object.
    """

    class Block(dict):
        def __missing__(self, key):
            raise ValueError(f"{path}: lacks the key {key!r}")

    def no_number(name: str):
        raise ValueError(f"{name}; allowed: finite numbers")

    text = Path(path).read_bytes()
    try:
        found = json.loads(text, object_hook=Block, parse_constant=no_number)
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: not a JSON object")
    return found
