"""Put the results of an experiment into a table: for any program, and to look at."""

from pathlib import Path

from sparsebp.network.quantities import QUANTITIES, Status
from sparsebp.report import pages
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole

DIMENSIONS = {
    "learner": "its name in the configuration",
    "seed": "number of the simulation",
    "n_samples": "number m of samples",
}


def run(results: str, output: str, page: str) -> None:
    """Write results as CSV, a row for each learner, seed and number of samples that was run.

    The same table is written as HTML to ``page``, rounded, and with a status as a word.

    Raises:
        BadFile: the file of results is not right.
    """
    table = store.read_results(results).to_dataframe().reset_index()
    table = table[table["status"] > 0]
    shown = table.assign(status=[f"{Status(code)}" for code in table["status"]])
    about = DIMENSIONS | {name: known.words for name, known in QUANTITIES.items()}
    columns = {name: about[name] for name in shown}
    rows = list(zip(*(shown[name].tolist() for name in shown), strict=True))
    with written_whole(output) as part, written_whole(page) as other:
        table.to_csv(part, index=False)
        other.write_text(pages.table(Path(results).stem, columns, rows), encoding="utf-8")
