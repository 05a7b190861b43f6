// Keys of Quality: j and k go through the rows, n opens the next call without a score, arrows go from week to week. Links do the same.

const rows = () => [...document.querySelectorAll("table.sample tbody a.open, table.operators tbody a.open, table.worst tbody tr")];
const links = { n: "next", ArrowLeft: "before", ArrowRight: "after" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog, details[open], .scroll")) return;
  const link = links[event.key] && document.getElementById(links[event.key]);
  if (link) link.click();
  else if (event.key === "j" || event.key === "k") {
    const all = rows();
    const here = all.indexOf(document.activeElement);
    const next = here < 0 ? 0 : here + (event.key === "j" ? 1 : -1);
    all[Math.max(0, Math.min(next, all.length - 1))]?.focus();
  } else return;
  event.preventDefault();
});
