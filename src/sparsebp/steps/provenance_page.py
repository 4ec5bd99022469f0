"""Put the provenance of all results into a page."""

from pathlib import Path

from sparsebp import pages, store
from sparsebp.files import replacing


def run(results: list[str], output: str) -> None:
    """Write what made each of the files of results as HTML.

    Raises:
        BadFile: a file of results is not right.
    """
    page = pages.provenance({Path(path).stem: store.results_provenance(path) for path in results})
    with replacing(output) as part:
        part.write_text(page, encoding="utf-8")
