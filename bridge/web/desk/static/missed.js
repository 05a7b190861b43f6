// Keys of the page Missed: j and k go through the callers, d says done, u takes it back.
let place = 0;

const rows = () => [...document.querySelectorAll("table.missed tbody tr")];

function choose(next) {
  const all = rows();
  if (!all.length) return;
  place = Math.max(0, Math.min(next, all.length - 1));
  all[place].querySelector("a.open").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const here = rows().findIndex((row) => row.contains(document.activeElement));
  if (event.key === "j" || event.key === "k") {
    choose(here < 0 ? 0 : here + (event.key === "j" ? 1 : -1));
  } else if (event.key === "d" && here >= 0) {
    place = here;
    rows()[here].querySelector("button.done").click();
  } else if (event.key === "u") {
    document.querySelector("#toasts .toast:last-child button")?.click();
  } else return;
  event.preventDefault();
});

// after "done" the next caller is chosen
document.addEventListener("htmx:afterSwap", (event) => { if (event.target.id === "list") choose(place); });
