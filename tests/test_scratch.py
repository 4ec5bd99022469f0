"""The front door to the search: what it takes, what it refuses, and what it says."""

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import sparsebp as sb
from speed import from_scratch as speed

PHI = sb.tanh(b=0.1)
TEACHER = sb.draw_teacher(100, per_row=2, seed=4)
DATA = sb.draw_samples(TEACHER, PHI, 30, seed=4)


def test_a_network_is_found_and_predicts():
    found = sb.from_scratch(*DATA, hidden=100, activation=PHI)
    assert sb.symmetric_error(TEACHER, list(found)) == (0, 0)
    assert found.certain.all() and found.reproduced.all() and found.signs
    assert (found.n_samples, found.least_hidden, found.twins) == (30, 100, [])
    assert not len(found.ambiguous) and not len(found.unexplained)
    test = sb.draw_samples(TEACHER, PHI, 20, seed=4, test=True)
    np.testing.assert_allclose(found.predict(test.x), test.y, atol=1e-12)
    assert repr(found) == "Found(n_samples=30, 100 of 100 outputs are certain)"


def test_a_known_pattern_names_hidden_neurons():
    outer = TEACHER.outer.topology
    found = sb.from_scratch(*DATA, hidden=100, activation=PHI, outer=outer)
    assert sb.weight_error(TEACHER, list(found)) == 0
    matrix = scipy.sparse.csr_array(
        (np.ones(200), (np.repeat(np.arange(100), 2), outer.ravel())), shape=(100, 100)
    )
    inner = TEACHER.inner.topology.tolist()
    known = {"outer": matrix, "inner": inner, "at_most": sb.PerRow(2, 1)}
    same = sb.from_scratch(*DATA, hidden=100, activation=PHI, **known)
    for ours, theirs in zip(same, found, strict=True):
        np.testing.assert_array_equal(ours.weights, theirs.weights)


def test_few_samples_and_other_data_are_told():
    x, y = DATA.x[:14].copy(), DATA.y[:14].copy()
    x[:, 1], y[:, 3] = x[:, 0], 0.123
    found = sb.from_scratch(x, y, hidden=100, activation=PHI)
    assert found.unexplained.tolist()[0] == 3 and len(found.ambiguous) > 5
    text = repr(found)
    assert f"{len(found.ambiguous)} ambiguous, {len(found.unexplained)} unexplained" in text
    assert f"groups of inputs that cannot be told apart: {len(found.twins)}" in text
    assert any({0, 1} <= set(group) for group in found.twins)
    predicted = found.predict(DATA.x)
    np.testing.assert_array_equal(np.isnan(predicted).any(axis=0), ~found.reproduced)
    good = found.reproduced
    np.testing.assert_allclose(found.predict(x)[:, good], y[:, good], atol=1e-9)


def test_too_few_hidden_neurons_and_unknown_signs_are_told():
    found = sb.from_scratch(*DATA, hidden=90, activation=PHI)
    assert repr(found).endswith("100 hidden neurons are needed)")
    odd = sb.tanh()
    found = sb.from_scratch(*sb.draw_samples(TEACHER, odd, 36, seed=4), 100, activation=odd)
    assert not found.signs and "signs of hidden neurons are not known" in repr(found)
    assert sb.symmetric_error(TEACHER, list(found), odd=True) == (0, 0)


def test_wrong_outputs_are_told():
    y = DATA.y.copy()
    y[[3, 8, 20], 17] = DATA.y[[3, 8, 20], 18]
    changed = ~np.isclose(y, DATA.y)
    assert changed.any()
    found = sb.from_scratch(DATA.x, y, hidden=100, activation=PHI, wrong_outputs=3)
    assert sb.symmetric_error(TEACHER, list(found)) == (0, 0)
    np.testing.assert_array_equal(found.wrong, changed)
    assert f"{changed.sum()} values of y are taken to be wrong" in repr(found)
    np.testing.assert_allclose(found.predict(DATA.x), DATA.y, atol=1e-12)
    found = sb.from_scratch(DATA.x, y, hidden=100, activation=PHI)
    assert found.unexplained.tolist() == [17] and not found.wrong.any()


def test_small_noise_snaps_to_the_only_value_near():
    """Among all that networks give: by trying all rows of two outputs on all inputs."""
    z = range(-2, 3)
    hidden = [v * PHI(np.array(float(a))) for v, a in product((-1, 1), z)] + [0.0]
    values = np.unique(PHI(np.add.outer(hidden, hidden)).round(12))
    rng, tolerance = np.random.default_rng(5), 0.003
    noisy = DATA.y + rng.uniform(-tolerance, tolerance, DATA.y.shape)
    noisy[2, 3], noisy[4, 5] = np.nan, 0.9
    near = (np.abs(noisy[..., None] - values) <= tolerance).sum(axis=2)
    assert near[4, 5] == 0
    found = sb.snap(noisy, tolerance, activation=PHI)
    np.testing.assert_array_equal(np.isnan(found), (near > 1) | np.isnan(noisy))
    assert 0.05 < np.isnan(found).mean() < 0.5
    sure = near == 1
    np.testing.assert_allclose(found[sure], DATA.y[sure], atol=1e-12)
    assert found[4, 5] == 0.9


def test_a_network_is_found_from_noisy_outputs():
    x, y = sb.draw_samples(TEACHER, PHI, 60, seed=4)
    noisy = y + 0.001 * np.random.default_rng(6).standard_normal(y.shape)
    snapped = sb.snap(noisy, 0.003, activation=PHI)
    found = sb.from_scratch(x, snapped, hidden=100, activation=PHI, wrong_outputs=4)
    assert sb.symmetric_error(TEACHER, list(found)) == (0, 0) and found.certain.all()
    beyond = ~np.isnan(snapped) & ~np.isclose(snapped, y, atol=1e-9)
    assert beyond.any()
    np.testing.assert_array_equal(found.wrong, beyond)
    with pytest.raises(ValueError, match=r"^tolerance: -1; must be a number"):
        sb.snap(y, -1, activation=PHI)
    with pytest.raises(ValueError, match=r"^at_most, input: 4; must be"):
        sb.snap(y, 0.1, activation=PHI, at_most=sb.PerRow(4, 2))


def test_rows_of_one_entry_are_asked_for():
    x = np.random.default_rng(0).choice([-1, 1], (16, 9))
    y = PHI(PHI(x[:, [2, 5, 7]]) * [1, -1, 1])
    found = sb.from_scratch(x, y, hidden=3, activation=PHI, at_most=1)
    assert [pattern.shape for pattern in found.patterns] == [(3, 1), (3, 1)]
    assert found.explanations.tolist() == [1, 1, 1] and found.certain.all()
    rows = found.patterns[0][found.patterns[1][:, 0], 0]
    assert rows.tolist() == [2, 5, 7]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden": 0}, "^hidden: 0; must be an integer, at least 1"),
        ({"at_most": 3}, "^at_most, output: 3; must be an integer, at least 1 and at most 2"),
        ({"at_most": sb.PerRow(4, 2)}, "^at_most, input: 4; must be .* at least 1 and at most 3"),
        ({"at_most": sb.PerRow(2, 0)}, "^at_most, output: 0; must be"),
        ({"y": DATA.y[:9]}, "x is of shape .30, 100. and y of shape .9, 100."),
        ({"y": DATA.y[:, 0]}, "x is of shape .30, 100. and y of shape .30,."),
        ({"x": DATA.x[:0], "y": DATA.y[:0]}, "^0 samples"),
        ({"x": 2.0 * DATA.x}, "^x holds -?2.0; the search takes inputs of -1 and 1 alone"),
        ({"activation": sb.relu()}, "^activation leaky-relu: .* needs an inverse"),
        ({"activation": sb.sign()}, "^activation sign: .* needs an inverse"),
        ({"wrong_outputs": 30}, "^wrong_outputs: 30; must be an integer, .* at most 29"),
        ({"wrong_outputs": 0.05}, "^wrong_outputs: 0.05; must be an integer"),
        ({"outer": [[0, 1]] * 99}, "^outer: 99 rows; needed are 100"),
        ({"outer": [[0, 1, 2, 3]] * 100}, "^outer: 4 entries in a row; the search takes at most 3"),
        (
            {"outer": [[0, 1, 2]] * 100, "wrong_outputs": 1},
            "^outer: 3 entries in a row; the search takes at most 2 with wrong_outputs",
        ),
        (
            {"at_most": sb.PerRow(2, 4), "outer": [[0, 1]] * 100},
            "^at_most, output: 4; must be .* at most 3",
        ),
        ({"outer": [[0, 1]] * 99 + [[4, 100]]}, r"^outer: row 99 is \[4, 100\]; needed are"),
        ({"outer": [[3, 3]] * 100}, r"^outer: row 0 is \[3, 3\]; needed are different columns"),
        ({"outer": [[0.5]] * 100}, "^outer: row 0 holds float64"),
        ({"inner": [[0, 1]] * 100}, "^inner: given without outer"),
        (
            {"outer": TEACHER.outer.topology, "inner": [[0, 101]] * 100},
            r"^inner: row 0 is \[0, 101\]; needed are different columns from 0 to 99",
        ),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    given = {"x": DATA.x, "y": DATA.y, "hidden": 100, "activation": PHI} | change
    with pytest.raises(ValueError, match=said):
        sb.from_scratch(**given)


def test_the_page_runs_as_it_stands(capsys):
    text = (Path(__file__).parents[1] / "docs/from_scratch.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S):
        exec(block, names)
    assert sb.symmetric_error(names["teacher"], list(names["found"])) == (0, 0)
    printed = capsys.readouterr().out
    assert printed.startswith("Found(n_samples=25, 1000 of 1000 outputs are certain) (0.0, 0.0)\n")


@pytest.mark.parametrize("readers", [False, True])
def test_the_measurement_counts_what_is_found(readers):
    def measured(samples, **more):
        case = speed.Case(60, samples, readers=readers, **more)
        return dict(zip(speed.HEADER, speed.measure(case, range(2)), strict=True))

    lines = [measured(30), measured(50, wrong=0.03), measured(50, wrong=0.03, b=0.0)]
    for line in [*lines, measured(30, outer=3)] if readers else lines:
        assert (line["exact"], line["wrong unsaid"]) == ("2 of 2", "0")
    line = measured(4)
    assert (line["exact"], line["wrong unsaid"]) == ("0 of 2", "0")
    assert float(line["ambiguous outputs"]) > 50


def test_the_measurement_sees_what_is_wrong_unsaid():
    found = sb.from_scratch(*DATA, hidden=100, activation=PHI)
    assert speed.wrong_unsaid(TEACHER, found) == 0
    found.weights[1][[3, 8, 9], 0] *= -1
    found.explanations[9] = 2
    assert speed.wrong_unsaid(TEACHER, found) == 2
