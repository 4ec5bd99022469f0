"""The learning loop against oracles that share no code with it."""

from dataclasses import replace

import numpy as np
import pytest

from sparsebp.engine import summing_out, survivors
from sparsebp.engine.algebras import ALGEBRAS
from sparsebp.engine.kernels.updates import Kind
from sparsebp.engine.learner import Learner
from sparsebp.engine.learning import Beliefs, learn
from sparsebp.network.data import Samples
from sparsebp.network.model import forward
from sparsebp.network.quantities import Status
from sparsebp.study.config import Study
from tests.oracles.enumeration import enumerate_posterior
from tests.oracles.rings import solve_rings
from tests.problems import RELU, TANH, instance, learner
from tests.propagation import build, probabilities, run

FULL_SIZE = {
    "2.2": dict(n=1000),
    "2.3": dict(n=1000, phi=RELU),
    "2.4b": dict(n=1000, teacher=(3, 2)),
    "2.4c": dict(sizes=(1200, 800, 800), teacher=(3, 2)),
}


@pytest.mark.thorough
@pytest.mark.parametrize("figure", FULL_SIZE)
def test_posterior_at_the_size_of_the_thesis(figure):
    """Against transfer matrices on the rings; ``pytest -rP`` shows the distances."""
    distance, missed, energy = {}, {}, {}
    for m in (1, 2, 3, 5, 8):
        one = instance(m=m, **FULL_SIZE[figure])
        exact = solve_rings(*one.arguments)
        bp = run(one, learner(max_steps=300)).beliefs
        marginals = exact.input_marginals, exact.output_marginals
        gaps = np.concatenate(
            [
                np.abs(probabilities(ours) - theirs).max(-1).ravel()
                for ours, theirs in zip(bp, marginals, strict=True)
            ]
        )
        distance[m] = gaps.max(), gaps.mean()
        # With hard factors a max-marginal is 1 or 0: possible or not. Max-product may fail to rule
        # out a state that no solution has, since its messages are about single weights; it must
        # never rule out one that some solution has.
        mp = run(one, learner("max-product", damping=0.0)).beliefs
        out, impossible = (
            np.concatenate([part.ravel() for part in parts])
            for parts in (
                [part == -np.inf for part in mp],
                [part == 0 for part in (exact.input_max_marginals, exact.output_max_marginals)],
            )
        )
        assert not (out & ~impossible).any()
        missed[m] = (impossible & ~out).sum() / impossible.sum()
        # Max-sum's log-belief of a state is minus the least energy with it, over the minimum. On
        # rings messages count energies again on every way round, so the energies are too large;
        # what counts is which state has the least.
        ms = run(one, learner("max-sum", max_steps=200)).beliefs
        wrong, gap = [], []
        for ours, least in zip(ms, (exact.input_min_energy, exact.output_min_energy), strict=True):
            clear = np.sort(least, axis=-1)[..., 1] - least.min(-1) > 1e-6
            wrong.append((ours.argmax(-1) != least.argmin(-1))[clear])
            gap.append(np.abs(-ours - (least - exact.minimum_energy)).max(-1).ravel())
        energy[m] = np.concatenate(wrong).mean(), np.concatenate(gap).mean()
    for m in distance:
        print(
            f"Fig. {figure}, m={m}: BP's marginals are off by {distance[m][0]:.2g} at most and "
            f"{distance[m][1]:.2g} on average; max-product misses {missed[m]:.2g} of the "
            f"impossible states; max-sum has {energy[m][0]:.2g} of the decided states wrong, and "
            f"their energies off by {energy[m][1]:.2g} on average"
        )
    assert distance[1][1] < 0.02 and distance[3][1] < 1e-3 and distance[8][1] < 1e-4
    assert distance[1][0] < 0.3 and distance[3][0] < 0.05 and distance[8][0] < 0.02
    assert missed[8] < 0.01 and missed[8] < missed[1]
    assert all(energy[m][0] < 0.01 for m in (3, 5, 8))


@pytest.mark.thorough
@pytest.mark.parametrize("reinforcement", [0.0, 0.01])
def test_max_sum_finds_the_state_of_minimum_energy_at_full_size(reinforcement):
    one = instance(n=1000, m=20, student=(3, 2), alphabet=(-1, 0, 1))
    exact = solve_rings(*one.arguments, beta=1.0)
    assert exact.minimum_energy == pytest.approx(0, abs=1e-12)
    beliefs = run(one, learner("max-sum", reinforcement=reinforcement)).beliefs
    states = [part.argmax(-1) for part in beliefs]
    decided = [
        np.sort(part, axis=-1)[..., 1] - part.min(-1) > 1e-6
        for part in (exact.input_min_energy, exact.output_min_energy)
    ]
    for ours, theirs, clear in zip(
        states, (exact.input_min_energy, exact.output_min_energy), decided, strict=True
    ):
        assert clear.mean() > 0.99
        assert (ours == theirs.argmin(-1))[clear].all()
    # The energy of the whole estimate, Eq. 3.2 summed over factors.
    inner, outer, alphabet, x, y, phi = one.arguments
    hidden = phi((x[:, inner] * alphabet[states[0]]).sum(-1))
    found = ((y - phi((hidden[:, outer] * alphabet[states[1]]).sum(-1))) ** 2).sum()
    assert found == pytest.approx(exact.minimum_energy, abs=1e-9)


@pytest.mark.parametrize("phi", [TANH, RELU], ids=["tanh", "relu"])
@pytest.mark.parametrize("schedule", ["offline", "online"])
def test_error_expected_from_the_beliefs_is_the_error_found(phi, schedule):
    """The matched-case identity, within its sampling error (4 standard deviations)."""
    grid, expected, found, variance = [1, 2, 3, 4], 0.0, 0.0, 0.0
    for seed in range(2):
        one = instance(n=1000, m=max(grid), phi=phi, seed=seed)
        truth = one.truth()
        how = learner(schedule=schedule, max_steps=100)
        for trained in learn(how, one.problem, one.samples, grid, 1, seed, memory_gib=1):
            wrong = [
                (estimate != one.problem.states.alphabet[index]).mean()
                for estimate, index in zip((trained.inner, trained.outer), truth, strict=True)
            ]
            expected += trained.expected_error
            found += np.mean(wrong)
            # Weights of one hidden neuron err together: at most 4 of them.
            variance += 4 * trained.expected_error / 4000
    assert found > 0.05
    assert abs(expected - found) < 4 * np.sqrt(variance)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "how",
    [learner(damping=0.0), learner(damping=0.0, reinforcement=0.05), learner("max-product")],
    ids=["sum-product", "reinforced", "damped max-product"],
)
def test_truth_keeps_positive_belief_under_hard_factors(how):
    one = instance(n=60, m=3, student=(2, 3), alphabet=(-1, 0, 1))
    beliefs = Beliefs.uniform(one.problem)
    for _ in range(30):  # the same data again and again sharpens the fields without end
        outcome = run(one, how, prior=beliefs)
        assert outcome.status != Status.CONTRADICTION
        beliefs = outcome.beliefs
        for ours, index in zip(beliefs, one.truth(), strict=True):
            assert np.isfinite(np.take_along_axis(ours, index[..., None], -1)).all()


def test_a_contradiction_is_detected_and_recorded():
    one = instance(n=20, m=6)
    y = one.samples.y.copy()
    y[3, 5] += 0.01  # no configuration gives this output
    spoilt = one.samples._replace(y=y)
    for schedule in ("offline", "online"):
        for algorithm in ("sum-product", "max-product"):
            how = learner(algorithm, schedule=schedule, max_steps=50)
            runs = list(learn(how, one.problem, spoilt, [1, 2, 3, 4, 5, 6], 1, 0, 1))
            bad = [r.status == Status.CONTRADICTION for r in runs]
            assert bad == [False, False, False, True, True, True]
    how = learner("max-sum", max_steps=50)
    runs = list(learn(how, one.problem, spoilt, [3, 6], 1, 0, 1))
    assert all(r.status != Status.CONTRADICTION for r in runs)
    # Online, what was known before the contradiction stands, and no error is expected of it.
    how = learner(schedule="online")
    runs = list(learn(how, one.problem, spoilt, [3, 4, 6], 1, 0, 1))
    assert np.isfinite(runs[0].expected_error)
    assert np.isnan(runs[1].expected_error) and np.isnan(runs[2].expected_error)
    sure = run(one._replace(samples=Samples(one.samples.x[:3], y[:3])), learner()).beliefs.inner
    sure = np.abs(sure[..., 0] - sure[..., 1]) > 5
    assert sure.mean() > 0.5
    assert (runs[0].inner == runs[1].inner)[sure].all()


MISMATCHED = {
    "of another pattern": dict(overlap=(0.5, 0.5)),
    "sparser": dict(student=(1, 1), overlap=(0.5, 0.5), alphabet=(-1, 0, 1)),
    "denser": dict(teacher=(1, 1), student=(2, 2), overlap=(0, 0)),
    "of the teacher's pattern, with noise": {},
}


@pytest.mark.thorough
@pytest.mark.parametrize("which", MISMATCHED)
def test_hard_factors_contradict_where_nothing_reproduces_the_data(which):
    """Section 3.5. Where messages say so, enumeration finds nothing, and so for more samples."""
    m, grid = 6, [1, 2, 4, 6]
    one = instance(n=4, m=m, seed=2, **MISMATCHED[which])
    if "noise" in which:
        one.samples.y[3] *= -1
    inner, outer, alphabet, x, y, phi = one.arguments
    possible, energy = [], []
    for count in grid:
        arguments = inner, outer, alphabet, x[:count], y[:count], phi
        energy.append(enumerate_posterior(*arguments, beta=1.0).minimum_energy)
        try:
            enumerate_posterior(*arguments)
        except ValueError:
            possible.append(False)
        else:
            possible.append(True)
    assert possible[-1] is False
    assert possible == [lowest < 1e-15 for lowest in energy]
    for algorithm, reinforcement in (
        ("sum-product", 0.0),
        ("sum-product", 0.01),
        ("max-product", 0.0),
    ):
        how = learner(algorithm, reinforcement=reinforcement, max_steps=100)
        runs = list(learn(how, one.problem, one.samples, grid, 1, 0, 1))
        ended = [run.status == Status.CONTRADICTION for run in runs]
        assert ended[-1]
        assert ended == sorted(ended)
        assert not any(end and able for end, able in zip(ended, possible, strict=True))
        # It still answers: with weights of its alphabet, of which it prefers none.
        assert np.isin(runs[-1].inner, alphabet).all() and np.isnan(runs[-1].expected_error)
    for changes in (
        dict(algorithm="max-sum"),
        dict(algorithm="max-sum", reinforcement=0.01),
        dict(factor="soft", beta=10.0),
        dict(factor="soft", beta=10.0, reinforcement=0.01),
    ):
        for trained in learn(
            learner(**changes, max_steps=100), one.problem, one.samples, grid, 1, 0, 1
        ):
            assert trained.status != Status.CONTRADICTION


@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("algorithm", ["sum-product", "max-product"])
def test_factors_that_exclude_each_other_are_a_contradiction(algorithm, damping):
    """Each output alone can be explained, but one half of them comes from another teacher."""
    one, other = instance(n=40, m=8), instance(n=40, m=8)
    flipped = other.teacher.inner._replace(weights=other.teacher.inner.weights[::-1])
    y = forward([flipped, other.teacher.outer], one.phi, one.samples.x)
    y[:, ::2] = one.samples.y[:, ::2]
    mixed = one._replace(samples=one.samples._replace(y=y))
    factors = build(mixed, learner())
    assert (np.diff(factors.offsets) > 0).all()
    assert run(mixed, learner(algorithm, damping=damping)).status == Status.CONTRADICTION
    assert run(one, learner(algorithm, damping=damping)).status != Status.CONTRADICTION


def test_beliefs_that_exclude_every_state_are_a_contradiction():
    """Each factor alone is satisfiable, but the prior excludes what the data demand."""
    one = instance(n=20, m=12)
    prior = Beliefs.uniform(one.problem)
    np.put_along_axis(prior.inner, one.truth()[0][..., None], -np.inf, -1)
    assert run(one, learner(), prior=prior).status == Status.CONTRADICTION


def test_results_do_not_depend_on_the_rest_of_the_grid():
    one = instance(n=30, m=8)
    for how in (learner(initial_scale=1.0), learner("max-product", schedule="online")):
        alone = list(learn(how, one.problem, one.samples, [6], 1, 0, 1))
        among = list(learn(how, one.problem, one.samples, list(range(1, 9)), 1, 0, 1))
        [same] = [trained for trained in among if trained.n_samples == 6]
        np.testing.assert_array_equal(alone[0].inner, same.inner)
        np.testing.assert_array_equal(alone[0].outer, same.outer)
        assert alone[0].iterations == same.iterations


def test_schedules_agree_on_the_first_batch_and_skip_what_they_cannot_reach():
    one = instance(n=30, m=9)
    grid = list(range(1, 10))

    def reached(**how):
        return {
            t.n_samples: t for t in learn(learner(**how), one.problem, one.samples, grid, 1, 0, 1)
        }

    offline = reached()
    batch = reached(schedule="mini-batch", batch_size=4)
    online = reached(schedule="online")
    assert list(offline) == grid == list(online)
    assert list(batch) == [4, 8]
    np.testing.assert_array_equal(batch[4].inner, offline[4].inner)
    np.testing.assert_array_equal(online[1].outer, offline[1].outer)


def test_online_fields_are_the_beliefs_of_the_batch_before():
    one = instance(n=30, m=2)
    first = one._replace(samples=one.samples._replace(x=one.samples.x[:1], y=one.samples.y[:1]))
    second = one._replace(samples=one.samples._replace(x=one.samples.x[1:], y=one.samples.y[1:]))
    how = learner(max_steps=50)
    chained = run(second, how, prior=run(first, how).beliefs)
    online = learner(schedule="online", max_steps=50)
    *_, last = learn(online, one.problem, one.samples, [1, 2], 1, 0, 1)
    beliefs = chained.beliefs.inner
    clear = np.abs(beliefs[..., 0] - beliefs[..., 1]) > 1e-6
    assert clear.mean() > 0.5
    estimate = one.problem.states.alphabet[beliefs.argmax(-1)]
    assert (estimate == last.inner)[clear].all()


@pytest.mark.thorough
@pytest.mark.parametrize("reinforcement", [0.0, 0.3])
@pytest.mark.parametrize("damping", [0.0, 0.3])
@pytest.mark.parametrize("student", [(3, 2), (2, 3)])
def test_max_sum_from_a_uniform_start_never_prefers_another_state_to_the_truth(
    student, damping, reinforcement
):
    """The truth has no energy, so it keeps the maximum of every message by induction: errors can
    only come from ties. Random first messages may speak against it (docs/findings.md)."""
    one = instance(n=40, m=4, student=student, alphabet=(-1, 0, 1))
    inner, outer = one.truth()

    def doubts(scale):
        """The most that any belief, after any step, prefers a state to the true one."""
        how = learner(
            "max-sum",
            reinforcement=reinforcement,
            damping=damping,
            initial_scale=scale,
            max_steps=9,
        )
        found = []

        def observe(now):
            true = inner[one.problem.patterns.outer.ravel()]
            found.append(-np.take_along_axis(now.u, true[..., None], -1).min())

        outcome = run(one, how, observe=observe)
        for belief, true in zip(outcome.beliefs, (inner, outer), strict=True):
            found.append(-np.take_along_axis(belief, true[..., None], -1).min())
        return max(found)

    assert doubts(0.0) < 1e-12
    assert doubts(1.0) > 0.1


def test_few_samples_leave_no_factor_a_configuration_with_an_excess_weight():
    """Figure 3.2's experiment: from 10 samples on, each output on its own excludes every non-zero
    weight that the teacher lacks, so no reading of beliefs over {-1, 0, 1} that hard factors allow
    can have an excess, whatever the messages, the damping or the start (docs/findings.md)."""
    for seed in range(3):
        few, enough = (
            instance(n=200, m=m, student=(2, 3), alphabet=(-1, 0, 1), seed=seed) for m in (4, 10)
        )
        excess = []
        for one in (few, enough):
            factors = build(one, learner())
            states = one.problem.states
            weights = states.alphabet[states.class_output][factors.configurations]
            absent = states.alphabet[one.truth()[1]][factors.owners()] == 0
            excess.append(np.count_nonzero(weights[absent]))
            # Every factor still has the teacher's configuration.
            assert len(np.unique(factors.owners())) == 200
        assert excess[0] > 0
        assert excess[1] == 0


def test_beliefs_within_the_tolerance_tie():
    one = instance(n=60, m=3)
    [sharp] = learn(learner(), one.problem, one.samples, [3], 1, 0, 1)
    [tied] = learn(learner(tie_tolerance=100), one.problem, one.samples, [3], 1, 0, 1)
    for trained, least, most in ((sharp, 0.9, 1.0), (tied, 0.3, 0.7)):
        best = np.take(one.problem.states.alphabet, trained.beliefs.inner.argmax(axis=-1))
        assert least <= (trained.inner == best).mean() <= most


@pytest.mark.thorough
def test_ties_are_broken_without_bias_and_reproducibly():
    one = instance(n=1000, m=1, alphabet=(-1, 0, 1), student=(2, 2))
    # One step of max-sum from uniform messages tells nothing of input weights after one sample.
    how = learner("max-sum", max_steps=1)
    [first] = learn(how, one.problem, one.samples, [1], 1, 0, 1)
    [again] = learn(how, one.problem, one.samples, [1], 1, 0, 1)
    [other] = learn(how, one.problem, one.samples, [1], 1, 1, 1)
    np.testing.assert_array_equal(first.inner, again.inner)
    assert (first.inner != other.inner).mean() > 0.3
    tied = run(one, how).beliefs.inner
    tied = np.isclose(tied, 0, atol=1e-9).all(-1)
    assert tied.sum() > 500
    counts = np.array([(first.inner[tied] == value).sum() for value in (-1, 0, 1)])
    assert np.abs(counts / tied.sum() - 1 / 3).max() < 4 * np.sqrt(2 / 9 / tied.sum())


@pytest.mark.thorough
def test_nonzero_readout_never_estimates_a_zero_output_weight():
    one = instance(n=30, m=3, student=(2, 3), alphabet=(-1, 0, 1))
    [free] = learn(learner(), one.problem, one.samples, [3], 1, 0, 1)
    [bound] = learn(learner(output_readout="nonzero"), one.problem, one.samples, [3], 1, 0, 1)
    assert (free.outer == 0).any() and not (bound.outer == 0).any()
    np.testing.assert_array_equal(free.inner, bound.inner)
    np.testing.assert_array_equal(free.outer[free.outer != 0], bound.outer[free.outer != 0])


@pytest.mark.thorough
def test_every_kernel_of_the_study_is_compiled_beforehand(config, schema, monkeypatch):
    """Else trainings side by side would each compile it."""
    used = set()

    def noted(name, made):
        def kernel(*parts):
            used.add((name, *parts))
            return made(*parts)

        return kernel

    # Probabilities are in doubt, which wide numbers settle.
    def steps(algebra, *_):
        return lambda steps, *_: (steps, 0.0, ALGEBRAS[algebra].lossless)

    def rings(algebra, *_):
        def marginals(blocks, walk, arrays, places):
            for part in arrays:
                part[:] = 1.0
            return 1.0 if ALGEBRAS[algebra].lossless else 0.0

        return marginals

    def draw():
        return lambda *arguments: arguments[-1].fill(0)

    monkeypatch.setattr("sparsebp.engine.messages.step_kernel", noted("steps", steps))
    monkeypatch.setattr("sparsebp.engine.rings.ring_kernel", noted("rings", rings))
    monkeypatch.setattr("sparsebp.engine.rings.draw_kernel", noted("draw", draw))
    for module, name, made in (
        ("survivors", "join", survivors.join_kernel),
        ("summing_out", "summing", summing_out.summing_kernel),
    ):
        monkeypatch.setattr(f"sparsebp.engine.{module}.{name}_kernel", noted(name, made))
    study = Study.load(config, schema)
    for experiment, block in study.experiments.items():
        student, layers = block["student"], block["layers"]
        one = instance(
            m=4,
            teacher=tuple(block["nonzeros_per_row"].values()),
            student=tuple(student["nonzeros_per_row"].values()),
            alphabet=student["alphabet"],
            overlap=tuple(student.get("overlap", {"input": 1, "output": 1}).values()),
            sizes=[
                12 * layers[key] // max(layers.values()) for key in ("input", "hidden", "output")
            ],
        )
        for name in block["learners"]:
            how = Learner(**study.learner(experiment, name))
            if not how.is_gradient_descent:
                size = how.batch_size or 1
                problem = replace(one.problem, teacher=one.teacher)
                list(learn(how, problem, one.samples, [size], 1, 0, 1))
    compiled = {tuple(kernel) for kernel in study.kernels_spec(study.experiments)["kernels"]}
    assert used <= compiled

    def known_beforehand(kernels):
        """Of steps: whether factors are tables or lists depends on the data."""
        return {
            replace(Kind(*parts), listed=True) if name == "steps" else (name, *parts)
            for name, *parts in kernels
            if name != "hidden"
        }

    assert known_beforehand(used) == known_beforehand(compiled)
    assert {parts[0] for name, *parts in used if name == "steps"} == ALGEBRAS.keys()
