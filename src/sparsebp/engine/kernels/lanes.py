"""Four numbers side by side: one for each of four factors that are worked on at once.

A value of type ``Lanes`` is one register of the processor. Kernels that compute with it read as if
they were about one factor. LLVM would not find this by itself: its vectoriser gives up on short
loops, and on arrays that might overlap.
"""

import operator

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 4
_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)


class Lanes(types.Type):
    """The Numba type of ``WIDTH`` float64 numbers."""

    def __init__(self):
        super().__init__(name=f"Lanes({WIDTH})")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


def _address(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def load(typing, array, index):
    """The numbers array[index : index + WIDTH] of a contiguous float64 array of one dimension."""

    def emit(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        return builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=8)

    return lanes(array, types.intp), emit


@intrinsic
def store(typing, array, index, value):
    """Write array[index : index + WIDTH]."""

    def emit(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        builder.store(arguments[2], builder.bitcast(address, _VECTOR.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), emit


@intrinsic
def read(typing, array, index):
    """array[index] of a contiguous array of one dimension, without care for negative indices."""

    def emit(context, builder, signature, arguments):
        return builder.load(_address(context, builder, signature, arguments))

    return array.dtype(array, types.intp), emit


@intrinsic
def write(typing, array, index, value):
    """array[index] = value, as ``read``."""

    def emit(context, builder, signature, arguments):
        builder.store(arguments[2], _address(context, builder, signature, arguments))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), emit


@intrinsic
def fill(typing, x):
    """The same number in every lane."""

    def emit(context, builder, signature, arguments):
        first = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.IntType(32)(0)
        )
        return builder.shuffle_vector(
            first, first, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        )

    return lanes(types.float64), emit


@intrinsic
def pick(typing, value, lane):
    """The number in one lane."""

    def emit(context, builder, signature, arguments):
        return builder.extract_element(*arguments)

    return types.float64(lanes, types.intp), emit


@intrinsic
def put(typing, value, lane, x):
    """A copy with another number in one lane."""

    def emit(context, builder, signature, arguments):
        return builder.insert_element(arguments[0], arguments[2], arguments[1])

    return lanes(lanes, types.intp, types.float64), emit


@intrinsic
def numbered(typing):
    """The number of each lane in it: 0, 1, 2 ..."""

    def emit(context, builder, signature, arguments):
        return ir.Constant(_VECTOR, [float(lane) for lane in range(WIDTH)])

    return lanes(), emit


def _lane_by_lane(emit_one):
    @intrinsic
    def operation(typing, x, y):
        def emit(context, builder, signature, arguments):
            return emit_one(builder, *arguments)

        return lanes(lanes, lanes), emit

    return operation


# A product whose sum follows may be rounded once (fused multiply-add).
_OPERATIONS = {
    operator.add: _lane_by_lane(lambda b, x, y: b.fadd(x, y, flags=("contract",))),
    operator.sub: _lane_by_lane(lambda b, x, y: b.fsub(x, y)),
    operator.mul: _lane_by_lane(lambda b, x, y: b.fmul(x, y, flags=("contract",))),
    operator.truediv: _lane_by_lane(lambda b, x, y: b.fdiv(x, y)),
}


def _overload_operator(function, operation):
    @overload(function)
    def implementation(x, y):
        if x == lanes and y == lanes:
            return lambda x, y: operation(x, y)


for _function, _operation in _OPERATIONS.items():
    _overload_operator(_function, _operation)


_larger = _lane_by_lane(lambda b, x, y: b.select(b.fcmp_ordered(">", x, y), x, y))


@intrinsic
def _where_below(typing, x, limit, yes, no):
    def emit(context, builder, signature, arguments):
        x, limit, yes, no = arguments
        return builder.select(builder.fcmp_ordered("<", x, limit), yes, no)

    return lanes(lanes, lanes, lanes, lanes), emit


def larger(x, y):
    """The larger number, lane by lane; y where x is not a number."""


@overload(larger)
def _(x, y):
    if x == lanes:
        return lambda x, y: _larger(x, y)
    return lambda x, y: x if x > y else y


def where_below(x, limit, yes, no):
    """``yes`` where x < limit, else ``no``, lane by lane."""


@overload(where_below)
def _(x, limit, yes, no):
    if x == lanes:
        return lambda x, limit, yes, no: _where_below(x, limit, yes, no)
    return lambda x, limit, yes, no: yes if x < limit else no


def smaller(x, y):
    """The smaller number, lane by lane; y where x is not a number."""


@overload(smaller)
def _(x, y):
    return lambda x, y: where_below(x, y, x, y)


_rounded_product = _lane_by_lane(lambda b, x, y: b.fmul(x, y))


def rounded_product(x, y):
    """x y, rounded before anything is added to it, in every kernel alike."""


@overload(rounded_product)
def _(x, y):
    if x == lanes:
        return lambda x, y: _rounded_product(x, y)
    return lambda x, y: x * y


def number(x, like):
    """The number x, in every lane if ``like`` has lanes."""


@overload(number)
def _(x, like):
    if like == lanes:
        return lambda x, like: fill(x)
    return lambda x, like: x


def each(function, x, y, z):
    """function(x, y, z), lane by lane for x and y; z is a number."""


@overload(each, inline="always")
def _(function, x, y, z):
    if x == lanes:

        def apply(function, x, y, z):
            out = x
            for lane in range(WIDTH):
                out = put(out, lane, function(pick(x, lane), pick(y, lane), z))
            return out

        return apply
    return lambda function, x, y, z: function(x, y, z)


def side_by_side(rows: np.ndarray, padding: float) -> np.ndarray:
    """Numbers of a factor in each row -> flat, ``WIDTH`` factors a block, the factor fastest.

    Args:
        rows: (factors, ...) float64.
        padding: for the lanes beyond the last factor.

    Returns:
        (ceil(factors / WIDTH) * numbers of a factor * WIDTH,) float64.
    """
    blocks = -(-len(rows) // WIDTH)
    padded = np.full((blocks * WIDTH, rows[0].size), padding)
    padded[: len(rows)] = rows.reshape(len(rows), -1)
    return np.swapaxes(padded.reshape(blocks, WIDTH, -1), 1, 2).ravel()


def by_factor(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The opposite of ``side_by_side``: (factors, ...), a copy of the given shape."""
    blocks = -(-shape[0] // WIDTH)
    rows = np.swapaxes(flat.reshape(blocks, -1, WIDTH), 1, 2).reshape(blocks * WIDTH, -1)
    return rows[: shape[0]].reshape(shape)
