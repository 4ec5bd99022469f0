"""Where a study varies a key: what the explorer shows a curve for each value of."""

from collections.abc import Iterator

from sparsebp.claims.conditions import settings
from sparsebp.study.choices import sets
from sparsebp.study.figure_blocks import panels_or_maps


def varied(figures: dict, experiments: dict, learners: dict, choices: dict) -> list[dict]:
    """Each key that is varied alone, with the curves that each of its values has.

    Figures say in which number their experiments differ, or the learners of one experiment. A set
    of choices that has several values of one key says so, too. What is a part of another is left
    out.

    Args:
        figures, experiments, learners, choices: as those of ``Study``.

    Returns:
        Of each ``key`` its ``values``; ``learners``, blocks by name; and ``curves``: by name of a
        learner, or of the one experiment whose learners differ in the key, [experiment, learner]
        for each value.
    """
    found = [*_of_figures(figures, experiments), *_of_choices(choices, experiments)]
    places = [_places(*family) for family in found]
    return [
        {
            "key": key,
            "values": values,
            "learners": {name: learners[name] for name in curves if name not in experiments},
            "curves": curves,
        }
        for i, (key, values, curves) in enumerate(found)
        if not any(places[i] < other for other in places) and places[i] not in places[:i]
    ]


def _places(key: str, values: list, curves: dict) -> set[tuple]:
    """The key with its value, experiment and learner, of each curve."""
    return {
        (key, value, *place)
        for places in curves.values()
        for value, place in zip(values, map(tuple, places), strict=True)
    }


def _of_figures(figures: dict, experiments: dict) -> Iterator[tuple[str, list, dict]]:
    for figure in figures.values():
        for panel in panels_or_maps(figure) if {"panels", "maps"} & figure.keys() else ():
            key, names = panel.get("against", panel.get("by")), panel["experiments"]
            if "numbers" in panel:
                numbers = sorted((value, one) for one, value in panel["numbers"].items())
                values = [value for value, _ in numbers]
                yield key, values, {names[0]: [[names[0], one] for _, one in numbers]}
            elif "positions" in panel:
                numbers = sorted(zip(panel["positions"], names, strict=True))
                values = [value for value, _ in numbers]
                first, *others = (experiments[name]["learners"] for name in names)
                common = [one for one in first if all(one in ran for ran in others)]
                yield key, values, {one: [[name, one] for _, name in numbers] for one in common}


def _of_choices(choices: dict, experiments: dict) -> Iterator[tuple[str, list, dict]]:
    for titles in sets(choices):
        points = [settings(title) for title in titles]
        keys = [key for key in points[0] if len({point[key] for point in points}) > 1]
        if len(keys) != 1:
            continue
        values, under = [point[keys[0]] for point in points], [choices[title] for title in titles]
        for again in (new for name, new in under[0].items() if name in experiments):
            curves = {
                one: [[again, names.get(one, one)] for names in under]
                for one in experiments[again]["learners"]
                if len({names.get(one, one) for names in under}) > 1
            }
            yield keys[0], values, curves
