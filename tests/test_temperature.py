"""Finite temperature (Eqs. 3.1-3.6): stable at any beta, and what it tends to at both ends.

Log-likelihoods h at inverse temperature beta stand for probabilities exp(beta h). As beta grows,

- the messages tend to max-sum's: a sum over n configurations is above their maximum by at most
  log(n) / beta, and by exactly log(g) / beta, but for what vanishes exponentially, where g of them
  share it;
- the probabilities tend to hard BP's where the data can be realised: a configuration of energy E is
  suppressed by exp(-beta E).

Both at once: where max-sum has a tie, the term log(g) / beta stays to break it, and it breaks it as
hard BP does. So the estimates tend to hard BP's, until log(g) / beta is below the tie tolerance.
"""

from itertools import product

import numpy as np
import pytest

from sparsebp.engine.learning import learn
from sparsebp.network.quantities import Status
from tests.oracles import twin
from tests.oracles.enumeration import enumerate_posterior
from tests.problems import RELU, instance, learner
from tests.propagation import TREES, probabilities, run

TERNARY = dict(alphabet=(-1, 0, 1))
MISMATCH = TERNARY | dict(student=(2, 3))
NO_CONTRADICTION = (Status.CONVERGED, Status.STEP_LIMIT, Status.OSCILLATING)
BETAS = [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6]


def soft(beta, **changes):
    """BP at a finite temperature."""
    return learner(factor="soft", beta=float(beta), **changes)


def steps(number, **changes):
    """Undamped, and exactly so many steps."""
    return dict(damping=0.0, max_steps=number, tolerance=1e-300) | changes


def messages(one, how):
    """Factor-to-variable messages after the last step, in logarithms of maximum zero."""
    last = []
    run(one, how, observe=lambda now: last.__setitem__(slice(None), [now.u, now.steps]))
    u, done = last
    assert 0 < done <= how.max_steps  # fewer if nothing moves any more
    return u - u.max(axis=-1, keepdims=True)


def energies(one):
    """All configurations of the weights of a small network, (C, weights) alphabet indices, and
    the energy of each, (C,)."""
    inner, outer, alphabet, x, y, phi = one.arguments
    states = np.array(list(product(range(len(alphabet)), repeat=inner.size + outer.size)))
    weights = np.asarray(alphabet, float)[states]
    w_in = weights[:, : inner.size].reshape(-1, *inner.shape)
    w_out = weights[:, inner.size :].reshape(-1, *outer.shape)
    total = np.zeros(len(states))
    for row, target in zip(x, y, strict=True):
        hidden = phi((w_in * row[inner]).sum(-1))
        total += ((target - phi((w_out * hidden[:, outer]).sum(-1))) ** 2).sum(-1)
    return states, total


def by_state(states, q, function):
    """function(configurations in which weight i has state s) for all i and s, (weights, Q)."""
    return np.array([[function(column == s) for s in range(q)] for column in states.T])


def flat(beliefs):
    return np.concatenate([part.reshape(-1, part.shape[-1]) for part in beliefs])


# Stability.


@pytest.mark.thorough
@pytest.mark.parametrize("reinforcement", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("damped", ["factor-to-variable", "both"])
@pytest.mark.parametrize("beta", BETAS)
def test_messages_stay_finite_and_are_normalised(beta, damped, reinforcement):
    one = instance(n=12, m=5, **MISMATCH)
    how = soft(
        beta,
        reinforcement=reinforcement,
        damped=damped,
        initial_scale=1.0,
        max_steps=200,
        tolerance=1e-300,
    )
    worst = []

    def observe(now):
        parts = [now.u, now.h, now.v, now.g] if reinforcement else [now.u, now.h]
        assert all(np.isfinite(part).all() for part in parts)
        worst.append(np.abs(now.u.max(axis=-1)).max())

    outcome = run(one, how, observe=observe)
    assert outcome.status in NO_CONTRADICTION
    assert outcome.iterations == len(worst) and max(worst) == 0
    for part in outcome.beliefs:
        assert np.isfinite(part).all() and (part.max(axis=-1) == 0).all()


@pytest.mark.thorough
@pytest.mark.parametrize("spoilt", [0.0, 0.5], ids=["realisable", "no configuration fits"])
@pytest.mark.parametrize("schedule", ["offline", "online"])
@pytest.mark.parametrize("beta", [0.01, 1.0, 1e6])
def test_no_schedule_and_no_data_contradict_an_energy(beta, schedule, spoilt):
    one = instance(n=12, m=5, **MISMATCH)
    data = one.samples._replace(y=one.samples.y + spoilt)
    how = soft(beta, schedule=schedule, max_steps=100)
    found = list(learn(how, one.problem, data, [1, 3, 5], 1, 0, 1))
    assert len(found) == 3
    assert all(t.status in NO_CONTRADICTION for t in found)


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [0.01, 1.0, 1e4, 1e6])
def test_it_settles_where_the_data_decide(beta):
    """With many samples there is one solution, and beta times the energies tell it apart or say
    nothing at all; the tolerance is of a log-likelihood, so beta times smaller than BP's."""
    one = instance(n=40, m=16, **MISMATCH)
    how = soft(beta, tolerance=1e-6 / max(beta, 1), max_steps=2000)
    assert run(one, how).status == Status.CONVERGED


# Against the oracles.

SMALL = ("one output", "one output, ternary", "one weight per hidden neuron")


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [0.01, 0.3, 7.0, 1e4])
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("tree", SMALL)
def test_trees_are_exact_at_any_temperature(tree, m, beta):
    one = instance(m=m, **TREES[tree])
    exact = enumerate_posterior(*one.arguments, beta=beta)
    ours = run(one, soft(beta, tolerance=1e-15)).beliefs
    for part, theirs in zip(ours, (exact.input_marginals, exact.output_marginals), strict=True):
        np.testing.assert_allclose(probabilities(beta * part), theirs, rtol=1e-7, atol=1e-12)


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [0.01, 1e4, 1e6])
@pytest.mark.parametrize(
    "shape",
    [MISMATCH, dict(teacher=(3, 2), phi=RELU)],
    ids=["output mismatch", "binary, relu"],
)
@pytest.mark.parametrize("reinforcement", [0.0, 0.1])
def test_loops_as_in_the_plain_twin(reinforcement, shape, beta):
    one = instance(n=6, m=3, **shape)
    how = soft(beta, reinforcement=reinforcement, max_steps=12, tolerance=1e-300)
    seen = []
    outcome = run(one, how, observe=lambda now: seen.append((now.u.copy(), now.h.copy())))
    expected = twin.run(
        *one.arguments,
        rule="sum-product",
        beta=beta,
        hard=False,
        reinforcement=reinforcement,
        damping=0.3,
        steps=12,
    )
    assert len(seen) == outcome.iterations == 12
    # A probability is exp(beta h), so what counts is an error of h times beta.
    close = dict(rtol=1e-9, atol=1e-9 / max(beta, 1.0))
    for (u, h), theirs in zip(seen, expected, strict=True):
        np.testing.assert_allclose(u.reshape(theirs.u.shape), theirs.u, **close)
        h = h - h.max(axis=-1, keepdims=True)
        np.testing.assert_allclose(h.reshape(theirs.h.shape), theirs.h, **close)
    np.testing.assert_allclose(outcome.beliefs.inner, expected[-1].input_beliefs_after, **close)


# beta -> 0.


@pytest.mark.thorough
@pytest.mark.parametrize("shape", ["one output, ternary", "loops"])
def test_hot_beliefs_are_uniform_but_for_the_mean_energy(shape):
    """To first order p(s) = 1/Q (1 - beta (E_s - E)), with E_s the mean energy of all weights but
    one that has state s: a factor adds its own mean, so loops do not matter."""
    one = instance(m=3, **(TREES[shape] if shape in TREES else dict(n=3)))
    states, energy = energies(one)
    q = len(one.problem.states.alphabet)
    mean = by_state(states, q, lambda chosen: energy[chosen].mean())
    assert np.ptp(mean, axis=1).max() > 0.1
    off = []
    for beta in (1e-2, 1e-3, 1e-4):
        h = flat(run(one, soft(beta, tolerance=1e-14)).beliefs)
        p = probabilities(beta * h)
        assert np.abs(p - 1 / q).max() < beta * np.ptp(mean, axis=1).max()
        off.append(np.abs(p - (1 - beta * (mean - mean.mean(1, keepdims=True))) / q).max())
        # The log-likelihoods themselves tend to minus the mean energies.
        first = mean.min(axis=1, keepdims=True) - mean
        assert np.abs(h - first).max() < 10 * beta * np.abs(mean).max() ** 2
    ratios = np.divide(off[:-1], off[1:])
    np.testing.assert_allclose(ratios, 100, rtol=0.1)  # what is left is of second order


# beta -> infinity: max-sum.


def least_and_ties(one):
    """Of each weight's states (weights, Q): the least energy, and how many configurations have
    it."""
    states, energy = energies(one)
    q = len(one.problem.states.alphabet)
    least = by_state(states, q, lambda chosen: energy[chosen].min())
    return least, by_state(states, q, lambda c: np.sum(energy[c] < energy[c].min() + 1e-9))


@pytest.mark.thorough
@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("tree", SMALL)
def test_cold_beliefs_are_as_near_to_max_sum_as_the_number_of_configurations_says(tree, m):
    one = instance(m=m, **TREES[tree])
    least, _ = least_and_ties(one)
    max_sum = flat(run(one, learner("max-sum", tolerance=1e-14)).beliefs)
    np.testing.assert_allclose(max_sum, least.min() - least, atol=1e-12)
    most = (least.shape[0] - 1) * np.log(least.shape[1])  # all weights but one
    for beta in BETAS:
        gap = flat(run(one, soft(beta, tolerance=1e-15)).beliefs) - max_sum
        assert np.abs(gap).max() <= most / beta


@pytest.mark.thorough
@pytest.mark.parametrize("tree, tied", [("one output", 0), ("one output, ternary", 4)])
def test_cold_beliefs_tend_to_max_sum_at_the_rate_that_ties_make(tree, tied):
    """Beta (h - h of max-sum) is the logarithm of how many configurations of its least energy a
    state has, over the most that a state of the least energy of all has."""
    one = instance(m=2, **TREES[tree])
    least, ties = least_and_ties(one)
    best = least < least.min(axis=1, keepdims=True) + 1e-9
    expected = np.log(ties / np.where(best, ties, 0).max(axis=1, keepdims=True))
    tie = expected != 0
    assert tie.sum() == tied and np.abs(expected[tie]).min(initial=1) > 0.5
    gaps = [
        flat(run(one, soft(beta, tolerance=1e-15)).beliefs) - (least.min() - least)
        for beta in (1e1, 1e2, 1e3, 1e4, 1e5, 1e6)
    ]
    for beta, gap in zip((1e4, 1e5, 1e6), gaps[3:], strict=True):
        np.testing.assert_allclose(beta * gap, expected, atol=1e-9)
    if tied:
        exponents = np.diff(np.log10([np.abs(gap[tie]).max() for gap in gaps[3:]]))
        np.testing.assert_allclose(exponents, -1, atol=1e-9)
    rest = [np.abs(gap[~tie]).max() for gap in gaps]
    assert rest[0] > 1e-5 and rest[2] < 1e-15  # faster than any power


@pytest.mark.thorough
@pytest.mark.parametrize("shape", ["loops", "full size"])
def test_cold_messages_tend_to_max_sum_as_one_over_beta(shape):
    """On loops too, step by step: an error of one step is carried on by the next, whatever beta."""
    one = instance(n=12 if shape == "loops" else 200, m=3, **MISMATCH)
    max_sum = messages(one, learner("max-sum", **steps(5)))
    scaled = [
        beta * np.abs(messages(one, soft(beta, **steps(5))) - max_sum).max()
        for beta in (1e2, 1e3, 1e4, 1e5, 1e6)
    ]
    assert min(scaled) > 0.5 and max(scaled) < 200
    # Once all energies but the least are suppressed, the error is 1 / beta exactly.
    np.testing.assert_allclose(scaled[-2:], scaled[-1], rtol=0.02)


# beta -> infinity: hard BP.


@pytest.mark.thorough
@pytest.mark.parametrize("shape", ["one output, ternary", "loops", "binary"])
def test_cold_probabilities_tend_to_hard_bp(shape):
    """From the same start in as many steps. (Damping mixes log-likelihoods here, and probabilities
    there.)"""
    tree = TREES.get(shape) or dict(n=12) | (MISMATCH if shape == "loops" else {})
    one = instance(m=3, **tree)
    hard = np.exp(messages(one, learner(**steps(8))))
    hard /= hard.sum(axis=-1, keepdims=True)
    off = []
    for beta in (1e1, 1e2, 1e3, 1e4, 1e5):
        off.append(np.abs(probabilities(beta * messages(one, soft(beta, **steps(8)))) - hard).max())
        if off[-1] < 1e-9:
            break
    assert off[0] > 1e-3 and off[-1] < 1e-6
    assert (np.diff(off) < 0).all()


@pytest.mark.thorough
def test_cold_probabilities_tend_to_hard_bp_at_the_rate_of_the_least_energy():
    one = instance(m=3, **TREES["one output, ternary"])
    _, energy = energies(one)
    gap = energy[energy > 1e-9].min()
    hard, off = enumerate_posterior(*one.arguments).input_marginals, []
    for beta in (10 / gap, 20 / gap):
        inner = run(one, soft(beta, tolerance=1e-15)).beliefs.inner
        off.append(np.abs(probabilities(beta * inner) - hard).max())
    assert np.log(off[0] / off[1]) == pytest.approx(10, rel=0.01)


# Both limits at once.


@pytest.mark.thorough
def test_entropy_breaks_the_ties_of_max_sum_as_hard_bp_does():
    """Cold messages are max-sum's, and the estimates that they make are hard BP's. What ends this
    is no rounding: the energy of a solution is zero to within 1e-30, and 1 / beta keeps all its
    digits beside zero. It is the tie tolerance, once log(ratio) / beta is below."""
    one = instance(n=60, m=3, **MISMATCH)
    hard, max_sum = (
        flat(run(one, learner(algorithm, **steps(15))).beliefs)
        for algorithm in ("sum-product", "max-sum")
    )
    possible = np.isfinite(hard)

    def ties(h):
        return h >= h.max(axis=1, keepdims=True) - 1e-9

    undecided = ties(max_sum).sum(axis=1) > 1
    decided = -np.sort(hard, axis=1)[:, -2] > 0.01
    assert undecided.mean() > 0.1 and decided[undecided].mean() > 0.5
    for beta in (1e5, 1e6, 1e8, 1e12):
        h = flat(run(one, soft(beta, **steps(15))).beliefs)
        assert np.abs(h - max_sum).max() < 50 / beta
        np.testing.assert_allclose((beta * h)[possible], hard[possible], atol=1e-10)
        assert (h.argmax(axis=1) == hard.argmax(axis=1))[decided].all()
        if beta <= 1e6:
            assert (ties(h) == ties(hard))[decided].all()
        if beta == 1e12:
            np.testing.assert_array_equal(ties(h), ties(max_sum))


@pytest.mark.thorough
def test_estimates_of_a_cold_learner_are_those_of_bp():
    one = instance(n=60, m=2, **MISMATCH)

    def estimates(how):
        [trained] = learn(how, one.problem, one.samples, [2], 1, 0, 1)
        return np.concatenate([trained.inner.ravel(), trained.outer.ravel()])

    bp, max_sum = estimates(learner(**steps(15))), estimates(learner("max-sum", **steps(15)))
    assert (bp != max_sum).mean() > 0.05
    cold = [estimates(soft(beta, **steps(15))) for beta in (1e2, 1e4, 1e6, 1e12)]
    apart = [(found != bp).mean() for found in cold]
    assert apart[0] > apart[1] > apart[2] and apart[2] < 0.005
    np.testing.assert_array_equal(cold[3], max_sum)
