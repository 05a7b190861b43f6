// The slider speaks at once from the curves that the page brings along; the replay is asked for when one lets go (htmx, by the form's `change`).

function foretell() {
  const form = document.getElementById("try");
  if (!form) return;
  const { sizes, covered, right } = JSON.parse(document.getElementById("curves").textContent);
  const share = new Intl.NumberFormat(document.documentElement.lang === "ru" ? "ru" : "en-GB", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const numbers = Number(form.elements.numbers.value);
  const hold = form.elements.hold.value;
  const said = (curve) => (curve ? share.format(at(sizes, curve, numbers)) : "–");
  document.getElementById("numbers-said").textContent = numbers;
  document.getElementById("covered").textContent = said(covered[hold]);
  document.getElementById("right").textContent = said(right[hold]);
}

/** The curve at `numbers`, between its points. */
function at(sizes, curve, numbers) {
  const next = sizes.findIndex((size) => size >= numbers);
  if (next < 0) return curve[curve.length - 1];
  const [low, from] = next ? [sizes[next - 1], curve[next - 1]] : [0, 0];
  return from + ((curve[next] - from) * (numbers - low)) / (sizes[next] - low);
}

document.addEventListener("input", (event) => { if (event.target.closest("#try")) foretell(); });
