"""Sparse patterns: biregular random graphs, and which factors read which hidden neuron."""

import numpy as np

DRAWINGS = ("trades", "matching")
"""How ``biregular`` draws."""


def column_degree(rows: int, columns: int, per_row: int, where: str = "pattern") -> int:
    """Non-zeros per column of a biregular (rows x columns) pattern with ``per_row`` per row.

    Args:
        rows, columns, per_row: rows * per_row has to be a multiple of columns.
        where: what the message of an error begins with.

    Raises:
        ValueError: no such pattern exists; the message shows the arithmetic.
    """
    if rows < 1 or columns < 1 or per_row < 1:
        raise ValueError(
            f"{where}: {rows} rows, {columns} columns, {per_row} non-zeros per row; "
            "each must be at least 1"
        )
    if per_row > columns:
        raise ValueError(
            f"{where}: {per_row} non-zeros per row do not fit in {columns} columns without repeats"
        )
    if rows * per_row % columns:
        raise ValueError(
            f"{where}: {rows} rows x {per_row} non-zeros per row = {rows * per_row}, which is not "
            f"a multiple of {columns} columns, so the columns cannot have equally many"
        )
    return rows * per_row // columns


def biregular(
    rows: int, columns: int, per_row: int, rng: np.random.Generator, drawing: str = "trades"
) -> np.ndarray:
    """Draw a biregular pattern without repeated entries, uniform over all such patterns.

    With ``trades`` a valid pattern (cyclic, with shuffled column labels) is randomised by the
    trades of the curveball Markov chain, whose stationary distribution is uniform (Carstens,
    Phys. Rev. E 91, 042812, 2015). Time grows as N log N.

    With ``matching``, for large patterns, the stubs of rows and columns are matched at random, and
    each of the few entries that a row then has twice is switched with a random one elsewhere, in
    linear time. A pattern without repeats is exactly uniform. What is switched is uniform up to
    corrections of the order 1 / N: the total variation distance vanishes for N to infinity
    (Janson, Random Struct. Alg. 57, 3, 2020), and is below 0.07 for 4 x 4 with two in a row.

    Args:
        rows, columns, per_row: as for ``column_degree``.
        rng: makes the draw; the same state gives the same pattern.
        drawing: one of ``DRAWINGS``; the same state gives each another pattern.

    Returns:
        topology: (rows, per_row) int32, the columns of each row's non-zeros, ascending.

    Raises:
        ValueError: sizes and degrees do not fit; the pattern is too dense for ``matching``.
    """
    degree = column_degree(rows, columns, per_row)
    if drawing == "matching":
        stubs = np.repeat(np.arange(columns, dtype=np.int32), degree)
        return _switch(rng.permutation(stubs).reshape(rows, per_row), rng)
    cyclic = np.arange(rows * per_row).reshape(rows, per_row) % columns
    return _trade(rng.permutation(columns)[cyclic], rng)


def containing(
    teacher: np.ndarray, columns: int, per_row: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw a biregular pattern that contains the entries of another.

    The added entries are biregular themselves and avoid the teacher's. Stubs are matched at random
    until nothing clashes, which is exactly uniform. Where that is too rare, in dense patterns, a
    maximum flow finds some entries, and trades randomise them.

    Args:
        teacher: (rows, slots) the pattern to contain.
        columns: number of columns of both.
        per_row: non-zeros per row of the result, at least the teacher's.
        rng: makes the draw.

    Returns:
        topology: (rows, per_row) int32, ascending in each row.

    Raises:
        ValueError: sizes and degrees do not fit, or no room was found for the added entries.
    """
    rows, slots = teacher.shape
    added = per_row - slots
    if added < 0:
        raise ValueError(
            f"a student with {per_row} non-zeros per row cannot contain a teacher with {slots}"
        )
    if added == 0:
        return teacher.astype(np.int32)
    column_degree(rows, columns, per_row)
    degree = column_degree(rows, columns, added, where="entries added to the teacher's pattern")
    extra = _match_stubs(teacher, columns, added, degree, rng)
    if extra is None:
        extra = _flow(~_cells(teacher, columns), added, degree, rng)
        if extra is None:
            raise ValueError(
                f"no room for {added} more non-zeros per row beside the {slots} of the teacher"
            )
        extra = _trade(_columns_of(extra), rng, teacher)
    return np.sort(np.hstack([teacher, extra]), axis=1).astype(np.int32)


def overlapping(
    teacher: np.ndarray,
    columns: int,
    per_row: int,
    overlap: float,
    rng: np.random.Generator,
    tries: int = 100,
) -> np.ndarray:
    """Draw a biregular pattern that contains a given fraction of the entries of another.

    Which of the teacher's entries are kept is drawn uniformly; a pattern sparser than the teacher
    keeps some of a random biregular part of it. A maximum flow finds the other entries beside the
    teacher's, and trades randomise them.

    Args:
        teacher: (rows, slots) the other pattern.
        columns: number of columns of both.
        per_row: non-zeros per row of the result.
        overlap: fraction of the teacher's entries that the result contains, rounded to a number of
            entries.
        rng: random generator.
        tries: how many sets of kept entries are drawn in search of one that leaves room.

    Returns:
        topology: (rows, per_row) int32, ascending in each row.

    Raises:
        ValueError: sizes, degrees and overlap do not fit, or no room was found for other entries.
    """
    rows, slots = teacher.shape
    if overlap == 1 and per_row >= slots:
        return containing(teacher, columns, per_row, rng)
    degree = column_degree(rows, columns, per_row)
    number = shared_entries(rows, columns, slots, per_row, overlap)
    theirs = _cells(teacher, columns)
    part = theirs if per_row >= slots else _flow(theirs, per_row, degree, rng)
    # A teacher that is not biregular may have no such part.
    candidates = np.flatnonzero([] if part is None else part)
    for _ in range(tries):
        kept = np.zeros(theirs.shape, bool)
        kept.flat[rng.choice(candidates, number, replace=False)] = True
        more = _flow(~theirs, per_row - kept.sum(axis=1), degree - kept.sum(axis=0), rng)
        if more is not None:
            return _trade(_columns_of(kept | more), rng, teacher)
    raise ValueError(
        f"no room was found for a pattern with {per_row} non-zeros per row and {number} of the "
        f"teacher's {teacher.size} entries in {columns} columns"
    )


def shared_entries(
    rows: int, columns: int, slots: int, per_row: int, overlap: float, where: str = "overlap"
) -> int:
    """How many entries a pattern shares with a teacher of ``slots`` per row.

    Args:
        rows, columns: of both.
        slots, per_row: non-zeros per row of the teacher and of the pattern.
        overlap: fraction of the teacher's entries that the pattern contains.
        where: what the message of an error begins with.

    Raises:
        ValueError: it has too few entries, or there are too few cells beside the teacher's; the
            message shows the arithmetic.
    """
    number, total = round(overlap * rows * slots), rows * per_row
    others, free = total - number, rows * (columns - slots)
    told = f"{where}: {overlap:g} of the teacher's {rows * slots} entries are {number}"
    if number > total:
        raise ValueError(f"{told}; a pattern with {per_row} per row has {total}")
    if others > free:
        raise ValueError(
            f"{told}; the other {others} do not fit in the {free} cells beside the teacher's"
        )
    return number


def _cells(topology: np.ndarray, columns: int) -> np.ndarray:
    """(rows, columns) bool: where a pattern has entries."""
    cells = np.zeros((len(topology), columns), bool)
    np.put_along_axis(cells, topology, True, axis=1)
    return cells


def _columns_of(cells: np.ndarray) -> np.ndarray:
    """The topology of cells of which each row has as many."""
    return np.nonzero(cells)[1].reshape(len(cells), -1)


def _match_stubs(
    teacher: np.ndarray,
    columns: int,
    added: int,
    degree: int,
    rng: np.random.Generator,
    tries: int = 2000,
) -> np.ndarray | None:
    """Match stubs at random until nothing clashes: exactly uniform. None if that is too rare."""
    stubs = np.repeat(np.arange(columns), degree)
    for _ in range(tries):
        extra = rng.permutation(stubs).reshape(len(teacher), added)
        both = np.sort(np.hstack([teacher, extra]), axis=1)
        if (both[:, 1:] != both[:, :-1]).all():
            return extra
    return None


def _flow(
    allowed: np.ndarray,
    per_row: int | np.ndarray,
    per_column: int | np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Some of the allowed cells, by maximum flow on shuffled labels.

    Args:
        allowed: (rows, columns) bool.
        per_row, per_column: how many in each row and column, of the same sum; for all or for each.

    Returns:
        (rows, columns) bool, or None if there are not so many.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_flow

    rows, columns = allowed.shape
    per_row, per_column = np.broadcast_to(per_row, rows), np.broadcast_to(per_column, columns)
    order, labels = rng.permutation(rows), rng.permutation(columns)
    # Source, rows, columns, sink.
    capacity = np.zeros((rows + columns + 2,) * 2, np.int32)
    capacity[0, 1 : rows + 1] = per_row[order]
    capacity[1 : rows + 1, rows + 1 : -1] = allowed[order][:, labels]
    capacity[rows + 1 : -1, -1] = per_column[labels]
    flow = maximum_flow(csr_array(capacity), 0, rows + columns + 1)
    if flow.flow_value < per_row.sum():
        return None
    used = np.zeros((rows, columns), bool)
    used[np.ix_(order, labels)] = flow.flow.toarray()[1 : rows + 1, rows + 1 : -1] > 0
    return used


def _switch(topology: np.ndarray, rng: np.random.Generator, tries: int = 10_000) -> np.ndarray:
    """Switch columns between rows until no row has one twice. Rows and columns keep their degrees.

    Raises:
        ValueError: a repeat could not be switched in so many tries.
    """
    topology = np.sort(topology, axis=1)
    rows, slots = topology.shape
    for row, slot in np.argwhere(topology[:, 1:] == topology[:, :-1]).tolist():
        for _ in range(tries):
            own, mine = topology[row], topology[row, slot]
            if np.count_nonzero(own == mine) == 1:  # it has been switched from elsewhere
                break
            other, place = rng.integers(rows), rng.integers(slots)
            theirs = topology[other, place]
            if theirs not in own and mine not in topology[other]:
                topology[row, slot], topology[other, place] = theirs, mine
        else:
            raise ValueError(
                f"drawing: 'matching'; {slots} non-zeros in each of {rows} rows are too dense for "
                "it, but not for trades"
            )
    return np.sort(topology, axis=1)


def _trade(
    topology: np.ndarray, rng: np.random.Generator, forbidden: np.ndarray | None = None
) -> np.ndarray:
    """Randomise a pattern by curveball trades between random pairs of rows, all pairs at once.

    In a trade the entries that both rows may hold, and only one holds, are dealt out anew at
    random. A row may not get its ``forbidden`` entries, (rows, any number) columns, and keeps those
    that it has. Rows and columns keep their numbers of entries. The number of rounds lets every
    entry travel through the whole matrix several times (an entry moves in half of its trades).
    """
    rows, slots = topology.shape
    topology = topology.copy()
    for _ in range(20 + 5 * int(np.ceil(np.log2(rows)))):
        order = rng.permutation(rows)
        first, second = order[: rows // 2], order[rows // 2 : 2 * (rows // 2)]
        hand, other = topology[first], topology[second]
        # An entry stays where it is if the partner row has it already or must not hold it.
        stays = (hand[:, :, None] == other[:, None]).any(axis=2)
        stays_other = (other[:, :, None] == hand[:, None]).any(axis=2)
        if forbidden is not None:
            both = np.hstack([forbidden[first], forbidden[second]])[:, None]
            stays |= (hand[:, :, None] == both).any(axis=2)
            stays_other |= (other[:, :, None] == both).any(axis=2)
        key = rng.random((len(first), 2 * slots))
        key[:, :slots][stays] = -1.0
        key[:, slots:][stays_other] = 2.0
        # Those that stay have equal keys, which only a stable sort orders alike on all processors.
        deal = np.argsort(key, axis=1, kind="stable")
        dealt = np.take_along_axis(np.hstack([hand, other]), deal, axis=1)
        topology[first], topology[second] = dealt[:, :slots], dealt[:, slots:]
    return np.sort(topology, axis=1).astype(np.int32)


def on_pattern(values: np.ndarray, pattern: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Read row-wise sparse values at other columns; zero where the pattern has no entry.

    Args:
        values: (..., rows, slots) on ``pattern`` (rows, slots).
        wanted: (rows, k) int columns.

    Returns:
        (..., rows, k), of the dtype of ``values``.
    """
    match = pattern[:, None, :] == wanted[:, :, None]
    return np.where(match, values[..., :, None, :], 0).sum(axis=-1).astype(values.dtype)
