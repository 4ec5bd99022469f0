"""Appendix A: on trees belief propagation is exact, after a number of steps set by the diameter.

A step is one update of all variable-to-factor messages and then of all factor-to-variable ones,
undamped. From uniform messages, what a belief knows after t steps is the factors within t factors
of its variable, and this exactly. The longest path of a tree has half as many factors as its
diameter has edges, so that is how many steps all beliefs take. Nothing changes in the step after.
From random messages it is one step more, as here unobserved outputs, whose factors say nothing, are
the ends of a tree.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, shortest_path

from sparsebp.claims.reductions import steps_needed
from sparsebp.engine import elimination
from sparsebp.engine import factors as fac
from sparsebp.engine.bethe import log_partition
from sparsebp.engine.learning import Beliefs, Messages, propagate
from sparsebp.network.trees import draw_tree
from sparsebp.steps import trees as step
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study.config import Study
from sparsebp.study.validation import ConfigError
from tests.oracles import elimination as oracle
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import solve_rings
from tests.problems import RELU, TANH, learner
from tests.tree_problems import logs_of_rest, observed, random_prior, tree, tree_results

EXACT = dict(damping=0.0, tolerance=1e-14)
SMALL = {
    "chain": dict(observed=5, reads=2),
    "chain, one sample": dict(observed=5, reads=2, m=1, seed=1),
    "ternary chain": dict(observed=3, reads=2, alphabet=(-1, 0, 1)),
    "ternary chain, relu": dict(observed=3, reads=2, alphabet=(-1, 0, 1), phi=RELU),
}


def built(one, how, prior, scale=0.0, seed=0):
    """Messages before the first step, and their factors."""
    make = fac.soft_factors if how.rules.soft else fac.hard_factors
    factors = make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1)
    return Messages(how, one.problem, factors, prior, np.random.default_rng(seed)), factors


def settled(one, how, prior):
    make = fac.soft_factors if how.rules.soft else fac.hard_factors
    factors = make(one.problem.states, *one.problem.patterns, one.phi, *one.samples, memory_gib=1)
    outcome = propagate(how, one.problem, factors, prior, np.random.default_rng(0))
    assert outcome.status == 1
    return outcome.beliefs


def probabilities(logs, beta=1.0):
    p = np.exp(beta * (logs - logs.max(axis=-1, keepdims=True)))
    return p / p.sum(axis=-1, keepdims=True)


def known(one):
    """Which outputs are observed."""
    return ~np.isnan(one.samples.y[0])


def relay(**shape):
    """A tree on which what is known of one hidden neuron bears on all, see ``steps.trees``."""
    one, diameter = tree(m=1, **shape)
    samples = step._answers(one.problem.patterns, "relay", one.phi, None)
    samples.y[:, ~known(one)] = np.nan
    return one._replace(samples=samples), diameter


def tables(one, prior, beta=None, only=None):
    """The oracle's tables of an instance, of all its observed outputs or of ``only`` some."""
    inner, outer, alphabet, x, y, phi = one.arguments
    kept = np.flatnonzero(known(one)) if only is None else np.asarray(sorted(only), int)
    scale = 1.0 if beta is None else beta
    factors = oracle.tables(inner, outer[kept], alphabet, x, y[:, kept], phi, beta)
    return factors + oracle.fields(scale * prior.inner, scale * prior.outer[kept])


def marginal(factors, variable, states):
    order = oracle.elimination_order(factors)
    logs = [oracle.total(oracle.clamped(factors, variable, q), order) for q in range(states)]
    return probabilities(np.array(logs))


def total(factors):
    return oracle.total(factors, oracle.elimination_order(factors))


# The graphs.


@pytest.mark.parametrize("reads, sizes", [(2, [2, 3, 30]), (3, [4, 7, 31]), (4, [3, 5, 31])])
def test_graphs_are_trees_and_their_diameter_is_right(reads, sizes):
    for observed_outputs in sizes:
        for seed in range(5):
            patterns, diameter = draw_tree(observed_outputs, reads, np.random.default_rng(seed))
            inner, outer = patterns
            counts = np.bincount(outer.ravel())
            assert (counts == 2).all() and len(counts) == len(inner)
            assert all(len(set(row)) == reads for row in outer.tolist())
            # Factor graph: observed factors, then input weights, then their output weights.
            factor = np.repeat(np.arange(observed_outputs), reads)
            inputs = observed_outputs + outer[:observed_outputs].ravel()
            outputs = observed_outputs + len(inner) + np.arange(len(factor))
            ends = np.concatenate([factor, factor]), np.concatenate([inputs, outputs])
            nodes = observed_outputs + len(inner) + len(factor)
            graph = coo_array((np.ones(len(ends[0])), ends), shape=(nodes, nodes)).tocsr()
            assert connected_components(graph)[0] == 1 and graph.nnz == nodes - 1
            far = shortest_path(graph, directed=False, unweighted=True)
            assert far.max() == diameter
            if reads == 2:
                assert diameter == 2 * observed_outputs


def test_all_trees_are_equally_likely():
    """Of 4 outputs with 3 slots: 4 stars, with 6 ways each to fill the slots of the middle and 27
    of the others; 12 paths, with 36 and 9."""
    rng, stars, draws = np.random.default_rng(0), 0, 4000
    for _ in range(draws):
        stars += draw_tree(4, 3, rng)[1] == 6
    share = 4 * 6 * 27 / (4 * 6 * 27 + 12 * 36 * 9)
    assert abs(stars / draws - share) < 4 * np.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("shape", [(1, 3), (5, 3), (6, 3), (4, 1)])
def test_a_tree_that_cannot_be_is_refused(shape):
    with pytest.raises(ValueError, match=f"^{shape[0]} observed outputs that read {shape[1]} "):
        draw_tree(*shape, np.random.default_rng(0))


# Exact.


@pytest.mark.thorough
@pytest.mark.parametrize("name", SMALL)
def test_small_trees_against_enumeration(name):
    one, _ = tree(**SMALL[name])
    prior = random_prior(one)
    seen = known(one)
    fields = dict(log_prior_input=prior.inner, log_prior_output=prior.outer[seen])
    exact = enumerate_posterior(*observed(one), **fields)
    ours = settled(one, learner(**EXACT), prior)
    np.testing.assert_allclose(probabilities(ours.inner), exact.input_marginals, atol=1e-12)
    outer = probabilities(ours.outer[seen])
    np.testing.assert_allclose(outer, exact.output_marginals, atol=1e-12)
    ours = settled(one, learner("max-product", **EXACT), prior)
    np.testing.assert_allclose(np.exp(ours.inner), exact.input_max_marginals, atol=1e-12)
    np.testing.assert_allclose(np.exp(ours.outer[seen]), exact.output_max_marginals, atol=1e-12)
    for beta in (0.1, 2.0, 100.0):
        scaled = {key: beta * value for key, value in fields.items()}
        exact = enumerate_posterior(*observed(one), beta=beta, **scaled)
        ours = settled(one, learner(factor="soft", beta=beta, **EXACT), prior)
        inner, outer = (probabilities(part, beta) for part in (ours.inner, ours.outer[seen]))
        np.testing.assert_allclose(inner, exact.input_marginals, atol=1e-12)
        np.testing.assert_allclose(outer, exact.output_marginals, atol=1e-12)
    ours = settled(one, learner("max-sum", **EXACT), Beliefs.uniform(one.problem))
    for part, energy in (
        (ours.inner, exact.input_min_energy),
        (ours.outer[seen], exact.output_min_energy),
    ):
        np.testing.assert_allclose(-part, energy - exact.minimum_energy, atol=1e-12)


LARGE = [
    dict(observed=61, reads=3, seed=1),
    dict(observed=31, reads=3, m=1, seed=2, phi=RELU),
    dict(observed=60, reads=2, seed=3),
    dict(observed=21, reads=2, seed=4, alphabet=(-1, 0, 1)),
]


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [None, 3.0])
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_large_trees_against_elimination(shape, beta):
    """Some marginals of all, and log Z."""
    one, _ = tree(**shape)
    prior, rules = random_prior(one), dict(factor="soft", beta=beta) if beta else {}
    ours, factors = settled(one, learner(**rules, **EXACT), prior), tables(one, prior, beta)
    q, scale = len(one.problem.states.alphabet), beta or 1.0
    rng = np.random.default_rng(0)
    for hidden in rng.choice(len(one.problem.patterns.inner), 4, replace=False):
        exact = marginal(factors, ("in", hidden, 0), q)
        found = probabilities(ours.inner[hidden, 0], scale)
        np.testing.assert_allclose(found, exact, atol=1e-12)
    for output in rng.choice(shape["observed"], 3, replace=False):
        exact = marginal(factors, ("out", output, 1), q)
        found = probabilities(ours.outer[output, 1], scale)
        np.testing.assert_allclose(found, exact, atol=1e-12)
    now, of_engine = built(one, learner(**rules, **EXACT), prior)
    now.run(200)
    log_z = log_partition(now.u, one.problem, of_engine, prior, now.rules)
    exact = total(factors) + logs_of_rest(one, prior, scale)
    assert log_z == pytest.approx(exact, abs=1e-10)


@pytest.mark.thorough
@settings(max_examples=25)
@given(
    reads=st.sampled_from([2, 3]),
    third=st.integers(1, 4),
    m=st.integers(1, 3),
    phi=st.sampled_from([TANH, RELU]),
    beta=st.sampled_from([None, 0.3, 30.0]),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 1.0, 4.0]),
)
def test_any_tree_is_exact(reads, third, m, phi, beta, seed, scale):
    one, diameter = tree(observed=3 * third + 1, reads=reads, m=m, phi=phi, seed=seed)
    prior = random_prior(one, seed, scale)
    rules = dict(factor="soft", beta=beta) if beta else {}
    now, factors = built(one, learner(**rules, **EXACT), prior)
    now.run(diameter // 2)
    ours, of_oracle = now.final_beliefs(), tables(one, prior, beta)
    rng = np.random.default_rng(seed)
    hidden, output = rng.integers(len(one.problem.patterns.inner)), rng.integers(3 * third + 1)
    for found, variable in (
        (ours.inner[hidden, 0], ("in", hidden, 0)),
        (ours.outer[output, 0], ("out", output, 0)),
    ):
        exact = marginal(of_oracle, variable, 2)
        np.testing.assert_allclose(probabilities(found, beta or 1.0), exact, atol=1e-12)
    log_z = log_partition(now.u, one.problem, factors, prior, now.rules)
    exact = total(of_oracle) + logs_of_rest(one, prior, beta or 1.0)
    assert log_z == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("shape", [LARGE[1], LARGE[2]], ids=str)
def test_elimination_of_the_package_against_the_oracle(shape):
    one, _ = tree(**shape)
    prior = random_prior(one)
    marginals, log_z = elimination.posterior(one.problem, *one.samples, prior)
    factors = tables(one, prior)
    assert log_z == pytest.approx(total(factors) + logs_of_rest(one, prior), abs=1e-10)
    for hidden in (0, 7, len(marginals.inner) - 1):
        exact = marginal(factors, ("in", hidden, 0), 2)
        np.testing.assert_allclose(marginals.inner[hidden, 0], exact, atol=1e-12)
    exact = marginal(factors, ("out", 5, 1), 2)
    np.testing.assert_allclose(marginals.outer[5, 1], exact, atol=1e-12)
    silent = probabilities(prior.outer[~known(one)])
    np.testing.assert_allclose(marginals.outer[~known(one)], silent, atol=1e-12)


# How many steps.


def within(one, hidden):
    """How many factors away each observed output is from a hidden neuron, 1 if it reads that."""
    reads = one.problem.patterns.outer[known(one)].tolist()
    far, reached, distance = {}, {hidden}, 0
    while len(far) < len(reads):
        distance += 1
        new = [a for a, row in enumerate(reads) if a not in far and reached & set(row)]
        far |= dict.fromkeys(new, distance)
        reached |= {r for a in new for r in reads[a]}
    return far


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [None, 2.0])
@pytest.mark.parametrize("shape", [dict(observed=10, reads=3), dict(observed=7, reads=2)], ids=str)
def test_after_t_steps_a_belief_knows_the_factors_within_t(shape, beta):
    one, diameter = relay(**shape)
    prior, rules = random_prior(one), dict(factor="soft", beta=beta) if beta else {}
    now, _ = built(one, learner(**rules, **EXACT), prior)
    changed = 0
    for t in range(1, diameter // 2 + 1):
        now.run(1)
        ours = prior.inner + now.u[one.problem.readers].sum(axis=1)
        for hidden in (0, len(prior.inner) // 2, len(prior.inner) - 1):
            only = [a for a, distance in within(one, hidden).items() if distance <= t]
            exact = marginal(tables(one, prior, beta, only), ("in", hidden, 0), 2)
            found = probabilities(ours[hidden, 0], beta or 1.0)
            np.testing.assert_allclose(found, exact, atol=1e-12)
            changed += bool(np.abs(found - probabilities(prior.inner[hidden, 0])).max() > 1e-3)
    assert changed > 3


@pytest.mark.thorough
@pytest.mark.parametrize("start", [0.0, 1.0])
@pytest.mark.parametrize(
    "shape", [dict(observed=n, reads=k) for k, n in ((2, 4), (2, 60), (3, 4), (3, 19))], ids=str
)
def test_converged_exactly_when_the_diameter_says(shape, start):
    """A relay tells everything of everything: no step earlier, and not one later."""
    for seed in range(3):
        one, diameter = relay(seed=seed, **shape)
        needed = diameter // 2 + (start > 0)
        prior = random_prior(one, seed)
        marginals, _ = elimination.posterior(one.problem, *one.samples, prior)
        now, _ = built(one, learner(damping=0.0, tolerance=1e-13, initial_scale=start), prior)
        far = []
        for _ in range(needed):
            now.run(1)
            beliefs = now.final_beliefs()
            pairs = zip(beliefs, marginals, strict=True)
            far.append(max(np.abs(probabilities(a) - b).max() for a, b in pairs))
        assert far[-1] < 1e-12 < min(far[:-1])
        assert not now.converged
        now.run(1)
        assert now.converged


@pytest.mark.thorough
def test_a_teacher_that_tells_much_needs_fewer_steps():
    """Half the diameter is a bound."""
    one, diameter = tree(observed=60, reads=2, m=2)
    now, _ = built(one, learner(damping=0.0, tolerance=1e-13), random_prior(one))
    now.run(200)
    assert now.converged and now.steps < diameter // 8


@pytest.mark.thorough
@pytest.mark.parametrize("beta", [None, 1.0])
@pytest.mark.parametrize("reads", [2, 3])
def test_the_fixed_point_does_not_depend_on_the_start(reads, beta):
    one, _ = relay(observed=31, reads=reads)
    prior, rules = random_prior(one), dict(factor="soft", beta=beta) if beta else {}
    found = []
    for seed in range(4):
        how = learner(**rules, **EXACT, initial_scale=float(seed > 0))
        now, _ = built(one, how, prior, seed=seed)
        now.run(1)
        first = now.final_beliefs()
        now.run(200)
        found.append((first, now.final_beliefs()))
    starts, ends = zip(*found, strict=True)
    for other in starts[1:]:
        assert np.abs(other.inner - starts[0].inner).max() > 0.01
    for other in ends[1:]:
        for a, b in zip(other, ends[0], strict=True):
            np.testing.assert_allclose(probabilities(a), probabilities(b), atol=1e-13)


# Where there is a loop.


@pytest.mark.thorough
def test_a_short_ring_is_not_exact():
    """The same chain with the output observed that closes it."""
    one, _ = relay(observed=4, reads=2)
    prior, how = random_prior(one), learner(**EXACT)
    found = []
    for closed in (False, True):
        if closed:
            samples = step._answers(one.problem.patterns, "relay", one.phi, None)
            one = one._replace(samples=samples)
        exact, log_z = elimination.posterior(one.problem, *one.samples, prior)
        now, factors = built(one, how, prior)
        now.run(500)
        gap = log_partition(now.u, one.problem, factors, prior, how.rules) - log_z
        beliefs = zip(now.final_beliefs(), exact, strict=True)
        found.append((max(np.abs(probabilities(a) - b).max() for a, b in beliefs), abs(gap)))
    (belief, log_z), (wrong_belief, wrong_log_z) = found
    assert belief < 1e-12 and wrong_belief > 1e-3
    assert log_z < 1e-10 and wrong_log_z > 1e-3


def test_elimination_is_exact_on_rings():
    one, _ = tree(observed=6, reads=2, m=1, seed=2, close=True)
    exact = solve_rings(*one.arguments)
    marginals, log_z = elimination.posterior(
        one.problem, *one.samples, Beliefs.uniform(one.problem)
    )
    assert log_z == pytest.approx(exact.log_partition, abs=1e-10)
    np.testing.assert_allclose(marginals.inner, exact.input_marginals, atol=1e-12)
    np.testing.assert_allclose(marginals.outer, exact.output_marginals, atol=1e-12)


# The step.


@pytest.mark.thorough
def test_the_step_finds_all_this(tmp_path):
    block = {"outputs": [4, 10], "activation": {"function": "tanh", "b": 0.1}, "fields": 1.0}
    spec = {"entropy": 1, "seeds": 2, "trees": block}
    path = tmp_path / "trees.nc"
    step.run(spec, str(path))
    data, made = store.read_trees(path)
    assert made["spec"] == spec and made["step"] == "trees"
    half = data["diameter"].values // 2
    assert (half[[0, 2]] == np.array([4, 10])[:, None]).all()
    needed = steps_needed(data).values
    assert (needed[:2, 0] == half[:2]).all()
    assert (needed[:2, 1] <= half[:2]).all() and (needed[:2, 1] < half[:2]).any()
    gap = np.abs(data["bethe"] - data["log_partition"]).values
    assert gap[:2].max() < 1e-10 < 1e-6 < gap[2, 0].min()
    # Random starts take a step more, and the rings never get there.
    late = data["deviation"].sel(teacher="relay", start="random").values
    for i, shape_half in enumerate(half[:2]):
        for k, by_size in enumerate(shape_half):
            for seed, steps in enumerate(by_size):
                assert late[i, k, seed, steps] < 1e-12 < late[i, k, seed, steps - 1]
    assert np.nanmin(late[2]) > 1e-9


# The configuration.


@pytest.mark.thorough
@pytest.mark.parametrize(
    "key, value, message",
    [
        ("outputs", [4, 8], "trees.outputs: [4, 8]; must be ascending, each one more than a mult"),
        ("outputs", [7, 4], "trees.outputs: [7, 4]; must be ascending, each one more than a mult"),
        ("outputs", [1], "trees.outputs.0: 1"),
        ("activation", {"function": "tanh", "a": 0.1}, "trees.activation: activation tanh takes"),
        ("fields", 0, "trees.fields: 0"),
        ("more", 1, "trees: unknown key 'more'; allowed: activation, fields, outputs"),
    ],
)
def test_a_block_that_is_not_right_is_refused(config, schema, key, value, message):
    config["trees"][key] = value
    with pytest.raises(ConfigError) as refusal:
        Study.load(config, schema)
    assert str(refusal.value).startswith(message)


def test_a_figure_that_cannot_be_drawn_is_refused(config, schema):
    config["figures"]["trees"]["trees"]["outputs"] = [5]
    with pytest.raises(ConfigError, match=r"^figures\.trees\.trees\.outputs: 5 is not defined"):
        Study.load(config, schema)
    config["figures"]["trees"]["columns"] = 2
    with pytest.raises(ConfigError, match=r"^figures\.trees\.columns: not allowed together"):
        Study.load(config, schema)
    config["figures"]["trees"] = {"trees": {}}
    config["experiments"]["trees"] = config["experiments"]["matched_tanh"]
    with pytest.raises(ConfigError, match=r"^experiments\.trees: 'trees' names results/trees\.nc"):
        Study.load(config, schema)
    del config["trees"], config["experiments"]["trees"]
    with pytest.raises(ConfigError, match=r"^figures\.trees\.trees: the configuration has no"):
        Study.load(config, schema)
    del config["figures"]["trees"]
    assert Study.load(config, schema).trees is None


def test_a_file_that_is_not_right_is_refused(config, schema, tmp_path):
    study, path = Study.load(config, schema), tmp_path / "trees.nc"
    values, coordinates = tree_results(study)
    spec = study.trees_spec()
    for change, message in (
        ({"deviation": values["deviation"] - 2}, "variable deviation holds values that are not"),
        ({"bethe": values["bethe"] * np.inf}, "variable bethe holds values that are not allowed"),
    ):
        with pytest.raises(store.BadFile, match=message):
            store.write_trees(path, values | change, coordinates, record("trees", spec))
        assert not path.exists()
    for key, value in (("seeds", 3), ("trees", spec["trees"] | {"outputs": [4]}), ("trees", 1)):
        store.write_trees(path, values, coordinates, record("trees", spec | {key: value}))
        with pytest.raises(store.BadFile, match=r"trees\.nc: .*its provenance"):
            store.read_trees(path)
