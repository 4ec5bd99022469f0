"""Compare engines: ``python -m speed``, from the project's folder. See speed/README.md."""

import argparse
import os
import sys
from pathlib import Path

ROUNDS = 15


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; see ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks, to try it out")
    parser.add_argument("--rounds", type=int, help=f"rounds of timing (default: {ROUNDS})")
    parser.add_argument("--core", type=int, help="core to run on (default: the last allowed one)")
    parser.add_argument("--without", action="append", default=[], metavar="ENGINE")
    parser.add_argument(
        "--output", type=Path, help="folder to write to (docs, or build/benchmark if quick)"
    )
    options = parser.parse_args(arguments)
    settle(options.core)
    # Only now: these load libraries that look for cores as they start.
    from speed.cases import cases
    from speed.engines import Disagreement, available
    from speed.report import write
    from speed.timing import measure

    engines = {name: kind for name, kind in available().items() if name not in options.without}
    if "PGMax" not in engines:
        print("without PGMax; `make benchmark` installs it", file=sys.stderr)
    rounds = options.rounds or (3 if options.quick else ROUNDS)
    try:
        measured = [measure(case, engines, rounds, _log) for case in cases(options.quick)]
    except Disagreement as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    folder = options.output or Path("build/benchmark" if options.quick else "docs")
    write(folder, measured, rounds)
    _log(f"written: {folder / 'benchmark.md'}, {folder / 'benchmark.png'}")
    return 0


def settle(core: int | None) -> None:
    """Keep to one core and one thread. Before NumPy, Numba or JAX is loaded, to affect them."""
    if hasattr(os, "sched_setaffinity"):
        chosen = max(os.sched_getaffinity(0)) if core is None else core
        os.sched_setaffinity(0, {chosen})
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC"):
        os.environ[variable] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # XLA warns of what takes long to compile


def _log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
