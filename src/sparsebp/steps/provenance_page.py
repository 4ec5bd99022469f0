"""Put the provenance of all results into a page."""

from sparsebp.report import pages
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole


def run(inputs: dict, output: str) -> None:
    """Write what made each of the files of results as HTML.

    Args:
        inputs: their paths by experiment.

    Raises:
        BadFile: a file of results is not right.
    """
    page = pages.provenance(store.read_experiments(inputs, inputs)[1])
    with written_whole(output) as part:
        part.write_text(page, encoding="utf-8")
