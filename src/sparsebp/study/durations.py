"""How long jobs will take, estimated from the benchmark files of earlier runs."""

import csv
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

from snakemake.logging import logger


class Estimate(NamedTuple):
    """How long a job will take.

    Attributes:
        seconds: the median of earlier runs; None where there are none.
        like: of which jobs these were, one of ``LIKE``; None where there are none.
        keys: what the job shares with others that are more like it, from the most alike on. Once
            these have run, their time is the better estimate.
    """

    seconds: float | None
    like: str | None
    keys: tuple[Hashable, ...]


LIKE = ("the same at any seed", "other learners of their experiment", "other jobs of their rule")
"""Whose time stands for that of a job: of these the first that has been timed."""


def benchmarked(workflow) -> dict[Hashable, float]:
    """The median seconds of all that was timed, for every ``LIKE`` of every job.

    Args:
        workflow: Snakemake's, in whose folder this is called.
    """
    found = defaultdict(list)
    patterns = {rule.name: rule.benchmark for rule in workflow.rules if rule.benchmark}
    for path in Path("benchmarks").rglob("*.tsv"):
        for rule, pattern in patterns.items():
            if match := pattern.match(str(path)):
                seconds = _seconds(path)
                for key in {*_keys(rule, match.groupdict())}:
                    found[key] += seconds
    return {key: median(seconds) for key, seconds in found.items() if seconds}


def _seconds(path: Path) -> list[float]:
    """What a benchmark file says; nothing if it is damaged, as nothing but an estimate needs it."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _keys(rule: str, wildcards: Mapping[str, str]) -> Iterator[Hashable]:
    """What a job is known by, in the order of ``LIKE``."""
    own = frozenset(item for item in wildcards.items() if item[0] != "seed")
    yield rule, own
    yield rule, frozenset(item for item in own if item[0] == "experiment") or own
    yield rule


def estimates(workflow, jobs: Iterable) -> dict:
    """How long each of these jobs of a workflow will take: ``Estimate`` by job."""
    known = benchmarked(workflow)

    def one(job) -> Estimate:
        keys = tuple(_keys(job.rule.name, job.wildcards_dict))
        for number, (like, key) in enumerate(zip(LIKE, keys, strict=True)):
            if key in known:
                return Estimate(known[key], like, keys[: number or 1])
        return Estimate(None, None, keys)

    return {job: one(job) for job in jobs}


def told(workflow, found: dict) -> str:
    """How long jobs will take in all, and by what that is estimated.

    Args:
        found: what ``estimates`` says of them.
    """
    likes = Counter(estimate.like for estimate in found.values())
    if len(found) == likes[None]:
        return "unknown, as nothing like it has run here"
    # A job that takes several cores leaves fewer to others.
    total = sum(one.seconds * job.threads for job, one in found.items() if one.seconds is not None)
    if workflow.local_exec:
        many = "core" if workflow.cores == 1 else "cores"
        text = f"about {words(total / workflow.cores)} on {workflow.cores} {many}"
    else:
        text = f"about {words(total)} of computing"
    others = [f"{likes[like]} as {like}" for like in LIKE[1:] if likes[like]]
    if likes[None]:
        others.append(f"{likes[None]} not counted, as nothing like them has run here")
    return "; ".join([f"{text}, as earlier runs took", *others])


def announce(workflow) -> None:
    """Say at the start of a run how long it will take, and to ``progress`` how long each job.

    Args:
        workflow: Snakemake's, whose jobs are known.
    """
    dag = workflow.dag
    found = estimates(workflow, [job for job in dag.needrun_jobs() if job.output])
    computing = {dag.jobid(job): (job.threads, one.seconds, one.keys) for job, one in found.items()}
    logger.info(f"Time: {told(workflow, found)}", extra={"computing": computing})


def words(seconds: float) -> str:
    """A duration to read, such as 8 s, 12 min or 1 h 25 min."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
