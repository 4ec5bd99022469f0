"""Snakemake's linter, but for one wish of it: python -m tests.lint

It wants rules to name a conda environment or a container. Those of this study run in the
environment that Snakemake itself was started in, as it loads the package.
"""

import re
import subprocess
import sys

UNHEEDED = "Specify a conda environment or container for each rule."
NONE = "Congratulations"


def complaints(folder: str = ".") -> list[str]:
    """What the linter says of the workflow in a folder.

    Raises:
        RuntimeError: it does not come to an end; says why.
    """
    command = [sys.executable, "-m", "snakemake", "--lint"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    said = process.stdout + process.stderr
    found = re.findall(r"^Lints for (.+):$|^    \* (.+):$", said, re.M)
    if not found and NONE not in said:
        raise RuntimeError(said)
    lines, where = [], ""
    for place, title in found:
        where = place or where
        if title and title != UNHEEDED:
            lines.append(f"{where}: {title}")
    return lines


if __name__ == "__main__":
    if lines := complaints():
        sys.exit("\n".join(lines))
