// Lines one can zoom into: uPlot takes the place of what the server drew, where there is a figure with data-chart. See _charts.html.

const language = document.documentElement.lang;
const dark = matchMedia("(prefers-color-scheme: dark)");
const charts = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colourOf = (look) => (look === "before" ? colour("--quiet") : colour(`--chart-${look.slice(1)}`));

/** How figures of a form are written; as `written` of _charts.html does. */
function writer({ form, currency }) {
  const plain = new Intl.NumberFormat(language, { maximumFractionDigits: form === "decimal" ? 2 : 0 });
  const money = new Intl.NumberFormat(language, { style: "currency", currency, maximumFractionDigits: 0 });
  return (value) => {
    if (value == null) return "–";
    if (form === "percent") return `${Math.round(value * 100)}%`;
    if (form === "money") return money.format(value / 100);
    if (form === "span") return `${Math.floor(value / 60)}:${String(Math.round(value % 60)).padStart(2, "0")}`;
    return plain.format(value);
  };
}

function options(figure, given, width, height, read) {
  const write = writer(figure.dataset);
  const text = { stroke: colour("--quiet"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const kinds = { step: () => uPlot.paths.stepped({ align: 1 }), bars: () => uPlot.paths.bars({ size: [0.7, 60] }) };
  const paths = kinds[figure.dataset.kind]?.();
  return {
    width, height, legend: { show: false },
    // the names of the places stand on the x axis, one for each whole number
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.06 : 1] } },
    cursor: { y: false, drag: { x: true, y: false }, points: { size: 8 } },
    axes: [
      { ...text, grid: { show: false }, size: 30, space: 30 + 7 * Math.max(...given.names.map((name) => name.length)), incrs: [1, 2, 5, 7, 10, 14, 28, 50, 100, 200, 500, 1000], values: (_, places) => places.map((place) => given.names[place] ?? "") },
      { ...text, size: width < 500 ? 40 : 52, space: 38, incrs: figure.dataset.form === "count" ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6] : undefined, grid: { stroke: colour("--line"), width: 1, dash: [2, 3] }, values: (_, figures) => figures.map(write) },
    ],
    series: [{}, ...given.series.map((one) => ({
      label: one.title, stroke: colourOf(one.look), width: one.look === "before" ? 1.5 : 2, dash: one.look === "before" ? [4, 4] : undefined,
      fill: figure.dataset.kind === "bars" ? colourOf(one.look) : undefined, points: { show: given.names.length < 2 }, paths,
    }))],
    hooks: { setCursor: [(plot) => read(plot, plot.cursor.idx, write)] },
  };
}

function make(figure) {
  const given = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const drawn = figure.querySelector("svg.chart");
  const field = document.createElement("div");
  const reading = document.createElement("output");
  const help = document.createElement("span");
  field.className = "field";
  field.tabIndex = 0;
  field.setAttribute("role", "group");
  field.setAttribute("aria-label", figure.dataset.title);
  help.className = "unseen";
  help.id = `chart-help-${charts.size}-${Math.random().toString(36).slice(2)}`;
  help.textContent = figure.dataset.help;
  field.title = "";
  field.setAttribute("aria-describedby", help.id);
  reading.className = "reading";
  const height = drawn.getBoundingClientRect().height || 200;
  drawn.replaceWith(field);
  field.after(reading, help);

  const data = [given.names.map((_, place) => place), ...given.series.map((one) => one.values)];
  const read = (_, place, write) => {
    reading.textContent = place == null ? "" : `${given.names[place]} · ${given.series
      .map((one) => `${one.title}${one.names.length ? ` (${one.names[place]})` : ""}: ${write(one.values[place])}`).join(" · ")}`;
  };
  const draw = () => {
    charts.get(figure)?.destroy();
    const plot = new uPlot(options(figure, given, field.clientWidth, height, read), data, field);
    // what is drawn can be read in the table; screen readers have no use for its parts
    plot.root.setAttribute("aria-hidden", "true");
    charts.set(figure, plot);
  };
  draw();
  figure.redraw = draw;
  new ResizeObserver(() => {
    const plot = charts.get(figure);
    if (plot && field.clientWidth && field.clientWidth !== plot.width) plot.setSize({ width: field.clientWidth, height });
  }).observe(field);
  field.addEventListener("keydown", (event) => keyed(event, charts.get(figure), given.names.length));
}

/** Arrows move the cursor, + and - zoom about it, 0 shows all. */
function keyed(event, plot, length) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { min, max } = plot.scales.x;
  const at = plot.cursor.idx ?? Math.round((min + max) / 2);
  const go = (place) => {
    const to = Math.max(0, Math.min(length - 1, place));
    if (to < plot.scales.x.min || to > plot.scales.x.max) {
      const { min: left, max: right } = plot.scales.x;
      const by = to < left ? to - left : to - right;
      plot.setScale("x", { min: left + by, max: right + by });
    }
    plot.setCursor({ left: plot.valToPos(to, "x"), top: 10 });
  };
  const zoom = (factor) => {
    const width = Math.max(2, (max - min) * factor);
    if (width >= length - 1) return plot.setScale("x", { min: 0, max: length - 1 });
    const left = Math.max(0, Math.min(length - 1 - width, at - width / 2));
    plot.setScale("x", { min: left, max: left + width });
  };
  const actions = {
    ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(length - 1),
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => plot.setScale("x", { min: 0, max: length - 1 }),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  actions[event.key]();
}

function makeAll() {
  for (const figure of charts.keys()) if (!figure.isConnected) { charts.get(figure).destroy(); charts.delete(figure); }
  for (const figure of document.querySelectorAll("figure[data-chart]")) if (!charts.has(figure)) make(figure);
}

makeAll();
document.addEventListener("htmx:load", makeAll);
dark.addEventListener("change", () => charts.forEach((_, figure) => figure.redraw()));
