// The bar above a table of tick boxes says how many are ticked, and a box in the head ticks them all.
export function wireSelection() {
  for (const form of document.querySelectorAll("[data-selection]")) wire(form);
}

function wire(form) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][form="${form.id}"]`)];
  const head = document.querySelector(".col-tick");
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", form.dataset.all);
  head.replaceChildren(all);
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    const count = form.querySelector(".selection-count");
    count.textContent = ticked === 0 ? count.dataset.none : ticked === 1 ? count.dataset.one : count.dataset.many.replace("{n}", ticked);
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    for (const button of form.querySelectorAll("button")) button.hidden = ticked === 0;
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}
