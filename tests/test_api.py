"""The front door: what it gives is what the engine and exhaustive enumeration give."""

import re
import subprocess
import sys
import tomllib
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import sparsebp as sb
from sparsebp.engine.arrangement import arrange
from sparsebp.engine.learning import learn as engine_learn
from sparsebp.engine.problem import Problem
from sparsebp.network.data import draw_student
from sparsebp.network.model import forward

ROOT = Path(__file__).parents[1]
PHI = sb.tanh(b=0.1)
TEACHER = sb.draw_teacher(30, per_row=2, seed=3)
DATA = sb.draw_samples(TEACHER, PHI, 6, seed=3)


def test_names_are_there_and_told():
    assert set(sb.__all__) <= set(dir(sb))
    for name in sb.__all__:
        assert getattr(sb, name).__doc__
    with pytest.raises(AttributeError, match="nothing"):
        sb.nothing  # noqa: B018


def test_the_door_loads_nothing_before_a_name_is_used():
    code = (
        "import sys, sparsebp as sb; before = {'numpy', 'numba'} & set(sys.modules);"
        "sb.learn, sb.Student, sb.load, sb.weight_error;"
        "print(before, {'matplotlib', 'seaborn', 'snakemake', 'jax', 'xarray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() set()\n"


@pytest.mark.thorough
def test_the_engine_alone_needs_its_own_dependencies_alone():
    """Without what the extras install: an import of it fails, as if it were not there."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    names = {re.match(r"[\w-]+", line)[0] for lines in extras.values() for line in lines}
    missing = {"yaml", "PIL"} | {name.replace("-", "_") for name in names}
    program = f"import sys; sys.modules |= dict.fromkeys({missing - {'packaging'}!r})\n"
    program += "".join(line[4:] + "\n" for line in sb.__doc__.splitlines() if line[:4] == "    ")
    program += "fit.to_netcdf('fit.nc')"
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "12 0.0 converged"


def test_the_readme_shows_the_text_of_the_package():
    lines = [line[4:] for line in sb.__doc__.splitlines() if line.startswith("    ")]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```python\n" + "\n".join(lines) + "\n```" in readme.replace("\n\n", "\n")


@pytest.mark.thorough
@pytest.mark.parametrize("how", [{}, {"schedule": "online"}, {"reinforcement": 0.1}])
def test_the_door_gives_what_the_engine_gives(how):
    learner = sb.Learner("sum-product", **how)
    student = sb.Student.knowing(TEACHER, (-1, 0, 1), activation=PHI, per_row=3, seed=3)
    patterns = draw_student(TEACHER, 3, 0, 3)
    problem = Problem.of(patterns, [-1, 0, 1], PHI)
    theirs = list(engine_learn(learner, problem, DATA, [2, 6], 0, 3, 1.0))
    ours = list(sb.learn(student, DATA, learner, at=[2, 6], seed=3))
    for fit, trained in zip(ours, theirs, strict=True):
        for name in ("n_samples", "iterations", "status", "residual", "expected_error", "entropy"):
            np.testing.assert_array_equal(getattr(fit, name), getattr(trained, name))
        for weights, estimate in zip(fit.weights, trained.estimates, strict=True):
            np.testing.assert_array_equal(weights, estimate)
        for marginals, beliefs in zip(fit.marginals, trained.beliefs, strict=True):
            odds = np.exp(beliefs)
            np.testing.assert_allclose(marginals, odds / odds.sum(-1, keepdims=True), rtol=1e-12)


def test_a_fit_measures_and_predicts():
    student = sb.Student.knowing(TEACHER, activation=PHI)
    fit = sb.fit(student, *sb.draw_samples(TEACHER, PHI, 15, seed=3))
    test = sb.draw_samples(TEACHER, PHI, 20, seed=3, test=True)
    assert sb.weight_error(TEACHER, fit) == sb.topology_error(TEACHER, fit) == 0
    assert sb.generalization_error(fit, PHI, test) == 0
    np.testing.assert_array_equal(fit.predict(test.x), test.y)


# Forests, on which messages between whole hidden neurons are exact: rows of outputs differ in
# length, as do those of hidden neurons, which are read by none to three outputs.
INNER = [[0, 1], [2], [0], [3, 1], []]
OUTERS = {
    "a chain": [[0, 1], [1], [1, 2]],
    "an output that reads nothing": [[0, 2], [], [2, 3], [2]],
    "neurons that nobody reads": [[4], [3, 4]],
    "regular": [[0, 1], [2, 3]],
}


def forest_posterior(outer, x, y, phi, alphabet):
    """Marginals of all weights, by enumeration of all configurations, and log Z."""
    rows = [*INNER, *outer]
    sizes = list(map(len, rows))
    cuts = np.cumsum(sizes)[:-1]
    weights = np.array(list(product(range(len(alphabet)), repeat=sum(sizes))))
    values = np.split(np.asarray(alphabet, float)[weights], cuts, axis=1)
    hidden = [phi(w @ x[:, row].T) for w, row in zip(values, INNER, strict=False)]
    fits = np.ones(len(weights), bool)
    for a, (row, w) in enumerate(zip(outer, values[len(INNER) :], strict=True)):
        total = sum((w[:, [k]] * hidden[h] for k, h in enumerate(row)), np.zeros((1, len(x))))
        near = np.abs(phi(total) - y[:, a]) < 1e-8
        fits &= (near | np.isnan(y[:, a])).all(axis=1)
    states = np.arange(len(alphabet))
    found = (weights[fits][:, :, None] == states).mean(axis=0)
    return np.split(found, cuts), np.log(fits.sum())


PHIS = {"tanh": PHI, "relu": sb.relu(), "sign": sb.sign(), "identity": sb.identity()}
OWN = sb.Activation("sinh", np.sinh, np.arcsinh)


@pytest.mark.thorough
@pytest.mark.parametrize("phi", [*PHIS.values(), OWN], ids=[*PHIS, "own"])
@pytest.mark.parametrize("name", OUTERS)
def test_patterns_of_any_shape_have_the_exact_marginals(name, phi):
    outer, rng = OUTERS[name], np.random.default_rng(5)
    x = rng.choice([-1.0, 1.0], (2, 4))
    inner_weights = [rng.choice([-1, 1], len(row)) for row in INNER]
    hidden = np.array([phi(x[:, row] @ w) for row, w in zip(INNER, inner_weights, strict=True)])
    y = np.array([phi(hidden[row].T @ rng.choice([-1, 1], len(row))) for row in outer]).T
    y[1, 0] = np.nan
    expected, log_total = forest_posterior(outer, x, y, phi, (-1, 1))
    student = sb.Student(INNER, outer, activation=phi)
    learner = sb.Learner("sum-product", method="blocked", damping=0, tolerance=1e-12)
    fit = sb.fit(student, x, y, learner)
    for layer, rows in zip(fit.marginals, (INNER, outer), strict=True):
        for marginals, row in zip(layer, rows, strict=True):
            np.testing.assert_allclose(marginals[: len(row)], expected.pop(0), atol=1e-9)
            assert np.isnan(marginals[len(row) :]).all()
    entries = sum(map(len, [*INNER, *outer]))
    assert fit.entropy * entries == pytest.approx(log_total, abs=1e-8)
    most_likely = np.concatenate([m.max(-1)[~np.isnan(m[..., 0])] for m in fit.marginals])
    assert fit.expected_error == pytest.approx(1 - most_likely.mean(), abs=1e-9)
    for weights, rows in zip(fit.weights, (INNER, outer), strict=True):
        for values, row in zip(weights, rows, strict=True):
            assert set(values[: len(row)]) <= {-1, 1} and not values[len(row) :].any()


@given(data=st.data(), hidden=st.integers(1, 8), outputs=st.integers(1, 8))
def test_arranged_patterns_are_regular_and_contain_the_own(data, hidden, outputs):
    def rows(number, columns):
        row = st.lists(st.integers(0, columns - 1), unique=True, max_size=3)
        return data.draw(st.lists(row, min_size=number, max_size=number).filter(any))

    inner, outer = rows(hidden, 5), rows(outputs, hidden)
    made = arrange(inner, outer)
    regular = made.patterns.outer
    read = np.bincount(regular.ravel())
    assert (read == read[0]).all() and len(read) == len(made.patterns.inner)
    assert all(len(set(row)) == len(row) for row in regular.tolist())
    for row, own in zip(regular.tolist(), outer, strict=False):
        assert row[: len(own)] == own and min(row[len(own) :], default=hidden) >= hidden
    total = sum(pattern.size for pattern in made.patterns)
    assert made.added == total - sum(map(len, [*inner, *outer]))


def test_a_pattern_can_be_given_in_many_forms():
    rows = [[1, 3], [], [0]]
    dense = np.zeros((3, 4), bool)
    dense[[0, 0, 2], [1, 3, 0]] = True
    weights = scipy.sparse.coo_array((np.array([0.5, 2, 3]), ([0, 0, 2], [1, 3, 0])))
    for form in (
        rows,
        dense,
        scipy.sparse.csr_array(dense),
        weights,
        scipy.sparse.coo_array(dense),
    ):
        own = arrange(form, [[0], [1], [2]]).own.inner
        assert [row[row >= 0].tolist() for row in own] == rows
    regular = [layer.topology for layer in TEACHER]
    for pattern, found in zip(regular, arrange(*regular).own, strict=True):
        np.testing.assert_array_equal(found, pattern)


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (([[1], [0, 0]], [[0]]), r"^pattern 1 of 2: row 1 is \[0, 0\]"),
        (([[0, -1], [0]], [[0]]), r"^pattern 1 of 2: row 0 is \[0, -1\]"),
        (([[0], [-1]], [[0, 1], [0]]), r"^pattern 1 of 2: row 1 is \[-1\]"),
        (([[0.5]], [[0]]), "^pattern 1 of 2: row 0 holds float64"),
        (([[0]], [[], [1]]), r"2 of 2: row 1 is \[1\]; .* from 0 to 0, as pattern 1 has 1 rows"),
        (([], [[0]]), r"^pattern 1 of 2: .* shape \(0, 0\); needed are .* in one row or more"),
        (([[0]], [[]]), r"^pattern 2 of 2: .* shape \(1, 0\); needed are .* of one slot or more"),
        (([[0]],), "1 patterns"),
    ],
)
def test_patterns_that_are_none_are_refused(patterns, said):
    with pytest.raises(ValueError, match=said):
        sb.Student(*patterns, activation=PHI)


@pytest.mark.parametrize("method", ["exact", "layered"])
def test_methods_that_need_regular_patterns_say_so(method):
    more = {"max_values": 10} if method == "layered" else {}
    learner = sb.Learner("sum-product", method=method, **more)
    student = sb.Student(INNER, OUTERS["a chain"], activation=PHI)
    with pytest.raises(ValueError, match=f"method: {method}; needs rows of equal length"):
        sb.learn(student, (np.ones((1, 4)), np.ones((1, 3))), learner, at=[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at": [7]}, "6 samples"),
        ({"at": [2, 1]}, "ascending"),
        ({"data": (DATA.x, DATA.y[:, :-1])}, "needed are 30 columns"),
        ({"seed": -1}, "seed"),
        ({"memory_gib": 0}, "memory_gib"),
    ],
)
def test_arguments_are_checked_at_the_call(change, said):
    student = sb.Student.knowing(TEACHER, activation=PHI)
    given = {"data": DATA, "learner": sb.Learner("sum-product"), "at": [1]} | change
    with pytest.raises(ValueError, match=said):
        sb.learn(student, **given)


@pytest.mark.thorough
@pytest.mark.parametrize("outer", [OUTERS["a chain"], OUTERS["regular"]])
def test_a_file_brings_a_fit_back(tmp_path, outer):
    student = sb.Student(INNER, outer, alphabet=(-1, 0, 1), activation=PHI)
    x = xr.DataArray(np.ones((1, 4)), dims=("sample", "input"))
    fit = sb.fit(student, x, np.full((1, len(outer)), np.nan))
    fit.to_netcdf(tmp_path / "fit.nc")
    back = sb.load(tmp_path / "fit.nc")
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]
    xr.testing.assert_identical(back.to_xarray(), fit.to_xarray())
    np.testing.assert_array_equal(back.predict(x), fit.predict(x))
    assert back.status == fit.status and back.learner == fit.learner


@pytest.mark.thorough
def test_a_file_needs_an_activation_of_your_own_again(tmp_path):
    student = sb.Student([[0]], [[0]], activation=OWN)
    path = Path(tmp_path / "fit.nc")
    sb.fit(student, np.ones((1, 1)), np.full((1, 1), np.nan)).to_netcdf(path)
    with pytest.raises(ValueError, match="'sinh' is your own; give it to load"):
        sb.load(path)
    assert sb.load(path, OWN).student.activation == OWN


def test_a_fit_is_equal_to_itself_alone():
    student = sb.Student.knowing(TEACHER, activation=PHI)
    one, two = (sb.fit(student, *DATA) for _ in range(2))
    assert one == one and one != two and len({one, two}) == 2


@pytest.mark.parametrize("phi", ["tanh", None, np.tanh, sb.tanh], ids=range(4))
def test_what_is_no_activation_is_refused(phi):
    doors = {
        "activation": (
            lambda: sb.Student([[0]], [[0]], activation=phi),
            lambda: sb.Student.knowing(TEACHER, activation=phi),
            lambda: sb.from_scratch(*DATA, hidden=30, activation=phi),
            lambda: sb.snap(DATA.y, 0.1, activation=phi),
        ),
        "phi": (
            lambda: sb.draw_samples(TEACHER, phi, 3),
            lambda: sb.generalization_error(list(TEACHER), phi, DATA),
        ),
    }
    for name, calls in doors.items():
        said = rf"^{name}: {re.escape(repr(phi))}; .*sb.tanh\(0.1\)"
        for call in calls:
            with pytest.raises(ValueError, match=said):
                call()


def test_load_refuses_what_is_no_activation(tmp_path):
    path = tmp_path / "fit.nc"
    sb.fit(sb.Student.knowing(TEACHER, activation=PHI), *DATA).to_netcdf(path)
    with pytest.raises(ValueError, match=r"^activation: 'tanh'; "):
        sb.load(path, "tanh")


@pytest.fixture(scope="module")
def predictors():
    fit = sb.fit(sb.Student.knowing(TEACHER, activation=PHI), *DATA)
    return fit, sb.from_scratch(*DATA, hidden=30, activation=PHI)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (DATA.x[0], r"^x is of shape \(30,\); needed .* at least 30 columns"),
        (DATA.x[:, :29], r"^x is of shape \(6, 29\); needed .* at least 30 columns"),
        (DATA.x[None], r"^x is of shape \(1, 6, 30\)"),
        (1, r"^x is of shape \(\)"),
        (DATA.x > 0, "^x holds bool values"),
        (np.where(DATA.x > 0, np.nan, -1), "^x .*not finite"),
        (np.ma.masked_equal(DATA.x, 1), "^x is masked"),
    ],
    ids=range(7),
)
def test_inputs_that_are_not_for_a_network_are_refused(predictors, x, said):
    for one in predictors:
        with pytest.raises(ValueError, match=said):
            one.predict(x)


def test_inputs_that_are_not_read_do_not_matter(predictors):
    for one in predictors:
        wide = np.hstack([DATA.x, DATA.x])
        np.testing.assert_array_equal(one.predict(wide), one.predict(DATA.x.tolist()))
        assert one.predict(DATA.x[:0]).shape == (0, 30)


@pytest.mark.parametrize("name", ["x", "y"])
def test_masks_are_not_lost_silently(name):
    masked = np.ma.array(getattr(DATA, name), mask=np.eye(6, 30))
    data = DATA._replace(**{name: masked})
    student = sb.Student.knowing(TEACHER, activation=PHI)
    doors = [
        lambda: sb.fit(student, *data),
        lambda: sb.learn(student, data, sb.Learner("sum-product"), [2]),
        lambda: sb.from_scratch(*data, hidden=30, activation=PHI),
        lambda: sb.generalization_error(list(TEACHER), PHI, data),
    ]
    if name == "y":
        doors.append(lambda: sb.snap(data.y, 0.1, activation=PHI))
    for call in doors:
        with pytest.raises(ValueError, match=rf"^{name} is masked"):
            call()
    with pytest.raises(ValueError, match=rf"^{name} is masked"):
        sb.fit(student, *data._replace(**{name: list(masked)}))


def test_missing_outputs_are_left_out_of_the_error():
    fresh = sb.draw_samples(TEACHER, PHI, 6, 2, 0)
    wrong = [layer._replace(weights=-layer.weights) for layer in TEACHER]
    y = np.where(np.eye(6, 30), np.nan, fresh.y)
    missed = (sb.Samples(fresh.x, y).y - forward(wrong, PHI, fresh.x)) ** 2
    assert sb.generalization_error(wrong, PHI, fresh._replace(y=y)) == np.nanmean(missed) > 0
    for none in (fresh._replace(y=np.full_like(y, np.nan)), sb.Samples(fresh.x[:0], y[:0])):
        with pytest.raises(ValueError, match="holds no outputs"):
            sb.generalization_error(wrong, PHI, none)


def test_masks_without_a_masked_value_say_nothing():
    student = sb.Student.knowing(TEACHER, activation=PHI)
    fit, same = (sb.fit(student, *data) for data in (DATA, [*map(np.ma.array, DATA)]))
    for ours, theirs in zip(fit.weights, same.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_max_sum_has_beliefs_and_no_marginals():
    student = sb.Student.knowing(TEACHER, activation=PHI)
    fit = sb.fit(student, *DATA, "max-sum")
    assert [part.max() for part in fit.beliefs] == [0, 0]
    with pytest.raises(ValueError, match="max-sum has none"):
        fit.marginals  # noqa: B018


@pytest.mark.thorough
def test_the_page_on_own_data_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/own_data.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S):
        exec(block, names)
    plt.close(names["figure"])
    assert {path.name for path in tmp_path.iterdir()} == {"fit.nc", "weights.png"}
    printed = capsys.readouterr().out
    assert "contradiction" not in printed and "converged" in printed
    assert "200 of 200 outputs are certain" in printed
    assert sb.symmetric_error(names["teacher"], list(names["found"])) == (0, 0)
    xr.testing.assert_identical(names["same"].to_xarray(), names["fit"].to_xarray())
