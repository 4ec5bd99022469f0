"""The command line: every step of the study by hand, and what made a file.

The workflow calls these commands; ``snakemake --printshellcmds`` shows each with its arguments.
A module is imported only when its step runs, so that a step loads nothing that it does not need.
"""

import argparse
import atexit
import gc
import logging
import math
import sys
import traceback
from importlib import import_module
from itertools import chain

import sparsebp
from sparsebp.storage import handed, provenance, sources  # noqa: F401  (provenance: the clock starts)
from sparsebp.storage.atomic import reserved_outputs

EPILOG = """
All but show and why are steps of the workflow. A step takes SPEC, a file of JSON with the slice of
the configuration that it depends on (some need none), reads its input files, and writes its output
atomically. If there are many input files, a file of JSON names them. Both JSON files can come from
a pipe, as /dev/stdin. To see the commands of a whole figure, and have those files written:

  snakemake --dry-run --printshellcmds figures/fig3_2.pdf

(each ends in the redirection of its messages to a log file, which Snakemake makes a folder for).
"""


SHOW = """
examples:

  sparsebp show results/output_mismatch.nc figures/fig3_2.pdf
  sparsebp show results/*/seed-0/*.nc             every file of the first simulations
  sparsebp show build/small/figures/*.pdf --configfile tests/small.yaml
                                                  made with snakemake --configfile tests/small.yaml

Run it in the folder of the Snakefile and config.yaml, wherever the files are. A file matches where
Snakemake would not make it anew for the configuration or the sources, its own or those of any step
before it. Other versions of libraries are named, and do not count, as Snakemake does not ask for
them either.

exit status:
  0  all files match
  1  a file cannot be read or carries no provenance (.csv, .md, .html), or config.yaml is not right
  3  a file does not match
"""

WHY = """
examples:

  sparsebp why                                    of the whole study, as plain snakemake would
  sparsebp why figures/fig3_2.pdf                 of one figure
  sparsebp why figures --configfile tests/small.yaml --directory build/small

Run it in the folder of the Snakefile. It runs nothing, and asks Snakemake, as a dry run does: the
jobs are the same. A job counts at each of its reasons, its own and those of jobs before it. The
time is that of earlier runs on this machine (benchmarks/), divided by its cores.
"""


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser, namespace, values, option_string=None):
        print(parser.prog, sparsebp.__version__)
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The argument parser of the ``sparsebp`` command."""
    top = argparse.ArgumentParser(
        prog="sparsebp",
        description="Learn sparse binary neural networks with belief propagation, step by step.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told = "print the version and exit"
    top.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help=told)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def step(
        name, help, files=(), spec=True, seed=True, writes=("output",), inputs=None, epilog=None
    ):
        about = help[0].upper() + help[1:] + "."
        command = commands.add_parser(name, help=help, description=about, epilog=epilog)
        if spec:
            command.add_argument("spec", metavar="SPEC", help="configuration slice, a file of JSON")
        if seed:
            command.add_argument("--seed", type=int, required=True, help="number of the simulation")
        if inputs:
            about = f"file that names those to read, JSON: {inputs}"
            command.add_argument("--inputs", required=True, metavar="FILE", help=about)
        for option, text in files:
            command.add_argument(f"--{option}", required=True, metavar="FILE", help=text)
        if "output" in writes:
            command.add_argument("--output", required=True, metavar="FILE", help="file to write")
        command.set_defaults(writes=writes)
        return command

    drawn = "teacher", "dataset", "student"
    step(
        "draw",
        "draw a teacher, its data, and a student whose pattern contains the teacher's",
        [(name, f"{name}.nc to write") for name in drawn],
        writes=drawn,
    )
    kernels = step(
        "kernels",
        "compile the kernels",
        seed=False,
        epilog="They are put into the folder that the environment variable NUMBA_CACHE_DIR names, "
        "or into the user's cache; FILE says with what they were compiled.",
    )
    kernels.add_argument(
        "--threads", type=int, default=1, help="compile so many side by side (default: 1)"
    )
    train = step(
        "train",
        "train a student on every number of samples",
        [("student", "student.nc to read"), ("dataset", "dataset.nc to read")],
        epilog="Kernels come from the folder that the environment variable NUMBA_CACHE_DIR names, "
        "or from the user's cache; a training that misses one compiles it while others wait.",
    )
    train.add_argument(
        "--threads",
        type=int,
        default=1,
        help="update so many parts of the messages side by side (default: 1); results are the same",
    )
    train.add_argument(
        "--memory-gib",
        type=float,
        default=4.0,
        help="refuse tables of configurations beyond this size (default: 4)",
    )
    train.add_argument(
        "--teacher",
        metavar="FILE",
        help="teacher.nc to read, for method density-evolution alone, which predicts the errors",
    )
    step(
        "collect",
        "measure the errors of all students of an experiment",
        seed=False,
        inputs="{EXPERIMENT: {SEED: {teacher: FILE, dataset: FILE, student: FILE, "
        "trained: {LEARNER: FILE}}}}",
    )
    figure = step(
        "figure",
        "draw a figure",
        seed=False,
        writes=("outputs",),
        inputs="{EXPERIMENT: FILE}, the results; of a drawing {teacher: FILE, student: FILE}; of "
        "trees {trees: FILE}; of what is found from scratch {from_scratch: FILE}",
    )
    figure.add_argument(
        "--output",
        dest="outputs",
        nargs="+",
        required=True,
        metavar="FILE",
        help="files to write: .pdf, .png, .svg",
    )
    step(
        "verdicts",
        "judge the claims of the thesis",
        [("table", "the same to read, Markdown, to write")],
        seed=False,
        writes=("output", "table"),
        inputs="{EXPERIMENT: FILE}, the results",
    )
    step(
        "numbers",
        "find the named numbers about results that pages and captions show",
        seed=False,
        inputs="{EXPERIMENT: FILE}, the results, and {trees: FILE}",
    )
    step(
        "trees",
        "pass messages on trees and rings, and compare with the exact posterior (appendix A)",
        seed=False,
    )
    step(
        "search",
        "search for a network from samples alone, in one case of from_scratch",
        epilog="Kernels come from the folder that the environment variable NUMBA_CACHE_DIR names, "
        "or from the user's cache.",
    )
    step(
        "from_scratch",
        "put what was found from scratch in all cases into one file",
        seed=False,
        inputs="{CASE: {SEED: FILE}}",
    )
    step(
        "table",
        "put the results of an experiment into a table, CSV and HTML",
        [("results", "file of results to read"), ("page", "the same to look at, HTML, to write")],
        spec=False,
        seed=False,
        writes=("output", "page"),
    )
    step(
        "verdict_page",
        "put the verdicts into a page of the report, HTML, and a picture",
        [
            ("verdicts", "verdicts to read, as the step verdicts writes them"),
            ("figure", "picture to write, PNG"),
        ],
        spec=False,
        seed=False,
        writes=("output", "figure"),
    )
    explorer = step(
        "explorer",
        "put verdicts, the curves behind them and those of varied keys into a page, HTML",
        seed=False,
        inputs="{EXPERIMENT: FILE}, the results",
    )
    explorer.add_argument(
        "--verdicts",
        metavar="FILE",
        help="verdicts to read, as the step verdicts writes them (default: none are shown)",
    )
    step(
        "provenance_page",
        "put what made the results into a page of the report, HTML",
        spec=False,
        seed=False,
        inputs="{EXPERIMENT: FILE}, the results",
    )
    show = commands.add_parser(
        "show",
        help="print what made files, and whether they match the configuration and sources here",
        description="Print what made each file: configuration, seeds, versions, sources, commit, "
        "host and time;\nand whether it matches the configuration and the sources in this folder.",
        epilog=SHOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help=".nc, .pdf, .png, .svg or .json that the workflow made",
    )
    why = commands.add_parser(
        "why",
        help="print what Snakemake would run, why, and for how long",
        description="Print which jobs Snakemake would run, why, and how long they would take.",
        epilog=WHY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    why.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="file or rule to make (default: all that the report shows)",
    )
    why.add_argument(
        "--directory", metavar="DIR", help="where results are, as for Snakemake (default: here)"
    )
    for command in (show, why):
        command.add_argument(
            "--configfile",
            dest="configfiles",
            nargs="+",
            default=[],
            metavar="FILE",
            help="what overrides config.yaml, as for Snakemake",
        )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit status: 1 with one line on stderr for bad input.

    That of ``show`` says whether files match, see ``show.run``.

    Args:
        arguments: those of the program where none are given.
    """
    if arguments is None:
        # Whoever lives for seconds need not search for garbage, neither while it loads libraries
        # nor at its end: a third of the time of a short training.
        gc.disable()
        atexit.register(gc.freeze)
    options = vars(parser().parse_args(arguments))
    command, writes = options.pop("command"), options.pop("writes", ())
    logging.basicConfig(format="%(message)s")
    logging.getLogger("sparsebp").setLevel(logging.INFO)
    try:
        for name in {"spec", "inputs"} & options.keys():
            options[name] = handed.read(options[name])
        if options.get("seed", 0) < 0:
            raise ValueError(f"--seed {options['seed']}; must be at least 0")
        if options.get("threads", 1) < 1:
            raise ValueError(f"--threads {options['threads']}; must be at least 1")
        if not 0 < options.get("memory_gib", 1) < math.inf:  # nor NaN
            raise ValueError(
                f"--memory-gib {options['memory_gib']}; must be a finite number above 0"
            )
        if command in ("show", "why"):
            return import_module(f"sparsebp.study.{command}").run(**options)
        given = [options[name] for name in writes]
        with reserved_outputs(
            chain.from_iterable([one] if isinstance(one, str) else one for one in given)
        ):
            step = import_module(f"sparsebp.steps.{command}")
            sources.check_loaded(f"steps.{command}")
            step.run(**options)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        return _fail(command, str(error) or type(error).__name__)
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # A SPEC typed by hand that lacks something; or a bug, so say where.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        return _fail(command, f"{type(error).__name__}: {error} ({where}); is SPEC complete?")
    return 0


def _fail(command: str, message: str) -> int:
    line = f"sparsebp {command}: {' '.join(message.split())}"
    try:
        print(line, file=sys.stderr)
    except OSError:  # stderr is a log on a full disk
        print(line)
    return 1
