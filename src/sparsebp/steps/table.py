"""Put the results of an experiment into a table that any program reads."""

from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole


def run(results: str, output: str) -> None:
    """Write results as CSV, a row for each learner, seed and number of samples that was run.

    Raises:
        BadFile: the file of results is not right.
    """
    table = store.read_results(results).to_dataframe().reset_index()
    with written_whole(output) as part:
        table[table["status"] > 0].to_csv(part, index=False)
