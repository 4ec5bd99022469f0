"""Time engines in turn, so that whatever else the machine does meets all of them alike."""

import gc
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from speed.cases import Case, instance
from speed.engines import Own, check
from speed.limits import Limit, Work, limit, work


class Measured(NamedTuple):
    """What was measured for one case.

    Attributes:
        case: the case.
        configurations: possible configurations per factor.
        difference: largest difference between the engines, see ``engines.check``.
        seconds: engine -> time of one update, one number for each round.
        work: bytes and operations of one update.
        limits: one for each round.
    """

    case: Case
    configurations: float
    difference: float
    seconds: dict[str, np.ndarray]
    work: Work
    limits: list[Limit]

    @property
    def limit_seconds(self) -> np.ndarray:
        return np.array([each.seconds for each in self.limits])


def measure(case: Case, kinds: dict, rounds: int, log: Callable[[str], None]) -> Measured:
    """Set up a case for all engines, see that they agree, and time them in ``rounds`` rounds.

    Raises:
        engines.Disagreement: they do not compute the same; nothing is timed.
    """
    log(f"{case.title}: setting up")
    problem = instance(case)
    engines = [kind(problem) for kind in kinds.values()]
    difference = check(problem, engines)
    log(f"{case.title}: engines agree to {difference:.1g}")
    counted = work(next(engine for engine in engines if isinstance(engine, Own)))
    limit(counted, case.maximise)  # compiles the loops
    for engine in engines:
        engine.prepare(case.updates[engine.name])
    seconds = {engine.name: np.empty(rounds) for engine in engines}
    limits = []
    for number in range(rounds):
        first = number % len(engines)
        for engine in engines[first:] + engines[:first]:
            seconds[engine.name][number] = _sample(engine, case.updates[engine.name])
        limits.append(limit(counted, case.maximise))
    medians = ", ".join(f"{name} {np.median(s) * 1e3:.3g} ms" for name, s in seconds.items())
    log(f"{case.title}: {medians}")
    possible = np.isfinite(problem.table).sum() / len(problem.table)
    return Measured(case, possible, difference, seconds, counted, limits)


def _sample(engine, updates: int) -> float:
    """Seconds per update, from uniform messages. Setting those up is not timed.

    Of the processor's time for all threads of the process, which on one core is the time that
    passes, but for what other programs take.
    """
    engine.start()
    gc.collect()
    gc.disable()
    started = time.process_time()
    engine.run(updates)
    took = time.process_time() - started
    gc.enable()
    return took / updates
