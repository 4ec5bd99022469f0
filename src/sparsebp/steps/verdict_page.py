"""Put the verdicts on the claims of the thesis into a page."""

from sparsebp.report import pages
from sparsebp.report.tables import (
    SYMBOLS,
    configured,
    dependence,
    glance,
    headline,
    reach,
    read_verdicts,
    symbols_explained,
)
from sparsebp.storage.atomic import written_whole


def run(verdicts: str, output: str) -> None:
    """Write the verdicts as HTML.

    Raises:
        BadFile: there is no such file.
        OSError: it cannot be read.
        ValueError: it holds no verdicts.
    """
    records = read_verdicts(verdicts)
    under = {record["id"]: dependence(records, record["id"]) for record in records}
    reached = {record["id"]: reach(record) for record in records if configured(record)}
    seen = glance(records)
    legend = symbols_explained(seen)
    page = pages.verdicts(records, headline(records), SYMBOLS, under, reached, seen, legend)
    with written_whole(output) as part:
        part.write_text(page, encoding="utf-8")
