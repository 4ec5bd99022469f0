"""One problem drawn, built and learnt, each stage timed, in a process of its own."""

import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from sparsebp.engine import factors as fac
from sparsebp.engine.learning import propagate
from sparsebp.engine.messages import Messages
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.engine.survivors import join_kernel
from sparsebp.network.data import PerRow, Sizes, draw_samples, draw_student, draw_teacher
from sparsebp.network.metrics import weight_error
from sparsebp.network.model import Layer, activation
from sparsebp.network.quantities import Status
from sparsebp.steps.kernels import KERNELS
from speed.cases import learner


class Case(NamedTuple):
    """What is measured: N neurons in each layer, tanh, offline from uniform messages.

    Attributes:
        neurons: N.
        samples: m.
        teacher, student: non-zeros per row of W_in and W_out.
        alphabet: the student's weights.
        maximise: max-sum, instead of sum-product on hard factors.
        max_steps: limit on the number of steps.
        memory_gib: limit on the list or table.
        threads: of message passing.
        drawing: of the patterns, see ``patterns.biregular``.
    """

    neurons: int
    samples: int
    teacher: tuple[int, int] = (2, 2)
    student: tuple[int, int] = (2, 2)
    alphabet: tuple[int, ...] = (-1, 1)
    maximise: bool = False
    max_steps: int = 500
    memory_gib: float = 4
    threads: int = 1
    drawing: str = "trades"


class Measured(NamedTuple):
    """Seconds for drawing teacher and data, building factors, one step (of one thread, and of all
    together) and all steps; the rest is named as in ``sparsebp``. ``listed``: configurations per
    factor, in the list or the table."""

    draw: float
    build: float
    step: float
    step_together: float
    passing: float
    steps: int
    status: Status
    listed: float
    weight_error: float
    peak_gib: float


def measure_all(cases: Iterable[Case]) -> Iterator[tuple[Case, Measured | str]]:
    """Measure every case in a fresh process; what is refused comes with the reason."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for case in cases:
            # Compiled in another process, kernels come from the cache, and take little memory.
            pool.submit(_compile, case).result()
            try:
                yield case, pool.submit(_measure, case).result()
            except ValueError as refused:
                yield case, str(refused)


def draw(case: Case):
    """A teacher, its samples and the student's problem."""
    sizes, phi = Sizes(*[case.neurons] * 3), activation("tanh", b=0.1)
    shape = sizes, PerRow(*case.teacher)
    teacher = draw_teacher(*shape, entropy=1, seed=0, drawing=case.drawing)
    patterns = draw_student(teacher, PerRow(*case.student), entropy=1, seed=0)
    samples = draw_samples(teacher, phi, case.samples, entropy=1, seed=0)
    return teacher, samples, Problem.of(patterns, case.alphabet, phi)


def _compile(case: Case) -> None:
    join_kernel()
    k_in, k_out = case.student
    how = learner(case.maximise)
    for name, *parts in how.kernels(k_in, k_out, list(case.alphabet), degree=k_out):
        KERNELS[name](*parts)


def _measure(case: Case) -> Measured:
    _compile(case)
    start = time.perf_counter()
    teacher, samples, problem = draw(case)
    drawn = time.perf_counter()
    make = fac.soft_factors if case.maximise else fac.hard_factors
    factors = make(problem.states, *problem.patterns, problem.phi, *samples, case.memory_gib)
    built = time.perf_counter()
    how, rng = learner(case.maximise, max_steps=case.max_steps), np.random.default_rng(0)
    start_of = how, problem, factors, Beliefs.uniform(problem), rng
    outcome = propagate(*start_of, threads=case.threads)
    done = time.perf_counter()
    estimate = [
        Layer(pattern, problem.states.alphabet[belief.argmax(axis=-1)])
        for pattern, belief in zip(problem.patterns, outcome.beliefs, strict=True)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    took, messages = [], []
    for threads in (1, case.threads):  # one after the other: large networks need the memory
        passing = Messages(*start_of)
        took.append(_seconds_per_step(passing, threads))
        messages.append(passing.u)
    if not np.array_equal(*messages):
        raise AssertionError(f"{case.threads} threads and one disagree")
    return Measured(
        draw=drawn - start,
        build=built - drawn,
        step=took[0],
        step_together=took[1],
        passing=done - built,
        steps=outcome.iterations,
        status=outcome.status,
        listed=factors.table.shape[1]
        if case.maximise
        else len(factors.configurations) / case.neurons,
        weight_error=weight_error(teacher, estimate),
        peak_gib=peak,
    )


def _seconds_per_step(messages: Messages, threads: int) -> float:
    messages.run(1, threads)  # brings everything into the cache
    start = time.perf_counter()
    steps = messages.run(20, threads)
    return (time.perf_counter() - start) / max(1, steps)


def ending(measured: Measured) -> str:
    """The number of steps and how they ended."""
    return f"{measured.steps}, {measured.status.name.lower().replace('_', ' ')}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
