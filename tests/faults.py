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
import random
import shlex
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sparsebp.storage.provenance import surroundings
from tests.fault_kinds import KINDS, MAY_MOUNT, POSSIBLE, mounted
from tests.fault_study import Lost, Round, Study

SPACE = "64m"  # of the disk that gets full


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
        "Otherwise the study ended with results identical to those of an undisturbed run",
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
