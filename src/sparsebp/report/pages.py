"""Pages of the report: HTML that needs no other file and no network.

A page can also be shown inside another one, from its ``<style>`` on: every rule of the style is
about what is in ``.page``.
"""

from jinja2 import DictLoader, Environment, StrictUndefined

from sparsebp.storage.records import own, shared, short

FRAME_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
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
.page .glance th:nth-child(n + 3) { width: 6.5em; }
.page .glance td:nth-child(n + 3) { font-weight: 600; }
.page .verdict { white-space: nowrap; font-weight: 600; }
.page .holds { color: #15803d; }
.page .does-not-hold { color: #b91c1c; }
.page .undecided { color: #a16207; }
.page .record table { margin: 0; }
.page .record tr { border: 0; }
.page .record td { padding: .1em .6em .1em 0; overflow-wrap: anywhere; }
.page .record td:first-child { color: #64748b; width: 10em; }
</style>
</head>
<body>
<main class="page">
{% block main %}{% endblock %}
</main>
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
<table class="glance">
<thead><tr><th></th><th>claim</th>
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
<table class="verdicts">
<thead><tr><th></th><th>claim</th><th>verdict</th><th>the test that decides</th></tr></thead>
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


PAGES = Environment(
    loader=DictLoader(
        {"frame": FRAME_TEMPLATE, "verdicts": VERDICTS_TEMPLATE, "provenance": PROVENANCE_TEMPLATE}
    ),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
PAGES.filters["short"] = short


def verdicts(
    records: list[dict],
    headline: str,
    symbols: dict[str, str],
    under: dict[str, str],
    reached: dict[str, dict[str, str]],
    glance: dict[str, dict[str, str]],
    legend: str,
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
        names={symbol: verdict for verdict, symbol in symbols.items()},
    )


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
