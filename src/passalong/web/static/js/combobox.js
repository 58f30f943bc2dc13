// A select with data-combobox becomes a box one can search in (WAI-ARIA combobox with a list). The select stays,
// hidden, and is what the form sends; without this script it is simply used as it is.
export function wireComboboxes(root) {
  for (const select of root.querySelectorAll("select[data-combobox]:not([hidden])")) wire(select);
}

// A form drawn anew has plain selects again: they are wired, and whoever was in one stays there, with the list
// open at what they had typed.
export function wireComboboxesAgain() {
  let left = null;
  document.addEventListener("htmx:before:swap", () => {
    const input = document.activeElement;
    left = input?.id ? { id: input.id, text: input.value, open: input.getAttribute("aria-expanded") === "true" } : null;
  });
  document.addEventListener("htmx:after:swap", () => {
    wireComboboxes(document);
    const input = left && document.getElementById(left.id);
    if (!input || (document.activeElement !== document.body && document.activeElement !== input)) return;
    input.focus();
    if (!left.open || input.getAttribute("aria-expanded") === "true") return;
    input.value = left.text;
    input.setSelectionRange(left.text.length, left.text.length);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function wire(select) {
  const box = document.createElement("div");
  const input = document.createElement("input");
  const list = document.createElement("ul");
  const id = select.id;
  select.id = `${id}-select`;
  select.hidden = true;
  box.className = "combobox";
  Object.assign(input, { id, type: "text", autocomplete: "off", className: "input combobox-input" });
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
  })) input.setAttribute(name, value);
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
  }
  list.id = `${id}-list`;
  list.className = "combobox-list";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", select.dataset.list);
  select.before(box);
  box.append(input, list, select);

  let shown = [];
  let current = -1;
  const chosen = () => select.options[select.selectedIndex];
  const words = (option) => option.dataset.label ?? option.textContent.trim();
  const rest = () => {
    input.value = chosen() ? words(chosen()) : "";
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const point = (index) => {
    current = Math.max(0, Math.min(index, shown.length - 1));
    for (const [place, item] of [...list.children].entries()) item.classList.toggle("combobox-current", place === current);
    const item = list.children[current];
    if (!item || !shown.length) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  };
  const open = (text) => {
    const wanted = text.trim().toLowerCase();
    const begins = (option) => words(option).toLowerCase().startsWith(wanted);
    shown = [...select.options].filter((option) => option.textContent.toLowerCase().includes(wanted));
    if (wanted) shown.sort((one, other) => begins(other) - begins(one));
    list.replaceChildren(...shown.map((option, place) => {
      const item = document.createElement("li");
      item.id = `${list.id}-${place}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(option === chosen()));
      item.append(words(option));
      if (option.dataset.note) {
        const note = document.createElement("span");
        note.className = "combobox-note";
        note.append(option.dataset.note);
        item.append(" ", note);
      }
      item.addEventListener("pointerdown", (event) => event.preventDefault());
      item.addEventListener("click", () => take(option));
      return item;
    }));
    if (!shown.length) {
      const none = document.createElement("li");
      none.setAttribute("role", "option");
      none.setAttribute("aria-disabled", "true");
      none.append(select.dataset.combobox);
      list.append(none);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    point(wanted ? 0 : shown.indexOf(chosen()));
  };
  const take = (option) => {
    const changed = option !== chosen();
    option.selected = true;
    rest();
    if (changed) select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => list.hidden && open(""));
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("change", (event) => event.stopPropagation());
  input.addEventListener("blur", rest);
  input.addEventListener("keydown", (event) => {
    const keys = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in keys) {
      event.preventDefault();
      if (list.hidden) open("");
      else point(current + keys[event.key]);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      if (shown[current]) take(shown[current]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      rest();
    }
  });
  rest();
}

// Check boxes can be narrowed by typing into an input with data-filter; ticked ones stay in sight.
export function wireFilters() {
  showFilters();
  document.addEventListener("htmx:after:swap", showFilters);
  document.addEventListener("input", (event) => {
    const rows = event.target.dataset.filter;
    if (!rows) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(rows)) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted) && !row.querySelector(":checked");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.dataset.filter) event.preventDefault();
  });
}

function showFilters() {
  for (const field of document.querySelectorAll("input[data-filter]")) field.closest("[hidden]")?.removeAttribute("hidden");
}
