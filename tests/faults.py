"""Faults at random points of a small study, and whether the documented commands repair them.

    python -m tests.faults --seed 1 --rounds 5                  # five rounds of every kind
    python -m tests.faults --seed 1 --rounds 1 killed-job       # one kind
    python -m tests.faults --seed 1 --rounds 9 --page docs/faults.md

Every round starts from nothing but compiled kernels, disturbs the study, and then does as a user
would: `snakemake`, and what its messages ask for, until it succeeds. The round is lost unless
everything is then identical to an undisturbed run, nothing is left over, and nothing remains to be
done; and unless all that was there before the repair was right as far as it went. A seed gives the
same rounds again, up to the pace of the machine. Full disks and read-only folders need the right to
mount (root); elsewhere these kinds are left out, and the page says so.
"""

import argparse
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from sparsebp.storage.provenance import surroundings
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
    "table": ["results/matched.csv"],
    "provenance_page": ["results/provenance.html"],
}
STAND_IN = ROOT / "tests/stand_in"
KERNELS = ".snakemake/kernels"
SPACE = "64m"  # of the disk that gets full
HOLD = "touch {held}; while test ! -e {go}; do sleep 0.1; done"


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


# Kinds of faults. Each function disturbs a study that has just begun, and may count faults; what
# it leaves to do is done by `Study.recover`.

KINDS: dict = {}


def kind(about: str):
    """Register a kind of fault under the name of its function."""

    def register(disturb):
        KINDS[disturb.__name__.replace("_", "-")] = about, disturb
        return disturb

    return register


def anywhere(study, chance, rule: str) -> dict:
    """A point anywhere in a program."""
    return {"at": chance.randrange(1, study.events[rule]["all"])}


def begun(study, chance, rule: str) -> dict:
    """A point after a program began its files."""
    return {"at": chance.randrange(study.events[rule]["began"] + 1, study.events[rule]["all"])}


def writing(study, chance, rule: str) -> dict:
    """A point in the middle of writing."""
    return {"bytes": chance.randrange(1000, 20000)}


def written(study, chance, rule: str) -> dict:
    """The point where all is written, but not under its name."""
    return {"bytes": 2**30}


def attack(study, chance, point, command: str) -> list:
    """Disturb a study again and again on its way, at stages not passed; the runs disturbed."""
    runs = []
    for _ in range(study.times):
        missing = study.missing()
        if not missing:
            break
        # The earlier of two, as nothing is left to disturb before it.
        rule = min(chance.choices(list(missing), k=2), key=list(MADE).index)
        nth = chance.randrange(missing[rule])
        runs.append(study.strike(rule, nth, point(study, chance, rule), command))
    return list(filter(None, runs))


@kind("a job killed, anywhere in its program")
def killed_job(study, chance):
    attack(study, chance, anywhere, "kill -9 $JOB")


@kind("a job killed in the middle of writing")
def killed_writing(study, chance):
    attack(study, chance, writing, "kill -9 $JOB")


@kind("Snakemake killed by a job, which goes on while the study is run again")
def killed_snakemake(study, chance):
    attack(study, chance, anywhere, "kill -9 $SNAKEMAKE")


@kind("Snakemake and all jobs killed, anywhere in one of them")
def killed_all(study, chance):
    attack(study, chance, anywhere, "kill -9 -$SNAKEMAKE")


@kind("Snakemake and all jobs killed in the middle of writing")
def killed_all_writing(study, chance):
    attack(study, chance, writing, "kill -9 -$SNAKEMAKE")


@kind("Snakemake and all jobs killed after a job wrote its file, in each stage")
def killed_done(study, chance):
    for rule in list(MADE)[: study.times]:
        if rule in study.missing():
            study.strike(rule, 0, {"end": True}, "kill -9 -$SNAKEMAKE")


@kind("Snakemake killed at an event of its own")
def killed_at_event(study, chance):
    for _ in range(study.times):
        run = study.run(KILL_AT=str(chance.randrange(1, 3 * len(study.jobs))))
        if run.status == 0:
            return
        study.round.faults += 1
        study.round.kills += 1
        study.round.points["Snakemake"] += 1
        study.sound()


@kind("kernels being compiled, the job or all killed")
def killed_compiling(study, chance):
    command = chance.choice(["kill -9 $JOB", "kill -9 -$SNAKEMAKE"])
    study.strike("kernels", 0, anywhere(study, chance, "kernels"), command)


@kind("Ctrl-C: an interrupt to Snakemake and all jobs")
def interrupt(study, chance):
    runs = attack(study, chance, anywhere, "kill -INT -$SNAKEMAKE")
    if any(run.status == 0 for run in runs):
        raise Lost("an interrupt was not heeded")
    _clean(study)


@kind("SIGTERM to Snakemake")
def terminate(study, chance):
    attack(study, chance, anywhere, "kill -TERM $SNAKEMAKE")
    _clean(study)


def _clean(study) -> None:
    if study.round.actions or list(study.work.glob(".snakemake/locks/*")):
        raise Lost("Snakemake ended in order, and left a lock")


@contextmanager
def held(study, chance, rules=("draw", "train", "collect"), command: str = "true"):
    """Within, one job of a running study stands still, after it began its files."""
    names = study.folder / "held", study.folder / "go"
    for name in names:
        name.unlink(missing_ok=True)
    rule = chance.choice(rules)
    point = chance.choice([begun, written])(study, chance, rule)
    hold = HOLD.format(held=names[0], go=names[1])
    fault = {"rule": rule, "nth": 0, "command": f"{command}; {hold}"} | point
    running = study.begin(fault=fault)
    while not names[0].exists():
        if not running.alive():
            raise Lost(f"no job was held: {running.end().output}")
        time.sleep(0.05)
    study.round.faults += 1
    study.round.kills += "kill -9" in command
    study.round.points[rule] += 1
    try:
        yield running
    finally:
        names[1].touch()


@kind("Snakemake killed and the configuration changed; a job of before ends after the new study")
def orphan(study, chance):
    study.project.change({"inference.damping": 0.5})
    try:
        with held(study, chance, ["train", "collect"], "kill -9 $SNAKEMAKE") as running:
            running.process.wait()
            study.project.change({"inference.damping": 0.3})
            study._check(study.run())
    finally:
        study.project.change({"inference.damping": 0.3})
    while running.alive():
        time.sleep(0.05)
    study.sound()


@kind("a second Snakemake on the same folder")
def two(study, chance):
    with held(study, chance) as running:
        second = study.begin().end()
        if second.status != 1 or "--unlock" not in second.output or second.jobs:
            raise Lost(f"a second Snakemake was not refused: {second.output}")
    study._check(running.end())


@kind("a second Snakemake on the same folder, forced by --nolock")
def two_forced(study, chance):
    with held(study, chance) as running:
        second = study.begin("--nolock").end()
    for run in (second, running.end()):
        study.round.begun += [job for job in run.jobs if job not in TARGETS]
    study.sound()


# Disks


@contextmanager
def mounted(*arguments: str):
    """Within, something is mounted."""
    subprocess.run(["mount", *arguments], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


@kind("a full disk, for results, logs and Snakemake's own files")
def full_disk(study, chance):
    filler = study.work / "filler"
    while study.round.faults == 0:
        kernels = sum(path.stat().st_size for path in study.kernels.rglob("*"))
        free = int(chance.random() * 1.2 * (study.size - kernels))
        with open(filler, "wb") as file:
            file.write(bytes(shutil.disk_usage(study.work).free // 4096 * 4096 - free))
        run = study.run()
        filler.unlink()
        if run.status:
            study.round.faults += 1
            _says(run, "No space left on device")
        else:
            study.fresh()
    study.sound()


@kind("results on a read-only disk")
def read_only(study, chance):
    done = chance.choice(["kernels", "draw", "train", "collect"])
    study._check(study.run("--until", done))
    results = str(study.work / "results")
    with mounted("--bind", results, results):
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
        run = study.run()
        study.round.faults += 1
        if run.status != 1:
            raise Lost(run.output)
        _says(run, "Read-only file system")
    study.sound()


def _says(run, message: str) -> None:
    if message not in run.output:
        raise Lost(f"no line says {message!r}: {run.output}")


def _damage(chance, path: Path) -> None:
    """Cut a file, empty it, or fill it with noise, its time kept or not."""
    stat = path.stat()
    size = chance.choice([0, chance.randrange(stat.st_size)])
    path.write_bytes(chance.choice([path.read_bytes()[:size], chance.randbytes(stat.st_size)]))
    if chance.random() < 0.5:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@kind("a file of a finished study damaged: cut, emptied or noise, with its time or a new one")
def damaged(study, chance):
    study._check(study.run())
    study.round.begun.clear()
    files = [path for part in ("results", "figures") for path in (study.work / part).rglob("*.*")]
    path = chance.choice(sorted(files))
    _damage(chance, path)
    content = path.read_bytes()
    study.round.faults += 1
    study.round.points[path.suffix] += 1
    run = study.run()
    if run.status:
        study.follow(run)
    elif path.read_bytes() == content:
        # No step reads it again.
        study.round.unnoticed += 1
        path.unlink()
    if not path.exists():
        study._check(study.run("all", str(path.relative_to(study.work))))


def _damage_kernels(study, chance) -> str:
    """A shell command that deletes kernels or damages their files."""
    ways = [f"truncate -s {size} $file" for size in (0, 900)]
    ways += ["head -c 900 /dev/urandom > $file"]
    names = "*.nbi", "*.nbc", "sealed.json"
    choices = [
        "rm -r .snakemake/kernels",
        "find .snakemake/kernels -name '*.nb?' -delete",
        *(
            f"file=$(find .snakemake/kernels -name '{name}' | head -n 1); {way}"
            for way in ways
            for name in names
        ),
    ]
    return chance.choice(choices)


@kind("the compile cache deleted or damaged before a run")
def kernels_before(study, chance):
    subprocess.run(_damage_kernels(study, chance), shell=True, cwd=study.work, check=True)
    study.round.faults += 1


@kind("the compile cache deleted or damaged in the middle of a run")
def kernels_during(study, chance):
    study.strike("train", chance.randrange(4), {"at": 1}, _damage_kernels(study, chance))


# Kinds that can be tried here.
MAY_MOUNT = os.geteuid() == 0 and not subprocess.run(["unshare", "--mount", "true"]).returncode
POSSIBLE = [name for name in KINDS if MAY_MOUNT or name not in ("full-disk", "read-only")]


# A run of many rounds, and the page about it.


@contextmanager
def undisturbed(times: int = 8):
    """A study to disturb so many times a round, on a small disk of its own where that can be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        work = Path(folder) / "work"
        work.mkdir()
        if MAY_MOUNT:
            stack.enter_context(mounted("-t", "tmpfs", "-o", f"size={SPACE}", "none", str(work)))
        study = Study(Path(folder), work, times)
        stack.callback(study.stop)
        yield study


def disturb(study: Study, name: str, seed: str) -> Round:
    """One round of a kind. Raises Lost."""
    study.fresh(compiled=name != "killed-compiling")
    KINDS[name][1](study, random.Random(f"{seed} {name}"))
    study.recover()
    return study.round


def page(command: str, jobs: int, rounds: dict[str, list[Round]], seconds: float) -> str:
    """What was tried, in Markdown."""
    everything = [one for several in rounds.values() for one in several]
    faults, kills = sum(one.faults for one in everything), sum(one.kills for one in everything)
    alone = sum(one.alone for one in everything)
    points = sum((one.points for one in everything), Counter())
    lost = [one for one in everything if one.lost]
    lines = [
        "# Faults",
        "",
        f"What `{command}` writes: {seconds / 60:.0f} minutes,",
        f"commit {surroundings()['commit']}.",
        "",
        f"In {len(everything)} rounds a study of {jobs} jobs was disturbed {faults} times,",
        f"{kills} of them by kill -9. **{len(lost)} rounds were lost.**",
        "In the others the study ended with results identical to those of an undisturbed run",
        "(values bit for bit, figures by pixel), nothing left over and nothing left to do:",
        f"in {alone} by `snakemake` alone, else by what a message asked for. Whatever had its",
        "final name before the repair, unless damaged on purpose, was right.",
        "",
        "| fault | rounds | faults | kill -9 | by `snakemake` alone | what messages asked for "
        "| jobs repeated | lost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, several in rounds.items():
        actions = Counter(action for one in several for action in one.actions)
        unnoticed = sum(one.unnoticed for one in several)
        asked = [f"{action}: {number}" for action, number in sorted(actions.items())]
        asked += [f"nothing, as no step reads it: {unnoticed}"] if unnoticed else []
        cells = (
            KINDS[name][0],
            len(several),
            sum(one.faults for one in several),
            sum(one.kills for one in several),
            sum(one.alone for one in several),
            "; ".join(asked),
            sum(len(one.begun) - len(set(one.begun)) for one in several),
            sum(one.lost for one in several),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    struck = ", ".join(f"{name} {number}" for name, number in points.most_common())
    left_out = [KINDS[name][0] for name in KINDS if name not in rounds]
    lines += ["", f"Where they struck, by rule or kind of file: {struck}."]
    lines += ["", f"Not tried: {'; '.join(left_out)}."] if left_out else []
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try the kinds of faults asked for, and write the page if one is named."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog="KIND:\n" + "\n".join(f"  {name:18} {about}" for name, (about, _) in KINDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="try these alone (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the random points (default: 1)")
    parser.add_argument("--rounds", type=int, default=1, help="of every kind (default: 1)")
    parser.add_argument("--page", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"KIND {', '.join(sorted(unknown))}; must be of {', '.join(KINDS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    started, rounds = time.monotonic(), {}
    with undisturbed() as study:
        for number in range(options.rounds):
            for name in [name for name in POSSIBLE if name in (options.kinds or KINDS)]:
                try:
                    disturb(study, name, f"{options.seed} {number}")
                except Lost as error:
                    study.round.lost = True
                    print(error, file=sys.stderr)
                done = study.round
                rounds.setdefault(name, []).append(done)
                print(
                    f"{time.monotonic() - started:5.0f} s  round {number + 1}, {name}: "
                    f"{done.faults} faults, {done.kills} kills, "
                    f"{'LOST' if done.lost else 'identical after: snakemake'}",
                    *done.actions,
                    sep=", ",
                    flush=True,
                )
        jobs = len(study.jobs)
    command = f"python -m tests.faults {shlex.join(sys.argv[1:])}"
    text = page(command, jobs, rounds, time.monotonic() - started)
    if options.page:
        options.page.write_text(text, encoding="utf-8")
    else:
        print(text)
    sys.exit(any(one.lost for several in rounds.values() for one in several))


if __name__ == "__main__":
    main()
