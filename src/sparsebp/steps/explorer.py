"""Put the verdicts, the curves behind them and those of varied keys into a page to explore."""

from sparsebp.report import explorer
from sparsebp.report.tables import configured, read_verdicts
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole


def run(spec: dict, verdicts: str | None, inputs: dict, output: str) -> None:
    """Write the explorer as HTML.

    Args:
        spec: as ``Study.explorer_spec`` returns it.
        verdicts: path of the verdicts; None where ``spec`` has no claims.
        inputs: paths of the results by experiment.

    Raises:
        BadFile: an input file is not right.
        OSError: one cannot be read.
        ValueError: the file of verdicts holds none, or others than ``spec`` is about.
    """
    records = read_verdicts(verdicts) if verdicts else []
    tests = {record["id"]: len(record["tests"]) for record in records if configured(record)}
    ways = {record["choice"] or record["reading"] for record in records} - {None}
    if (
        tests.keys() != spec["claims"].keys()
        or ways - spec["ways"].keys()
        or any(len(record["tests"]) != tests.get(record["id"]) for record in records)
    ):
        file = verdicts or "no verdicts"
        raise ValueError(f"{file}: other claims or choices than those of this study")
    shown = explorer.collect(records, spec, *store.read_experiments(inputs, spec["results"]))
    with written_whole(output) as part:
        part.write_text(explorer.page(shown), encoding="utf-8")
