"""Kinds of faults.

Each function disturbs a study that has just begun, and may count faults; what it leaves to do is
done by `Study.recover`.
"""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from tests.fault_study import MADE, Lost
from tests.workflow_helpers import TARGETS

HOLD = "touch {held}; while test ! -e {go}; do sleep 0.1; done"


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
