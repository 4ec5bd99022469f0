"""Put the verdicts on the claims of the thesis into a page and a picture."""

from sparsebp.report import pages, verdict_plots
from sparsebp.report.tables import (
    PICTURED,
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


def run(verdicts: str, output: str, figure: str) -> None:
    """Write the verdicts as HTML, and the picture in it as PNG to ``figure``.

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
    picture = verdict_plots.draw(records, figure), PICTURED
    head = headline(records)
    page = pages.verdicts(records, head, SYMBOLS, under, reached, seen, legend, picture)
    with written_whole(output) as part:
        part.write_text(page, encoding="utf-8")
