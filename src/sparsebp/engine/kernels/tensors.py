"""Tensors contracted with messages: what each axis is told, given the messages of the others.

A tensor has one axis for each of a factor's hidden neurons, or for each input weight of a hidden
neuron, all with as many states. Numbers are in lanes, so that each tensor is four; places in arrays
count numbers of a lane.
"""

import numpy as np
from numba import njit

from sparsebp.engine.kernels.algebras import one, plus, times, zero
from sparsebp.engine.kernels.lanes import WIDTH, fill, load, read, store, write


@njit(forceinline=True)
def size_of(states, axes):
    """The number of configurations of some axes, states^axes."""
    size = 1
    for _ in range(axes):
        size *= states
    return size


@njit(forceinline=True)
def prefix_products(algebra, axes, states, messages, at, stride, out, base):
    """From base on: one, and the products of the first 1, 2, ... axes' messages.

    Args:
        at, stride: the message of axis i is (states,) at ``at + i * stride``.

    Returns:
        Where the product of all begins; they are over states^axes, the last axis running fastest.
    """
    store(out, base * WIDTH, fill(one(algebra)))
    size = 1
    for axis in range(axes):
        for k in range(size):
            x = load(out, (base + k) * WIDTH)
            for c in range(states):
                y = times(algebra, x, load(messages, (at + axis * stride + c) * WIDTH))
                store(out, (base + size + k * states + c) * WIDTH, y)
        base += size
        size *= states
    return base


@njit(forceinline=True)
def contract(
    algebra, temperature, axes, states, length, tensor, cells, messages, at, stride, prefixes, base,
    out, to, out_stride,
):  # fmt: skip
    """Contract a tensor: ``sweep`` with the prefix products and the working memory from base."""
    last = prefix_products(algebra, axes - 1, states, messages, at, stride, prefixes, base)
    sweep(
        algebra, temperature, axes, states, length, tensor, cells, messages, at, stride,
        prefixes, last + length, prefixes, last + length, out, to, out_stride,
    )  # fmt: skip


@njit(forceinline=True)
def sweep(
    algebra, temperature, axes, states, length, tensor, cells, messages, at, stride, prefixes, last,
    work, rest, out, to, out_stride,
):  # fmt: skip
    """What a tensor says to each of its axes, given the messages of the others.

    One axis after the other, from the last, is summed against its message; on the way its own
    outgoing message is taken against the product of the earlier axes' messages. So the tensor is
    swept once, and what remains of it ever smaller.

    Args:
        length: states^(axes - 1).
        last: where the prefix product of all axes begins; the others stand before it.
    """
    for axis in range(axes - 1, -1, -1):
        last -= length
        for c in range(states):
            store(out, (to + axis * out_stride + c) * WIDTH, fill(zero(algebra)))
        for k in range(length):
            earlier = load(prefixes, (last + k) * WIDTH)
            total = fill(zero(algebra))
            for c in range(states):
                x = load(tensor, (cells + k * states + c) * WIDTH)
                message = load(messages, (at + axis * stride + c) * WIDTH)
                total = plus(algebra, total, times(algebra, x, message), temperature)
                i = (to + axis * out_stride + c) * WIDTH
                y = plus(algebra, load(out, i), times(algebra, x, earlier), temperature)
                store(out, i, y)
            store(work, (rest + k) * WIDTH, total)
        tensor, cells = work, rest
        length //= states


@njit(forceinline=True)
def contract_list(
    algebra, temperature, k_out, classes, b, count, bounds, configurations, scratch, at, to
):
    """``contract`` for the factors of a block that are lists of configurations, each of weight one.

    Lanes beyond the last factor say nothing.
    """
    for i in range(k_out * classes):
        store(scratch, (to + i) * WIDTH, fill(zero(algebra)))
    for lane in range(WIDTH):
        a = b * WIDTH + lane
        if a >= count:
            for i in range(k_out * classes):
                scratch[(to + i) * WIDTH + lane] = one(algebra)
            continue
        for entry in range(bounds[a, 0] * k_out, bounds[a, 1] * k_out, k_out):
            for j in range(k_out):
                x = one(algebra)
                for other in range(k_out):
                    if other != j:
                        c = other * classes + np.int64(read(configurations, entry + other))
                        x = times(algebra, x, read(scratch, (at + c) * WIDTH + lane))
                c = j * classes + np.int64(read(configurations, entry + j))
                i = (to + c) * WIDTH + lane
                write(scratch, i, plus(algebra, read(scratch, i), x, temperature))
