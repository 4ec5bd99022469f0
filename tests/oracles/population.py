"""Density evolution (population dynamics) for a sparse two-layer network.

Teacher: ``y = phi(W_out phi(W_in x))`` with N inputs, N hidden neurons and N
outputs, N going to infinity, wired at random, so that it is locally a tree.
A hidden neuron reads ``k_in`` inputs and an output reads ``k_out`` hidden
neurons; hence ``k_out`` outputs read a hidden neuron.  True weights are +1 or
-1, inputs are +1 or -1.  The student also sees ``spare_in`` extra input slots
of every hidden neuron and ``spare_out`` extra slots of every output, whose
true weight is 0.  A variable node is a hidden neuron: its *state* is the
choice of all its input weights.  An output weight is a leaf, summed out in
the factor of its output.

Modes: "sum" (sum-product) and "max" (max-product) with the hard factor "all m
outputs are reproduced", and "energy" (max-sum) with minus the squared error as
the log-factor.  Messages multiply in the first two and add in the third.
"""

import itertools

import numpy as np

TOL = 1e-9


def tanh_bias(x):
    return np.tanh(x - 0.1)


def combine(messages, mode):
    """Multiply (or add) a list of messages and normalise the result."""
    if mode == "energy":
        total = sum(messages)
        return total - total.max(1, keepdims=True)
    total = np.prod(messages, axis=0)
    norm = (np.sum if mode == "sum" else np.max)(total, axis=1, keepdims=True)
    assert np.all(norm > 0)  # the truth is always allowed
    return total / norm


def from_output(h, cavity, z, alphabet, slot, mode, about="state", phi=tanh_bias):
    """What one output says about the hidden neuron, or the weight, in ``slot``.

    h (n, R, S, m): value of each of the R hidden neurons, by state and sample;
    cavity (n, R, S): their messages to this output; z (n, m): the true
    pre-activation.  ``about="state"`` gives the message to the hidden neuron
    (its own message left out), ``about="weight"`` the output weight's belief.
    """
    n, R, S, m = h.shape
    used = [j for j in range(R) if about == "weight" or j != slot]
    size = S if about == "state" else len(alphabet)
    out = np.full((n, size), -np.inf) if mode == "energy" else np.zeros((n, size))
    flat = out.reshape(-1)
    grid = [(n, *(S if i == j else 1 for i in range(R))) for j in range(R)]
    for choice in itertools.product(range(len(alphabet)), repeat=R):
        w = [alphabet[q] for q in choice]

        def excess(t, w=w):  # pre-activation minus the true one: (n, S, ..., S)
            parts = [w[j] * h[:, j, :, t].reshape(grid[j]) for j in range(R)]
            return sum(parts[1:], parts[0] - z[:, t].reshape(n, *[1] * R))

        if mode == "energy":
            target = [z[:, t].reshape(n, *[1] * R) for t in range(m)]
            score = -sum((phi(excess(t) + target[t]) - phi(target[t])) ** 2 for t in range(m))
            score = score + sum(cavity[:, j].reshape(grid[j]) for j in used)
            best = np.moveaxis(score, slot + 1, 1).reshape(n, S, -1).max(2)
            if about == "state":
                np.maximum(out, best, out=out)
            else:
                out[:, choice[slot]] = np.maximum(out[:, choice[slot]], best.max(1))
            continue
        # Hard factor: list the joint states that fit the first sample, then filter.
        fits = np.flatnonzero(np.abs(excess(0)) < TOL)
        e, *s = np.unravel_index(fits, (n,) + (S,) * R)
        for t in range(1, m):
            fit = np.abs(sum(w[j] * h[e, j, s[j], t] for j in range(R)) - z[e, t]) < TOL
            e, s = e[fit], [states[fit] for states in s]
        weight = np.prod([np.ones(len(e)), *(cavity[e, j, s[j]] for j in used)], axis=0)
        cell = e * size + (s[slot] if about == "state" else choice[slot])
        if mode == "sum":
            flat += np.bincount(cell, weight, minlength=n * size)
        else:
            np.maximum.at(flat, cell, weight)
    return out


def input_marginals(belief, states, alphabet, slot, mode):
    """Marginal (max-marginal) of the input weight in ``slot``: (n, Q)."""
    reduce = np.sum if mode == "sum" else np.max
    return np.stack([reduce(belief[:, states[:, slot] == a], axis=1) for a in alphabet], 1)


def wrong(belief, truth, mode):
    """Chance of a wrong estimate; ties are broken at random."""
    top = belief.max(1, keepdims=True)
    tied = belief >= (top - TOL if mode == "energy" else top * (1 - TOL))
    return 1 - tied[np.arange(len(truth)), truth] / tied.sum(1)


class Population:
    """Two populations of (values h, true state, cavity message).

    Kind 0: messages along the teacher's output edges; kind 1: along
    superfluous ones.  In an output's row the teacher's slots come first.
    """

    def __init__(
        self, k_in, k_out, m, spare_in=0, spare_out=0, alphabet=(-1, 1), mode="sum",
        size=20000, seed=0, phi=tanh_bias, batch=100
    ):  # fmt: skip
        self.k_in, self.k_out, self.m = k_in, k_out, m
        self.spare_in, self.spare_out = spare_in, spare_out
        self.alphabet, self.mode, self.phi = tuple(sorted(alphabet)), mode, phi
        self.size, self.batch, self.rng = size, batch, np.random.default_rng(seed)
        self.states = np.array(list(itertools.product(self.alphabet, repeat=k_in + spare_in)))
        self.kinds = (0, 1) if spare_out else (0,)
        self.pops = [(*self.draw(size), self.uniform(size)) for _ in self.kinds]

    def uniform(self, n):
        S = len(self.states)
        return np.full((n, S), {"sum": 1 / S, "max": 1.0, "energy": 0.0}[self.mode])

    def draw(self, n):
        """Fresh hidden neurons: values in every state, and the true state."""
        K, Q = self.k_in + self.spare_in, len(self.alphabet)
        x = self.rng.choice([-1, 1], (n, K, self.m))
        w = self.rng.choice([-1, 1], (n, K))
        w[:, self.k_in :] = 0
        true = np.searchsorted(self.alphabet, w) @ Q ** np.arange(K)[::-1]
        return self.phi(np.einsum("sk,nkm->nsm", self.states, x)), true

    def output(self, n, own=None, slot=None):
        """Fresh outputs (h, cavity, z, true weights), with ``own`` in ``slot``."""
        row, z = [], 0
        w = self.rng.choice([-1, 1], (n, self.k_out))
        for j in range(self.k_out + self.spare_out):
            pick = self.rng.integers(self.size, size=n)
            h, true, cavity = own if j == slot else [a[pick] for a in self.pops[j >= self.k_out]]
            row.append((h, cavity))
            if j < self.k_out:
                z = z + w[:, j, None] * h[np.arange(n), true]
        return np.stack([r[0] for r in row], 1), np.stack([r[1] for r in row], 1), z, w

    def tell(self, h, cavity, z, slot, about):
        return from_output(h, cavity, z, self.alphabet, slot, self.mode, about, self.phi)

    def hidden(self, n, missing=None):
        """Fresh hidden neurons with all their readers but one of kind ``missing``."""
        own = (*self.draw(n), self.uniform(n))
        messages = [own[2]]
        for kind, readers in enumerate((self.k_out, self.spare_out)):
            slot = 0 if kind == 0 else self.k_out + self.spare_out - 1
            for _ in range(readers - (kind == missing)):
                h, cavity, z, _ = self.output(n, own, slot)
                messages.append(self.tell(h, cavity, z, slot, "state"))
        return own[0], own[1], combine(messages, self.mode)

    def batches(self, total):
        return [min(self.batch, total - i) for i in range(0, total, self.batch)]

    def step(self):
        """Replace every population by fresh hidden neurons."""
        new = [[self.hidden(n, kind) for n in self.batches(self.size)] for kind in self.kinds]
        self.pops = [[np.concatenate([b[i] for b in parts]) for i in range(3)] for parts in new]

    def measure(self, count):
        """Weight error and its two parts, from ``count`` fresh neurons and outputs."""
        inner, outer = [], []
        for n in self.batches(count):
            _, true, belief = self.hidden(n)
            for slot in range(self.k_in):
                truth = np.searchsorted(self.alphabet, self.states[true, slot])
                table = input_marginals(belief, self.states, self.alphabet, slot, self.mode)
                inner.append(wrong(table, truth, self.mode))
            h, cavity, z, w = self.output(n)  # the teacher's slots are alike: 0 stands for all
            belief = self.tell(h, cavity, z, 0, "weight")
            outer.append(wrong(belief, np.searchsorted(self.alphabet, w[:, 0]), self.mode))
        e_in, e_out = np.concatenate(inner).mean(), np.concatenate(outer).mean()
        return (self.k_in * e_in + self.k_out * e_out) / (self.k_in + self.k_out), e_in, e_out
