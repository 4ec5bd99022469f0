"""Does a wrong engine get caught? Mistakes made on purpose, and the tests that find them.

    python -m tests.mutations                        # all: an hour or more
    python -m tests.mutations "damping swapped"      # one
    python -m tests.mutations --page docs/mutations.md

Each mistake is an edit of a copy of the project. The quick tests run on it (`make check`), up to
the first failure; where they pass, so do all others (`make test`, then `make slow`).
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sparsebp.storage.provenance import surroundings

ROOT = Path(__file__).resolve().parents[1]


class Mutation(NamedTuple):
    """An edit: what stands in a file of the package once, and what takes its place."""

    file: str
    old: str
    new: str


_ALGEBRAS, _EQUATIONS = "engine/algebras.py", "engine/equations.py"
_UPDATES = "engine/kernels/updates.py"
MUTATIONS = {
    "damping swapped": Mutation(
        _ALGEBRAS,
        "return weights[0] * old + weights[1] * new",
        "return weights[0] * new + weights[1] * old",
    ),
    "damping of wide numbers swapped": Mutation(
        _ALGEBRAS,
        "return self.mass([Wide(weights[0] * old.m, e), Wide(weights[1] * new.m, new.e)])",
        "return self.mass([Wide(weights[1] * old.m, e), Wide(weights[0] * new.m, new.e)])",
    ),
    "sum in place of maximum": Mutation(
        _ALGEBRAS,
        'in place of the sum, Eq. 2.12."""\n        return largest(terms)',
        'in place of the sum, Eq. 2.12."""\n        return summed(terms)',
    ),
    "temperature left out of a sum": Mutation(
        _ALGEBRAS, "np.exp((x - base) / temperature)", "np.exp(x - base)"
    ),
    "cavity of a variable leaves out another": Mutation(
        "engine/layout.py", "np.delete(gets, d, axis=1)", "np.delete(gets, d - 1, axis=1)"
    ),
    "cavity of a factor leaves out nobody": Mutation(
        _EQUATIONS,
        "a.total([a.times(first[c], found[c][1][i][k]) for c in range(states)])",
        "a.total([a.times(a.times(first[c], message[k]), found[c][1][i][k]) "
        "for c in range(states)])",
    ),
    "cavity of a large factor leaves out the first": Mutation(
        _EQUATIONS,
        "told[k] = a.total([told[k], a.times(weights[c], part[k])])",
        "told[k] = a.total([told[k], part[k]])",
    ),
    "cavity of a listed factor includes its recipient": Mutation(
        _UPDATES, "if other != j:\n", "if True:\n"
    ),
    "cavity of a hidden variable includes its recipient": Mutation(
        "engine/kernels/hidden_updates.py",
        "                if other != r:\n",
        "                if True:\n",
    ),
    "reinforcement does not grow": Mutation(
        _UPDATES, "strength = reinforcement * t", "strength = reinforcement"
    ),
    "reinforcement a step ahead": Mutation(
        _UPDATES, "strength = reinforcement * t", "strength = reinforcement * (t + 1)"
    ),
    "reinforced field forgets the prior": Mutation(
        _EQUATIONS,
        "a.times(given[k], a.power(belief[k], strength))",
        "a.power(belief[k], strength)",
    ),
    "an output weight of zero is no class of its own": Mutation(
        _EQUATIONS,
        "found[firsts[weight]] = a.times(message[weight], whole)",
        "found[firsts[weight]] = message[weight]",
    ),
    "output messages forget the inputs of a zero weight": Mutation(
        _EQUATIONS, "found.append(a.times(told[first], whole))", "found.append(told[first])"
    ),
    "a message normalised by its first value": Mutation(
        _EQUATIONS,
        "total = over_all(a, a.mass, states, lambda k: message[k], a.zero)",
        "total = message[0]",
    ),
    "converged where the damped messages are": Mutation(
        _EQUATIONS,
        "lambda k: a.distance(a.kept(new[k]), old[k])",
        "lambda k: a.distance(a.kept(new[k]), old[k]) * (weights or (0.0, 1.0))[1]",
    ),
    "lanes beyond the last factor count": Mutation(
        "engine/kernels/registers.py",
        "number = np.where(inside, number, self.neutral)",
        "pass",
    ),
    "a batch begins a sample late": Mutation(
        "engine/schedules.py",
        "yield Batch(stop - size, stop,",
        "yield Batch(stop - size + 1, stop,",
    ),
    "offline carries beliefs over": Mutation(
        "engine/schedules.py",
        "yield Batch(0, m, fresh=True, report=True)",
        "yield Batch(0, m, fresh=m == grid[0], report=True)",
    ),
    "online begins afresh": Mutation(
        "engine/schedules.py", "stop, fresh=False, report", "stop, fresh=True, report"
    ),
    "ties broken by order": Mutation(
        "engine/learning.py", "np.where(ties, lots, -1.0)", "np.where(ties, 1.0, -1.0)"
    ),
    "ties only where equal": Mutation(
        "engine/learning.py",
        "log_beliefs.max(axis=-1, keepdims=True) - tie_tolerance",
        "log_beliefs.max(axis=-1, keepdims=True)",
    ),
    "expected error over the wrong axis": Mutation(
        "engine/learning.py", "/ np.exp(b).sum(-1)", "/ np.exp(b).sum()"
    ),
    "energies of the last sample alone": Mutation(
        "engine/factors.py", "table[rows] -= missed\n", "table[rows] = -missed\n"
    ),
    "a configuration that matches some samples": Mutation(
        "engine/factors.py",
        "    for z, least, most in zip(terms, low, high, strict=True):\n",
        "    for z, least, most in list(zip(terms, low, high, strict=True))[-1:]:\n",
    ),
    "Bethe counts variables once": Mutation(
        "engine/bethe.py", "(1 - degree) * of_variables", "(2 - degree) * of_variables"
    ),
    "a ring walked backwards": Mutation(
        "engine/rings.py",
        "environments[left] = made(numbers[left + 1], above[left], none[: len(left)])",
        "environments[left] = made(above[left], numbers[left + 1], none[: len(left)])",
    ),
    "weight error of one layer": Mutation(
        "network/metrics.py",
        "        wrong += int(np.count_nonzero(estimate != theirs.weights))\n"
        "        total += theirs.weights.size\n",
        "        wrong = int(np.count_nonzero(estimate != theirs.weights))\n"
        "        total = theirs.weights.size\n",
    ),
    "missing outputs count as missed by one": Mutation(
        "engine/factors.py",
        "            missed[np.isnan(target[rows])] = 0.0\n",
        "            missed = np.nan_to_num(missed, nan=1.0)\n",
    ),
}
TIERS = {"make check": "not thorough and not slow", "make test": "thorough", "make slow": "slow"}


class Caught(NamedTuple):
    """How a mistake was found: by which tier and test, after how many seconds."""

    tier: str
    test: str
    seconds: float


def edited(text: str, mutation: Mutation) -> str:
    """A file's text with the mistake. Raises ValueError unless it has a place for it, and one."""
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file}: {text.count(mutation.old)} places for {mutation}")
    return text.replace(mutation.old, mutation.new)


def first_failure(project: Path, marked: str) -> str | None:
    """The test of a tier that fails first in a copy of the project, if any does."""
    options = ["--exitfirst", "-rfE", "-n", "auto", "--dist", "worksteal"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", marked, *options],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
    )
    for line in run.stdout.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return line.split(" - ")[0].split(" ", 1)[1]
    if run.returncode:
        raise RuntimeError(f"the tests did not run: {run.stdout}{run.stderr}")
    return None


def try_out(project: Path, mutation: Mutation) -> Caught | None:
    """Run the tests of a copy of the project with a mistake in it, tier by tier."""
    path = project / "src/sparsebp" / mutation.file
    right = path.read_text(encoding="utf-8")
    path.write_text(edited(right, mutation), encoding="utf-8")
    started = time.monotonic()
    try:
        for tier, marked in TIERS.items():
            if test := first_failure(project, marked):
                return Caught(tier, test, time.monotonic() - started)
    finally:
        path.write_text(right, encoding="utf-8")
    return None


def copy_to(folder: Path) -> Path:
    """A copy of the files of this checkout that git knows."""
    project, listed = folder / "project", ["git", "ls-files", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.rstrip("\0").split("\0"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, project / name, follow_symlinks=False)
    return project


def page(command: str, found: dict[str, Caught | None]) -> str:
    """What was found, in Markdown."""
    caught = [one for one in found.values() if one]
    quick = sum(one.tier == "make check" for one in caught)
    lines = [
        "# Mistakes made on purpose",
        "",
        f"What `{command}` writes, of commit {surroundings()['commit']}.",
        "Each line is a mistake in a copy of the engine, and a test that failed because of it.",
        "",
        f"Of {len(found)} mistakes the quick tests (`make check`) found {quick},",
        f"and all tests {len(caught)}.",
        "",
        "| mistake | in | found by | test |",
        "|---|---|---|---|",
    ]
    for name, one in found.items():
        where = f"`{MUTATIONS[name].file}`"
        how = f"`{one.tier}` | `{one.test}`" if one else "**nothing** |"
        lines.append(f"| {name} | {where} | {how} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try the mistakes asked for, and write the page if one is named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutations",
        description=__doc__,
        epilog="NAME:\n" + "\n".join(f"  {name}" for name in MUTATIONS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="try these alone (default: all)")
    parser.add_argument("--page", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    if unknown := set(options.names) - MUTATIONS.keys():
        parser.error(f"NAME {', '.join(sorted(unknown))}; must be of {', '.join(MUTATIONS)}")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        project = copy_to(Path(folder))
        if test := first_failure(project, TIERS["make check"]):
            sys.exit(f"{test} fails without a mistake, too")
        for name in options.names or MUTATIONS:
            one = found[name] = try_out(project, MUTATIONS[name])
            told = f"{one.seconds:4.0f} s  {one.tier:10}  {one.test}" if one else "NOT CAUGHT"
            print(f"{name:50} {told}", flush=True)
    if options.page:
        command = f"python -m tests.mutations {shlex.join(sys.argv[1:])}"
        options.page.write_text(page(command, found), encoding="utf-8")
    sys.exit(not all(found.values()))


if __name__ == "__main__":
    main()
