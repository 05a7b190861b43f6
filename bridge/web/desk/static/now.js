// Keeps the page Now up to date: each event is a piece of the page, whole in itself. Without it the page reloads now and then.

const link = document.getElementById("link");
const title = document.title;
let ahead = 0;

function say(state) {
  if (link.classList.contains(state)) return;
  link.className = `small quiet ${state}`;
  link.textContent = link.dataset[state];
}

/** Puts a piece in its place; who stood on a link of it still does. */
function put(id, html) {
  const place = document.getElementById(id);
  const at = place.contains(document.activeElement) ? document.activeElement.id : "";
  // what it says is announced only where it has changed
  const spoken = document.getElementById("spoken");
  place.innerHTML = html;
  const fresh = document.getElementById("spoken");
  if (fresh !== spoken) {
    spoken.dataset.now = fresh.dataset.now;
    if (spoken.textContent !== fresh.textContent) spoken.textContent = fresh.textContent;
    fresh.replaceWith(spoken);
  }
  if (id === "calls") compare();
  if (at) (document.getElementById(at) ?? document.getElementById("calls-title")).focus();
  tick();
}

function tick() {
  const now = Date.now() / 1000 - ahead;
  for (const timer of document.querySelectorAll(".timer")) {
    const seconds = Math.max(0, Math.round(now - timer.dataset.since));
    const minutes = Math.floor(seconds / 60);
    const two = (number) => String(number).padStart(2, "0");
    timer.textContent = minutes >= 60 ? `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
  const count = Number(document.querySelector("[data-count]")?.dataset.count ?? 0);
  document.title = count ? `(${count}) ${title}` : title;
}

// by how much this clock goes before the server's, where that is more than a stream takes
function compare() {
  const off = Date.now() / 1000 - document.getElementById("spoken").dataset.now;
  ahead = Math.abs(off) > 3 ? off : 0;
}

let source;
function follow() {
  source = new EventSource("/now/events");
  source.addEventListener("open", () => say("live"));
  source.addEventListener("error", () => {
    say("lost");
    // the browser tries again by itself, but not after an answer that is no stream: signed out, or too many pages watch
    if (source.readyState === EventSource.CLOSED) { say("over"); setTimeout(follow, 15000); }
  });
  source.addEventListener("calls", (event) => put("calls", event.data));
  source.addEventListener("rest", (event) => put("rest", event.data));
}
follow();
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
setInterval(tick, 1000);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== "j" && event.key !== "k")) return;
  if (event.target.closest("input, textarea, select")) return;
  const links = [...document.querySelectorAll("#calls a[id]")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const to = event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
  links[to].focus();
});
