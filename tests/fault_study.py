"""A study to disturb, and the judgement whether it came back."""

import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.outcomes import contents
from tests.workflow_helpers import ROOT, TARGETS, Project

CONFIG = """
study: {seeds: 2, test_samples: 5}
inference: {max_steps: 50, damping: 0.3}
learners:
  bp-online: {algorithm: sum-product, schedule: online}
  rbp: {algorithm: sum-product, schedule: offline, reinforcement: 0.01}
experiments:
  matched:
    layers: {input: 20, hidden: 20, output: 20}
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {alphabet: [-1, 1]}
    samples: {last: 3}
    learners: [bp-online, rbp]
figures:
  one:
    panels: [{experiment: matched}]
"""
# The jobs by rule, each by the file that it makes, the last one if there are several.
MADE = {
    "kernels": ["results/kernels/*.json"],
    "draw": [f"results/matched/seed-{seed}/dataset.nc" for seed in (0, 1)],
    "train": [
        f"results/matched/seed-{seed}/{learner}.nc"
        for seed in (0, 1)
        for learner in ("bp-online", "rbp")
    ],
    "collect": ["results/matched.nc"],
    "figure": ["figures/one.svg"],
    "table": ["results/matched.html"],
    "provenance_page": ["results/provenance.html"],
}
STAND_IN = ROOT / "tests/stand_in"
KERNELS = ".snakemake/kernels"


class Lost(AssertionError):
    """A study that the documented commands did not bring back."""


@dataclass
class Round:
    """What came of one round.

    Attributes:
        faults: how many times it was disturbed, of these `kills` by kill -9.
        actions: what messages asked for beyond `snakemake`, and was done.
        unnoticed: damaged files that no step reads again.
        begun: all jobs that began.
        points: where it was disturbed, by rule or kind of file.
        running: the runs, whose jobs may outlive them.
        lost: whether the study was not brought back.
    """

    faults: int = 0
    kills: int = 0
    actions: list = field(default_factory=list)
    unnoticed: int = 0
    begun: list = field(default_factory=list)
    points: Counter = field(default_factory=Counter)
    running: list = field(default_factory=list)
    lost: bool = False

    @property
    def alone(self) -> bool:
        """Whether `snakemake` and nothing else brought it back."""
        return not (self.lost or self.actions or self.unnoticed)


class Study:
    """A study to disturb: its sources, the folder it runs in, and what comes of it undisturbed."""

    def __init__(self, folder: Path, work: Path, times: int):
        self.folder, self.work, self.times = folder, work, times
        self.project = Project(folder, yaml.safe_load(CONFIG), own_sources=True)
        self.round, self.notes = Round(), folder / "notes"
        self._succeed()
        self.kernels = shutil.copytree(self.work / KERNELS, folder / "kernels")
        self.fresh()
        run = self._succeed({"command": ""})
        self.jobs = run.work
        self.reference = contents(self.work)
        self.size = sum(path.stat().st_size for path in self.work.rglob("*") if path.is_file())
        self.events = {
            rule: json.loads(next(self.notes.glob(f"{rule}-*")).read_text()) for rule in MADE
        }

    # Running

    def fresh(self, compiled: bool = True) -> None:
        """A new round: nothing made but, perhaps, compiled kernels."""
        self.round = Round()
        for path in self.work.iterdir():  # the folder itself may be a disk
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if compiled:
            shutil.copytree(self.kernels, self.work / KERNELS)

    def begin(self, *arguments: str, fault: dict | None = None, **environment: str):
        """Start Snakemake, perhaps with a fault in one of its jobs (see tests/stand_in)."""
        if fault is not None:
            shutil.rmtree(self.notes, ignore_errors=True)
            self.notes.mkdir()
            environment["FAULT"] = json.dumps({"folder": str(self.notes)} | fault)
        running = self.project.begin(
            *("--cores", "2", "--directory", str(self.work), *arguments),
            before="" if fault is None else str(STAND_IN),
            **environment,
        )
        self.round.running.append(running)
        return running

    def run(self, *arguments: str, fault: dict | None = None, **environment: str):
        """Run Snakemake to its end. Where a lock is in the way, do first what the message says."""
        run = self.begin(*arguments, fault=fault, **environment).end()
        if run.status == 1 and "--unlock" in run.output:
            if run.jobs:
                raise Lost(f"jobs ran in a locked folder: {run.output}")
            self.round.actions.append("snakemake --unlock")
            self._check(self.begin("--unlock").end())
            run = self.begin(*arguments, fault=fault, **environment).end()
        self.round.begun += [job for job in run.jobs if job not in TARGETS]
        return run

    def struck(self) -> dict | None:
        """The note of the last fault, if it came about."""
        with suppress(FileNotFoundError):
            return json.loads((self.notes / "struck").read_text())

    def strike(self, rule: str, nth: int, point: dict, command: str):
        """Run Snakemake with a fault in a job. Counts it, and returns the run, if it came about."""
        run = self.run(fault={"rule": rule, "nth": nth, "command": command} | point)
        note = self.struck()
        if note is None:
            self._check(run)
            return None
        if "bytes" in point and not any(note["parts"]):
            raise Lost(f"nothing was being written: {note}")
        self.round.faults += 1
        self.round.kills += "kill -9" in command
        self.round.points[rule] += 1
        self.sound()
        return run

    def missing(self) -> dict[str, int]:
        """How many jobs of each rule have not made their file."""
        found = {
            rule: sum(not list(self.work.glob(path)) for path in paths)
            for rule, paths in MADE.items()
        }
        return {rule: number for rule, number in found.items() if number}

    def alive(self) -> bool:
        """Whether anything of this round is still running."""
        return any(running.alive() for running in self.round.running)

    def stop(self) -> None:
        """End what is still running."""
        for running in self.round.running:
            if running.alive():
                os.killpg(running.process.pid, signal.SIGKILL)

    # Judging

    def sound(self) -> None:
        """Check that every file there, as far as they go, is that of an undisturbed run."""
        if self.alive():
            return
        for name, found in contents(self.work).items():
            if self.reference.get(name) != found:
                raise Lost(f"{name} looks finished, and is not right")

    def recover(self) -> None:
        """Do as the messages say until the study is finished; check that it is as undisturbed."""
        for _ in range(5):
            run = self.run()
            if run.status == 0:
                break
            self.follow(run)
        else:
            raise Lost(run.output)
        deadline = time.monotonic() + 120
        while self.alive():
            if time.monotonic() > deadline:
                raise Lost("a job outlives its workflow by two minutes")
            time.sleep(0.1)
        run = self._check(self.begin("--dry-run").end())
        if run.jobs:
            raise Lost(f"still to do: {run.output}")
        found, expected = contents(self.work), self.reference
        if found != expected:
            names = [n for n in found | expected if found.get(n) != expected.get(n)]
            raise Lost(f"not as in an undisturbed run: {', '.join(names)}")
        for pattern in ("results/**/.*", "figures/.*", ".snakemake/locks/*"):
            if left := list(self.work.glob(pattern)):
                raise Lost(f"left over: {left}")
        if missing := self.missing():
            raise Lost(f"missing: {missing}")

    def follow(self, run) -> None:
        """Do what the message of a failed run says."""
        named = {
            path
            for path in re.findall(r"^ *sparsebp \w+: ([^\s:]+): ", run.output, re.M)
            if (self.work / path).is_file()
        }
        if not named:
            raise Lost(run.output)
        for path in named:
            self.round.actions.append("delete the file named")
            (self.work / path).unlink()

    def _check(self, run):
        if run.status:
            raise Lost(run.output)
        return run

    def _succeed(self, fault: dict | None = None):
        return self._check(self.begin(fault=fault).end())
