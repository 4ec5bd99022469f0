"""The page of the explorer, for Jinja: its style, its elements and its script.

Here, in a Python file, it counts among the sources of the step that writes it. The policy in the
head lets the page load nothing.
"""

TEMPLATE = r"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data:">
<title>{{ title }}</title>
<style>
body { margin: 0; background: #fff; }
.page { font: 15px/1.5 system-ui, sans-serif; color: #1e293b; max-width: 78rem; margin: 0 auto;
  padding: .5rem 1rem 3rem; }
h1 { font-size: 1.5em; margin: .4em 0; }
h2 { font-size: 1.15em; margin: 0 0 .3em; }
p { margin: .4em 0; }
.quiet { color: #475569; font-size: 14px; }
select { font: inherit; max-width: 100%; padding: .15em; }
button { font: inherit; color: inherit; border: 0; background: none; padding: 0; cursor: pointer;
  text-align: inherit; width: 100%; }
:focus-visible { outline: 3px solid #2563eb; outline-offset: -2px; }
.scroll { overflow: auto; position: relative; }
#matrix { border-collapse: collapse; font-size: 14px; line-height: 1.3; }
#matrix th { font-weight: 500; }
#matrix th:first-child { position: sticky; left: 0; z-index: 1; background: #fff; text-align: left;
  min-width: 8.5rem; }
#matrix th button, #matrix td button { padding: .2em .35em; }
#matrix tbody tr.start > * { border-top: 1px solid #94a3b8; }
#matrix td { padding: 1px; min-width: 2.15rem; text-align: center; }
#matrix td button { text-align: center; font-weight: 600; border-radius: 3px; }
#matrix th:hover, #matrix td button:hover { filter: brightness(.93); }
#matrix .in > button, #matrix tr.in > th > button { background: #dbeafe; border-radius: 3px; }
#matrix button[aria-pressed=true] { box-shadow: 0 0 0 2px #1e293b; }
.holds { background: #dcfce7; color: #166534; }
.undecided { background: #fef3c7; color: #854d0e; }
.does-not-hold { background: #fee2e2; color: #991b1b; }
#key .entry { white-space: nowrap; margin-right: .8em; }
#key .entry span { padding: 0 .35em; border-radius: 3px; font-weight: 600; }
.lines { white-space: pre-line; }
#picked { border-left: 4px solid #94a3b8; padding: .1em .8em; margin: 1.2em 0 1em; }
#offered { margin: .6em 0; display: flex; flex-wrap: wrap; gap: .2em 1.2em; }
#curves { list-style: none; display: flex; flex-wrap: wrap; gap: .1em 1.4em; padding: 0;
  margin: .5em 0; }
#curves svg { vertical-align: middle; margin-right: .4em; }
#panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr));
  gap: 1rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; }
.plot { position: relative; height: 230px; }
.plot svg { display: block; }
.ring { position: absolute; width: 14px; height: 14px; margin: -9px 0 0 -9px; border-radius: 50%;
  border: 2px solid #2563eb; pointer-events: none; }
#tip { position: fixed; z-index: 2; max-width: min(26rem, calc(100vw - 16px)); background: #1e293b;
  color: #fff; font-size: 13px; line-height: 1.4; padding: .5em .7em; border-radius: 4px;
  white-space: pre-line; overflow-wrap: anywhere; pointer-events: none; box-sizing: border-box; }
details { margin-top: 2em; color: #475569; }
@media (max-width: 50rem) {
  .scroll { max-height: 45vh; }
  #matrix tbody th { font-size: 12px; }
  #matrix th:first-child { min-width: 7.5rem; }
  #matrix thead th { position: sticky; top: 0; z-index: 1; background: #fff; }
  #matrix thead th:first-child { z-index: 2; }
}
pre { white-space: pre-wrap; font-size: 12px; }
</style>
</head>
<body>
<main class="page">
<h1>{{ title }}</h1>
<p{{ "" if data.varied else " hidden" }}><label>Show <select id="varied"></select></label></p>
<section id="claims" hidden>
<p id="headline"></p>
<p class="quiet">A column is a claim of the thesis, a row a way to do the study: as configured,
with another choice of what the thesis leaves open, or under another reading of it. Pick a cell, a
row or a column: the panels below show the curves behind it. Arrow keys move, Enter picks.</p>
<div class="scroll"><table id="matrix"><thead><tr></tr></thead><tbody></tbody></table></div>
<p id="key" class="quiet"></p>
</section>
<section id="picked" aria-live="polite"></section>
<div id="offered" role="radiogroup" aria-label="Curves of"></div>
<ul id="curves"></ul>
<div id="panels"></div>
<p class="quiet" id="about"></p>
<div id="tip" role="tooltip" aria-live="polite" hidden></div>
<noscript><p>This page needs JavaScript.</p></noscript>
<details><summary>Drawn with Vega and Vega-Lite: their licences</summary>
{%- for name, text in licences %}<h3>{{ name }}</h3><pre>{{ text }}</pre>{% endfor %}</details>
</main>
{{ opening }}{{ data|tojson }}</script>
{% for script in scripts %}<script>{{ script }}</script>
{% endfor -%}
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const part = (id) => document.getElementById(id);
const percent = `${100 * data.confidence} %`;
const tip = part("tip");
const picked = {};  // the indices of way and claim, and the name of the experiment
let shown;  // the arguments of the last drawPanels

// Text goes into the page as text: no markup is made of it.
function make(tag, properties = {}, ...content) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...content);
  return element;
}

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const below = y + 14 + height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(x + 10, innerWidth - width - 8))}px`;
  tip.style.top = `${below ? y + 14 : Math.max(8, y - height - 14)}px`;
}

function hideTip() {
  tip.hidden = true;
}

function explained(element, text) {
  const show = () => {
    const box = element.getBoundingClientRect();
    showTip(text, box.left, box.bottom - 8);
  };
  element.addEventListener("pointerenter", show);
  element.addEventListener("focus", show);
  element.addEventListener("pointerleave", hideTip);
  element.addEventListener("blur", hideTip);
}

// The matrix.

const cellOf = (way, claim) => data.ways[way].cells.find((c) => c.claim === data.claims[claim].id);
const classOf = (verdict) =>
  verdict === "holds by construction" ? "holds" : verdict.replaceAll(" ", "-");

function tested(cell) {
  const [first, last] = cell.m;
  const margin = cell.margin === null ? "no margin" : `margin ${cell.margin}`;
  return `${cell.test}: ${cell.number}, ${cell.meaning};\n` +
    `${margin}, m = ${first === last ? first : `${first} to ${last}`}, ` +
    `n = ${cell.n} simulations`;
}

function drawMatrix() {
  const head = document.querySelector("#matrix thead tr");
  head.append(make("th", {}, ""));
  data.claims.forEach((claim, c) => {
    const button = make("button", { onclick: () => pickClaim(c) }, claim.id);
    explained(button, `${claim.id}, ${claim.thesis}\n${claim.statement}`);
    head.append(make("th", { scope: "col" }, button));
  });
  data.ways.forEach((way, w) => {
    const row = make("tr", { className: w && way.group !== data.ways[w - 1].group ? "start" : "" });
    const button = make("button", { onclick: () => pickWay(w) }, way.title);
    row.append(make("th", { scope: "row" }, button));
    data.claims.forEach((claim, c) => {
      const cell = cellOf(w, c);
      const place = make("td");
      if (cell) {
        const mark = make("button", { onclick: () => pick(w, c) }, data.symbols[cell.verdict]);
        mark.className = classOf(cell.verdict);
        mark.setAttribute("aria-label", `${claim.id}, ${way.title}: ${cell.verdict}`);
        explained(mark, `${claim.id}, ${way.title}: ${cell.verdict}\n${tested(cell)}`);
        place.append(mark);
      }
      row.append(place);
    });
    document.querySelector("#matrix tbody").append(row);
  });
  part("matrix").addEventListener("keydown", moveInMatrix);
}

// The tab key leads to one button of the matrix, arrow keys from there to the others.
function leadTo(button) {
  document.querySelectorAll("#matrix button").forEach((other) => (other.tabIndex = -1));
  button.tabIndex = 0;
}

function moveInMatrix(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (!(event.key in step)) return;
  event.preventDefault();
  const [down, right] = step[event.key];
  const { rows } = part("matrix");
  const place = event.target.closest("th, td");
  let [r, c] = [place.parentNode.rowIndex + down, place.cellIndex + right];
  while (rows[r] && rows[r].cells[c]) {
    const button = rows[r].cells[c].querySelector("button");
    if (button) {
      leadTo(button);
      button.focus();
      return;
    }
    [r, c] = [r + down, c + right];
  }
}

// What is picked is always tested: a row or column alone keeps the rest as far as that can be.
function pickWay(w) {
  pick(w, cellOf(w, picked.claim) ? picked.claim : data.claims.findIndex((_, c) => cellOf(w, c)));
}

function pickClaim(c) {
  pick(cellOf(picked.way, c) ? picked.way : 0, c);
}

function pick(way, claim) {
  Object.assign(picked, { way, claim });
  part("claims").hidden = false;
  const { experiments } = data.claims[claim];
  if (!experiments.includes(picked.experiment)) picked.experiment = experiments[0];
  [...part("matrix").rows].forEach((row, r) => {
    row.classList.toggle("in", r === way + 1);
    [...row.cells].forEach((cell, c) => {
      cell.classList.toggle("in", r === 0 && c === claim + 1);
      const button = cell.querySelector("button");
      if (!button) return;
      button.setAttribute("aria-pressed", r === way + 1 && c === claim + 1);
    });
  });
  const place = part("matrix").rows[way + 1].cells[claim + 1];
  leadTo(document.activeElement.closest("#matrix button") ?? place.firstChild);
  showColumn(place);
  const cell = cellOf(way, claim);
  const { id, statement, thesis } = data.claims[claim];
  const verdict = make("span", { className: classOf(cell.verdict) },
    ` ${data.symbols[cell.verdict]} ${cell.verdict} `);
  part("picked").replaceChildren(
    make("h2", {}, `${id}, ${data.ways[way].title}: `, verdict),
    make("p", {}, statement, ` (${thesis})`),
    make("p", { className: "quiet lines" }, `The test that decides: ${tested(cell)}`));
  const named = experiments.map((name) => {
    const { thesis } = data.experiments[name];
    return [name, thesis ? `${thesis} (${name})` : name];
  });
  offer(named, picked.experiment, (name) => {
    picked.experiment = name;
    drawClaims();
  });
  drawClaims();
}

// On a narrow screen the column of the claim may be out of sight.
function showColumn(place) {
  const area = document.querySelector(".scroll");
  const titles = part("matrix").rows[0].cells[0].offsetWidth;
  const [from, to] = [place.offsetLeft, place.offsetLeft + place.offsetWidth];
  if (from < area.scrollLeft + titles || to > area.scrollLeft + area.clientWidth) {
    area.scrollLeft = from - titles;
  }
}

// What curves there are of what is picked, one of which is drawn.
function offer(named, chosen, onpick) {
  const choices = named.map(([value, label]) => {
    const input = make("input", { type: "radio", name: "offered", value });
    input.checked = value === chosen;
    input.onchange = () => onpick(value);
    return make("label", {}, input, ` ${label}`);
  });
  part("offered").replaceChildren("Curves of", ...choices);
}

// Keys that are varied.

function titleOf({ label, looks, experiments }) {
  const [first, last] = [experiments[0], experiments.at(-1)];
  return `${label}: ${looks[0].label} to ${looks.at(-1).label} ` +
    `(${first === last ? first : `${first} to ${last}`})`;
}

function offerKeys() {
  const keys = data.varied.map((family, value) => make("option", { value }, titleOf(family)));
  part("varied").append(
    ...data.claims.length ? [make("option", { value: "" }, "claims and choices")] : [],
    make("optgroup", { label: "a key that is varied, a curve for each value" }, ...keys));
  part("varied").onchange = ({ target }) =>
    target.value ? pickKey(data.varied[target.value]) : pick(picked.way, picked.claim);
}

function pickKey(family) {
  const { key, experiments, options } = family;
  part("claims").hidden = true;
  part("picked").replaceChildren(
    make("h2", {}, titleOf(family)),
    make("p", { className: "quiet" }, `Varied: ${key}, in ${experiments.join(", ")}.`));
  offer(options.map(({ label }, i) => [i, label]), 0, (i) => drawKey(family, options[i]));
  drawKey(family, options[0]);
}

function drawKey({ key, looks }, { label, curves }) {
  drawPanels([curves.map(([experiment, learner], i) =>
    curve(looks[i], experiment, learner, `${key} ${looks[i].label}, ${label}`))],
  `${label} for each value of ${key}`);
}

// The panels.

// A curve with a look, from the results of a learner in an experiment; told is what it is of.
function curve(look, experiment, learner, told) {
  const { commit, curves: { [learner]: found } } = data.results[experiment];
  const pointsOf = (quantity) => found.m.flatMap((m, i) => {
    if (found[quantity][i] === null) return [];
    const [mean, low, high, n] = found[quantity][i];
    const ended = data.ends.map((end, e) => [found.ended[i][e], end]).filter(([count]) => count);
    const interval = low === null ? "no interval of one simulation"
      : `${percent} interval [${low}, ${high}]`;
    return [{
      m, mean, low, high, settled: ended.every(([, end]) => end === "converged"),
      said: `${told}\nm = ${m}: mean ${mean}\n${interval}\n` +
        `n = ${n} simulations; ended: ${ended.map((e) => e.join(" ")).join(", ")}\n` +
        `results/${experiment}.nc, ${learner}, commit ${commit}`,
    }];
  });
  return { ...look, pointsOf };
}

function curvesOf(way) {
  const { title, curves } = data.ways[way];
  const { experiment, learners } = curves[picked.experiment];
  return data.experiments[picked.experiment].learners.filter(({ name }) => learners[name])
    .map((look) => curve(look, experiment, learners[look.name], `${look.label}, ${title}`));
}

function drawClaims() {
  const { curves, title } = data.ways[picked.way];
  const chosen = picked.way && curves[picked.experiment];
  const grey = (curve) => ({ ...curve, color: "#b6bec9" });
  drawPanels(chosen ? [curvesOf(0).map(grey), curvesOf(picked.way)] : [curvesOf(0)],
    `${picked.experiment}, ${chosen ? title : "as configured"}`);
}

function layersOf({ color, dash, shape, points }) {
  const stroke = { stroke: color, strokeWidth: 1.5, strokeDash: dash.map((d) => 1.5 * d) };
  const y = { field: "mean", type: "quantitative" };
  return {
    data: { values: points },
    layer: [
      { mark: { type: "line", ...stroke }, encoding: { y } },
      {
        transform: [{ filter: "isValid(datum.low)" }],
        mark: { type: "rule", stroke: color },
        encoding: { y: { field: "low", type: "quantitative" }, y2: { field: "high" } },
      },
      {
        mark: { type: "point", shape, size: 45, stroke: color, strokeWidth: 1.2, opacity: 1 },
        encoding: {
          y, tooltip: { field: "said" },
          fill: { condition: { test: "datum.settled", value: color }, value: "#fff" },
        },
      },
    ],
  };
}

// Groups of curves, those below first; the legend is that of the last. What they are of is told.
function drawPanels(groups, told) {
  shown = [groups, told];
  hideTip();
  const entries = groups.at(-1).map((curve) => make("li", {}, sample(curve), curve.label));
  if (groups.length > 1) {
    entries.push(make("li", {}, sample({ ...groups[0][0], dash: [] }), "as configured"));
  }
  part("curves").replaceChildren(...entries);
  part("about").textContent =
    `Curves of ${told}: means with their ${percent} intervals against the number m of samples. ` +
    "An open marker: not every training converged. Point at a marker, or move with arrow keys, " +
    "for its numbers.";
  const plots = Object.entries(data.quantities).map(([quantity, label]) => {
    const plot = make("div", { className: "plot", tabIndex: 0 });
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", `${label}; arrow keys move from point to point`);
    return [plot, quantity, make("figure", {}, make("figcaption", {}, label), plot)];
  });
  part("panels").replaceChildren(...plots.map(([, , figure]) => figure));
  plots.forEach(([plot, quantity]) => {
    drawPanel(plot, groups.flat().map((c) => ({ ...c, points: c.pointsOf(quantity) })));
  });
}

function drawPanel(plot, curves) {
  const points = curves.flatMap((curve) => curve.points);
  if (!points.length) {
    plot.append("These learners have no such error.");
    return;
  }
  const top = Math.max(...points.map((point) => point.high ?? point.mean)) || 1;
  const grid = points.map((point) => point.m);
  const spec = {
    width: plot.clientWidth, height: 230, autosize: { type: "fit", contains: "padding" },
    padding: { left: 0, right: 6, top: 6, bottom: 3 },
    encoding: {
      x: {
        field: "m", type: "quantitative",
        scale: { domain: [Math.min(0, ...grid), Math.max(...grid)], nice: false },
        axis: { title: "number m of samples", format: "d", tickMinStep: 1, grid: false },
      },
      y: {
        type: "quantitative", scale: { domain: [0, top], nice: true },
        axis: { title: null, format: "~r", tickCount: 5 },
      },
    },
    layer: curves.map(layersOf),
    config: {
      font: "system-ui, sans-serif", view: { stroke: null },
      axis: {
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", gridColor: "#eef2f6",
      },
    },
  };
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "svg" });
  view.tooltip((_, event, item, text) => {
    if (text) showTip(text, event.clientX, event.clientY);
    else hideTip();
  });
  const drawing = make("div", { ariaHidden: "true" });  // Vega gives it a label of its own
  plot.append(drawing);
  view.initialize(drawing).run();
  walk(plot, view, curves);
}

// By keyboard from point to point: along a curve, and from curve to curve. Those on top come first.
function walk(plot, view, curves) {
  const ring = make("div", { className: "ring", hidden: true });
  plot.append(ring);
  const drawn = curves.filter((curve) => curve.points.length).reverse();
  let [curve, i] = [0, 0];
  const show = () => {
    const { m, mean, said } = drawn[curve].points[i];
    const [{ left, top }, origin] = [view.padding(), view.origin()];
    const x = left + origin[0] + view.scale("x")(m);
    const y = top + origin[1] + view.scale("y")(mean);
    ring.style.left = `${x}px`;
    ring.style.top = `${y}px`;
    ring.hidden = false;
    const box = plot.getBoundingClientRect();
    showTip(said, box.left + x, box.top + y);
  };
  plot.addEventListener("focus", () => drawn.length && plot.matches(":focus-visible") && show());
  plot.addEventListener("blur", () => {
    ring.hidden = true;
    hideTip();
  });
  plot.addEventListener("keydown", (event) => {
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    const across = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    if (!drawn.length || !(along || across)) return;
    event.preventDefault();
    const { m } = drawn[curve].points[i];
    curve = Math.max(0, Math.min(drawn.length - 1, curve + across));
    const { points } = drawn[curve];
    if (across) i = Math.max(0, points.findLastIndex((point) => point.m <= m));
    i = Math.max(0, Math.min(points.length - 1, i + along));
    show();
  });
}

// A short piece of a curve with its marker, for the legend.
function sample({ color, dash, shape }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const add = (tag, attributes) => {
    const element = document.createElementNS(svg.namespaceURI, tag);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    svg.append(element);
  };
  Object.entries({ width: 40, height: 14, "aria-hidden": true })
    .forEach(([key, value]) => svg.setAttribute(key, value));
  add("path", {
    d: "M0,7H40", stroke: color, "stroke-width": 1.5,
    "stroke-dasharray": dash.map((d) => 1.5 * d).join(" "),
  });
  add("path", { d: shape, fill: color, transform: "translate(20 7) scale(3.4)" });
  return svg;
}

document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
addEventListener("scroll", hideTip, true);
let shownWidth = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== shownWidth) drawPanels(...shown);
  shownWidth = innerWidth;
});

offerKeys();
if (data.claims.length) {
  part("headline").textContent = data.headline;
  part("key").append(...Object.entries(data.symbols).flatMap(([verdict, symbol]) => [
    make("span", { className: "entry" },
      make("span", { className: classOf(verdict) }, symbol), ` ${verdict}`),
    " ",
  ]), "empty: not tested");
  drawMatrix();
  const changed = data.ways.findIndex((_, w) => w > 0);
  picked.claim = 0;
  if (changed > 0) pickWay(changed);
  else pick(0, 0);
} else {
  pickKey(data.varied[0]);
}
</script>
</body>
</html>
"""
