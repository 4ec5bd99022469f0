"""The oracles against one another, and against the equations, on small random instances."""

import itertools
import math

import numpy as np
import pytest

from tests.oracles import twin
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import find_rings, solve_rings

BINARY = np.array([-1, 1])
TERNARY = np.array([-1, 0, 1])
VARIANTS = {
    "sum, hard": {"rule": "sum-product"},
    "max, hard": {"rule": "max-product"},
    "sum, soft": {"rule": "sum-product", "hard": False, "beta": 1.5},
    "max-sum": {"rule": "max-sum", "hard": False},
}


def tanh(z):
    return np.tanh(z - 0.1)


def leaky_relu(z):
    return np.maximum(z, 0.1 * z)


def biregular(rng, n_rows, n_columns, k_row):
    """A (n_rows, k_row) pattern whose columns all have the same number of entries."""
    stubs = np.repeat(np.arange(n_columns), n_rows * k_row // n_columns)
    for _ in range(100_000):
        pattern = rng.permutation(stubs).reshape(n_rows, k_row)
        if all(len(set(row)) == k_row for row in pattern.tolist()):
            return pattern
    raise RuntimeError("no biregular pattern found")


def one_ring(rng, length):
    """A pattern of ``length`` outputs and hidden neurons that makes a single ring."""
    hidden = rng.permutation(length)
    pattern = np.stack([hidden, np.roll(hidden, -1)], axis=1)
    flip = rng.random(length) < 0.5
    pattern[flip] = pattern[flip, ::-1]
    return pattern[rng.permutation(length)]


def data(rng, input_topology, output_topology, phi, m, n_in, teacher_alphabet=BINARY):
    """x, y and the weights of a random teacher on the given pattern, by dense matrices."""
    w_in = rng.choice(teacher_alphabet, size=input_topology.shape)
    w_out = rng.choice(teacher_alphabet, size=output_topology.shape)
    dense_in = np.zeros((len(input_topology), n_in))
    dense_out = np.zeros((len(output_topology), len(input_topology)))
    np.put_along_axis(dense_in, input_topology, w_in, axis=1)
    np.put_along_axis(dense_out, output_topology, w_out, axis=1)
    x = rng.choice([-1, 1], size=(m, n_in))
    return x, phi(phi(x @ dense_in.T) @ dense_out.T), w_in, w_out


def random_logs(rng, *shape):
    return rng.normal(scale=0.7, size=shape)


# --------------------------------------------------------------------------- enumeration


def test_enumeration_against_nested_loops():
    rng = np.random.default_rng(0)
    input_topology, output_topology = np.array([[0, 2], [1, 2]]), np.array([[1, 0]])
    x, y, _, _ = data(rng, input_topology, output_topology, tanh, 2, 3)
    y = y + 0.3 * rng.normal(size=y.shape)
    prior = random_logs(rng, 6, 3)
    beta = 1.7
    weights, energies, states = [], [], []
    for state in itertools.product(range(3), repeat=6):
        w = [TERNARY[q] for q in state]
        energy = 0.0
        for sample in range(2):
            a = math.tanh(w[0] * x[sample, 0] + w[1] * x[sample, 2] - 0.1)
            b = math.tanh(w[2] * x[sample, 1] + w[3] * x[sample, 2] - 0.1)
            energy += (y[sample, 0] - math.tanh(w[4] * b + w[5] * a - 0.1)) ** 2
        log_prior = sum(prior[i, q] for i, q in enumerate(state))
        weights.append(math.exp(-beta * energy + log_prior))
        energies.append(energy)
        states.append(state)
    weights, energies, states = np.array(weights), np.array(energies), np.array(states)

    exact = enumerate_posterior(
        input_topology,
        output_topology,
        TERNARY,
        x,
        y,
        tanh,
        beta,
        prior[:4].reshape(2, 2, 3),
        prior[4:].reshape(1, 2, 3),
    )
    assert exact.log_partition == pytest.approx(math.log(weights.sum()), abs=1e-12)
    assert exact.minimum_energy == pytest.approx(energies.min(), abs=1e-14)
    for name, reduce, values, scale in (
        ("marginals", np.sum, weights, weights.sum()),
        ("max_marginals", np.max, weights, weights.max()),
        ("min_energy", np.min, energies, 1.0),
    ):
        expected = [[reduce(values[states[:, i] == q]) / scale for q in range(3)] for i in range(6)]
        got = [getattr(exact, f"{layer}_{name}").reshape(-1, 3) for layer in ("input", "output")]
        np.testing.assert_allclose(np.concatenate(got), expected, rtol=1e-12)


def test_enumeration_of_hard_factors_counts_the_configurations_that_reproduce_the_data():
    rng = np.random.default_rng(1)
    input_topology, output_topology = biregular(rng, 3, 3, 2), biregular(rng, 3, 3, 2)
    x, y, w_in, w_out = data(rng, input_topology, output_topology, tanh, 2, 3)
    exact = enumerate_posterior(input_topology, output_topology, BINARY, x, y, tanh)
    count = math.exp(exact.log_partition)
    assert count == pytest.approx(round(count), abs=1e-6)
    assert 1 <= round(count) < 2**12
    assert exact.minimum_energy < 1e-20
    for weights, max_marginals in (
        (w_in, exact.input_max_marginals),
        (w_out, exact.output_max_marginals),
    ):
        teacher_state = np.searchsorted(BINARY, weights)[..., None]
        assert np.all(np.take_along_axis(max_marginals, teacher_state, axis=-1) == 1.0)
        assert np.isin(max_marginals, (0.0, 1.0)).all()


def test_enumeration_refuses_large_and_impossible_problems():
    x, y = np.ones((1, 4)), np.full((1, 4), 7.0)
    ring = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    with pytest.raises(ValueError, match="configurations"):
        enumerate_posterior(ring, ring, TERNARY, x, y, tanh)
    pair = np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="no configuration"):
        enumerate_posterior(pair, pair, BINARY, x, y[:, :2], tanh)


# --------------------------------------------------------------------------- twin: trees


def tree(rng, name):
    """Patterns and alphabet of a network whose factor graph is a tree, and its diameter bound.

    The bound is on the number of steps after which no message moves any more.
    """
    if name == "one output":
        return biregular(rng, 3, 3, 2), np.array([[2, 0, 1]]), BINARY, 1
    if name == "one output, ternary":
        return np.array([[0, 1], [2, 0]]), np.array([[1, 0]]), TERNARY, 1
    if name == "disjoint outputs":
        return biregular(rng, 4, 4, 2), np.array([[3, 0], [1, 2]]), BINARY, 1
    if name == "chain of outputs":
        return np.array([[0], [1], [2], [1]]), np.array([[0, 1], [2, 1], [2, 3]]), TERNARY, 3
    if name == "star of outputs":
        return np.array([[0], [1], [2], [1]]), np.array([[0, 1], [0, 2], [3, 0]]), TERNARY, 2
    raise ValueError(name)


TREES = (
    "one output",
    "one output, ternary",
    "disjoint outputs",
    "chain of outputs",
    "star of outputs",
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_twin_is_exact_on_trees(name, variant, seed):
    rng = np.random.default_rng([seed, TREES.index(name)])
    input_topology, output_topology, alphabet, settled = tree(rng, name)
    phi = (tanh, leaky_relu)[seed % 2]
    x, y, _, _ = data(rng, input_topology, output_topology, phi, 2, 4)
    n_states = alphabet.size
    prior_in = random_logs(rng, *input_topology.shape, n_states)
    prior_out = random_logs(rng, *output_topology.shape, n_states)
    options = VARIANTS[variant]
    hard = options.get("hard", True)
    # The beliefs of max-sum are the energies of max-marginals at any beta.
    beta = None if hard else options.get("beta", 2.3)
    if not hard:
        y = y + 0.4 * rng.normal(size=y.shape)
    arguments = (input_topology, output_topology, alphabet, x, y, phi)
    records = twin.run(
        *arguments,
        **options,
        log_prior_input=prior_in,
        log_prior_output=prior_out,
        initial_input=random_logs(rng, *output_topology.shape, input_topology.shape[1], n_states),
        initial_output=random_logs(rng, *output_topology.shape, n_states),
        steps=settled + 2,
    )
    # A log-likelihood is multiplied by beta in the exponent, a log-probability is not.
    scale = 1.0 if hard else beta
    exact = enumerate_posterior(*arguments, beta, scale * prior_in, scale * prior_out)
    last = records[-1]
    for layer in ("input", "output"):
        beliefs = getattr(last, f"{layer}_beliefs")
        np.testing.assert_allclose(beliefs, getattr(last, f"{layer}_beliefs_after"), atol=1e-12)
        if not hard:
            assert np.all(beliefs.max(axis=-1) == 0.0)
            beliefs = np.exp(beta * beliefs)
        if options["rule"] == "sum-product":
            expected = getattr(exact, f"{layer}_marginals")
            beliefs = beliefs / beliefs.sum(axis=-1, keepdims=True)
        else:
            expected = getattr(exact, f"{layer}_max_marginals")
            beliefs = beliefs / beliefs.max(axis=-1, keepdims=True)
        np.testing.assert_allclose(beliefs, expected, atol=1e-11)
        assert np.ptp(expected) > 0.05

    # After as many steps as the tree is long the messages are at their fixed point.
    assert records[0].change > 1e-3
    assert all(record.change < 1e-12 for record in records[settled:])


@pytest.mark.parametrize("name", TREES)
def test_max_sum_beliefs_are_minimum_energies_on_trees(name):
    rng = np.random.default_rng([7, TREES.index(name)])
    input_topology, output_topology, alphabet, settled = tree(rng, name)
    x, y, _, _ = data(rng, input_topology, output_topology, tanh, 3, 4)
    y = y + 0.4 * rng.normal(size=y.shape)
    arguments = (input_topology, output_topology, alphabet, x, y, tanh)
    last = twin.run(*arguments, rule="max-sum", hard=False, steps=settled + 1)[-1]
    exact = enumerate_posterior(*arguments, beta=1.0)
    for layer in ("input", "output"):
        np.testing.assert_allclose(
            getattr(last, f"{layer}_beliefs_after"),
            exact.minimum_energy - getattr(exact, f"{layer}_min_energy"),
            atol=1e-12,
        )
    assert np.min(last.input_beliefs_after) < -1e-3


# --------------------------------------------------------------------------- twin: loops


def loopy(seed, m=2, n=4, k_in=2, k_out=2, alphabet=BINARY, noise=0.0):
    """A random instance whose factor graph has loops: the arguments of the oracles."""
    rng = np.random.default_rng(seed)
    input_topology, output_topology = biregular(rng, n, n, k_in), biregular(rng, n, n, k_out)
    x, y, _, _ = data(rng, input_topology, output_topology, tanh, m, n)
    y = y + noise * rng.normal(size=y.shape)
    return input_topology, output_topology, alphabet, x, y, tanh


def initial_messages(rng, arguments, scale=0.7):
    input_topology, output_topology, alphabet = arguments[:3]
    shape = output_topology.shape
    return {
        "initial_input": rng.normal(
            scale=scale, size=(*shape, input_topology.shape[1], alphabet.size)
        ),
        "initial_output": rng.normal(scale=scale, size=(*shape, alphabet.size)),
    }


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("alphabet", [BINARY, TERNARY], ids=["binary", "ternary"])
def test_factor_messages_against_nested_loops(variant, alphabet):
    """Eqs. 2.7, 2.8, 2.12, 3.5 and 3.7 for one factor, in plain Python, from recorded h and g."""
    rng = np.random.default_rng(11)
    options = VARIANTS[variant]
    hard = options.get("hard", True)
    arguments = loopy(3, alphabet=alphabet, noise=0.0 if hard else 0.3)
    input_topology, output_topology, _, x, y, phi = arguments
    step = twin.run(*arguments, **options, **initial_messages(rng, arguments), steps=1)[0]
    beta = options.get("beta", 1.0)
    n_states = alphabet.size
    a = 2
    (r0, r1) = output_topology[a]
    incoming = np.concatenate([step.g[a], step.h[a].reshape(4, n_states)])
    outgoing = np.zeros((6, n_states)) if hard else np.full((6, n_states), -np.inf)
    for state in itertools.product(range(n_states), repeat=6):
        w = alphabet[list(state)]
        hidden0 = phi(x[:, input_topology[r0]] @ w[2:4])
        hidden1 = phi(x[:, input_topology[r1]] @ w[4:6])
        residual = y[:, a] - phi(w[0] * hidden0 + w[1] * hidden1)
        for i in range(6):
            others = [incoming[other, state[other]] for other in range(6) if other != i]
            old = outgoing[i, state[i]]
            if hard:
                term = float(np.all(abs(residual) < 1e-9)) * np.prod(others)
                new = max(old, term) if "max" in variant else old + term
            else:
                term = -np.sum(residual**2) + np.sum(others)
                new = max(old, term)
                if "max" not in variant:
                    new = np.logaddexp(beta * old, beta * term) / beta
            outgoing[i, state[i]] = new
    if hard:
        outgoing /= outgoing.sum(axis=1, keepdims=True)
    else:
        outgoing -= outgoing.max(axis=1, keepdims=True)
    np.testing.assert_allclose(step.v[a], outgoing[:2], atol=1e-13)
    np.testing.assert_allclose(step.u[a].reshape(4, n_states), outgoing[2:], atol=1e-13)
    assert np.ptp(outgoing) > 0.05


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("k_out", [2, 3])
def test_reinforced_beliefs_and_cavities_follow_from_the_records(variant, k_out):
    """Eqs. 3.8-3.11 with the division written out, on the messages of successive steps."""
    rng = np.random.default_rng(12)
    options = VARIANTS[variant]
    hard = options.get("hard", True)
    arguments = loopy(4, m=1, n=4, k_out=k_out, noise=0.0 if hard else 0.3)
    input_topology, output_topology, alphabet = arguments[:3]
    prior_in = random_logs(rng, *input_topology.shape, alphabet.size)
    prior_out = random_logs(rng, *output_topology.shape, alphabet.size)
    r = 0.4
    records = twin.run(
        *arguments,
        **options,
        **initial_messages(rng, arguments),
        log_prior_input=prior_in,
        log_prior_output=prior_out,
        reinforcement=r,
        damping=0.2,
        steps=4,
    )

    def logs(array):
        return np.log(array) if hard else array

    def same(log_left, log_right):
        difference = log_left - log_right
        np.testing.assert_allclose(difference - difference[..., :1], 0.0, atol=1e-10)

    assert not np.any([np.any(record.u == 0.0) for record in records]) or not hard
    for t in range(1, 4):
        old, new = records[t - 1], records[t]
        expected = prior_in + r * t * logs(old.input_beliefs)
        for a, j in np.ndindex(output_topology.shape):
            expected[output_topology[a, j]] += logs(old.u[a, j])
        same(logs(new.input_beliefs), expected)
        same(logs(new.h), expected[output_topology] - logs(old.u))
        expected = prior_out + r * t * logs(old.output_beliefs)
        same(logs(new.g), expected)
        same(logs(new.output_beliefs), expected + logs(old.v))
        np.testing.assert_array_equal(new.input_beliefs, old.input_beliefs_after)
        np.testing.assert_array_equal(new.output_beliefs, old.output_beliefs_after)
        assert new.change == np.max(np.abs(new.u - old.u))
        for array in (new.u, new.v, new.h, new.g, new.input_beliefs, new.output_beliefs):
            total = array.sum(axis=-1) - 1.0 if hard else array.max(axis=-1)
            np.testing.assert_allclose(total, 0.0, atol=1e-13)


@pytest.mark.parametrize("variant", VARIANTS)
def test_damping_is_arithmetic_on_the_messages_as_recorded(variant):
    rng = np.random.default_rng(13)
    options = VARIANTS[variant]
    hard = options.get("hard", True)
    arguments = loopy(5, m=1, noise=0.0 if hard else 0.3)
    initial = initial_messages(rng, arguments)
    alpha = 0.3

    def normalised(array):
        return array if hard else array - array.max(axis=-1, keepdims=True)

    def run(damped, damping=alpha):
        return twin.run(
            *arguments,
            **options,
            **initial,
            reinforcement=0.4,  # or else g would be the same in every step
            damping=damping,
            damped=damped,
            steps=2,
        )

    plain = run("both", damping=0.0)
    on_factors, on_variables, on_both = map(
        run, ("factor-to-variable", "variable-to-factor", "both")
    )
    old_u, old_v = initial["initial_input"], initial["initial_output"]
    if hard:
        old_u, old_v = np.exp(old_u), np.exp(old_v)
        old_u /= old_u.sum(axis=-1, keepdims=True)
        old_v /= old_v.sum(axis=-1, keepdims=True)
    old_u, old_v = normalised(old_u), normalised(old_v)

    # The first step: u and v are damped towards the initial messages, h and g are not damped.
    for damped in (on_factors, on_both):
        expected = normalised(alpha * old_u + (1 - alpha) * plain[0].u)
        np.testing.assert_allclose(damped[0].u, expected, atol=1e-13)
        expected = normalised(alpha * old_v + (1 - alpha) * plain[0].v)
        np.testing.assert_allclose(damped[0].v, expected, atol=1e-13)
        np.testing.assert_array_equal(damped[0].h, plain[0].h)
    np.testing.assert_array_equal(on_variables[0].u, plain[0].u)

    # The second step: what h and g would be undamped is known from the runs that do not damp them.
    for name in ("h", "g"):
        first, second = getattr(plain[0], name), getattr(plain[1], name)
        expected = normalised(alpha * first + (1 - alpha) * second)
        np.testing.assert_allclose(getattr(on_variables[1], name), expected, atol=1e-13)
        first, second = getattr(on_factors[0], name), getattr(on_factors[1], name)
        expected = normalised(alpha * first + (1 - alpha) * second)
        np.testing.assert_allclose(getattr(on_both[1], name), expected, atol=1e-13)
    assert np.max(np.abs(on_variables[1].g - plain[1].g)) > 1e-3
    assert np.max(np.abs(on_variables[1].h - plain[1].h)) > 1e-3
    assert np.max(np.abs(on_factors[0].u - plain[0].u)) > 1e-3


@pytest.mark.thorough
@pytest.mark.parametrize("variant", ["sum, hard", "sum, soft"])
@pytest.mark.parametrize("damped", twin.DAMPED)
def test_damping_leaves_the_fixed_point(variant, damped):
    options = VARIANTS[variant]
    hard = options.get("hard", True)
    arguments = loopy(48, m=1, noise=0.0 if hard else 0.1)
    if not hard:
        rng = np.random.default_rng(17)
        options = options | {"beta": 10.0, "log_prior_input": 0.1 * random_logs(rng, 4, 2, 2)}
    plain = twin.run(*arguments, **options, steps=110)
    slow = twin.run(*arguments, **options, damping=0.3, damped=damped, steps=75)
    assert np.max(np.abs(plain[-1].u - plain[0].u)) > 1e-2
    assert plain[-1].change < 1e-11
    assert slow[-1].change < 1e-11
    assert slow[3].change > 1e-6
    for name in ("u", "v", "h", "g", "input_beliefs", "output_beliefs"):
        np.testing.assert_allclose(
            getattr(slow[-1], name), getattr(plain[-1], name), atol=1e-8, err_msg=name
        )


def test_soft_factors_at_large_beta_tend_to_max_sum_and_to_hard_factors():
    rng = np.random.default_rng(14)
    arguments = loopy(8, m=1)
    initial = initial_messages(rng, arguments)
    cold = twin.run(*arguments, rule="sum-product", hard=False, beta=1e5, **initial, steps=3)
    max_sum = twin.run(*arguments, rule="max-sum", hard=False, **initial, steps=3)
    for one, other in zip(cold, max_sum, strict=True):
        np.testing.assert_allclose(one.u, other.u, atol=1e-3)
        np.testing.assert_allclose(one.input_beliefs, other.input_beliefs, atol=1e-3)
    assert np.min(max_sum[-1].input_beliefs) < -0.1

    soft = twin.run(*arguments, rule="sum-product", hard=False, beta=1e10, steps=4)
    hard = twin.run(*arguments, rule="sum-product", steps=4)
    for one, other in zip(soft, hard, strict=True):
        probabilities = np.exp(1e10 * one.input_beliefs)
        probabilities /= probabilities.sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(probabilities, other.input_beliefs, atol=1e-9)
    assert np.ptp(hard[-1].input_beliefs) > 0.05


def test_reinforcement_freezes_the_beliefs_of_an_undecided_run():
    arguments = loopy(9, m=1)
    rng = np.random.default_rng(15)
    initial = initial_messages(rng, arguments)
    plain = twin.run(*arguments, rule="sum-product", **initial, steps=60)[-1]
    reinforced = twin.run(*arguments, rule="sum-product", **initial, reinforcement=0.1, steps=60)[
        -1
    ]
    assert plain.input_beliefs.max(axis=-1).min() < 0.9
    assert reinforced.input_beliefs.max(axis=-1).min() > 0.999999


def test_contradiction_names_the_factor():
    arguments = list(loopy(10))
    arguments[4] = arguments[4].copy()
    arguments[4][0, 3] += 0.5
    for rule in ("sum-product", "max-product"):
        with pytest.raises(twin.Contradiction, match="factor 3") as caught:
            twin.run(*arguments, rule=rule, steps=3)
        assert caught.value.factor == 3
        assert caught.value.step == 0
        assert caught.value.records == []
    assert len(twin.run(*arguments, rule="max-sum", hard=False, steps=3)) == 3


def test_contradiction_of_two_factors_names_the_variable():
    """Two outputs that need opposite weights of the hidden neuron they share."""
    input_topology, output_topology = np.array([[0]]), np.array([[0], [0]])
    x = np.array([[1.0], [-1.0]])
    positive = tanh(tanh(x))
    negative = tanh(tanh(-x))
    y = np.concatenate([positive, negative], axis=1)
    with pytest.raises(twin.Contradiction, match=r"input weight \(0, 0\)") as caught:
        twin.run(input_topology, output_topology, BINARY, x, y, tanh, rule="sum-product", steps=2)
    assert caught.value.factor is None


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "mean-field"},
        {"rule": "max-product", "hard": False},
        {"rule": "sum-product", "hard": False},
        {"rule": "sum-product", "beta": 1.0},
        {"rule": "max-sum", "hard": False, "beta": 1.0},
        {"rule": "sum-product", "damping": 1.0},
        {"rule": "sum-product", "damped": "none"},
        {"rule": "sum-product", "initial_output": np.zeros((4, 2, 3))},
    ],
)
def test_twin_refuses_what_is_not_defined(options):
    with pytest.raises(ValueError, match=r"rule|max-|beta|damp|shape"):
        twin.run(*loopy(0), **options, steps=1)


# --------------------------------------------------------------------------- rings


def ring_patterns(rng, name):
    """Input pattern, output pattern, alphabet and the lengths of the rings."""
    if name == "two outputs on the same pair":
        return biregular(rng, 2, 4, 2), np.array([[0, 1], [1, 0]]), TERNARY, [2]
    if name == "two short rings":
        return biregular(rng, 4, 4, 2), np.array([[2, 0], [3, 1], [0, 2], [3, 1]]), BINARY, [2, 2]
    if name == "ring of three":
        return biregular(rng, 3, 3, 2), one_ring(rng, 3), BINARY, [3]
    if name == "ring of three, three weights":
        return biregular(rng, 3, 3, 3), one_ring(rng, 3), BINARY, [3]
    if name == "ring of three, ternary":
        return biregular(rng, 3, 3, 2), one_ring(rng, 3), TERNARY, [3]
    if name == "rings of two and three":
        short = np.array([[3, 4], [3, 4]])
        return np.arange(5)[:, None], np.concatenate([one_ring(rng, 3), short]), BINARY, [2, 3]
    if name == "ring of five":
        return biregular(rng, 5, 5, 1), one_ring(rng, 5), BINARY, [5]
    raise ValueError(name)


RINGS = (
    "two outputs on the same pair",
    "two short rings",
    "ring of three",
    "ring of three, three weights",
    "rings of two and three",
    "ring of five",
)


def assert_same_posterior(solved, exact):
    for layer in ("input", "output"):
        for name in ("marginals", "max_marginals", "min_energy"):
            field = f"{layer}_{name}"
            np.testing.assert_allclose(
                getattr(solved, field), getattr(exact, field), atol=1e-10, err_msg=field
            )
    assert solved.log_partition == pytest.approx(exact.log_partition, abs=1e-10)
    assert solved.minimum_energy == pytest.approx(exact.minimum_energy, abs=1e-12)


@pytest.mark.parametrize("beta", [None, 0.6, 40.0])
@pytest.mark.parametrize("name", RINGS)
def test_rings_equal_enumeration(name, beta):
    rng = np.random.default_rng([21, RINGS.index(name)])
    input_topology, output_topology, alphabet, lengths = ring_patterns(rng, name)
    n_in = int(input_topology.max()) + 1
    x, y, _, _ = data(rng, input_topology, output_topology, tanh, 1, n_in)
    if beta is not None:
        y = y + 0.3 * rng.normal(size=y.shape)
    arguments = (input_topology, output_topology, alphabet, x, y, tanh, beta)
    solved, exact = solve_rings(*arguments), enumerate_posterior(*arguments)
    assert_same_posterior(solved, exact)
    assert np.ptp(exact.input_marginals) > 1e-6  # far above the tolerance
    assert sorted(len(ring) for ring in find_rings(output_topology)) == lengths
    assert (solved.n_rings, solved.longest_ring) == (len(lengths), max(lengths))


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(6))
def test_rings_equal_enumeration_on_random_patterns(seed):
    rng = np.random.default_rng([22, seed])
    input_topology, output_topology = biregular(rng, 4, 4, 2), biregular(rng, 4, 4, 2)
    m = 1 + seed % 3
    x, y, _, _ = data(rng, input_topology, output_topology, leaky_relu, m, 4)
    for beta in (None, 1.1):
        arguments = (input_topology, output_topology, BINARY, x, y, leaky_relu, beta)
        assert_same_posterior(solve_rings(*arguments), enumerate_posterior(*arguments))


def test_long_ring_without_data_counts_all_configurations():
    """2**4000 configurations, far outside the range of floating-point numbers."""
    rng = np.random.default_rng(23)
    input_topology, output_topology = biregular(rng, 1000, 1000, 2), one_ring(rng, 1000)
    x, y = np.zeros((0, 1000)), np.zeros((0, 1000))
    solved = solve_rings(input_topology, output_topology, BINARY, x, y, tanh)
    assert (solved.n_rings, solved.longest_ring) == (1, 1000)
    assert solved.log_partition == pytest.approx(4000 * math.log(2), rel=1e-12)
    np.testing.assert_allclose(solved.input_marginals, 0.5, atol=1e-10)
    np.testing.assert_allclose(solved.output_marginals, 0.5, atol=1e-10)


def test_rings_at_large_beta_are_bounded_by_the_minimum_energy():
    rng = np.random.default_rng(24)
    input_topology, output_topology = biregular(rng, 200, 200, 2), one_ring(rng, 200)
    x = rng.choice([-1, 1], size=(3, 200))
    y = rng.uniform(-0.9, 0.7, size=(3, 200))
    beta = 1e4
    solved = solve_rings(input_topology, output_topology, BINARY, x, y, tanh, beta)
    assert solved.minimum_energy > 1.0
    excess = solved.log_partition + beta * solved.minimum_energy
    assert 0.0 <= excess <= 800 * math.log(2)
    gap = solved.input_min_energy - solved.minimum_energy
    np.testing.assert_allclose(gap.min(axis=-1), 0.0, atol=1e-9)
    np.testing.assert_allclose(solved.input_max_marginals, np.exp(-beta * gap), atol=1e-6)


def test_rings_at_full_size_expect_the_error_they_make():
    """A teacher drawn from the prior is one more draw from the posterior.

    The probability of the teacher's states must therefore be, on average over the weights, that
    of the states of a draw: the mean of 1 - mu(teacher) is that of 2 mu(-1) mu(+1).
    """
    rng = np.random.default_rng(25)
    input_topology, output_topology = biregular(rng, 600, 600, 2), biregular(rng, 600, 600, 2)
    x, y, w_in, w_out = data(rng, input_topology, output_topology, tanh, 2, 600)
    solved = solve_rings(input_topology, output_topology, BINARY, x, y, tanh)
    missed, uncertain, expected_error = [], [], []
    for weights, marginals, max_marginals in (
        (w_in, solved.input_marginals, solved.input_max_marginals),
        (w_out, solved.output_marginals, solved.output_max_marginals),
    ):
        teacher_state = np.searchsorted(BINARY, weights)[..., None]
        on_teacher = np.take_along_axis(marginals, teacher_state, axis=-1)
        assert np.all(on_teacher > 0.0)
        assert np.all(np.take_along_axis(max_marginals, teacher_state, axis=-1) == 1.0)
        np.testing.assert_allclose(marginals.sum(axis=-1), 1.0, atol=1e-10)
        missed.append(1.0 - on_teacher)
        uncertain.append(2.0 * marginals[..., 0] * marginals[..., 1])
        expected_error.append(1.0 - marginals.max(axis=-1))
    assert np.mean(missed) == pytest.approx(np.mean(uncertain), abs=0.02)
    assert 0.03 < np.mean(expected_error) < 0.15
    assert solved.minimum_energy < 1e-15


@pytest.mark.parametrize(
    "pattern",
    [
        [[0, 1, 2], [1, 2, 0], [2, 0, 1]],
        [[0, 1], [1, 2], [1, 0]],
        [[0, 0], [1, 2], [2, 1]],
        [[0, 1], [1, 0]],
    ],
    ids=["three per output", "unequal readers", "twice the same", "an unread hidden neuron"],
)
def test_rings_refuse_other_patterns(pattern):
    pattern = np.array(pattern)
    x, y = np.ones((1, 3)), np.zeros((1, len(pattern)))
    with pytest.raises(ValueError, match=r"rings need|twice"):
        solve_rings(np.arange(3)[:, None], pattern, BINARY, x, y, tanh)


def test_rings_refuse_impossible_data():
    arguments = list(loopy(26))
    arguments[4] = arguments[4] + 5.0
    with pytest.raises(ValueError, match="possible"):
        solve_rings(*arguments)
