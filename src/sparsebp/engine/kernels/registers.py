"""Equations in NumPy's notation, done in registers: how a kernel is written.

A kernel's inner part is a Python function of numbers, see ``equations``. It is run once, when the
kernel is compiled, with numbers of type ``Register``: each operation on these appends an
instruction to the kernel. A register has ``WIDTH`` *lanes*, numbers side by side, each of a factor
of its own; so a *block* of factors is worked on at once. LLVM would not find this by itself: its
vectoriser gives up on short loops, and on arrays that might overlap.

With NUMBA_DISABLE_JIT=1 the same functions run as Python, with arrays of ``WIDTH`` numbers.
"""

from collections.abc import Callable
from math import factorial

import numpy as np
from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, models, register_model, typeof_impl

from sparsebp.engine.algebras import STRAIGHT, Lists
from sparsebp.engine.kernels.lanes import WIDTH

_INT, _DOUBLE = ir.IntType(64), ir.DoubleType()
_VECTOR, _INTS = ir.VectorType(_DOUBLE, WIDTH), ir.VectorType(_INT, WIDTH)


class Register(np.lib.mixins.NDArrayOperatorsMixin):
    """A number that a kernel will have: one, or ``WIDTH`` of them.

    Args:
        builder: of the kernel.
        value: what LLVM calls it.
        factors: the two numbers whose product it is, if it is one.
    """

    def __init__(self, builder, value, factors=None):
        self.builder, self.value, self.factors = builder, value, factors

    def like(self, x):
        """A number, in LLVM's words, with as many lanes as this one."""
        if isinstance(x, Register):
            return x.value
        one = ir.Constant(_DOUBLE, float(x))
        many = isinstance(self.value.type, ir.VectorType)
        return ir.Constant(_VECTOR, [one] * WIDTH) if many else one

    def __array_ufunc__(self, ufunc, method, *inputs):
        if ufunc is np.add:
            # A product and a sum are rounded once, where the processor can: of two products, the
            # first is rounded by itself.
            for product, other in (inputs[::-1], inputs):
                if isinstance(product, Register) and product.factors:
                    return self._made(
                        _call(self.builder, "fmuladd", *product.factors, self.like(other))
                    )
        values = [self.like(x) for x in inputs]
        if ufunc is np.frexp:
            return tuple(map(self._made, _frexp(self.builder, *values)))
        made = OPERATIONS[ufunc](self.builder, *values)
        return self._made(made, tuple(values) if ufunc is np.multiply else None)

    def __array_function__(self, function, kinds, arguments, options):
        if function is not np.where:
            return NotImplemented
        condition, yes, no = arguments
        return self._made(self.builder.select(condition.value, self.like(yes), self.like(no)))

    def _made(self, value, factors=None):
        return Register(self.builder, value, factors)


def _call(builder, name, *values):
    kind = values[0].type
    suffix = "f64" if kind == _DOUBLE else f"v{WIDTH}f64"
    signature = ir.FunctionType(kind, [kind] * len(values))
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.{suffix}")
    return builder.call(function, values)


def _ordered(sign):
    return lambda builder, x, y: builder.fcmp_ordered(sign, x, y)


def _select(sign):
    def emit(builder, x, y):
        return builder.select(builder.fcmp_ordered(sign, x, y), x, y)

    return emit


_LOG2_E, _LN2_HIGH, _LN2_LOW = (
    1.4426950408889634,
    6.93147180369123816490e-01,
    1.90821492927058770e-10,
)


def _integers(like):
    """The type of integers with as many lanes, and constants of it."""
    if like == _DOUBLE:
        return _INT, lambda x: ir.Constant(_INT, x)
    return _INTS, lambda x: ir.Constant(_INTS, [x] * WIDTH)


def _exp(builder, x):
    """exp to 2 units in the last place; 0 below -708, and for numbers up to 709.

    x = n log 2 + r; the power series of r, whose terms above the 13th are below rounding; times
    2^n, which is put into the exponent's bits.
    """
    kind, constant = _integers(x.type)
    x = Register(builder, x)
    bounded = np.fmax(x, -708.0)
    n = Register(builder, _call(builder, "rint", (bounded * _LOG2_E).value))
    r = bounded + n * -_LN2_HIGH
    r = r + n * -_LN2_LOW
    series = 1.0 / factorial(13)
    for k in range(12, -1, -1):
        series = 1.0 / factorial(k) + series * r
    bits = builder.shl(builder.add(builder.fptosi(n.value, kind), constant(1023)), constant(52))
    found = series * Register(builder, builder.bitcast(bits, x.value.type))
    return np.where(x < -708.0, 0.0, found).value


def _log(builder, x):
    """log of normal numbers to 2 units in the last place, or to 1e-16 near 1.

    x = 2^e m with m around 1; log m = 2 atanh(s) with s = (m - 1) / (m + 1), by its power series.
    """
    kind, constant = _integers(x.type)
    bits = builder.bitcast(x, kind)
    above = builder.sub(bits, constant(0x3FE6A09E667F3BCD))  # the square root of 1/2
    exponent = builder.ashr(above, constant(52))
    m = builder.bitcast(builder.sub(bits, builder.shl(exponent, constant(52))), x.type)
    m, e = Register(builder, m), Register(builder, builder.sitofp(exponent, x.type))
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = 1.0 / 23
    for k in range(21, 1, -2):
        series = 1.0 / k + series * z
    twice = s + s
    return (e * _LN2_HIGH + (twice + (twice * z * series + e * _LN2_LOW))).value


def _exp2(builder, x):
    """2^x of whole numbers up to 1023; 0 below -1022."""
    kind, constant = _integers(x.type)
    # The last bits of the sum are those of x + 1023, which is what the exponent's bits are.
    whole = Register(builder, x)
    bits = builder.bitcast((whole + (1.5 * 2.0**52 + 1023)).value, kind)
    power = Register(builder, builder.bitcast(builder.shl(bits, constant(52)), x.type))
    return np.where(whole > -1023.0, power, 0.0).value


def _frexp(builder, x):
    """Of normal numbers m 2^e: m from 1/2 to 1, and e, as a float."""
    kind, constant = _integers(x.type)
    bits = builder.bitcast(x, kind)
    m = builder.or_(builder.and_(bits, constant(2**52 - 1)), constant(1022 << 52))
    # As the last bits of 2^52 + 1022 + e.
    e = builder.or_(builder.lshr(bits, constant(52)), constant(1075 << 52))
    e = Register(builder, builder.bitcast(e, x.type)) - (2.0**52 + 1022)
    return builder.bitcast(m, x.type), e.value


def _called(emit):
    """What ``emit`` does, as a function that a kernel calls: written once, and compiled once."""

    def call(builder, x):
        lanes = "lanes" if isinstance(x.type, ir.VectorType) else "number"
        name = f"sparsebp{emit.__name__}_{lanes}"
        function = builder.module.globals.get(name)
        if function is None:
            function = ir.Function(builder.module, ir.FunctionType(x.type, [x.type]), name)
            function.linkage = "internal"
            for attribute in ("noinline", "nounwind", "readnone"):
                function.attributes.add(attribute)
            inside = ir.IRBuilder(function.append_basic_block())
            inside.ret(emit(inside, function.args[0]))
        return builder.call(function, [x])

    return call


OPERATIONS = {
    np.add: lambda builder, x, y: builder.fadd(x, y),
    np.subtract: lambda builder, x, y: builder.fsub(x, y),
    np.multiply: lambda builder, x, y: builder.fmul(x, y),
    np.divide: lambda builder, x, y: builder.fdiv(x, y),
    np.absolute: lambda builder, x: _call(builder, "fabs", x),
    np.power: lambda builder, x, y: _call(builder, "pow", x, y),
    np.exp: _called(_exp),
    np.log: _called(_log),
    np.exp2: _exp2,
    np.floor: lambda builder, x: _call(builder, "floor", x),
    np.positive: lambda builder, x: x,
    np.fmax: _select(">"),
    np.fmin: _select("<"),
    np.less: _ordered("<"),
    np.greater: _ordered(">"),
    np.equal: _ordered("=="),
}
"""What a kernel does for each of NumPy's functions that equations use; and where ``np.where``
stands, it selects. The maximum and the minimum are the second number where the first is none."""


class Index:
    """A whole number that a kernel will have: a variable one, and an offset known beforehand."""

    def __init__(self, builder, value, offset=0):
        self.builder, self.value, self.offset = builder, value, offset

    def __add__(self, other):
        return Index(self.builder, self.value, self.offset + other)

    def __mul__(self, other):
        value = self.builder.mul(self.value, ir.Constant(_INT, other))
        return Index(self.builder, value, self.offset * other)

    __radd__, __rmul__ = __add__, __mul__

    def minus(self, start):
        """By how much it is above another one that differs in its offset alone."""
        return self.offset - start.offset


def _whole(x):
    if isinstance(x, Index):
        return x.builder.add(x.value, ir.Constant(_INT, x.offset))
    return ir.Constant(_INT, x)


def _length(part):
    start, stop = part.start, part.stop
    return stop.minus(start) if isinstance(stop, Index) else stop - start


class Memory:
    """Numbers in memory, in blocks: ``memory[i]`` is number i of all lanes of a block.

    Args:
        builder: of the kernel.
        pointer: to number 0.
        size: how many there are.
    """

    def __init__(self, builder, pointer, size=None):
        self.builder, self.pointer, self.size = builder, pointer, size

    def __len__(self):
        return self.size

    def _address(self, i):
        return self.builder.gep(self.pointer, [_whole(i * WIDTH)])

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Memory(self.builder, self._address(i.start), _length(i))
        address = self.builder.bitcast(self._address(i), _VECTOR.as_pointer())
        return Register(self.builder, self.builder.load(address, align=8))

    def __setitem__(self, i, x):
        x = +x  # a wide number becomes one float
        address = self.builder.bitcast(self._address(i), _VECTOR.as_pointer())
        value = x.value if isinstance(x, Register) else ir.Constant(_VECTOR, [float(x)] * WIDTH)
        self.builder.store(value, address, align=8)

    def through(self, places, i, size):
        """``size`` numbers from a place that each lane has for itself.

        Args:
            places: (..., WIDTH) uint32, where each lane's first number is in this memory.
            i: which of the places.
        """
        where = []
        for lane in range(WIDTH):
            address = self.builder.gep(places, [_whole(i * WIDTH + lane)])
            where.append(self.builder.zext(self.builder.load(address), _INT))
        return _Gathered(self.builder, self.pointer, where, size)


class _Gathered:
    """Numbers that are elsewhere for each lane."""

    def __init__(self, builder, pointer, places, size):
        self.builder, self.pointer, self.places, self.size = builder, pointer, places, size

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if isinstance(i, slice):
            pointer = self.builder.gep(self.pointer, [_whole(i.start * WIDTH)])
            return _Gathered(self.builder, pointer, self.places, _length(i))
        first, found = self.builder.gep(self.pointer, [_whole(i * WIDTH)]), _VECTOR(ir.Undefined)
        for lane, place in enumerate(self.places):
            number = self.builder.load(self.builder.gep(first, [place]))
            found = self.builder.insert_element(found, number, ir.IntType(32)(lane))
        return Register(self.builder, found)


class Rooms(Lists):
    """Where equations keep numbers in a kernel: registers, as far as they reach.

    Small rooms stand on the stack, where LLVM replaces them by registers; ``large`` ones in a
    memory for all of them, which the kernel asks for when it is known how much they are.
    """

    def __init__(self, builder, large):
        self.builder, self.large, self.taken = builder, large, 0

    def room(self, size):
        if size > STRAIGHT:
            found = Memory(self.builder, self.builder.gep(self.large, [_whole(self.taken)]), size)
            self.taken += size * WIDTH
            return found
        stack = cgutils.alloca_once(self.builder, _VECTOR, size)
        return Memory(self.builder, self.builder.bitcast(stack, _DOUBLE.as_pointer()), size)

    def loop(self, count, body):
        # A count that LLVM does not see, for it would write out the loop again.
        unseen = ir.FunctionType(_INT, [_INT])
        stop = self.builder.asm(unseen, "", "=r,0", [ir.Constant(_INT, count)], False)
        with cgutils.for_range(self.builder, stop) as loop:
            body(Index(self.builder, loop.index))


class _Slots:
    """``Memory`` where Python runs the equations: numbers of one block of an array."""

    def __init__(self, flat, start=0, size=None):
        self.flat, self.start, self.size = flat, start, size

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if isinstance(i, slice):
            return _Slots(self.flat, self.start + i.start * WIDTH, i.stop - i.start)
        at = self.start + i * WIDTH
        return self.flat[at : at + WIDTH].copy()

    def __setitem__(self, i, x):
        at = self.start + i * WIDTH
        self.flat[at : at + WIDTH] = +x

    def through(self, places, i, size):
        where = places[i * WIDTH : (i + 1) * WIDTH].astype(np.int64)
        return [self.flat[where + k * WIDTH] for k in range(size)]


class Known(types.Opaque):
    """The Numba type of a value that is known when a kernel is compiled, and is nowhere in it."""

    def __init__(self, value):
        self.value = value
        super().__init__(name=f"Known({value!r})")


register_model(Known)(models.OpaqueModel)


def known(kind: type) -> type:
    """Have Numba take values of a class, a frozen dataclass, as known when it compiles."""
    typeof_impl.register(kind)(lambda value, _: Known(value))
    return kind


@lower_constant(Known)
def _no_constant(context, builder, kind, value):
    return context.get_dummy_value()


def on_numbers(function: Callable) -> Callable:
    """A function ``(known, numbers)`` of a tuple of numbers, for use in kernels."""
    if config.DISABLE_JIT:
        return np.errstate(all="ignore")(lambda known, numbers: +function(known, numbers))

    @intrinsic
    def in_registers(typing, value, numbers):
        def emit(context, builder, signature, arguments):
            parts = [builder.extract_value(arguments[1], i) for i in range(len(numbers))]
            found = function(value.value, [Register(builder, part) for part in parts])
            return (+found).value

        return types.float64(value, numbers), emit

    return in_registers


def constant(function: Callable) -> Callable:
    """A number, ``function(known)``, for use in kernels: whole, or a float."""
    if config.DISABLE_JIT:
        return function

    @intrinsic
    def in_kernel(typing, value):
        number = function(value.value)
        kind = types.float64 if isinstance(number, float) else types.intp

        def emit(context, builder, signature, arguments):
            return context.get_constant(kind, kind.cast_python_value(number))

        return kind(value), emit

    return in_kernel


def over_blocks(function: Callable) -> Callable:
    """A function of the numbers of one block, for all blocks of a range, for use in kernels.

    Args:
        function: ``(known, rooms, block, numbers, arrays, places) -> (change, least)`` with the
            number of the block, a named tuple of numbers and one of ``Memory``, and arrays of
            places, see ``Memory.through``. What it returns may be None.

    Returns:
        A function ``(known, start, stop, count, numbers, arrays, places)`` that returns the largest
        change and the least number of all blocks from start to stop. Lanes from ``count`` on, which
        are beyond the last factor, do not count.
    """
    if config.DISABLE_JIT:
        return lambda *arguments: _in_python(function, *arguments)

    @intrinsic
    def in_lanes(typing, value, start, stop, count, numbers, arrays, places):
        def emit(context, builder, signature, arguments):
            _, start, stop, count, *tuples = arguments
            numbers_, arrays_, places_ = (
                [builder.extract_value(tuple_, i) for i in range(len(kind))]
                for tuple_, kind in zip(tuples, signature.args[4:], strict=True)
            )
            kinds = signature.args[4:]
            everywhere = kinds[0].instance_class(
                *(Register(builder, _filled(builder, x)) for x in numbers_)
            )
            pointers = kinds[1].instance_class(
                *(Memory(builder, _data(context, builder, kinds[1], x)) for x in arrays_)
            )
            where = kinds[2].instance_class(
                *(_data(context, builder, kinds[2], x) for x in places_)
            )
            change = _Extreme(builder, np.fmax, ">", 0.0)
            least = _Extreme(builder, np.fmin, "<", np.inf)
            # How much memory is asked for is known when all is written, so that comes last.
            large = cgutils.alloca_once(builder, _DOUBLE.as_pointer())
            setup, work = builder.append_basic_block("setup"), builder.append_basic_block("work")
            builder.branch(setup)
            builder.position_at_end(work)
            rooms = Rooms(builder, builder.load(large))
            blocks = start, stop, ir.Constant(_INT, 1), _INT
            with cgutils.for_range_slice(builder, *blocks) as (block, _):
                here = Index(builder, block)
                moved, total = function(value.value, rooms, here, everywhere, pointers, where)
                inside = _inside(builder, block, count)
                change.add(moved, inside)
                least.add(total, inside)
            results = [change.of_lanes(), least.of_lanes()]
            end = builder.block
            builder.position_at_end(setup)
            free = _give_large(builder, large, rooms.taken)
            builder.branch(work)
            builder.position_at_end(end)
            free(builder)
            return context.make_tuple(builder, signature.return_type, results)

        found = types.UniTuple(types.float64, 2)
        return found(value, start, stop, count, numbers, arrays, places), emit

    return in_lanes


def _in_python(function, value, start, stop, count, numbers, arrays, places):
    change, least = 0.0, np.inf
    memory = type(arrays)(*map(_Slots, arrays))
    for block in range(start, stop):
        with np.errstate(all="ignore"):  # as the processor does
            moved, total = function(value, Lists(), block, numbers, memory, places)
        inside = slice(0, min(WIDTH, count - block * WIDTH))
        if moved is not None:
            change = max(change, float(np.nanmax(np.broadcast_to(moved, WIDTH)[inside])))
        if total is not None:
            least = min(least, float(np.broadcast_to(total, WIDTH)[inside].min()))
    return change, least


def _filled(builder, x):
    """The same number in every lane."""
    one = builder.insert_element(_VECTOR(ir.Undefined), x, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, _VECTOR(ir.Undefined), lanes)


def _data(context, builder, kind, array):
    return context.make_array(kind.dtype)(context, builder, array).data


def _inside(builder, block, count):
    """Which lanes of a block are of factors, of which there are ``count``."""
    lanes = ir.Constant(_INTS, list(range(WIDTH)))
    left = builder.sub(count, builder.mul(block, ir.Constant(_INT, WIDTH)))
    one = builder.insert_element(_INTS(ir.Undefined), left, ir.IntType(32)(0))
    first = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return Register(
        builder,
        builder.icmp_signed("<", lanes, builder.shuffle_vector(one, _INTS(ir.Undefined), first)),
    )


class _Extreme:
    """The largest or the smallest of a number that every block makes, lane by lane."""

    def __init__(self, builder, reduced, sign, neutral):
        self.builder, self.reduced, self.sign, self.neutral = builder, reduced, sign, neutral
        self.slot = cgutils.alloca_once(builder, _VECTOR)
        builder.store(ir.Constant(_VECTOR, [neutral] * WIDTH), self.slot)

    def add(self, number, inside):
        """The number of one more block, if it makes one; it counts in lanes inside."""
        if number is not None:
            number = np.where(inside, number, self.neutral)
            before = Register(self.builder, self.builder.load(self.slot))
            self.builder.store(self.reduced(number, before).value, self.slot)

    def of_lanes(self):
        """That of all lanes."""
        vector, lane = self.builder.load(self.slot), ir.IntType(32)
        found = self.builder.extract_element(vector, lane(0))
        for k in range(1, WIDTH):
            number = self.builder.extract_element(vector, lane(k))
            found = _select(self.sign)(self.builder, number, found)
        return found


def _give_large(builder, slot, taken):
    """Memory for ``taken`` numbers, its address in a slot; returns what gives it back."""
    byte = ir.IntType(8).as_pointer()
    if not taken:
        builder.store(ir.Constant(_DOUBLE.as_pointer(), None), slot)
        return lambda builder: None
    signature = ir.FunctionType(byte, [_INT])
    malloc = cgutils.get_or_insert_function(builder.module, signature, "malloc")
    given = builder.call(malloc, [ir.Constant(_INT, 8 * taken)])
    builder.store(builder.bitcast(given, _DOUBLE.as_pointer()), slot)

    def free(builder):
        signature = ir.FunctionType(ir.VoidType(), [byte])
        function = cgutils.get_or_insert_function(builder.module, signature, "free")
        builder.call(function, [given])

    return free
