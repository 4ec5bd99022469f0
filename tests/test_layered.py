"""Networks of many layers: hidden variables on the factor graph (appendix B)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsebp.engine import reachable
from sparsebp.engine.hidden_messages import hidden_graph
from sparsebp.engine.learning import learn, propagate
from sparsebp.engine.problem import Beliefs, Problem
from sparsebp.network import metrics
from sparsebp.network.data import (
    Network,
    Patterns,
    PerRow,
    Samples,
    Sizes,
    draw_samples,
    draw_student,
    draw_teacher,
)
from sparsebp.network.model import Layer, forward
from sparsebp.network.patterns import biregular
from sparsebp.network.quantities import Status
from tests.oracles.deep import DeepTwin, enumerate_deep, reached, rounded
from tests.oracles.rings import solve_rings
from tests.problems import RELU, TANH, instance, learner

EVERYTHING = 10**6  # more values than any hidden variable here has


class Deep:
    """A teacher with weights on given patterns, its samples and a student."""

    def __init__(self, patterns, m, alphabet=(-1, 1), phi=TANH, seed=0):
        rng = np.random.default_rng(seed)
        weights = [rng.choice([-1, 1], np.shape(part)) for part in patterns]
        self.patterns = Patterns(*map(np.asarray, patterns))
        self.teacher = Network(*map(Layer, self.patterns, weights))
        x = rng.choice([-1, 1], (m, self.patterns.inner.max() + 1))
        self.samples = Samples(x, forward(self.teacher, phi, x))
        self.problem = Problem.of(self.patterns, alphabet, phi)
        self.alphabet, self.phi = np.asarray(alphabet, float), phi

    @property
    def arguments(self):
        """What every oracle takes first."""
        return self.patterns, self.alphabet, *self.samples, self.phi

    def prior(self, seed=1, scale=1.0):
        """Random fields."""
        rng = np.random.default_rng(seed)
        logs = (scale * rng.normal(size=part.shape) for part in Beliefs.uniform(self.problem))
        return Beliefs(*(part - part.max(axis=-1, keepdims=True) for part in logs))

    def true_states(self):
        """The teacher's weights as alphabet indices."""
        return [np.searchsorted(self.alphabet, layer.weights) for layer in self.teacher]

    def graph(self, max_values=EVERYTHING):
        return hidden_graph(self.problem, *self.samples, max_values, memory_gib=1)

    def run(self, how, prior=None, observe=None, max_values=EVERYTHING):
        prior = prior or Beliefs.uniform(self.problem)
        rng = np.random.default_rng(0)
        return propagate(how, self.problem, self.graph(max_values), prior, rng, observe)


def layered(algorithm="sum-product", **changes):
    return learner(algorithm, method="layered", max_values=EVERYTHING, **changes)


def exactly(algorithm="sum-product", **changes):
    """Undamped messages: on a tree they settle for good after finitely many steps."""
    return layered(algorithm, **dict(damping=0.0, tolerance=1e-13, max_steps=60) | changes)


def tree(*slots, trees=1):
    """Patterns in which every neuron is read once: slots per row of each layer."""
    patterns, rows = [], trees
    for k in reversed(slots):
        patterns.insert(0, np.arange(rows * k).reshape(rows, k))
        rows *= k
    return patterns


def loopy(n, *slots, seed=0):
    """Random biregular patterns with n neurons in each layer."""
    rng = np.random.default_rng(seed)
    return [biregular(n, n, k, rng) for k in slots]


def probabilities(log_beliefs):
    p = np.exp(log_beliefs)
    return p / p.sum(axis=-1, keepdims=True)


def assert_close(beliefs, expected, **within):
    for ours, theirs in zip(beliefs, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, **within)


TREES = {
    "two layers": (dict(patterns=tree(2, 2, trees=2)), 2),
    "two layers, ternary": (dict(patterns=tree(2, 2), alphabet=(-1, 0, 1)), 2),
    "two layers, three read": (dict(patterns=tree(2, 3)), 3),
    "three layers": (dict(patterns=tree(2, 2, 2)), 1),
    "three layers, two samples": (dict(patterns=tree(2, 2, 2), phi=RELU), 2),
    "three layers, ternary": (dict(patterns=tree(1, 2, 2), alphabet=(-1, 0, 1)), 1),
    "four layers": (dict(patterns=tree(2, 1, 2, 1, trees=2)), 1),
    "four layers, wide": (dict(patterns=tree(1, 2, 1, 3)), 2),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", TREES)
def test_beliefs_are_exact_on_trees(name):
    made, m = TREES[name]
    for seed in range(4):
        one = Deep(m=m, seed=seed, **made)
        for prior in (Beliefs.uniform(one.problem), one.prior(seed)):
            marginals, max_marginals = enumerate_deep(*one.arguments, prior)
            outcome = one.run(exactly(), prior)
            assert outcome.status == Status.CONVERGED
            assert_close(map(probabilities, outcome.beliefs), marginals, atol=1e-12)
            outcome = one.run(exactly("max-product"), prior)
            assert_close(map(np.exp, outcome.beliefs), max_marginals, atol=1e-12)


@settings(max_examples=25)
@given(
    slots=st.sampled_from([(1, 1), (2, 2), (3, 1), (2, 1, 2), (1, 2, 2), (2, 2, 1), (1, 2, 1, 2)]),
    alphabet=st.sampled_from([(-1, 1), (-1, 0, 1), (-2, -1, 1)]),
    phi=st.sampled_from([TANH, RELU]),
    m=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
@pytest.mark.thorough
def test_beliefs_are_exact_on_any_tree(slots, alphabet, phi, m, seed):
    one = Deep(tree(*slots), m, alphabet, phi, seed)
    prior = one.prior(seed, scale=3.0)
    marginals, max_marginals = enumerate_deep(*one.arguments, prior)
    outcome = one.run(exactly(), prior)
    assert_close(map(probabilities, outcome.beliefs), marginals, atol=1e-11)
    outcome = one.run(exactly("max-product"), prior)
    assert_close(map(np.exp, outcome.beliefs), max_marginals, atol=1e-11)


@pytest.mark.thorough
def test_messages_settle_on_a_tree_within_its_diameter():
    for slots in [(2, 2), (2, 2, 2), (1, 2, 1, 2)]:
        outcome = Deep(tree(*slots), m=1).run(exactly())
        # A step goes from factor to factor, up and down again; one more finds that nothing changes.
        assert outcome.iterations <= 2 * len(slots) + 1


@pytest.mark.parametrize("damping", [0.3, 0.99])
def test_damped_messages_settle_where_undamped_ones_do(damping):
    one = Deep([ring(6, 2)] * 2, m=1)
    settled = one.run(exactly())
    slow = one.run(exactly(damping=damping, max_steps=100_000))
    assert slow.status == settled.status == Status.CONVERGED
    assert_close(map(probabilities, slow.beliefs), map(probabilities, settled.beliefs), atol=1e-9)


def ring(n, k):
    """Row i reads i and the next ones, around a ring."""
    return (np.arange(n)[:, None] + np.arange(k)) % n


# On rings this short the posterior can still hang on whether the ring closes, which messages cannot
# know: then they are off by 1/3, and else by nothing.
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("patterns", "m"), [(loopy(4, 2, 2), 2), ([ring(4, 2)] * 2, 2), ([ring(3, 2)] * 3, 1)]
)
def test_beliefs_are_close_to_the_posterior_where_there_are_loops(patterns, m):
    largest = []
    for seed in range(6):
        one = Deep(patterns, m, seed=seed)
        marginals, _ = enumerate_deep(*one.arguments, Beliefs.uniform(one.problem))
        outcome = one.run(layered())
        assert outcome.status == Status.CONVERGED
        found = map(probabilities, outcome.beliefs)
        distances = [np.abs(a - b).max() for a, b in zip(found, marginals, strict=True)]
        largest.append(max(distances))
    assert max(largest) < 0.34 and np.median(largest) < 1e-5


@pytest.mark.parametrize("m", [1, 2, 4])
def test_two_layers_are_solved_as_by_transfer_matrices_on_rings(m):
    """Beliefs of a hidden neuron's joint state go around each ring, exactly but for its closing."""
    one = instance(n=300, m=m)
    exact = solve_rings(*one.arguments)
    graph = hidden_graph(one.problem, *one.samples, EVERYTHING, memory_gib=1)
    how = layered(tolerance=1e-12, max_steps=2000)
    outcome = propagate(how, one.problem, graph, Beliefs.uniform(one.problem), None)
    long = exact.n_rings == 1 or m > 1
    bound = 1e-6 if long else 0.05
    assert_close(
        map(probabilities, outcome.beliefs),
        (exact.input_marginals, exact.output_marginals),
        atol=bound,
    )


@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
@pytest.mark.parametrize(
    ("patterns", "alphabet", "m"),
    [
        (loopy(4, 2, 2), (-1, 0, 1), 2),
        (loopy(4, 2, 3), (-1, 1), 2),
        (loopy(4, 2, 2, 2), (-1, 1), 1),
        (loopy(4, 2, 2, 2), (-1, 1), 2),
        (loopy(3, 2, 1, 2, 2), (-1, 1), 1),
    ],
)
def test_every_message_equals_the_plain_twin(algorithm, patterns, alphabet, m):
    one = Deep(patterns, m, alphabet)
    prior, steps = one.prior(), 4
    twin = DeepTwin(*one.arguments, prior, damping=0.3, maximise=algorithm == "max-product")
    graph = one.graph()
    keys = [
        [(layer, row), rounded(value)]
        for layer, values in enumerate(graph.values)
        for row, (start, stop) in enumerate(zip(values.offsets, values.offsets[1:], strict=False))
        for value in values.low[start:stop]
    ]
    of = {}
    for key in keys:
        of.setdefault(key[0], []).append(key[1])
    seen = []

    def compare(now):
        twin.step()
        up = [twin.up[n][value] for n, value in keys]
        np.testing.assert_allclose(np.exp(now.up[: len(up)]), up, rtol=1e-9, atol=1e-12)
        down = [
            twin.down[(*n, slot)][value]
            for n, parents in twin.parents.items()
            for slot, parent in enumerate(parents)
            for value in of[parent]
        ]
        np.testing.assert_allclose(np.exp(now.down), down, rtol=1e-9, atol=1e-12)
        seen.append(now.steps)

    outcome = one.run(layered(algorithm, max_steps=steps, tolerance=1e-300), prior, compare)
    assert seen == [1, 2, 3, 4] and outcome.status == Status.STEP_LIMIT
    assert_close(map(probabilities, outcome.beliefs), twin.beliefs(), atol=1e-10)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("patterns", "alphabet", "phi", "m", "is_tree"),
    [
        (loopy(4, 2, 2), (-1, 1), TANH, 1, True),
        (tree(2, 2, trees=1), (-1, 0, 1), TANH, 3, True),
        (tree(2, 2, 2), (-1, 1), TANH, 3, True),
        (tree(1, 2, 1, 3), (-1, 1), RELU, 2, True),
        (loopy(3, 2, 2, 2), (-1, 1), TANH, 2, False),
        (loopy(3, 2, 2, 2), (-1, 1), RELU, 1, False),
    ],
)
def test_hidden_variables_can_be_what_some_weights_make_them(patterns, alphabet, phi, m, is_tree):
    """And no more, where what a neuron depends on is a tree; else what its factor allows."""
    one = Deep(patterns, m, alphabet, phi)
    expected = reached(one.patterns, one.alphabet, one.samples.x, phi)
    twin = DeepTwin(*one.arguments, Beliefs.uniform(one.problem), 0.0, maximise=False)
    for number, values in enumerate(one.graph().values[1:], 1):
        np.testing.assert_allclose(values.low, values.high, rtol=0, atol=1e-12)
        for row, wanted in enumerate(expected[number - 1]):
            found = values.low[values.offsets[row] : values.offsets[row + 1]]
            listed = set(map(rounded, found))
            assert len(listed) == len(found)
            assert wanted == listed if is_tree else wanted <= listed
            assert listed == set(twin.domain[number, row])


@pytest.mark.thorough
def test_numbers_of_values_with_two_read_by_each_neuron():
    """One sample: 3 values, then 19, then 723, all for want of coincidences; and never more than
    4, 64 and 16384, whatever the number of samples."""
    patterns = loopy(16, 2, 2, 2, 2)
    for m, most in [(1, (3, 19, 723)), (2, (4, 64, 16384))]:
        one = Deep(patterns, m)
        counts = [int(values.counts.max()) for values in one.graph().values[1:]]
        assert counts == list(most) if m == 1 else (np.array(counts) <= most).all()
    one = Deep(patterns, 9)
    assert [int(v.counts.max()) for v in one.graph().values[1:]] == [4, 64, 16384]


def value_of_truth(one, graph):
    """Of each hidden neuron which of its values the teacher's weights lead to, all that hold it."""
    h = one.samples.x
    for layer, values in zip(one.teacher[:-1], graph.values[1:], strict=True):
        h = one.phi(layer @ h)
        for row, (start, stop) in enumerate(zip(values.offsets, values.offsets[1:], strict=False)):
            low, high = values.low[start:stop] - 1e-12, values.high[start:stop] + 1e-12
            yield ((low <= h[:, row]) & (h[:, row] <= high)).all(axis=1)


@settings(max_examples=30)
@given(
    max_values=st.integers(1, 12),
    m=st.integers(1, 3),
    phi=st.sampled_from([TANH, RELU]),
    depth=st.integers(2, 4),
    seed=st.integers(0, 10**6),
)
def test_joined_values_never_rule_out_the_truth(max_values, m, phi, depth, seed):
    one = Deep(loopy(4, *[2] * depth, seed=seed), m, phi=phi, seed=seed)
    graph = one.graph(max_values)
    assert max(values.counts.max() for values in graph.values[1:]) <= max_values
    assert all(holds.any() for holds in value_of_truth(one, graph))
    for algorithm in ("sum-product", "max-product"):
        outcome = one.run(layered(algorithm), max_values=max_values)
        assert outcome.status != Status.CONTRADICTION
        for belief, true in zip(outcome.beliefs, one.true_states(), strict=True):
            assert np.isfinite(np.take_along_axis(belief, true[..., None], -1)).all()


def test_joined_values_come_closer_to_the_truth_the_more_there_are():
    """Slowly, as an interval that a value may lie in says little where outputs are exact."""
    distances = {limit: [] for limit in (4, 8, 16, 32, 64)}
    for seed in range(6):
        one = Deep(tree(2, 2, 2), m=2, seed=seed)
        marginals, _ = enumerate_deep(*one.arguments, Beliefs.uniform(one.problem))
        for limit, found in distances.items():
            beliefs = one.run(exactly(), max_values=limit).beliefs
            found += [
                np.abs(probabilities(a) - b).mean() for a, b in zip(beliefs, marginals, strict=True)
            ]
    means = [np.mean(found) for found in distances.values()]
    assert max(distances[64]) < 1e-12 and (np.diff(means) < -0.01).all()


@pytest.mark.parametrize("slots", [(2, 2), (2, 2, 2)])
def test_beliefs_far_below_what_a_float_can_be_are_carried_on(slots):
    for seed in range(4):
        one = Deep(tree(*slots), m=1, seed=seed)
        prior = one.prior(seed, scale=1000.0)
        marginals, _ = enumerate_deep(*one.arguments, prior)
        beliefs = one.run(exactly(), prior).beliefs
        assert min(part.min() for part in beliefs) < -745
        assert_close(map(probabilities, beliefs), marginals, atol=1e-12)
        for belief, true in zip(beliefs, one.true_states(), strict=True):
            assert np.isfinite(np.take_along_axis(belief, true[..., None], -1)).all()


def test_outputs_that_no_weights_give_are_a_contradiction():
    one = Deep(tree(2, 2, 2), m=1)
    one.samples = one.samples._replace(y=one.samples.y + 0.01)
    prior = one.prior()
    outcome = one.run(layered(), prior)
    assert outcome.status == Status.CONTRADICTION and outcome.beliefs is prior


def test_lists_that_do_not_fit_into_the_memory_are_refused():
    one = Deep(loopy(8, 2, 2, 2, 2), m=2)
    with pytest.raises(ValueError, match="listing the configurations of 8 hidden neurons"):
        hidden_graph(one.problem, *one.samples, EVERYTHING, memory_gib=1e-3)
    with pytest.raises(ValueError, match=r"searching the \d+\^2 configurations of an output"):
        reachable.output_layer(
            one.graph().values[2], one.patterns[-1], one.alphabet, TANH, one.samples.y, 1e-7
        )


def deep_students(layers, n, seeds, learner, grid):
    """Train students of drawn teachers; yield their errors, and those expected, at each m."""
    sizes, per_row = Sizes(n, n, n, layers - 1), PerRow(2, 2, 2)
    for seed in range(seeds):
        teacher = draw_teacher(sizes, per_row, 1, seed)
        patterns = draw_student(teacher, per_row, 1, seed)
        samples = draw_samples(teacher, TANH, max(grid), 1, seed)
        problem = Problem.of(patterns, (-1, 1), TANH)
        found = learn(learner, problem, samples, grid, 1, seed, memory_gib=1)
        for trained in found:
            student = [Layer(*both) for both in zip(patterns, trained.estimates, strict=True)]
            yield trained, metrics.weight_error(teacher, student)


@pytest.mark.thorough
@pytest.mark.parametrize("batch_size", [None, 2])
def test_three_layers_are_learnt_and_errors_are_as_expected_from_the_beliefs(batch_size):
    """Matched students know the prior and the likelihood, so the fraction of wrong weights is, but
    for chance and for loops, that which the beliefs tell."""
    how = layered(schedule="mini-batch" if batch_size else "online", batch_size=batch_size)
    found = list(deep_students(3, 200, 4, how, [2, 4, 20]))
    assert {trained.status for trained, _ in found} == {Status.CONVERGED}
    errors = np.array([error for _, error in found]).reshape(4, 3)
    expected = np.array([trained.expected_error for trained, _ in found]).reshape(4, 3)
    assert errors[:, 0].min() > 0.02 and (errors[:, 2] == 0).all()
    # As if weights were independent, which those of one hidden neuron are not: hence twice.
    deviation = np.sqrt((expected * (1 - expected) / (3 * 400)).sum(axis=0)) / 4
    assert (np.abs(errors - expected).mean(axis=0) < 4 * deviation + 1e-12).all()


def test_batches_end_where_the_offline_schedule_does_with_the_same_samples():
    """One batch of all samples is offline learning."""
    batch = deep_students(3, 40, 1, layered(schedule="mini-batch", batch_size=3), [3])
    offline = deep_students(3, 40, 1, layered(schedule="offline"), [3])
    for (one, _), (other, _) in zip(batch, offline, strict=True):
        for a, b in zip(one.estimates, other.estimates, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(max_values=None), "max_values goes with method: layered"),
        (dict(method="messages"), "max_values goes with method: layered"),
        (dict(reinforcement=0.1), "reinforcement is for method messages; given: layered"),
        (dict(damped="both"), "damped: 'both'; method layered takes factor-to-variable only"),
        (dict(factor="soft", beta=1.0), "factor: 'soft'; method layered takes hard only"),
    ],
)
def test_what_hidden_variables_cannot_do_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        learner(**dict(method="layered", max_values=9) | changes)
