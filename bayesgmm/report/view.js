// Draws the plot that the element "view-data" describes into "view-plot", with its controls in "view-controls".
// Names of columns are data: they are escaped here and never become part of an expression.
const { spec, names, heading } = JSON.parse(document.getElementById("view-data").textContent);
const place = document.getElementById("view-plot");
const MOST_VALUES = 8;
// Rows may have the same name.
const MOST_ROWS = 3;

const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const row = (cells, tag = "td") => `<tr>${cells.map((c) => `<${tag}>${escaped(c)}</${tag}>`).join("")}</tr>`;

const decimals = (p) => p.toFixed(3);

// Axis titles follow the chosen features; Vega-Lite knows fixed ones only.
function withTitles(vega) {
  vega.signals.push({ name: "names", value: names });
  for (const axis of vega.axes) {
    if (/^[xy]_feature$/.test(axis.title)) axis.title = { signal: `names[${axis.title}]` };
  }
  return vega;
}

function chosenFirst() {
  const chosen = ["x_feature", "y_feature"].map((name) => view.signal(name));
  const fields = Object.keys(names).filter((field) => field !== "u" && !chosen.includes(field));
  return [...new Set(chosen), ...fields].filter((field) => field !== "u").slice(0, MOST_VALUES);
}

function whatIsTold(datum) {
  if (datum.group === undefined) return "";
  if (heading === "Component") {
    const rows = datum.told.map(([c, mean, low, high, em]) =>
      row([c, decimals(mean), `${decimals(low)} to ${decimals(high)}`, decimals(em)]));
    return `<table>${row(["Component", "Posterior", "95 % interval", "EM"], "th")}${rows.join("")}</table>`;
  }
  const [own, other] = datum.told;
  const table = row([datum.group, decimals(own)]) + row(["nearest other cluster", decimals(other)]);
  return `<table>${row(["Shares a group with", "Probability"], "th")}${table}</table>`;
}

const signals = spec.params.map((param) => param.name);
let view;
function describe(datum) {
  const values = chosenFirst().map((field) =>
    `<tr><th scope="row">${escaped(names[field])}</th><td>${escaped(datum[field])}</td></tr>`);
  return `<strong>Row ${escaped(datum.row)}</strong><table>${values.join("")}</table>${whatIsTold(datum)}`;
}

// The way for those who do not point: the row is typed, and told where screen readers listen.
function tellChosen() {
  const told = document.getElementById("view-told");
  const chosen = String(view.signal("row") ?? "").trim();
  const found = spec.datasets.points.filter((datum) => chosen !== "" && String(datum.row) === chosen);
  const only = signals.includes("only_uncertain") && view.signal("only_uncertain");
  const hidden = "<p>It is not drawn, since only uncertain observations are.</p>";
  const texts = found.slice(0, MOST_ROWS).map((datum) => describe(datum) + (only && !datum.uncertain ? hidden : ""));
  if (found.length > MOST_ROWS) texts.push(`<p>${found.length - MOST_ROWS} more rows have this name.</p>`);
  told.innerHTML = texts.join("") || escaped(chosen && `There is no row ${chosen} in this view.`);
}

vegaEmbed(place, spec, {
  mode: "vega-lite", renderer: "svg", actions: false, ast: true, patch: withTitles, bind: "#view-controls",
  tooltip: { formatTooltip: describe },
}).then((result) => {
  view = result.view;
  for (const name of signals) view.addSignalListener(name, tellChosen);
}).catch((error) => {
  place.textContent = `This view could not be drawn: ${error.message}`;
  throw error;
});
