"""Verdicts: which claims of the thesis the results bear out, with effect sizes and intervals.

A claim is a list of tests (workflow/claims.yaml), and each test a comparison of curves over seeds:
``comparisons`` says how it decides, and how rarely it is wrong. A claim holds if all its tests
hold, does not hold if one does not, and is undecided otherwise.

A choice puts other experiments and learners in the places of those that the claims name, and so
does a reading of the thesis as a whole. They are separate questions: nothing is corrected between
them. Where a choice or reading makes a test of a claim true whatever the algorithms do, the claim
holds by construction if it holds.
"""

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

import numpy as np

from sparsebp.claims.comparisons import (
    KINDS,
    MEASURED,
    ComparisonError,
    Outcome,
    contradicted,
    contrast,
    curves,
    m_range,
)
from sparsebp.claims.numbers import typeset

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
BY_CONSTRUCTION = "holds by construction"
SHARE = 0.5
"""Of a mean over m, the share of one m from which on it is named."""
MOST_LISTED = 20
"""Names in a message."""


def _block(**properties) -> dict:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT, _VERDICT = {"type": "string"}, {"enum": [HOLDS, FAILS, UNDECIDED, BY_CONSTRUCTION]}
_ENDS = {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2}
_TEST = _block(
    kind={"enum": [*KINDS]},
    verdict=_VERDICT,
    reading=_TEXT,
    contrast=_TEXT,
    measured=_TEXT,
    meaning=_TEXT,
    effect={"type": "number"},
    interval=_ENDS,
    corrected=_ENDS,
    n={"type": "integer"},
    m={"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    margin={"type": ["number", "null"]},
    turns={"type": "array", "items": {"type": "number"}},
)
_RECORD = _block(
    id=_TEXT,
    thesis=_TEXT,
    statement=_TEXT,
    choice={"type": ["string", "null"]},
    reading={"type": ["string", "null"]},
    verdict=_VERDICT,
    key={"type": "integer", "minimum": 0},
    tests={"type": "array", "minItems": 1, "items": _TEST},
    **{"from": {"type": ["integer", "null"]}},
)
FILE = _block(
    provenance={"type": "object"}, records={"type": "array", "minItems": 1, "items": _RECORD}
)
"""JSON schema of a file of verdicts, for what its readers need."""


class ClaimError(ValueError):
    """A claim that cannot be tested; the message names the claim and what is wrong."""


def judge(
    claims: dict,
    results: dict,
    choices: dict | None = None,
    readings: dict | None = None,
    by_construction: dict | None = None,
) -> list[dict]:
    """Test every claim as configured, and under each choice and reading the claims whose
    experiments it all replaces.

    Args:
        claims: as in claims.yaml.
        results: experiment -> data set over (learner, seed, n_samples).
        choices: name -> {name in the claims: name in the results} for experiments and learners. A
            claim is tested under a choice that names all the claim's experiments; a name that the
            choice does not give stays.
        readings: the same by the name of a reading.
        by_construction: name of a choice or reading -> ids of claims.

    Returns:
        Records that JSON can hold, as configured first: id, thesis, statement, choice, reading
        (both None as configured), verdict, tests, key, the index of the test that decides (the
        one with the least slack among those of this verdict), and from, see ``_first``.

    Raises:
        ClaimError: an unknown kind, margin, quantity, experiment, learner or choice, or curves
            without a common m.
    """
    learners = {name: data["learner"].values.tolist() for name, data in results.items()}
    choices, readings, alpha, records = choices or {}, readings or {}, 1 - claims["confidence"], []
    check_claims(claims, learners, choices | readings, by_construction)
    for choice, claim, tests in _cases(claims, choices | readings):
        found = []
        tests = [
            test | {"margin": claims["margins"][test["margin"]]} if "margin" in test else test
            for test in tests
        ]
        for test in tests:
            try:
                outcome = KINDS[test["kind"]].outcome(test, results, alpha, len(tests))
            except ComparisonError as error:
                raise ClaimError(f"{_where(claim, choice)}: {error}") from None
            found.append((outcome, test))
        verdicts = [_verdict(outcome) for outcome, _ in found]
        overall = next((v for v in (FAILS, UNDECIDED) if v in verdicts), HOLDS)
        deciding = [i for i, verdict in enumerate(verdicts) if verdict == overall]
        if overall == HOLDS and claim["id"] in (by_construction or {}).get(choice, ()):
            overall = BY_CONSTRUCTION
        records.append(
            {
                "id": claim["id"],
                "thesis": claim["thesis"],
                "statement": claim["statement"],
                "choice": choice if choice in choices else None,
                "reading": choice if choice in readings else None,
                "verdict": overall,
                "key": min(deciding, key=lambda i: found[i][0].slack),
                "from": _first(tests, results, alpha),
                "tests": [_record(outcome, test, results) for outcome, test in found],
            }
        )
    return records


def check_claims(
    claims: dict,
    learners: dict[str, list[str]],
    choices: dict | None = None,
    by_construction: dict | None = None,
) -> None:
    """Raise ClaimError unless all that claims and choices name exists.

    Args:
        learners: experiment -> its learners.
    """
    ids = Counter(claim["id"] for claim in claims["claims"])
    for name, count in ids.items():
        if count > 1:
            raise ClaimError(f"{name}: {count} claims have this id")
    for choice, those in (by_construction or {}).items():
        for name in those:
            _known(f"by_construction under {choice!r}", "claim", name, ids)
    for choice, claim, tests in _cases(claims, choices):
        where = _where(claim, choice)
        for test in tests:
            _known(where, "kind", test["kind"], KINDS)
            _known(where, "quantity", test["quantity"], MEASURED)
            if "margin" in test:
                _known(where, "margin", test["margin"], claims["margins"])
            for experiment, learner in curves(test):
                _known(where, "experiment", experiment, learners)
                _known(where, f"learner in {experiment}", learner, learners[experiment])


def check_samples(
    claims: dict, grids: dict[str, dict[str, list[int]]], choices: dict | None = None
) -> None:
    """Raise ClaimError unless the curves of each test have a number of samples in common.

    Args:
        grids: experiment -> learner -> the m at which it is measured.
    """
    for choice, claim, tests in _cases(claims, choices):
        for test in tests:
            first, last = m_range(test)
            common = set.intersection(*(set(grids[e][learner]) for e, learner in curves(test)))
            if not any(first <= m <= last for m in common):
                where = f"{_where(claim, choice)}: {contrast(test)}"
                raise ClaimError(f"{where}: no common m from {first} to {last}")


def experiments(claims: dict, choices: dict | None = None) -> list[str]:
    """Names of the experiments whose results the claims need, sorted."""
    cases = _cases(claims, choices)
    return sorted({e for _, _, tests in cases for test in tests for e, _ in curves(test)})


def deciding(record: dict) -> list[float | None]:
    """The interval of a test that decides."""
    return record["corrected" if record["verdict"] == FAILS else "interval"]


def number(record: dict) -> str:
    """The effect of a test with the interval that decides: text."""
    ends = deciding(record)
    low, high = (f"{e:.3g}" if e is not None else "∞" for e in ends)
    return typeset(f"{record['effect']:z.3g} [{'−' * (ends[0] is None)}{low}, {high}]")


# Which tests there are.


def _cases(claims: dict, choices: dict | None = None) -> Iterator[tuple[str | None, dict, list]]:
    """Each choice (None first), claim and list of tests, with the names that the choice gives."""
    for choice, names in {None: None, **(choices or {})}.items():
        for claim in claims["claims"]:
            about = {experiment for test in claim["tests"] for experiment, _ in curves(test)}
            if names is None:
                yield choice, claim, claim["tests"]
            elif about <= set(names):
                yield choice, claim, [_renamed(test, names) for test in claim["tests"]]


def _renamed(test: dict, names: dict[str, str]) -> dict:
    new = dict(test)
    for key in ("a", "b", "learner", "others", "experiments"):
        if key in test:
            old = test[key]
            new[key] = names.get(old, old) if key == "learner" else [names.get(n, n) for n in old]
    return new


def _where(claim: dict, choice: str | None) -> str:
    return claim["id"] if choice is None else f"{claim['id']} under {choice!r}"


def _known(where: str, what: str, name: str, allowed) -> None:
    if name not in allowed:
        names = sorted(allowed)
        there = f"there are: {', '.join(names)}"
        if len(names) > MOST_LISTED:
            near = get_close_matches(name, names, MOST_LISTED, cutoff=0)
            there = f"of the {len(names)} that there are, nearest: {', '.join(near)}"
        raise ClaimError(f"{where}: no {what} {name!r}; {there}")


# Records.


def _verdict(outcome: Outcome) -> str:
    return HOLDS if outcome.holds else FAILS if outcome.fails else UNDECIDED


def _first(tests: list[dict], results: dict, alpha: float) -> int | None:
    """The least m such that all tests of a claim hold if their range begins there; or None.

    The range ends as it does. A test at one m has to hold at every m from there on that its curve
    has.
    """
    last = [test["m"][1] for test in tests if "m" in test]
    grids = [_grid(results, curve) for test in tests for curve in curves(test)]
    tried = set().union(*grids)
    if last:
        first = min(test["m"][0] for test in tests if "m" in test)
        tried = {m for m in tried if first <= m <= min(last)}

    @cache  # what holds from one m on is asked for those before it too
    def holds(i, **where):
        try:
            test = tests[i] | where
            return KINDS[test["kind"]].outcome(test, results, alpha, 1).holds
        except ComparisonError:  # The curves have no m in common from there on.
            return False

    def holds_from(m, i):
        if "m" in tests[i]:
            start, stop = tests[i]["m"]
            return holds(i, m=(max(m, start), stop))
        later = [at for at in _grid(results, *curves(tests[i])) if at >= m]
        return bool(later) and all(holds(i, at=at) for at in reversed(later))

    for m in sorted(tried):
        if all(holds_from(m, i) for i in range(len(tests))):
            return m
    return None


def _grid(results: dict, curve: tuple[str, str]) -> list[int]:
    """The m at which a curve was measured."""
    experiment, learner = curve
    status = results[experiment]["status"].sel(learner=learner)
    return status["n_samples"].values[(status > 0).any("seed").values].tolist()


def _record(outcome: Outcome, test: dict, results: dict) -> dict:
    """A test and its outcome; an end at infinity is None."""
    kind, margin = KINDS[test["kind"]], test.get("margin", {"value": None, "reason": None})
    m, quantity = m_range(test), MEASURED[test["quantity"]]
    measured = kind.measured.format(quantity=quantity, at=outcome.at, m=m)
    if (outcome.share or 0) > SHARE and m[0] < m[1]:
        measured += f", {100 * outcome.share:.0f} % of it from m = {outcome.at}"
    record = {
        "kind": test["kind"],
        "contrast": contrast(test),
        "measured": measured,
        "m": m,
        "verdict": _verdict(outcome),
        "effect": float(outcome.effect),
        "interval": _ends(outcome.interval),
        "level": round(outcome.level, 9),
        "corrected": _ends(outcome.corrected),
        "n": outcome.n,
        "at": int(outcome.at),
        "margin": margin["value"],
        "reason": margin["reason"],
        "turns": _turns(outcome) if "margin" in test else [],
        "contradicted": contradicted(test, results),
    }
    holds, fails = (text.format(margin=margin["value"]) for text in (kind.holds, kind.fails))
    found = {HOLDS: holds, FAILS: fails, UNDECIDED: f"too uncertain to tell whether {holds}"}
    subject, meaning = f"{record['contrast']}: {measured}", found[record["verdict"]]
    reading = f"{subject} is {number(record)}; {meaning}."
    return record | {"meaning": meaning, "reading": reading}


def _turns(outcome: Outcome) -> list[float]:
    """The margins at which a verdict would turn, of those there can be (positive, finite).

    That is at most one for a test that holds or does not, at most two for an undecided one.
    """
    holds, fails = outcome.turns
    turns = [holds] if outcome.holds else [fails] if outcome.fails else sorted([holds, fails])
    return [float(turn) for turn in turns if 0 < turn < np.inf]


def _ends(interval) -> list[float | None]:
    return [float(end) if np.isfinite(end) else None for end in interval]
