// Keyboard, messages and small habits of all pages. Everything works without it, but slower.

const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

/** Shows a message for some seconds; `undo` {url, text}: a button that posts there. */
export function toast(text, undo) {
  const box = document.createElement("div");
  box.className = "toast";
  box.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.textContent = undo.text;
    button.addEventListener("click", () => { box.remove(); htmx.ajax("POST", undo.url, { swap: "none" }); });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), undo ? 12000 : 6000);
}

// The server says {"toast": {"text": ..., "undo": {"url": ..., "text": ...}}} in HX-Trigger.
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.undo));
document.addEventListener("htmx:responseError", (event) => toast(event.detail.xhr.responseText || event.detail.xhr.statusText));
document.addEventListener("htmx:sendError", () => toast(document.documentElement.lang === "ru" ? "Сервер не отвечает." : "The server does not answer."));
document.addEventListener("htmx:timeout", () => toast(document.documentElement.lang === "ru" ? "Сервер не отвечает." : "The server does not answer."));

// g 1 ... g 7: pages; / search; ? keys; Escape closes what is open.
let going = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    const open = event.target.closest("details[open]") ?? document.querySelector("details.period[open], details.person[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
    if (typing(event.target)) event.target.blur();
    return;
  }
  if (typing(event.target) || event.defaultPrevented) return;
  if (event.key === "g") { going = Date.now(); return; }
  if (going && Date.now() - going < 1500 && /^[1-9]$/.test(event.key)) {
    document.querySelectorAll(".menu a")[event.key - 1]?.click();
    event.preventDefault();
    // other handlers of digits must not act
    event.stopImmediatePropagation();
  } else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { search.focus(); search.select(); event.preventDefault(); }
  } else if (event.key === "?") {
    const keys = document.getElementById("keys");
    if (keys.open) keys.close(); else keys.showModal();
  }
  going = 0;
}, true);

// What drops down closes when one clicks elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.period[open], details.person[open], details.drop[open]"))
    if (!open.contains(event.target)) open.open = false;
});
