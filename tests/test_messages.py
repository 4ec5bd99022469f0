"""Messages against oracles that share no code with them, and whatever they run on."""

from dataclasses import replace

import numpy as np
import pytest

from sparsebp.engine import memory
from sparsebp.engine.algebras import WIDE
from sparsebp.engine.learning import Beliefs, Messages, learn, propagate
from sparsebp.network.quantities import Status
from tests.oracles import twin
from tests.oracles.enumeration import enumerate_posterior
from tests.problems import RELU, instance, learner, quick_first
from tests.propagation import TREES, build, probabilities, run

NAMES = ("u", "h", "v", "g", "belief", "belief_outer")
RULES = {
    "sum-product": dict(algorithm="sum-product"),
    "reinforced sum-product": dict(algorithm="sum-product", reinforcement=0.3),
    "soft sum-product": dict(algorithm="sum-product", factor="soft", beta=0.7),
    "cold soft sum-product": dict(algorithm="sum-product", factor="soft", beta=300.0),
    "reinforced soft sum-product": dict(
        algorithm="sum-product", factor="soft", beta=2.0, reinforcement=0.3
    ),
    "max-product": dict(algorithm="max-product"),
    "max-sum": dict(algorithm="max-sum"),
    "reinforced max-sum": dict(algorithm="max-sum", reinforcement=0.3),
}
SHAPES = {
    "binary 2, 2": dict(n=6),
    "ternary 1, 2": dict(n=9, teacher=(1, 2), alphabet=(-1, 0, 1)),
    "binary 3, 2, relu": dict(n=6, teacher=(3, 2), phi=RELU),
    "binary 2, 3, rectangular": dict(sizes=(8, 8, 4), teacher=(2, 4)),
    "binary 1, 1": dict(n=4, teacher=(1, 1)),
    "ternary 3, 2": dict(n=5, student=(3, 2), alphabet=(-1, 0, 1)),
    "ternary 2, 3": dict(n=5, student=(2, 3), alphabet=(-1, 0, 1)),
}


def steps_of_twin(one, how, prior, **initial):
    """All messages of each step of a learner, by the plain twin."""
    return twin.run(
        *one.arguments,
        rule=how.algorithm,
        beta=how.beta,
        hard=not how.rules.soft,
        reinforcement=how.reinforcement,
        damping=how.damping,
        damped=how.damped,
        log_prior_input=prior.inner,
        log_prior_output=prior.outer,
        steps=how.max_steps,
        **initial,
    )


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("damped", ["factor-to-variable", "variable-to-factor", "both"])
@pytest.mark.parametrize("shape", quick_first(SHAPES, 2))
@pytest.mark.parametrize("rule", RULES)
def test_every_message_equals_the_plain_twin(rule, shape, damped, damping):
    check_by_twin(rule, shape, damped, damping)


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("outputs", quick_first([7, 8, 9]))
def test_at_the_step_limit_it_knows_whether_messages_oscillate(outputs, rule, damping):
    """As the plain twin's do, over eight steps more."""
    seen = set()
    for seed in range(4):
        one = instance(n=outputs, m=1, seed=seed)
        rng = np.random.default_rng(seed)
        prior = Beliefs(*(rng.normal(0, 0.1, part.shape) for part in Beliefs.uniform(one.problem)))
        how = learner(**RULES[rule], damping=damping, max_steps=40, tolerance=1e-12)
        outcome = run(one, how, prior)
        assert outcome.iterations <= 40
        if outcome.status == Status.CONVERGED:
            continue
        later = [step.u for step in steps_of_twin(one, replace(how, max_steps=48), prior)[39:]]
        way = np.abs(np.diff(later, axis=0)).sum(axis=0).max()
        far = np.abs(later[-1] - later[0]).max()
        assert outcome.status == (Status.OSCILLATING if far < way / 2 else Status.STEP_LIMIT)
        seen.add(outcome.status)
    assert Status.OSCILLATING in seen or rule != "sum-product" or damping


def test_messages_that_grow_for_ever_contradict_nothing():
    """Undamped BP with few samples: logarithms that grow by a factor in each step."""
    one = instance(n=12, m=2, seed=6, student=(2, 3), alphabet=(-1, 0, 1))
    least = []

    def observe(now):
        least.append(now.u[now.u > -np.inf].min())

    outcome = run(one, learner(damping=0.0, max_steps=1200), observe=observe)
    assert outcome.status == Status.OSCILLATING
    assert least[-1] == min(least) < -1e299


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("damped", ["factor-to-variable", "variable-to-factor"])
@pytest.mark.parametrize("shape", quick_first(SHAPES, 2))
@pytest.mark.parametrize("rule", RULES)
def test_so_does_every_message_from_a_random_start_to_factors(rule, shape, damped, distribution):
    check_by_twin(rule, shape, damped, 0.3, "variable-to-factor", distribution)


def check_by_twin(rule, shape, damped, damping, which="factor-to-variable", distribution="normal"):
    one = instance(m=2, **SHAPES[shape])
    steps, scale = 4, 0.5
    how = learner(
        **RULES[rule],
        damping=damping,
        damped=damped,
        initial_scale=scale,
        initial_messages=which,
        initial_distribution=distribution,
        max_steps=steps,
        tolerance=1e-300,
    )
    rng = np.random.default_rng(5)
    prior = Beliefs(*(rng.normal(size=part.shape) for part in Beliefs.uniform(one.problem)))
    seen = []
    outcome = run(
        one,
        how,
        prior,
        seed=11,
        observe=lambda now: seen.append({name: getattr(now, name).copy() for name in NAMES}),
    )
    rng = np.random.default_rng(11)
    (outputs, k_out), (_, k_in) = (part.shape for part in reversed(one.problem.patterns))
    q = len(one.problem.states.alphabet)
    shape = outputs, k_out, k_in, q
    if which == "factor-to-variable":
        start = {
            "initial_input": rng.normal(0, scale, shape),
            "initial_output": rng.normal(0, scale, shape[:2] + shape[3:]),
        }
    else:
        random = {
            "normal": lambda: rng.normal(0, scale, shape),
            "uniform": lambda: rng.uniform(-scale, 0, shape),
        }
        fields = prior.inner[one.problem.patterns.outer]
        start = {"initial_to_factors": fields + random[distribution]()}
    expected = steps_of_twin(one, how, prior, **start)
    moving = how.reinforcement > 0

    def same(ours, theirs):
        ours = ours.reshape(theirs.shape)
        # The twin records probabilities for hard factors, log-likelihoods for soft ones.
        ours = ours - ours.max(axis=-1, keepdims=True) if how.rules.soft else probabilities(ours)
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)

    # Where nothing is left to change the engine stops early, and rightly so.
    assert 2 <= len(seen) == outcome.iterations <= steps
    expected = expected[: len(seen)]
    for ours, theirs in zip(seen, expected, strict=True):
        same(ours["h"], theirs.h)
        same(ours["u"], theirs.u)
        if moving:
            same(ours["g"], theirs.g)
            same(ours["v"], theirs.v)
            same(ours["belief"], theirs.input_beliefs)
            same(ours["belief_outer"], theirs.output_beliefs)
    same(outcome.beliefs.inner, expected[-1].input_beliefs_after)
    if moving:
        same(outcome.beliefs.outer, expected[-1].output_beliefs_after)


@pytest.mark.parametrize("damping", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("damped", ["factor-to-variable", "variable-to-factor"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("outputs", quick_first([7, 8, 9]))
def test_it_stops_once_undamped_updates_would_change_nothing(outputs, rule, damped, damping):
    one = instance(n=outputs, m=1, seed=3)
    tolerance, most = 1e-2, 60
    how = learner(
        **RULES[rule], damping=damping, damped=damped, tolerance=tolerance, max_steps=most
    )
    # Where nothing tells two values apart, rounding would, and so differently in each.
    rng = np.random.default_rng(1)
    prior = Beliefs(*(rng.normal(0, 0.1, part.shape) for part in Beliefs.uniform(one.problem)))
    residuals = [step.residual for step in steps_of_twin(one, how, prior)]
    small = [residual < tolerance for residual in residuals]
    outcome = run(one, how, prior)
    unsettled = (Status.STEP_LIMIT, Status.OSCILLATING)
    assert outcome.status in ((Status.CONVERGED,) if any(small) else unsettled)
    assert outcome.iterations == (small.index(True) + 1 if any(small) else most)
    last = residuals[outcome.iterations - 1]
    assert outcome.residual == pytest.approx(last, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_reinforced_bp_settles_from_few_samples(seed):
    """Fields grow until floats cannot count in them: pinned weights must not move by rounding."""
    one = instance(n=200, m=1, student=(3, 2), alphabet=(-1, 0, 1), seed=seed)
    assert run(one, learner(reinforcement=0.01)).status == Status.CONVERGED


def test_damping_decides_how_fast_and_not_whether_messages_settle():
    one = instance(n=60, m=4)
    settled = run(one, learner(damping=0.3, tolerance=1e-9))
    assert settled.status == Status.CONVERGED
    for damping in (0.6, 0.9, 0.99):
        for damped in ("factor-to-variable", "variable-to-factor", "both"):
            how = learner(damping=damping, damped=damped, tolerance=1e-9, max_steps=100_000)
            slow = run(one, how)
            assert slow.status == Status.CONVERGED and slow.iterations > settled.iterations
            for part, same in zip(slow.beliefs, settled.beliefs, strict=True):
                np.testing.assert_allclose(probabilities(part), probabilities(same), atol=1e-7)


@pytest.mark.thorough
@pytest.mark.parametrize("shape", ["binary 2, 2", "ternary 2, 3"])
@pytest.mark.parametrize("rule", ["sum-product", "soft sum-product", "max-product", "max-sum"])
def test_output_weights_are_computed_as_in_the_twin_after_convergence(rule, shape):
    one = instance(m=3, **SHAPES[shape])
    how = learner(**RULES[rule], max_steps=400, tolerance=1e-13)
    outcome = run(one, how)
    expected = twin.run(
        *one.arguments,
        rule=how.algorithm,
        beta=how.beta,
        hard=not how.rules.soft,
        damping=0.3,
        steps=outcome.iterations + 1,
    )[-1].output_beliefs_after
    ours = outcome.beliefs.outer
    ours = ours if how.rules.soft else probabilities(ours)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.thorough
@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("tree", TREES)
def test_exact_on_trees(tree, m, damping):
    one = instance(m=m, **TREES[tree])
    exact = enumerate_posterior(*one.arguments)
    settle = dict(tolerance=1e-13, damping=damping)
    beliefs = run(one, learner(**settle)).beliefs
    np.testing.assert_allclose(probabilities(beliefs.inner), exact.input_marginals, atol=1e-9)
    np.testing.assert_allclose(probabilities(beliefs.outer), exact.output_marginals, atol=1e-9)
    beliefs = run(one, learner("max-product", **settle)).beliefs
    np.testing.assert_allclose(np.exp(beliefs.inner), exact.input_max_marginals, atol=1e-9)
    np.testing.assert_allclose(np.exp(beliefs.outer), exact.output_max_marginals, atol=1e-9)
    beliefs = run(one, learner("max-sum", **settle)).beliefs
    for ours, energy in zip(
        beliefs, (exact.input_min_energy, exact.output_min_energy), strict=True
    ):
        np.testing.assert_allclose(-ours, energy - exact.minimum_energy, atol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [0.05, 1.0, 40.0])
def test_finite_temperature_is_exact_on_trees(beta):
    one = instance(m=2, **TREES["one output, ternary"])
    exact = enumerate_posterior(*one.arguments, beta=beta)
    how = learner(factor="soft", beta=beta, tolerance=1e-13)
    for ours, theirs in zip(
        run(one, how).beliefs, (exact.input_marginals, exact.output_marginals), strict=True
    ):
        np.testing.assert_allclose(probabilities(beta * ours), theirs, atol=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_fields_far_beyond_the_range_of_floating_point_do_not_underflow(algorithm):
    """Fields of e^-5000 against the truth leave it what the data leave it."""
    one = instance(m=4, **TREES["one output, three read"])
    rng = np.random.default_rng(0)
    prior = Beliefs.uniform(one.problem)
    for part, index in zip(prior, one.truth(), strict=True):
        against = -5000.0 + rng.normal(size=index.shape)
        np.put_along_axis(part, index[..., None], against[..., None], -1)
    exact = enumerate_posterior(
        *one.arguments, log_prior_input=prior.inner, log_prior_output=prior.outer
    )
    marginals = exact.input_marginals, exact.output_marginals
    if algorithm == "max-product":
        marginals = exact.input_max_marginals, exact.output_max_marginals
    outcome = run(one, learner(algorithm, damping=0.0), prior=prior)
    assert outcome.status == Status.CONVERGED
    for ours, theirs in zip(outcome.beliefs, marginals, strict=True):
        ours = probabilities(ours) if algorithm == "sum-product" else np.exp(ours)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.thorough
def test_strong_reinforcement_pins_without_overflow():
    one = instance(n=30, m=2, student=(3, 2), alphabet=(-1, 0, 1))
    for algorithm in ("sum-product", "max-sum"):
        how = learner(algorithm, reinforcement=1.0, max_steps=400, tolerance=1e-300)
        outcome = run(one, how)
        assert outcome.status != Status.CONTRADICTION
        for part in outcome.beliefs:
            assert not np.isnan(part).any() and (part.max(axis=-1) == 0).all()


@pytest.mark.thorough
def test_results_do_not_depend_on_the_number_of_threads():
    one = instance(n=101, m=3, student=(2, 3), alphabet=(-1, 0, 1))
    for how in (
        learner(damping=0.2, damped="both"),
        learner(reinforcement=0.1),
        learner("max-sum", reinforcement=0.1, initial_scale=0.5),
    ):
        prior, factors = Beliefs.uniform(one.problem), build(one, how)
        alone, *others = (
            propagate(how, one.problem, factors, prior, np.random.default_rng(0), threads=threads)
            for threads in (1, 2, 3, 8)
        )
        for other in others:
            assert other.iterations == alone.iterations
            for part, same in zip(alone.beliefs, other.beliefs, strict=True):
                np.testing.assert_array_equal(part, same)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "how",
    [
        learner(),
        learner(reinforcement=0.1),
        learner(factor="soft", beta=5.0, damped="both"),
        learner("max-product", schedule="online"),
        learner("max-sum", initial_scale=0.5),
        learner("max-sum", reinforcement=0.01),
        learner(method="blocked"),
    ],
)
def test_results_do_not_depend_on_the_order_in_memory_or_on_parts(how, monkeypatch):
    one = instance(n=61, m=3, student=(2, 3), alphabet=(-1, 0, 1))
    rng = np.random.default_rng(0)
    shuffled = replace(one.problem, orders=(rng.permutation(61), rng.permutation(61)))

    def results(each):
        found = []
        outcome = run(each, how, observe=lambda now: found.extend(getattr(now, n) for n in NAMES))
        assert outcome.iterations > 1
        for trained in learn(how, each.problem, each.samples, [1, 2, 3], 1, 0, 1):
            found += [*trained.estimates, trained.iterations, trained.status, trained.entropy]
        return [*found, *outcome.beliefs, outcome.log_partition, outcome.iterations, outcome.status]

    whole = results(one)
    monkeypatch.setattr(memory, "CHUNK_CELLS", 1)
    again = results(one._replace(problem=shuffled))
    for part, same in zip(whole, again, strict=True):
        np.testing.assert_array_equal(part, same)


@pytest.mark.parametrize(
    "how",
    [
        learner(method="blocked"),
        learner("max-sum", method="blocked"),
        learner(factor="soft", beta=5.0, method="blocked"),
    ],
)
def test_nothing_of_an_earlier_table_is_left_in_its_memory(how):
    """61 factors: the last block is not full."""
    one = instance(n=61, m=3, student=(2, 3), alphabet=(-1, 0, 1))
    given = how, one.problem, build(one, how), Beliefs.uniform(one.problem), None
    fresh = Messages(*given).table
    room = np.full_like(fresh, np.nan)
    again = Messages(*given, room=room).table
    assert again is room
    np.testing.assert_array_equal(fresh, again)


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_a_table_of_input_states_and_a_list_of_configurations_agree(algorithm, monkeypatch):
    one = instance(n=40, m=2, student=(2, 3), alphabet=(-1, 0, 1))
    found = []
    for table in (True, False):
        monkeypatch.setattr(Messages, "_better_as_table", lambda self, table=table: table)
        found.append(run(one, learner(algorithm, max_steps=20)).beliefs)
    for part, same in zip(*found, strict=True):
        np.testing.assert_allclose(probabilities(part), probabilities(same), atol=1e-12)


@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_wide_numbers_repeat_what_probabilities_have_lost(algorithm, monkeypatch):
    """Where nothing is lost, both are the same; where something is, only wide numbers are right."""
    one = instance(n=30, m=3)
    how = learner(algorithm, damping=0.1, max_steps=30)
    exact = []

    class Noted(Messages):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            exact.append(self.algebra)

    monkeypatch.setattr("sparsebp.engine.learning.Messages", Noted)
    outcome = run(one, how)
    assert exact.count(how.rules.algebra) == 1
    wide = WIDE[how.rules.algebra]
    now = Messages(how, one.problem, build(one, how), Beliefs.uniform(one.problem), None, wide)
    now.run(30)
    for part, same in zip(outcome.beliefs, now.final_beliefs(), strict=True):
        np.testing.assert_allclose(probabilities(part), probabilities(same), rtol=1e-9, atol=1e-12)
    # A prior that no float holds as a probability: the data decide, whatever it says.
    exact.clear()
    prior = Beliefs.uniform(one.problem)
    np.put_along_axis(prior.inner, one.truth()[0][..., None], -1000.0, -1)
    beliefs = run(one, how, prior=prior).beliefs
    assert wide in exact[2:]
    assert np.isfinite(np.take_along_axis(beliefs.inner, one.truth()[0][..., None], -1)).all()
