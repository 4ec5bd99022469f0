"""What Snakemake would run, and why, in few words: ``sparsebp why``."""

import logging
import os
from collections import Counter
from collections.abc import Hashable, Iterator
from pathlib import Path
from textwrap import shorten

from snakemake.api import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    ResourceSettings,
    SnakemakeApi,
)
from snakemake.settings.enums import Quietness
from snakemake.utils import available_cpu_count
from snakemake_interface_common.exceptions import ApiError, WorkflowError

from sparsebp.storage import handed, paths
from sparsebp.study import durations
from sparsebp.study.inspection import differences
from sparsebp.study.validation import load_yaml

PRODUCTS = {
    "draw": "teacher",
    "kernels": "compilation",
    "train": "training",
    "collect": "result",
    "trees": "result",
    "search": "network",
    "from_scratch": "result",
    "verdicts": "verdict",
    "numbers": "file of numbers",
    "verdict_page": "page",
    "explorer": "page",
    "provenance_page": "page",
}
"""What the jobs of a rule make, in words, where the rule is not called so."""

SUBJECTS_WIDTH = 64


def run(targets: list[str], configfiles: list[str], directory: str | None) -> int:
    """Print which jobs Snakemake would run, why, and how long they would take.

    Args:
        targets: files or rules; none for the study's default.
        configfiles: those that override config.yaml.
        directory: where results are, if not here.

    Returns:
        the exit status, 0.

    Raises:
        ValueError: Snakemake refuses the targets or the configuration.
    """
    for path in configfiles:
        load_yaml(path)  # tells more of what is wrong with it than Snakemake does
    # So quiet, a dry run ends once it knows its jobs.
    quiet = OutputSettings(
        dryrun=True,
        quiet={Quietness.RULES, Quietness.PROGRESS},
        log_level_override=logging.CRITICAL,
    )
    try:
        with SnakemakeApi(quiet) as snakemake:
            flow = snakemake.workflow(
                ResourceSettings(cores=available_cpu_count()),
                ConfigSettings(configfiles=[Path(path) for path in configfiles]),
                workdir=Path(directory) if directory else None,
            )
            # As the profile has it: what a stopped run left incomplete is made again.
            settings = DAGSettings(targets=frozenset(targets), force_incomplete=True)
            flow.dag(settings).execute_workflow(executor="dryrun")
            # The interface hands out files; jobs and reasons are in the graph behind it.
            print(told(flow._workflow.dag))
    except (ApiError, WorkflowError) as error:
        cause = error.__context__
        raise ValueError(str(cause if isinstance(cause, ValueError) else error)) from error
    return os.EX_OK


def told(dag) -> str:
    """What would run of a graph of jobs, why, and for how long, in words."""
    reasons = _reasons(dag)
    if not reasons:
        return "Nothing to do: all that is asked for is there and up to date."
    estimates = durations.estimates(dag.workflow, reasons)
    lines = [f"{_many(len(reasons), 'job')} would run:", "", *_table(estimates), "", "Why:"]
    texts, jobs = {}, {}
    for job, found in reasons.items():
        for key, text in found.items():
            # A change that shows at several places is told as it shows nearest to its cause.
            texts.setdefault(key, text)
            jobs.setdefault(key, []).append(PRODUCTS.get(job.rule.name, job.rule.name))
    for key in sorted(texts, key=lambda key: -len(jobs[key])):
        counts = [_many(number, product) for product, number in Counter(jobs[key]).items()]
        lines.append(f"  {texts[key]}: {', '.join(counts)}")
    return "\n".join([*lines, "", f"Time: {durations.told(dag.workflow, estimates)}."])


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _table(estimates: dict) -> Iterator[str]:
    """A row for each rule: how many jobs, how long they compute, and of what."""
    rules = {}
    for job in estimates:
        rules.setdefault(job.rule.name, []).append(job)
    rows = [("rule", "jobs", "computing", "of")]
    for rule, jobs in rules.items():
        known = [estimates[job].seconds for job in jobs if estimates[job].seconds is not None]
        time = durations.words(sum(known)) if known else "unknown"
        rows.append((rule, str(len(jobs)), time, _subjects(jobs)))
    first, second, third, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for rule, jobs, time, of in rows:
        yield f"{rule:{first}}  {jobs:>{second}}  {time:>{third}}  {of}".rstrip()


def _subjects(jobs: list) -> str:
    """What jobs are of, as experiments or figures, each with its number of jobs if not one."""
    wildcards = [job.wildcards_dict for job in jobs]
    kinds = ("experiment", "figure", "case")
    of = Counter(next((one[kind] for kind in kinds if one.get(kind)), "") for one in wildcards)
    names = [name if number == 1 else f"{name} ({number})" for name, number in of.items()]
    return shorten(", ".join(names), SUBJECTS_WIDTH, placeholder=f" ... ({len(of)} in all)")


def _reasons(dag) -> dict:
    """Why each job would run that makes something: its own reasons, and those of jobs before it.

    Returns:
        by job, in the order of the rules: text of each reason, by what tells it from others.
    """
    found = {}
    for level in dag.toposorted(set(dag.needrun_jobs())):
        for job in level:
            found[job] = dict(_own(dag, job))
            for earlier in dag.dependencies[job]:
                found[job] |= found.get(earlier, {})
    rules = [rule.name for rule in dag.workflow.rules]
    jobs = sorted(found, key=lambda job: (rules.index(job.rule.name), *job.output))
    return {job: found[job] for job in jobs if job.output}


def _own(dag, job) -> Iterator[tuple[Hashable, str]]:
    """Reasons of a job itself. Of one that others before it bring about, Snakemake asks no more."""
    reason = dag.reason(job)
    changed = dag.workflow.persistence.params_changed(job)
    plain = {
        "missing output": reason.missing_output,
        "output left incomplete by a run that was stopped": reason.incomplete_output,
        "input newer than output": reason.updated_input - reason.updated_input_run,
        "the command of the rule has changed": reason.code_changed,
        "other input files": reason.input_changed and not changed,
    }
    yield from ((text, text) for text, applies in plain.items() if applies)
    if changed:
        yield from _changes(*map(_params, (changed.only_old, changed.only_new)))


def _params(recorded: set[str]) -> tuple[list[str], list[str]]:
    """Parameters as Snakemake records them, in quotes: files of slices, and hashes of sources."""
    values = sorted(value[1:-1] for value in recorded)
    slices = [value for value in values if Path(value).parent == Path(paths.HANDED).parent]
    return slices, [value for value in values if value not in slices]


def _changes(old, new) -> Iterator[tuple[Hashable, str]]:
    """What differs between parameters then and now."""
    (old_slices, old_sources), (new_slices, new_sources) = old, new
    if old_sources != new_sources:
        yield "sources", "sources have changed"
    for before, now in zip(old_slices, new_slices, strict=False):
        try:
            for change in differences(handed.read(before), handed.read(now)):
                yield change.key, change.line("configured is")
        except (OSError, ValueError):
            text = "another configuration, which is not in .snakemake any more"
            yield text, text
