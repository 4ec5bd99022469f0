"""Networks of any number of layers, without the engine: all weights enumerated, and a plain twin.

``enumerate_deep`` passes every configuration of all weights through the network; ``reached`` lists
what neurons put out on the way. ``DeepTwin`` passes messages on the factor graph of appendix B, in
dictionaries from values to probabilities and in plain loops over all configurations of a factor.
"""

from itertools import product
from math import prod

import numpy as np
from scipy.special import logsumexp

TOLERANCE = 1e-9
DECIMALS = 10  # to which equal values agree
CHUNK = 2**14


def every_output(topologies, alphabet, x, phi):
    """Pass every configuration of all weights through the network, chunk by chunk.

    Yields (indices, outputs): for each layer the alphabet index of each weight, (C, rows, slots),
    and what its neurons put out, (C, samples, rows).
    """
    shapes, alphabet = [np.shape(topology) for topology in topologies], np.asarray(alphabet, float)
    count = sum(map(prod, shapes))
    for start in range(0, len(alphabet) ** count, CHUNK):
        codes = np.arange(start, min(start + CHUNK, len(alphabet) ** count))
        digits = codes[:, None] // len(alphabet) ** np.arange(count) % len(alphabet)
        indices = np.split(digits, np.cumsum([*map(prod, shapes)])[:-1], axis=1)
        indices = [part.reshape(-1, *shape) for part, shape in zip(indices, shapes, strict=True)]
        h, outputs = np.broadcast_to(np.asarray(x, float), (len(codes), *np.shape(x))), []
        for index, topology in zip(indices, topologies, strict=True):
            h = phi(np.einsum("crs,cmrs->cmr", alphabet[index], h[:, :, topology]))
            outputs.append(h)
        yield indices, outputs


def enumerate_deep(topologies, alphabet, x, y, phi, log_priors):
    """Exact marginals and max-marginals of every weight, given y.

    log_priors: of each layer (rows, slots, Q).

    Returns marginals, which sum to one, and max-marginals, the largest of which is one, each a list
    over layers of (rows, slots, Q).
    """
    sums = [np.full(np.shape(prior), -np.inf) for prior in log_priors]
    largest = [part.copy() for part in sums]
    for indices, outputs in every_output(topologies, alphabet, x, phi):
        fits = (np.abs(outputs[-1] - y) <= TOLERANCE).all(axis=(1, 2))
        weight = np.zeros(fits.sum())
        for index, prior in zip(indices, log_priors, strict=True):
            rows, slots = np.indices(index.shape[1:])
            weight += prior[rows, slots, index[fits]].sum(axis=(1, 2))
        if not fits.any():
            continue
        for index, total, most in zip(indices, sums, largest, strict=True):
            for state in range(total.shape[-1]):
                masked = np.where(index[fits] == state, weight[:, None, None], -np.inf)
                total[..., state] = np.logaddexp(total[..., state], logsumexp(masked, axis=0))
                most[..., state] = np.maximum(most[..., state], masked.max(axis=0))
    return (
        [np.exp(part - logsumexp(part, axis=-1, keepdims=True)) for part in sums],
        [np.exp(part - part.max(axis=-1, keepdims=True)) for part in largest],
    )


def reached(topologies, alphabet, x, phi):
    """What each neuron of each layer can put out: per layer a list of sets of rounded vectors."""
    found = [[set() for _ in topology] for topology in topologies]
    for _, outputs in every_output(topologies, alphabet, x, phi):
        for layer, values in zip(found, outputs, strict=True):
            for row, some in enumerate(layer):
                vectors = np.unique(np.round(values[:, :, row], DECIMALS) + 0.0, axis=0)
                some.update(map(tuple, vectors.tolist()))
    return found


def rounded(values):
    """A vector of samples as a key."""
    return tuple((np.round(np.asarray(values, float), DECIMALS) + 0.0).tolist())


class DeepTwin:
    """Messages on the factor graph with hidden variables, in dictionaries.

    Neurons are (layer, row), inputs being layer 0; slots are (layer, row, slot) of the factor that
    reads. up[neuron][value] and down[slot][value] are the messages of factors, weight[slot][state]
    those to weights.
    """

    def __init__(self, topologies, alphabet, x, y, phi, log_priors, damping, maximise):
        self.topologies, self.alphabet = [np.asarray(t).tolist() for t in topologies], alphabet
        self.priors = [np.exp(prior) for prior in log_priors]
        self.y, self.phi, self.damping, self.maximise = y, phi, damping, maximise
        self.domain = {(0, i): {rounded(column): column} for i, column in enumerate(x.T)}
        last = len(topologies)
        self.parents, self.readers = {}, {}
        for layer, topology in enumerate(self.topologies, 1):
            for row, columns in enumerate(topology):
                self.parents[layer, row] = [(layer - 1, column) for column in columns]
                for slot, parent in enumerate(self.parents[layer, row]):
                    self.readers.setdefault(parent, []).append((layer, row, slot))
                if layer < last:
                    values = {}
                    for _, _, value in self._configurations(layer, row):
                        values.setdefault(rounded(value), value)
                    self.domain[layer, row] = values
                else:
                    self.domain[layer, row] = {rounded(y[:, row]): y[:, row]}
        self.up = {n: self._uniform(n) for n in self.domain}
        self.down = {
            (*n, slot): self._uniform(parent)
            for n, parents in self.parents.items()
            for slot, parent in enumerate(parents)
        }

    def _uniform(self, neuron):
        return dict.fromkeys(self.domain[neuron], 1 / len(self.domain[neuron]))

    def _configurations(self, layer, row):
        """(weight indices, keys of the values read, value) of each configuration of a neuron."""
        parents = self.parents[layer, row]
        for states in product(range(len(self.alphabet)), repeat=len(parents)):
            for keys in product(*(self.domain[parent] for parent in parents)):
                total = 0.0
                for state, key, parent in zip(states, keys, parents, strict=True):
                    total = total + self.alphabet[state] * self.domain[parent][key]
                yield states, keys, self.phi(total)

    def step(self):
        """All hidden variables send their messages, then all factors send theirs."""
        self.told = self._told()
        fresh_up, fresh_down, self.weight = self._factors(self.told)
        change = 0.0
        for messages, fresh in ((self.up, fresh_up), (self.down, fresh_down)):
            for key, message in fresh.items():
                for value, x in message.items():
                    old = messages[key][value]
                    message[value] = self.damping * old + (1 - self.damping) * x
                    change = max(change, abs(message[value] - old))
                messages[key] = message
        return change

    def beliefs(self):
        """Beliefs of the weights after the steps done, (rows, slots, Q) of each layer."""
        _, _, weight = self._factors(self._told())
        found = [prior.copy() for prior in self.priors]
        for (layer, row, slot), message in weight.items():
            found[layer - 1][row, slot] *= message
        return [part / part.sum(axis=-1, keepdims=True) for part in found]

    def _told(self):
        """Messages of hidden variables: to the factor of each neuron, and to each slot."""
        told = {}
        for neuron, values in self.domain.items():
            readers = self.readers.get(neuron, [])
            for to in (neuron, *readers):
                message = {}
                for value in values:
                    x = 1.0 if to == neuron else self.up[neuron][value]
                    for reader in readers:
                        if reader != to:
                            x *= self.down[reader][value]
                    message[value] = x
                told[to] = _normalised(message)
        return told

    def _factors(self, told):
        up, down = {n: dict(self.up[n]) for n in self.up if n[0] == 0}, {}
        weight = {}
        for (layer, row), parents in self.parents.items():
            neuron = layer, row
            sums = [dict.fromkeys(self.domain[n], 0.0) for n in (*parents, neuron)]
            states_told = [np.zeros(len(self.alphabet)) for _ in parents]
            for states, keys, value in self._configurations(layer, row):
                if layer == len(self.topologies):
                    if np.abs(value - self.y[:, row]).max() > TOLERANCE:
                        continue
                    own = rounded(self.y[:, row])
                else:
                    own = rounded(value)
                prior = [self.priors[layer - 1][row, j, w] for j, w in enumerate(states)]
                read = [told[(*neuron, j)][key] for j, key in enumerate(keys)]
                back = told[neuron][own]
                for j, (key, state) in enumerate(zip(keys, states, strict=True)):
                    others = prod(prior[:j] + prior[j + 1 :]) * prod(read[:j] + read[j + 1 :])
                    self._add(sums[j], key, others * back * prior[j])
                    self._add(states_told[j], state, others * back * read[j])
                self._add(sums[-1], own, prod(prior) * prod(read))
            up[neuron] = _normalised(sums[-1])
            for j, (message, of_states) in enumerate(zip(sums, states_told, strict=False)):
                down[(*neuron, j)] = _normalised(message)
                weight[(*neuron, j)] = of_states / of_states.sum()
        return up, down, weight

    def _add(self, sums, key, x):
        sums[key] = max(sums[key], x) if self.maximise else sums[key] + x


def _normalised(message):
    total = sum(message.values())
    return {value: x / total for value, x in message.items()}
