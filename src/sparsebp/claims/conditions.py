"""Where something is so, among combinations of values: exactly, and in as few words as possible."""

from collections.abc import Iterable
from itertools import chain, combinations, product

Point = tuple[str, ...]  # a value of each key
Condition = tuple[tuple[str, ...] | None, ...]  # of each key the values allowed; None: all


def settings(name: str) -> dict[str, str]:
    """The value of each key of the combination named ``damping 0.3, max_steps 500``."""
    return dict(part.partition(" ")[::2] for part in name.split(", "))


def shortest(chosen: Iterable[Point], points: list[Point]) -> list[Condition]:
    """The fewest conditions such that the chosen points meet one of them and no other point does.

    Of as few, those that name the fewest values. The work grows as 2 to the number of all values.

    Args:
        chosen: some of the points, at least one.
        points: different from each other, not necessarily every combination of their values.

    Raises:
        ValueError: nothing is chosen, or something that is not among the points.
    """
    chosen = frozenset(chosen)
    columns = [list(dict.fromkeys(column)) for column in zip(*points, strict=True)]
    cheapest: dict[frozenset, Condition] = {}
    for condition in sorted(product(*map(_allowed, columns)), key=cost):
        covered = frozenset(point for point in points if meets(point, condition))
        if covered and covered <= chosen:
            cheapest.setdefault(covered, condition)
    widest = [c for c in cheapest if not any(c < other for other in cheapest)]
    for size in range(1, len(chosen) + 1):
        found = [
            [cheapest[covered] for covered in some]
            for some in combinations(widest, size)
            if frozenset.union(*some) == chosen
        ]
        if found:
            return min(found, key=lambda conditions: sum(map(cost, conditions)))
    raise ValueError(f"{sorted(chosen)}: not some of the points {points}")


def meets(point: Point, condition: Condition) -> bool:
    """Whether a point has allowed values only."""
    return all(a is None or value in a for value, a in zip(point, condition, strict=True))


def cost(condition: Condition) -> int:
    """How many values a condition names."""
    return sum(len(allowed) for allowed in condition if allowed is not None)


def words(condition: Condition, keys: Iterable[str]) -> str:
    """``damping is 0 and initial_scale is 0.1 or 1``; nothing for a condition that all meet."""
    parts = zip(keys, condition, strict=True)
    return " and ".join(f"{key} is {' or '.join(a)}" for key, a in parts if a is not None)


def _allowed(values: list[str]) -> Iterable[tuple[str, ...] | None]:
    """Every choice of some of the values; None for all."""
    some = chain.from_iterable(combinations(values, n) for n in range(1, len(values)))
    return [None, *some]
