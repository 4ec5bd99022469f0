"""How long the figures of the thesis take, against what no engine could make shorter.

The floor is the same number of Snakemake jobs that each only import numpy and numba, run on the
same cores with the same profile. To it comes the time that the trainings spend on building factors
and passing messages, divided by the cores. The whole study should take at most 1.5 times the sum.

    python -m speed.study                                          # the study of config.yaml
    python -m speed.study --configfile tests/small.yaml            # a trial, in two minutes

Kernels are compiled first, and the floor is measured before the study and after it. What the study
made stays in the folder given by --directory, which has to be new.
"""

import argparse
import csv
import os
import platform
import re
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from sparsebp.storage import paths, store
from sparsebp.storage.provenance import surroundings

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.5
FLOOR = """
onstart:
    workflow.scheduler.job_rate_limiter = None


rule all:
    input:
        expand("{{job}}.done", job=range({jobs})),


rule job:
    output:
        touch("{{job}}.done"),
    shell:
        "python -c 'import numpy, numba'"
"""


def snakemake(folder: Path, *arguments: str) -> tuple[float, str]:
    """Run Snakemake in a folder with the study's profile; the seconds it took and what it said."""
    profile = ROOT / "profiles/default"
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", str(profile), *arguments]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--directory", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stdout)
    return seconds, done.stdout


def floor(folder: Path, jobs: int, cores: int) -> float:
    """Seconds that a number of jobs take, the target rule's among them, which do nothing else."""
    folder.mkdir(parents=True)
    snakefile = folder / "Snakefile"
    snakefile.write_text(FLOOR.format(jobs=jobs - 1))
    return snakemake(folder, "--snakefile", str(snakefile), "--cores", str(cores))[0]


def job_seconds(folder: Path) -> dict[str, list[float]]:
    """The seconds of every job by rule, from the benchmark files."""
    found = defaultdict(list)
    for path in (folder / "benchmarks").rglob("*.tsv"):
        with open(path, newline="") as file:
            [row] = csv.DictReader(file, delimiter="\t")
        found[row["rule_name"]].append(float(row["s"]))
    return found


def engine_seconds(folder: Path) -> float:
    """The seconds in which all trainings built factors and passed messages."""
    trained = folder.glob(paths.TRAINED.format(experiment="*", seed="*", learner="*"))
    made = [store.provenance(path) for path in trained]
    return sum(found["engine_seconds"] for found in made if found["step"] == "train")


def processor() -> str:
    """The name of the processor."""
    try:
        names = re.findall(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def page(options, jobs, floors, rules, engine, compiling, took) -> str:
    """What was measured, in Markdown."""
    cores, lowest = options.cores, sum(floors) / len(floors)
    allowed = LIMIT * (lowest + engine / cores)
    what = ", ".join(Path(name).name for name in options.configfile) or "config.yaml"
    lines = [
        "# How long the study takes",
        "",
        f"`snakemake figures` with {what} on {cores} cores ({processor()}) with compiled kernels,",
        f"commit {surroundings()['commit']}. Measured, and written here, by",
        "`python -m speed.study`.",
        "",
        "| | seconds |",
        "|---|---|",
        f"| floor: {jobs} jobs that import numpy and numba, before and after the study "
        f"| {' and '.join(f'{seconds:.1f}' for seconds in floors)} |",
        f"| factors and messages: {engine:.1f} s on {cores} cores | {engine / cores:.1f} |",
        f"| allowed: {LIMIT} × (floor + factors and messages) | {allowed:.1f} |",
        f"| **the study, from the start of Snakemake to its end** | **{took:.1f}** |",
        f"| the same without compiled kernels, which takes {compiling:.1f} s more "
        f"| {took + compiling:.1f} |",
        "",
        f"The study takes **{took / (lowest + engine / cores):.2f} times** the sum of the floor",
        "and of factors and messages.",
        "",
        "| jobs | number | seconds in all | a job |",
        "|---|---|---|---|",
    ]
    for rule, seconds in sorted(rules.items(), key=lambda item: -sum(item[1])):
        total, number = sum(seconds), len(seconds)
        lines.append(f"| {rule} | {number} | {total:.1f} | {total / number:.2f} |")
    lines += [
        "",
        "The seconds of jobs are those of the rules' benchmark files; those of factors and",
        "messages are what each training says of itself (`engine_seconds` in its provenance): its",
        "time without the start of the program, files, and the loading of compiled kernels.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=int, default=2, help="cores to run on (default: 2)")
    parser.add_argument(
        "--configfile",
        nargs="+",
        default=[],
        metavar="FILE",
        help="as Snakemake's, over config.yaml",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=ROOT / "build/study",
        metavar="FOLDER",
        help="new folder to run in (default: build/study)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="page to write, as docs/study_time.md"
    )
    options = parser.parse_args()
    folder = options.directory
    if folder.exists():
        parser.error(f"{folder} exists already")

    study = ["figures", "--snakefile", str(ROOT / "Snakefile"), "--cores", str(options.cores)]
    study += ["--benchmark-extended"]
    if options.configfile:
        study += ["--configfile", *(str(Path(path).resolve()) for path in options.configfile)]
    run = folder / "run"
    run.mkdir(parents=True)
    compiling, _ = snakemake(run, *study, "--until", "kernels")
    print(f"{compiling:.1f} s to compile the kernels", flush=True)
    total = re.search(r"^total\s+(\d+)", snakemake(run, *study, "--dry-run")[1], re.M)
    jobs = int(total[1])
    floors = [floor(folder / "floor-before", jobs, options.cores)]
    print(f"{floors[0]:.1f} s for {jobs} jobs that import numpy and numba", flush=True)
    took, _ = snakemake(run, *study)
    print(f"{took:.1f} s for the study", flush=True)
    floors.append(floor(folder / "floor-after", jobs, options.cores))
    text = page(options, jobs, floors, job_seconds(run), engine_seconds(run), compiling, took)
    print("\n" + text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
