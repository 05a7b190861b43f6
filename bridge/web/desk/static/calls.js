// The list of calls by keyboard: move, classify, tag, comment, select, undo. Without it everything is done by links and forms.

const table = document.getElementById("calls");
const dialog = document.getElementById("say");
const filter = document.getElementById("filter");
const classes = table ? JSON.parse(table.dataset.classes) : {};
const done = []; // batches of this page, the last one last
let anchor = null; // where a selection began

const rows = () => [...table.querySelectorAll("tr.call")];
const chosen = () => document.activeElement?.closest?.("tr.call") ?? table?.querySelector("tr.call[data-chosen]");
const box = (row) => row?.querySelector(".pick input");

/** One after the other, however quickly the keys are pressed: what was said last is undone first. */
let before = Promise.resolve();
const inTurn = (send) => { before = before.then(send, send); };

/** The key as on a Latin keyboard: people write Russian. */
function keyOf(event) {
  if (event.key.length === 1 && event.key.charCodeAt(0) > 127) {
    if (event.key === "№") return "#";
    if (event.code.startsWith("Key")) return event.code[3].toLowerCase();
  }
  return event.key;
}

function choose(row) {
  if (!row) return;
  for (const other of table.querySelectorAll("tr.call[data-chosen]")) delete other.dataset.chosen;
  row.dataset.chosen = "";
  row.querySelector("a.open").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by, from = chosen()) {
  const all = rows();
  const place = from ? all.indexOf(from) + by : by > 0 ? 0 : all.length - 1;
  const next = all[Math.max(0, Math.min(all.length - 1, place))];
  choose(next);
  return next;
}

function classify(row, name) {
  const last = step(1, row) === row;
  inTurn(() => htmx.ajax("POST", `/calls/${row.dataset.id}/class`, { source: row, swap: "none", values: { class: name } }));
  if (last) choose(row);
}

async function say(row, field) {
  choose(row);
  await htmx.ajax("GET", `/calls/${row.dataset.id}/say`, { source: dialog, target: dialog, swap: "innerHTML" });
  if (!dialog.open) dialog.showModal();
  const input = dialog.querySelector(field);
  input?.focus();
  if (input?.name === "tags" && input.value) input.value += ", ";
  if (input?.setSelectionRange) input.setSelectionRange(input.value.length, input.value.length);
}

function tell() {
  const count = table.querySelectorAll(".pick input:checked").length;
  const shown = document.getElementById("selected");
  if (!shown) return;
  shown.hidden = count === 0;
  shown.querySelector("b").textContent = count === 1 ? table.dataset.one : table.dataset.many + count;
}

function select(row, on) {
  const input = box(row);
  if (input) { input.checked = on ?? !input.checked; tell(); }
}

function extend(by) {
  const from = chosen();
  anchor ??= from ?? rows()[0];
  const to = step(by, from);
  const all = rows();
  const ends = [all.indexOf(anchor), all.indexOf(to)].sort((a, b) => a - b);
  all.forEach((row, place) => { if (place >= ends[0] && place <= ends[1]) select(row, true); });
}

const keys = {
  j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
  x: () => { const row = chosen(); if (row) { anchor = row; select(row); } },
  "#": () => chosen() && dialog && say(chosen(), "input[name=tags]"),
  c: () => chosen() && dialog && say(chosen(), "textarea"),
  u: () => inTurn(() => { const batch = done.pop(); return batch && htmx.ajax("POST", `/undo/${batch}`, { source: "#undoing", swap: "none" }); }),
  f: () => open("filters", "input:not([type=hidden])"),
  v: () => open("views", "a, input:not([type=hidden])"),
};

function open(id, field) {
  const box = document.getElementById(id);
  if (!box) return;
  box.open = !box.open;
  (box.open ? box.querySelector(field) : box.querySelector("summary"))?.focus();
}

if (table) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || event.target.closest("input:not([type=checkbox]), textarea, select")) return;
    const key = keyOf(event);
    if (event.shiftKey && (key === "ArrowDown" || key === "ArrowUp")) { extend(key === "ArrowDown" ? 1 : -1); event.preventDefault(); return; }
    if (key === "Escape") {
      if (event.target.closest("details[open]")) return;
      for (const input of table.querySelectorAll(".pick input:checked")) input.checked = false;
      anchor = null;
      tell();
      return;
    }
    const act = keys[key] ?? (dialog && classes[event.key] === undefined && classes[key] === undefined ? null : () => {
      const row = chosen();
      if (row && dialog) classify(row, classes[event.key] ?? classes[key]);
    });
    if (!act || (event.shiftKey && key !== "#")) return;
    if (key.startsWith("Arrow") && event.target.closest("details")) return;
    act();
    event.preventDefault();
  });
  table.addEventListener("change", (event) => { if (event.target.closest(".pick")) { anchor = event.target.closest("tr"); tell(); } });
  table.addEventListener("click", (event) => {
    const link = event.target.closest("a.say");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    say(link.closest("tr"), "button[aria-pressed=true]");
  });
  // j at the end of a page brings the next one: its first row is there when it has come
  table.addEventListener("htmx:afterSettle", tell);
  tell();
}

// What was said is shown at once, wherever it was said.
document.addEventListener("said", (event) => {
  const { calls, more, batch, undone, undoes } = event.detail;
  if (!undone) done.push(batch);
  else if (done.includes(undoes)) done.splice(done.indexOf(undoes), 1);
  if (dialog?.open) { const row = chosen(); dialog.close(); choose(row); }
  if (more) { location.reload(); return; }
  for (const id of calls) {
    const row = document.getElementById(`call-${id}`);
    if (!row) continue;
    const checked = box(row)?.checked;
    const focused = row.contains(document.activeElement) || row.dataset.chosen !== undefined;
    htmx.ajax("GET", `/calls/${id}/row${location.search}`, { source: row, target: row, swap: "outerHTML" }).then(() => {
      const renewed = document.getElementById(`call-${id}`);
      if (checked && box(renewed)) box(renewed).checked = true;
      if (focused) choose(renewed);
    });
  }
});

dialog?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form?.requestSubmit();
});
dialog?.addEventListener("close", () => choose(chosen()));

// An address to share says nothing of fields left empty.
filter?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});
