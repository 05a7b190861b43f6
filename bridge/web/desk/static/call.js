// Keys of a call's page. Everything they do is a button, a field or a link of the page.

const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
const press = (found) => { found?.click(); return Boolean(found); };

function act(event) {
  const main = document.getElementById("main");
  switch (event.key) {
    case "j": return press(main.querySelector("[data-go=next]"));
    case "k": case "p": return press(main.querySelector("[data-go=previous]"));
    case "u": return press(main.querySelector("[data-undo]"));
  }
  const field = [...main.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === event.key);
  if (field) { field.focus(); field.select(); return true; }
  return press([...main.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (!typing(event.target) && act(event)) event.preventDefault();
});

// Ctrl+Enter saves a comment.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form?.requestSubmit();
});

// What was said is shown anew after every change; what somebody is typing meanwhile stays.
let posted = null, unsaved = [];
document.addEventListener("htmx:beforeRequest", (event) => { if (event.target.matches("#said form")) posted = event.target; });
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.id !== "said") return;
  const fields = [...event.target.querySelectorAll("textarea, input[data-focus]")];
  unsaved = fields.filter((one) => one.form !== posted && one.value !== one.defaultValue).map((one) => [one.name, one.value]);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [name, value] of unsaved) { const field = document.querySelector(`#said [name=${name}]`); if (field) field.value = value; }
  unsaved = [];
});
