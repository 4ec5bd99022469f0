"""Checks of the blocks of experiments that a schema cannot make."""

from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.model import activation
from sparsebp.network.patterns import column_degree, shared_entries
from sparsebp.study.validation import ConfigError, check_among, show

SEARCHED = 2
"""Non-zeros in a row of a case of ``from_scratch``, at most: there is no law for more."""

IN_PLACE_OF_SEARCH = {
    "gradient_descent": ("unknown", ["wrong_outputs"]),
    "messages": ("known", ["wrong_outputs", "candidates"]),
}
"""What else can learn a case of ``from_scratch``: with which output pattern, and without what."""

FITTED = 2
"""Samples that gradient descent takes, at least."""

GRID = 10**4
"""Numbers of samples in an experiment, at most."""

# Which neurons are the rows and the columns of a layer's weights.
ROWS_COLUMNS = {"input": ("hidden", "input"), "output": ("output", "hidden")}
MIDDLE_ROWS_COLUMNS = {"hidden": ("hidden", "hidden")}


def hidden_layers(experiment: dict) -> int:
    """How many hidden layers there are."""
    return experiment["layers"].get("hidden_layers", 1)


def check_number(most: int, where: str, number: int, what: str) -> None:
    """Raise ConfigError if the block at ``where`` makes more than so many."""
    if number > most:
        raise ConfigError(f"{where}: makes {number} {what}; at most {most}")


def check_experiment(name: str, experiment: dict, learners: dict) -> None:
    """Raise ConfigError for what cannot be in an experiment; fill in the student's non-zeros."""
    where = f"experiments.{name}"
    try:
        activation(**experiment["activation"])
    except ValueError as error:
        raise ConfigError(f"{where}.activation: {error}") from None
    for learner in experiment["learners"]:
        check_among(f"{where}.learners", learner, learners)
    own = experiment.get("seeds", {"first": 0, "last": 0})
    if own["first"] > own["last"]:
        raise ConfigError(f"{where}.seeds: {show(own)}; last must be at least first")
    sizes, teacher = experiment["layers"], experiment["nonzeros_per_row"]
    student = experiment["student"].setdefault("nonzeros_per_row", dict(teacher))
    alphabet = experiment["student"]["alphabet"]
    if not {-1, 1} <= set(alphabet):
        raise ConfigError(f"{where}.student.alphabet: {show(alphabet)} lacks the teacher's -1 or 1")
    noise = experiment.get("noise", {})
    if ("jittered" in noise) != ("scale" in noise):
        raise ConfigError(
            f"{where}.noise: {show(noise)}; scale goes with jittered, and jittered with it"
        )
    deep = hidden_layers(experiment) > 1
    if deep:
        _check_deep(where, teacher, experiment["student"])
    elif "hidden" in teacher or "hidden" in student:
        raise ConfigError(
            f"{where}.nonzeros_per_row.hidden: allowed with layers.hidden_layers above 1 only"
        )
    for layer, (rows, columns) in (ROWS_COLUMNS | (MIDDLE_ROWS_COLUMNS if deep else {})).items():
        overlap = experiment["student"].get("overlap", {}).get(layer)
        if student[layer] < teacher[layer] and overlap is None:
            raise ConfigError(
                f"{where}.student.nonzeros_per_row.{layer}: {student[layer]}; without overlap the "
                f"student's pattern contains the teacher's, so at least {teacher[layer]}"
            )
        if overlap in (None, 1) and student[layer] > teacher[layer] and 0 not in alphabet:
            raise ConfigError(
                f"{where}.student.alphabet: {show(alphabet)} lacks 0, which a student with more "
                f"{layer} weights than its teacher needs"
            )
        for owner, degrees in (("", teacher), ("student.", student)):
            key = f"{where}.{owner}nonzeros_per_row.{layer}"
            try:
                column_degree(sizes[rows], sizes[columns], degrees[layer], where=key)
            except ValueError as error:
                raise ConfigError(str(error)) from None
        if overlap is not None:
            shape = sizes[rows], sizes[columns], teacher[layer], student[layer]
            try:
                shared_entries(*shape, overlap, where=f"{where}.student.overlap.{layer}")
            except ValueError as error:
                raise ConfigError(str(error)) from None


def _check_deep(where: str, teacher: dict, student: dict) -> None:
    """Raise ConfigError for what networks with several hidden layers lack or cannot have."""
    if "hidden" not in teacher:
        raise ConfigError(
            f"{where}.nonzeros_per_row.hidden: missing; layers.hidden_layers above 1 need it"
        )
    if student["nonzeros_per_row"] != teacher or "overlap" in student:
        raise ConfigError(
            f"{where}.student: {show(student)}; with layers.hidden_layers above 1 its pattern has "
            f"to be the teacher's, with nonzeros_per_row {show(teacher)} and no overlap"
        )


def check_trees(block: dict) -> None:
    """Raise ConfigError for what cannot be in the block ``trees``."""
    try:
        activation(**block["activation"])
    except ValueError as error:
        raise ConfigError(f"trees.activation: {error}") from None
    sizes = block["outputs"]
    if sizes != sorted(sizes) or any(n % 3 != 1 for n in sizes):
        raise ConfigError(
            f"trees.outputs: {show(sizes)}; must be ascending, each one more than a multiple of 3"
        )


def check_from_scratch(where: str, case: dict) -> None:
    """Raise ConfigError for what cannot be in a case of ``from_scratch``; list its numbers of
    candidates and of samples."""
    neurons, reads = case["neurons"], case["nonzeros_per_row"]
    try:
        Alphabet(activation(**case["activation"]), SEARCHED)
    except ValueError as error:
        raise ConfigError(f"{where}.activation: {error}") from None
    for layer, number in reads.items():
        if number > neurons:
            raise ConfigError(
                f"{where}.nonzeros_per_row.{layer}: {number}; at most {neurons}, the neurons"
            )
    if case["output_pattern"] == "unknown":
        if "candidates" in case:
            raise ConfigError(
                f"{where}.candidates: {show(case['candidates'])}; allowed with output_pattern "
                "known only: else hidden neurons have no names, and so no candidates of their own"
            )
        case["candidates"] = [neurons]
    for learner, (pattern, without) in IN_PLACE_OF_SEARCH.items():
        if learner in case and (case["output_pattern"] != pattern or case.keys() & set(without)):
            raise ConfigError(
                f"{where}.{learner}: allowed with output_pattern {pattern}, and without "
                f"{' and '.join(without)}"
            )
    numbers = case.setdefault("candidates", [neurons])
    if numbers != sorted(numbers) or not reads["input"] <= numbers[0] <= numbers[-1] <= neurons:
        raise ConfigError(
            f"{where}.candidates: {show(numbers)}; must be ascending, from {reads['input']}, the "
            f"teacher's non-zeros per row, to {neurons}, the neurons"
        )
    case["samples"] = sample_numbers(f"{where}.samples", case["samples"])
    if "gradient_descent" in case and case["samples"][0] < FITTED:
        raise ConfigError(
            f"{where}.samples: {case['samples'][0]}; gradient_descent needs at least {FITTED}, one "
            "to fit and one to validate"
        )


def sample_numbers(where: str, samples: list | dict) -> list[int]:
    """The numbers of samples that are listed at ``where``, or given as a range.

    Raises:
        ConfigError: they are not ascending, none, or too many.
    """
    if isinstance(samples, dict):
        numbers = list(range(samples["first"], samples["last"] + 1, samples["step"]))
    else:
        numbers = samples
    if not numbers or numbers != sorted(numbers):
        raise ConfigError(f"{where}: {show(samples)}; must be ascending, not empty")
    check_number(GRID, where, len(numbers), "numbers of samples")
    return numbers
