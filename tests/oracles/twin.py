"""Plain twin of the message updates: every factor sums or maximises over all its configurations.

One variable per possibly non-zero weight, one factor per output (Eqs. 2.4-2.5). Factor a reads its
k_out output weights and the k_in input weights of each of its k_out hidden neurons.

Everything is computed on logarithms, where products of messages are sums:

- hard factors: messages are log-probabilities in here and probabilities in the records;
- soft factors: messages are the log-likelihoods u and h of Eqs. 3.3-3.7, here and in the records.

A hard factor is thus treated as a soft one at beta = 1 whose -H_a is 0 or minus infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HARD_TOLERANCE = 1e-9
RULES = ("sum-product", "max-product", "max-sum")
DAMPED = ("factor-to-variable", "variable-to-factor", "both")


class Contradiction(ValueError):
    """All configurations of a factor, or all states of a variable, have zero weight.

    Attributes
    ----------
    factor
        The factor (output neuron), or None when it is a variable that has no state left.
    step
        The step t in which it happened.
    records
        The records of the steps completed before it.
    """

    def __init__(self, message: str, factor: int | None = None):
        super().__init__(message)
        self.factor = factor
        self.step: int | None = None
        self.records: list[Step] = []


@dataclass(frozen=True)
class Step:
    """Messages and beliefs of one step t; float64 arrays over Q states in their last axis.

    With hard factors every array holds probabilities (sum 1), with soft ones log-likelihoods
    (maximum 0).

    Attributes
    ----------
    t
        The step, counted from 0.
    input_beliefs, output_beliefs
        B^(t+1), shapes (H, k_in, Q) and (O, k_out, Q) (Eqs. 3.8 and 3.10).
    h, g
        h^(t+1) and g^(t+1), variable-to-factor messages of the input weights,
        (O, k_out, k_in, Q), and of the output weights, (O, k_out, Q) (Eqs. 3.9 and 3.11).
    u, v
        u^(t+1) and v^(t+1), factor-to-variable messages to the input weights,
        (O, k_out, k_in, Q), and to the output weights, (O, k_out, Q).
    input_beliefs_after, output_beliefs_after
        The beliefs computed from u^(t+1) and v^(t+1), which the next step has as B^(t+2).
    change
        Largest absolute difference between u^(t+1) and u^(t), as recorded.
    residual
        Largest absolute difference, as recorded, between what a message would be without damping
        and what it was before: of u; of v with reinforcement, as it moves g; and of h and g where
        they are damped, from t = 1 on.
    """

    t: int
    input_beliefs: np.ndarray
    output_beliefs: np.ndarray
    h: np.ndarray
    g: np.ndarray
    u: np.ndarray
    v: np.ndarray
    input_beliefs_after: np.ndarray
    output_beliefs_after: np.ndarray
    change: float
    residual: float


def factor_energy(
    output: int,
    input_topology: np.ndarray,
    output_topology: np.ndarray,
    alphabet: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    phi: Callable,
) -> tuple[np.ndarray, np.ndarray]:
    """Energy H_a of every configuration of factor a = ``output`` (Eq. 3.2), and its hard weight.

    Both arrays have one axis of length Q for each of the factor's variables: first its output
    weights j = 0 .. k_out - 1, then its input weights (j, s), s running fastest. The first is
    H_a = sum over samples of (y - phi(sum_j w_out_j phi(sum_s w_in_js x_s)))^2, float; the
    second is True where |y - yhat| <= 1e-9 for every sample (Eq. 2.5).
    """
    k_out = output_topology.shape[1]
    k_in = input_topology.shape[1]
    n_variables = k_out + k_out * k_in
    weight = alphabet[np.indices((alphabet.size,) * n_variables)]  # (variable, Q, ..., Q)
    output_weight = weight[:k_out]
    input_weight = weight[k_out:].reshape(k_out, k_in, *weight.shape[1:])
    energy = np.zeros(weight.shape[1:])
    reproduces = np.ones(weight.shape[1:], dtype=bool)
    for sample in range(len(x)):
        output_field = np.zeros(weight.shape[1:])
        for j in range(k_out):
            hidden = output_topology[output, j]
            input_field = np.zeros(weight.shape[1:])
            for s in range(k_in):
                input_field += input_weight[j, s] * x[sample, input_topology[hidden, s]]
            output_field += output_weight[j] * phi(input_field)
        residual = y[sample, output] - phi(output_field)
        energy += residual**2
        reproduces &= np.abs(residual) <= HARD_TOLERANCE
    return energy, reproduces


def _log_sum_exp(logs: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    """log(sum(exp(logs))) over axes, which are kept with length 1; -inf where all logs are."""
    largest = np.max(logs, axis=axis, keepdims=True)
    largest = np.where(largest == -np.inf, 0.0, largest)
    with np.errstate(divide="ignore"):
        return largest + np.log(np.sum(np.exp(logs - largest), axis=axis, keepdims=True))


def update_factor(log_factor: np.ndarray, incoming: np.ndarray, rule: str, beta: float):
    """Messages of one factor to all its variables, before normalisation.

    log_factor: one axis of length Q for each of the n variables, log xi_a / beta; incoming:
    (n, Q) the log messages of the variables to the factor, in the same units. Returns (n, Q)
    float, with x = the states of all variables but i:

    - sum-product (Eqs. 2.7, 2.8, 3.5): (1/beta) log sum_x exp(beta (log_factor + sum_l h_l));
    - max-product and max-sum (Eqs. 2.12, 3.7): max_x (log_factor + sum_l h_l),

    the sums over l leaving out the recipient i. Raises Contradiction when every configuration,
    the recipient's own message included, has zero weight.
    """
    n_variables = log_factor.ndim

    def on_axis(variable: int) -> np.ndarray:
        shape = [1] * n_variables
        shape[variable] = -1
        return incoming[variable].reshape(shape)

    if np.max(log_factor + sum(on_axis(i) for i in range(n_variables))) == -np.inf:
        raise Contradiction("all configurations of the factor have zero weight")

    outgoing = np.empty_like(incoming)
    for recipient in range(n_variables):
        others = [i for i in range(n_variables) if i != recipient]
        total = log_factor + sum(on_axis(i) for i in others)
        if rule == "sum-product":
            outgoing[recipient] = _log_sum_exp(beta * total, axis=tuple(others)).ravel() / beta
        else:
            outgoing[recipient] = np.max(total, axis=tuple(others))
    return outgoing


def _normalise(log_messages: np.ndarray, hard: bool) -> np.ndarray:
    """Normalise over the last axis: probabilities to sum 1, log-likelihoods to maximum 0."""
    if hard:
        return log_messages - _log_sum_exp(log_messages, axis=-1)
    return log_messages - np.max(log_messages, axis=-1, keepdims=True)


def _damp(old: np.ndarray, update: np.ndarray, damping: float, hard: bool) -> np.ndarray:
    """damping * old + (1 - damping) * update (Eq. 2.14) on the messages as recorded."""
    if damping == 0.0:
        return update
    if hard:
        mixed = np.logaddexp(np.log(damping) + old, np.log1p(-damping) + update)
    else:
        mixed = damping * old + (1.0 - damping) * update
    return _normalise(mixed, hard)


class _Twin:
    """The factor graph and the two halves of a step."""

    def __init__(self, input_topology, output_topology, log_factors, prior_input, prior_output):
        self.n_hidden, self.k_in = input_topology.shape
        self.n_outputs, self.k_out = output_topology.shape
        self.log_factors = log_factors
        self.prior_input = prior_input
        self.prior_output = prior_output
        # readers[hidden]: the (factor, slot) pairs that read it, the neighbours of its weights.
        self.readers = [
            [(a, j) for a, j in np.argwhere(output_topology == hidden).tolist()]
            for hidden in range(self.n_hidden)
        ]

    def fields(self, input_beliefs, output_beliefs, strength):
        """Prior plus reinforcement, log prior + r t log B^(t): all but the factors' messages."""
        if strength == 0.0:
            return self.prior_input, self.prior_output
        return (
            self.prior_input + strength * input_beliefs,
            self.prior_output + strength * output_beliefs,
        )

    def beliefs(self, u, v, input_beliefs, output_beliefs, strength, hard):
        """Beliefs of all variables (Eqs. 3.8 and 3.10)."""
        field_input, field_output = self.fields(input_beliefs, output_beliefs, strength)
        new_input = field_input.copy()
        for hidden, readers in enumerate(self.readers):
            for a, j in readers:
                new_input[hidden] += u[a, j]
        new_output = field_output + v
        for layer, belief in (("input", new_input), ("output", new_output)):
            for row, slot in np.argwhere(np.max(belief, axis=-1) == -np.inf).tolist():
                factors = [row] if layer == "output" else [a for a, _ in self.readers[row]]
                raise Contradiction(
                    f"all states of {layer} weight ({row}, {slot}), a variable of factors "
                    f"{factors}, have zero weight"
                )
        return _normalise(new_input, hard), _normalise(new_output, hard)

    def variable_to_factor(self, input_beliefs, output_beliefs, u, strength, hard):
        """Cavity messages of all variables, by leaving one factor out (Eqs. 2.6, 3.4, 3.9)."""
        field_input, field_output = self.fields(input_beliefs, output_beliefs, strength)
        h = np.empty_like(u)
        for hidden, readers in enumerate(self.readers):
            for a, j in readers:
                h[a, j] = field_input[hidden]
                for b, i in readers:
                    if (b, i) != (a, j):
                        h[a, j] += u[b, i]
        return _normalise(h, hard), _normalise(field_output, hard)

    def factor_to_variable(self, h, g, rule, beta, hard):
        """Messages of all factors (Eqs. 2.7, 2.8, 2.12, 3.5, 3.7)."""
        u, v = np.empty_like(h), np.empty_like(g)
        for a in range(self.n_outputs):
            incoming = np.concatenate([g[a], h[a].reshape(self.k_out * self.k_in, -1)])
            try:
                outgoing = update_factor(self.log_factors[a], incoming, rule, beta)
            except Contradiction as error:
                message = f"all configurations of factor {a} have zero weight"
                raise Contradiction(message, factor=a) from error
            v[a] = outgoing[: self.k_out]
            u[a] = outgoing[self.k_out :].reshape(h[a].shape)
        return _normalise(u, hard), _normalise(v, hard)


def _log_array(values: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """A float copy of ``values`` with the given shape; zeros for None."""
    if values is None:
        return np.zeros(shape)
    values = np.array(values, dtype=float)
    if values.shape != shape:
        raise ValueError(f"expected shape {shape}, got {values.shape}")
    return values


def _soft_or_hard(rule: str, beta: float | None, hard: bool) -> tuple[bool, float]:
    """Check that rule, factors and beta go together; return (hard, the beta of Eq. 3.5)."""
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}, not {rule!r}")
    if rule == "max-sum":
        if beta is not None and beta != np.inf:
            raise ValueError("max-sum is the limit of infinite beta (Eq. 3.7)")
        return False, np.inf
    if hard:
        if beta is not None:
            raise ValueError("hard factors have no beta")
        return True, 1.0
    if rule == "max-product":
        raise ValueError("max-product is defined for hard factors")
    if beta is None or not 0.0 < beta < np.inf:
        raise ValueError("sum-product with soft factors needs a finite, positive beta")
    return False, float(beta)


def run(
    input_topology: np.ndarray,
    output_topology: np.ndarray,
    alphabet: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    phi: Callable,
    *,
    rule: str,
    beta: float | None = None,
    hard: bool = True,
    reinforcement: float = 0.0,
    damping: float = 0.0,
    damped: str = "factor-to-variable",
    log_prior_input: np.ndarray | None = None,
    log_prior_output: np.ndarray | None = None,
    initial_input: np.ndarray | None = None,
    initial_output: np.ndarray | None = None,
    initial_to_factors: np.ndarray | None = None,
    steps: int,
) -> list[Step]:
    """Run ``steps`` parallel message-passing steps and record each of them.

    Step t = 0, 1, ... does, every line being followed by a normalisation:

    1. beliefs B^(t+1), proportional to prior * prod_b u_b^(t) * (B^(t))^(r t) (Eqs. 3.8, 3.10);
    2. cavity messages h^(t+1) and g^(t+1), the same without the recipient's own message
       (Eqs. 3.9, 3.11), then damped if asked, except at t = 0;
    3. factor-to-variable messages u^(t+1) and v^(t+1) (Eqs. 2.7, 2.8, 2.12, 3.5, 3.7), then
       damped if asked (Eq. 2.14).

    Parameters
    ----------
    input_topology, output_topology
        (H, k_in) and (O, k_out) int, the column of each possibly non-zero weight.
    alphabet
        (Q,) the states of every weight.
    x, y
        (m, N_in) of -1/+1 and (m, O) float, the samples.
    phi
        Element-wise activation of both layers.
    rule
        "sum-product" (hard factors, or soft ones at finite beta), "max-product" (hard factors)
        or "max-sum" (soft factors, infinite beta; ``hard`` is not looked at).
    beta
        Inverse temperature, for sum-product with soft factors only.
    hard
        Hard factors (Eq. 2.5) with probabilities for messages, or soft ones (Eq. 3.1) with
        log-likelihoods.
    reinforcement
        r of Eqs. 3.8-3.11.
    damping
        alpha of Eq. 2.14, 0 <= alpha < 1.
    damped
        "factor-to-variable", "variable-to-factor" or "both".
    log_prior_input, log_prior_output
        (H, k_in, Q) and (O, k_out, Q), log-probabilities for hard factors and log-likelihoods
        (which beta multiplies) for soft ones; None is 0.
    initial_input, initial_output
        u^(0) (O, k_out, k_in, Q) and v^(0) (O, k_out, Q), log-probabilities for hard factors and
        log-likelihoods for soft ones; normalised here; None is uniform.
    initial_to_factors
        h^(1), in place of what step 0 would make of the u^(0): (O, k_out, k_in, Q), normalised
        here.
    steps
        Number of steps.

    Raises
    ------
    Contradiction
        When all configurations of a factor, or all states of a variable, have zero weight.
    """
    hard, beta_in_update = _soft_or_hard(rule, beta, hard)
    if damped not in DAMPED:
        raise ValueError(f"damped must be one of {DAMPED}, not {damped!r}")
    if not 0.0 <= damping < 1.0:
        raise ValueError("damping must be in [0, 1)")
    input_topology = np.asarray(input_topology)
    output_topology = np.asarray(output_topology)
    alphabet = np.asarray(alphabet, dtype=float)
    x = np.asarray(x, dtype=float)
    y = np.asarray(y, dtype=float)
    if any(len(set(row)) != len(row) for row in output_topology.tolist()):
        raise ValueError("an output reads the same hidden neuron twice")
    n_outputs, k_out = output_topology.shape
    input_shape = (*input_topology.shape, alphabet.size)
    output_shape = (n_outputs, k_out, alphabet.size)

    log_factors = []
    for a in range(n_outputs):
        energy, reproduces = factor_energy(a, input_topology, output_topology, alphabet, x, y, phi)
        log_factors.append(np.where(reproduces, 0.0, -np.inf) if hard else -energy)
    twin = _Twin(
        input_topology,
        output_topology,
        log_factors,
        _log_array(log_prior_input, input_shape),
        _log_array(log_prior_output, output_shape),
    )

    u_shape = (n_outputs, k_out, input_topology.shape[1], alphabet.size)
    u = _normalise(_log_array(initial_input, u_shape), hard)
    v = _normalise(_log_array(initial_output, output_shape), hard)
    belief_input = _normalise(np.zeros(input_shape), hard)
    belief_output = _normalise(np.zeros(output_shape), hard)
    h = g = None

    def recorded(log_messages: np.ndarray) -> np.ndarray:
        return np.exp(log_messages) if hard else log_messages.copy()

    def distance(new: np.ndarray, old: np.ndarray) -> float:
        moved = new != old
        return float(np.max(np.abs(new[moved] - old[moved]), initial=0.0))

    records: list[Step] = []
    for t in range(steps):
        try:
            strength = reinforcement * t
            fields = (belief_input, belief_output)  # B^(t)
            belief_input, belief_output = twin.beliefs(u, v, *fields, strength, hard)

            old_h, old_g = h, g
            h, g = twin.variable_to_factor(*fields, u, strength, hard)
            if t == 0 and initial_to_factors is not None:
                h = _normalise(_log_array(initial_to_factors, u_shape), hard)
            pairs = []
            if damped != "factor-to-variable" and t > 0:
                if damping > 0:
                    pairs = [(h, old_h)] + [(g, old_g)] * (reinforcement > 0)
                h = _damp(old_h, h, damping, hard)
                g = _damp(old_g, g, damping, hard)

            old_u, old_v = u, v
            u, v = twin.factor_to_variable(h, g, rule, beta_in_update, hard)
            pairs += [(u, old_u)] + [(v, old_v)] * (reinforcement > 0)
            residual = max(distance(*map(recorded, pair)) for pair in pairs)
            if damped != "variable-to-factor":
                u = _damp(old_u, u, damping, hard)
                v = _damp(old_v, v, damping, hard)

            input_after, output_after = twin.beliefs(
                u, v, belief_input, belief_output, reinforcement * (t + 1), hard
            )
        except Contradiction as error:
            error.step = t
            error.records = records
            raise

        records.append(
            Step(
                t=t,
                input_beliefs=recorded(belief_input),
                output_beliefs=recorded(belief_output),
                h=recorded(h),
                g=recorded(g),
                u=recorded(u),
                v=recorded(v),
                input_beliefs_after=recorded(input_after),
                output_beliefs_after=recorded(output_after),
                change=distance(recorded(u), recorded(old_u)),
                residual=residual,
            )
        )
    return records
