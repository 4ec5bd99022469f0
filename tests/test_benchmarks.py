"""The benchmark: its engines compute the same, it notices when they do not, and it writes its page.

Timed are only tiny networks, and not how fast they are.
"""

from dataclasses import replace

import numpy as np
import pytest

from speed import __main__ as program
from speed import engines, limits, report
from speed.cases import Instance, cases, instance
from speed.plain import occurrences

QUICK = cases(quick=True)
CASES = [replace(case, n=20) for case in QUICK]
TITLES = [f"{case.title} at n = {case.n}" for case in CASES]


@pytest.fixture(scope="module", params=CASES, ids=TITLES)
def problem(request) -> Instance:
    return instance(request.param)


@pytest.mark.thorough
def test_the_plain_loop_computes_what_the_package_does(problem):
    pair = [engines.Own(problem), engines.PlainLoop(problem)]
    assert engines.check(problem, pair) <= 1e-12


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
def test_pgmax_computes_what_the_package_does(problem):
    pytest.importorskip("pgmax", reason="PGMax is installed by make benchmark alone")
    from speed.pgmax_engine import PGMaxEngine

    pair = [engines.Own(problem), PGMaxEngine(problem)]
    assert engines.check(problem, pair) <= 1e-12


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", [1e-4, np.nan])
@pytest.mark.parametrize("part", engines.State._fields)
def test_a_difference_stops_the_benchmark(problem, part, wrong):
    class Wrong(engines.PlainLoop):
        name = "wrong"

        def read(self):
            state = super().read()
            changed = getattr(state, part).copy()
            changed.flat[0] += wrong * max(1.0, np.abs(changed).max())
            return state._replace(**{part: changed})

    with pytest.raises(engines.Disagreement, match=f"{part} of wrong differ"):
        engines.check(problem, [engines.Own(problem), Wrong(problem)])


def test_all_engines_get_the_possible_configurations_of_the_package(problem):
    """The tables are made without the package's factors, and have as many entries as those."""
    own = engines.Own(problem)
    if problem.case.maximise:
        assert np.isfinite(problem.table).all()
        assert problem.table.max() == 0
        assert problem.table.min() == pytest.approx(own.factors.table.min())
    else:
        zero = problem.problem.states.alphabet == 0
        states = problem.problem.states
        copies = np.where(zero[states.class_output], len(states.tuples), 1)
        expected = copies[own.factors.configurations].prod(axis=1).sum()
        assert (problem.table == 0).sum() == expected
        assert np.isneginf(problem.table[problem.table != 0]).all()


def test_places_of_weights():
    weights = np.array([[2, 0, 1], [0, 2, 0]])
    assert occurrences(weights).tolist() == [[1, 3, 5], [2, -1, -1], [0, 4, -1]]


@pytest.mark.thorough
def test_work_grows_with_the_network(problem):
    small, large = (
        limits.work(engines.Own(instance(replace(problem.case, n=n)))) for n in (20, 80)
    )
    # Four times for tables; lists of possible configurations differ in length.
    assert 2 < large.touched / small.touched < 8
    assert 2 < large.operations / small.operations < 8
    assert small.touched < small.moved < 2 * small.touched


def test_work_of_a_small_case_counted_by_hand():
    """Max-sum: 3 outputs with 3 hidden neurons each, of 9 joint states: tables of 729 entries."""
    case = replace(QUICK[3], n=3, samples=1)
    counted = limits.work(engines.Own(instance(case)))
    messages = 9 * 2 * 2 * 8  # edges, weights of a hidden neuron, numbers, bytes
    constant = 3 * 729 * 8 + 9 * 2 * 4
    assert counted.touched == messages + constant
    assert counted.moved == 2 * messages + constant
    messages = 9 * 2 * 3 * 2 + 9 * 9 * 1 + 9 * 2 * 9 * 2 + 9 * 2 * 3
    assert counted.operations == messages + 3 * 4 * (729 + 81)


@pytest.mark.parametrize("text", ["1", "0.0123", "12.3", "1,234"])
def test_numbers_have_three_digits(text):
    value = float(text.replace(",", ""))
    assert float(report._number(value).replace(",", "")) == pytest.approx(value, rel=1e-2)


@pytest.fixture
def written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(program, "settle", lambda core: None)
    monkeypatch.setattr("speed.cases.QUICK_SIZES", dict.fromkeys((1000, 100_000, 200), 12))

    def run(*arguments):
        code = program.main(["--quick", "--rounds", "2", "--output", str(tmp_path), *arguments])
        return code, tmp_path, capsys.readouterr().err

    return run


@pytest.mark.slow
def test_the_page_has_every_case_and_engine(written):
    code, folder, messages = written("--without", "PGMax")
    assert code == 0 and "without PGMax" in messages
    page = (folder / "benchmark.md").read_text()
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    for case in cases(quick=True):
        rows = [row for row in lines if row[0] == case.title]
        assert {"sparsebp", "plain loop", "limit"} <= {row[1] for row in rows}
    assert "{" not in page
    assert (folder / "benchmark.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.thorough
def test_nothing_is_written_if_engines_differ(written, monkeypatch):
    class Wrong(engines.PlainLoop):
        def read(self):
            state = super().read()
            return state._replace(inner=state.inner + 1e-3)

    monkeypatch.setattr(engines, "PlainLoop", Wrong)
    code, folder, messages = written("--without", "PGMax")
    assert code == 1
    assert "error: matched" in messages and "inner of plain differ" in messages
    assert not list(folder.iterdir())
