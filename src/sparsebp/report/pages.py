"""Pages of the report: HTML that needs no other file and no network.

A page can also be shown inside another one, from its ``<style>`` on: every rule of the style is
about what is in ``.page``.
"""

from collections.abc import Iterable
from math import isnan

from jinja2 import DictLoader, Environment, StrictUndefined

from sparsebp.storage.records import own, shared, short

FRAME_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
.page { font: 15px/1.5 system-ui, sans-serif; color: #1e293b; max-width: 62rem; margin: 0 auto; }
.page table { border-collapse: collapse; width: 100%; margin: 1em 0; font-size: inherit; }
.page th, .page td { text-align: left; vertical-align: top; padding: .45em .6em; }
.page tr { border-bottom: 1px solid #cbd5e1; }
.page td:first-child { white-space: nowrap; }
.page small, .page footer { color: #64748b; }
.page summary { cursor: pointer; color: #64748b; }
.page ul { margin: .3em 0; padding-left: 1.2em; list-style: disc; }
.page .glance { font-size: 13px; line-height: 1.35; }
.page .glance td, .page .glance th { padding: .1em .6em; }
.page .glance th { font-size: 12px; }
.page .glance th:nth-child(n + 3) { width: 5.5em; }
.page .glance td:nth-child(n + 3) { font-weight: 600; }
.page .picture { overflow-x: auto; }
.page .picture svg { width: 100%; height: auto; }
.page .verdict { white-space: nowrap; font-weight: 600; }
.page .holds { color: #15803d; }
.page .does-not-hold { color: #b91c1c; }
.page .undecided { color: #a16207; }
.page .sortable button { font: inherit; color: inherit; border: 0; background: none; padding: 0;
  cursor: pointer; text-align: inherit; text-decoration: underline dotted; }
.page [aria-sort=ascending]::after { content: " \\25B2"; }
.page [aria-sort=descending]::after { content: " \\25BC"; }
.page .record table { margin: 0; }
.page .record tr { border: 0; }
.page .record td { padding: .1em .6em .1em 0; overflow-wrap: anywhere; }
.page .record td:first-child { color: #64748b; width: 10em; }
@media (max-width: 50rem) {
  .page { padding: 0 .5em; }
  .page th, .page td { padding: .3em .25em; overflow-wrap: break-word; }
  .page .picture svg { min-width: 38rem; }
  .page .verdict { white-space: normal; }
  .page .verdicts { font-size: 13px; }
  .page .verdicts td:last-child { overflow-wrap: anywhere; }
  .page .glance { font-size: 11px; }
  .page .glance td, .page .glance th { padding: .1em .2em; }
  .page .glance th:nth-child(n + 3) { width: 3.6em; font-size: 9px; overflow-wrap: anywhere; }
  .page .record td:first-child { width: 5em; white-space: normal; }
}
</style>
</head>
<body>
<main class="page">
{% block main %}{% endblock %}
</main>
{% block script %}{% endblock %}
</body>
</html>
"""

VERDICTS_TEMPLATE = """\
{% extends "frame" %}
{% macro mark(verdict) %}
<span class="verdict {{ verdict|replace(" ", "-") }}">{{ symbols[verdict] }} {{ verdict }}</span>
{%- endmacro %}
{% block main %}
<p>{{ headline }}</p>
<table class="glance sortable">
<thead><tr><th>no.</th><th>claim</th>
{%- for way in glance %}<th>{{ way }}</th>{% endfor %}</tr></thead>
<tbody>
{% for claim, _ in claims %}
<tr><td>{{ claim.id }}</td><td>{{ claim.statement }}</td>
{%- for found in glance.values() %}
{% set symbol = found.get(claim.id, "") %}
<td class="{{ names.get(symbol, "")|replace(" ", "-") }}">{{ symbol }}</td>
{%- endfor %}
</tr>
{% endfor %}
</tbody>
</table>
<p><small>{{ legend }}</small></p>
<!-- end of the glance -->
<div class="picture" role="img" aria-label="{{ picture[1] }}">{{ picture[0]|safe }}</div>
<p><small>{{ picture[1] }}</small></p>
<table class="verdicts sortable">
<thead><tr><th>no.</th><th>claim</th><th>verdict</th><th>the test that decides</th></tr></thead>
<tbody>
{% for claim, others in claims %}
<tr id="{{ claim.id }}">
<td>{{ claim.id }}</td>
<td>{{ claim.statement }}<br><small>{{ claim.thesis }}</small></td>
<td>{{ mark(claim.verdict) }}</td>
<td>{{ claim.tests[claim.key].reading }}
<br><small>
{%- for what, value in reached[claim.id].items() %}{{ what }} {{ value }}{{ ", " if not loop.last }}
{%- endfor %}</small>
{% if claim.tests|length > 1 %}
<details><summary>all {{ claim.tests|length }} tests</summary><ul>
{% for test in claim.tests %}
<li>{{ mark(test.verdict) }}: {{ test.reading }}</li>
{% endfor %}
</ul></details>
{% endif %}
{% if others %}
<details><summary>other choices: {{ under[claim.id] }}</summary><ul>
{% for other in others %}
<li>{{ mark(other.verdict) }} under {{ other.choice or other.reading }}:
{{ other.tests[other.key].reading }}</li>
{% endfor %}
</ul></details>
{% endif %}
</td>
</tr>
{% endfor %}
</tbody>
</table>
<footer>In brackets: the confidence interval over the simulations that decides. A claim holds if all
its tests hold, and does not hold if one of them does not. Of several tests one is shown: that
nearest to its margin where the claim holds, else the one farthest from holding. It would get
another verdict at the margins at which it turns. All tests of the claim hold if their range begins
at the m from which it holds.
{% if under.values()|select|list %}
Other choices: values that the thesis leaves open, in both mismatched experiments; "where" a value
is so means under the choices that set it so, with all else as configured.
{% endif %}
</footer>
{% endblock %}
{% block script %}{% include "sorting" %}{% endblock %}
"""

# Numbers are sorted as numbers; cells without anything come last. The buttons need no key of ours,
# and are not there where a page is shown inside another one, which runs no script.
SORTING = """\
<script>
"use strict";
for (const head of document.querySelectorAll(".sortable thead th")) {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  head.append(button);
  button.onclick = () => {
    const body = head.closest("table").tBodies[0];
    const text = (row) => row.cells[head.cellIndex].textContent.trim();
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const keys = Array.from(body.rows, (row) => [text(row), row]);
    const numbers = keys.every(([key]) => !isNaN(key));
    keys.sort(([a], [b]) => (a === "") - (b === "") ||
      sign * (numbers ? a - b : a.localeCompare(b, "en", { numeric: true })));
    body.append(...keys.map(([, row]) => row));
  };
}
</script>
"""

TABLE_TEMPLATE = """\
{% extends "frame" %}
{% block main %}
<style>
.page { max-width: none; }
.page .scroll { overflow: auto; max-height: calc(100vh - 9rem); }
.page .sortable { font-size: 13px; line-height: 1.3; margin: 0; width: auto; }
.page .sortable th, .page .sortable td { padding: .2em .7em; white-space: nowrap; }
.page .sortable td:first-child { white-space: normal; min-width: 8rem; overflow-wrap: anywhere; }
.page .sortable th { position: sticky; top: 0; background: #fff; }
.page .sortable :is(td, th) + * { text-align: right; font-variant-numeric: tabular-nums; }
</style>
<h2>{{ title }}</h2>
<p><small>{{ rows|length }} rows; a click on the head of a column sorts by it.</small></p>
<div class="scroll" tabindex="0">
<table class="sortable">
<thead><tr>
{%- for name, about in columns.items() %}
<th title="{{ about }}">{{ name }}</th>
{%- endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>{% for cell in row %}<td>{{ cell|cell }}{% endfor %}

{% endfor %}
</tbody>
</table>
</div>
{% endblock %}
{% block script %}{% include "sorting" %}{% endblock %}
"""

PROVENANCE_TEMPLATE = """\
{% extends "frame" %}
{% macro show(value) %}
{% if value is mapping %}
<table>
{% for key, item in value.items() %}
<tr><td>{{ key }}</td><td>
{% if item is mapping and item|string|length > 600 %}
<details><summary>{{ item|join(", ")|truncate(80) }}</summary>{{ show(item) }}</details>
{% else %}
{{ show(item) }}
{% endif %}
</td></tr>
{% endfor %}
</table>
{% else %}
{{ value|short }}
{% endif %}
{% endmacro %}
{% block main %}
<h2>What the results share</h2>
<div class="record">{{ show(shared) }}</div>
{% for name, own in records.items() if own %}
<h2>{{ name }}</h2>
<div class="record">{{ show(own) }}</div>
{% endfor %}
{% endblock %}
"""


def _cell(value) -> str:
    """What a table shows of a value: four digits of a float, and nothing of NaN."""
    if not isinstance(value, float):
        return str(value)
    return "" if isnan(value) else f"{value:.4g}"


PAGES = Environment(
    loader=DictLoader(
        {
            "frame": FRAME_TEMPLATE,
            "verdicts": VERDICTS_TEMPLATE,
            "sorting": SORTING,
            "table": TABLE_TEMPLATE,
            "provenance": PROVENANCE_TEMPLATE,
        }
    ),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
PAGES.filters["short"] = short
PAGES.filters["cell"] = _cell


def verdicts(
    records: list[dict],
    headline: str,
    symbols: dict[str, str],
    under: dict[str, str],
    reached: dict[str, dict[str, str]],
    glance: dict[str, dict[str, str]],
    legend: str,
    picture: tuple[str, str],
) -> str:
    """The claims with their verdicts and all their tests.

    Args:
        records: as ``verdicts.judge`` returns them.
        headline: how many claims hold.
        symbols: of each verdict.
        under: by claim, which verdicts it has under other choices, in words.
        reached: by claim, how far its verdict depends on the margin and on m, see ``tables.reach``.
        glance: all verdicts as symbols, see ``tables.glance``.
        legend: what these mean.
        picture: of the tests that decide, SVG, and what it shows.
    """
    base = [record for record in records if not (record["choice"] or record["reading"])]
    others = [record for record in records if record["choice"] or record["reading"]]
    return PAGES.get_template("verdicts").render(
        title="Which claims hold",
        claims=[(claim, [o for o in others if o["id"] == claim["id"]]) for claim in base],
        headline=headline,
        symbols=symbols,
        under=under,
        reached=reached,
        glance=glance,
        legend=legend,
        picture=picture,
        names={symbol: verdict for verdict, symbol in symbols.items()},
    )


def table(title: str, columns: dict[str, str], rows: list[Iterable]) -> str:
    """A table that a click on the head of a column sorts.

    Args:
        columns: what each is about, by its name.
        rows: their cells: text, integers and floats.
    """
    return PAGES.get_template("table").render(title=title, columns=columns, rows=rows)


def provenance(records: dict[str, dict]) -> str:
    """What made the results, as far as their records tell.

    Args:
        records: experiment -> the provenance that its results carry.
    """
    alike = shared(list(records.values()))
    return PAGES.get_template("provenance").render(
        title="What made the results",
        shared=alike,
        records={name: own(record, alike) for name, record in records.items()},
    )
