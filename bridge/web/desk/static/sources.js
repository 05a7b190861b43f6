// The table as a tree for the keyboard: right opens a row, left closes it, up and down go from row to row. Links do the same without it.

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("a.toggle");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const open = row.getAttribute("aria-expanded") === "true";
  const rows = [...document.querySelectorAll("a.toggle")];
  const next = { ArrowDown: rows[rows.indexOf(row) + 1], ArrowUp: rows[rows.indexOf(row) - 1] }[event.key];
  if (next) next.focus();
  else if ((event.key === "ArrowRight" && !open) || (event.key === "ArrowLeft" && open)) row.click();
  else return;
  event.preventDefault();
});
