"""Put the verdicts on the claims of the thesis into a page."""

import json
from pathlib import Path

from sparsebp.claims.verdicts import FILE
from sparsebp.report import pages
from sparsebp.report.tables import (
    SYMBOLS,
    configured,
    dependence,
    glance,
    headline,
    reach,
    symbols_explained,
)
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole
from sparsebp.study.validation import check


def run(verdicts: str, output: str) -> None:
    """Write the verdicts as HTML.

    Raises:
        BadFile: there is no such file.
        OSError: it cannot be read.
        ValueError: it holds no verdicts.
    """
    store.check_there(verdicts)
    try:
        found = json.loads(Path(verdicts).read_text(encoding="utf-8"), parse_constant=int)
        check(found, FILE)
        for record in found["records"]:
            if record["key"] >= len(record["tests"]):
                raise ValueError(f"{record['id']}: key: {record['key']}; there is no such test")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{verdicts}: not a file of verdicts ({error})") from None
    records = found["records"]
    under = {record["id"]: dependence(records, record["id"]) for record in records}
    reached = {record["id"]: reach(record) for record in records if configured(record)}
    seen = glance(records)
    legend = symbols_explained(seen)
    page = pages.verdicts(records, headline(records), SYMBOLS, under, reached, seen, legend)
    with written_whole(output) as part:
        part.write_text(page, encoding="utf-8")
