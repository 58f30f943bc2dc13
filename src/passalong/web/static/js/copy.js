// A button with data-copy puts that text on the clipboard and says "Copied".
export function wireCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await write(button.dataset.copy);
    const label = button.querySelector("[data-copy-label]");
    const before = (label.dataset.before ??= label.textContent);
    label.textContent = button.dataset.copied;
    button.classList.add("copied");
    setTimeout(() => {
      label.textContent = before;
      button.classList.remove("copied");
    }, 2000);
  });
}

async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages served over plain http on another machine have no clipboard API.
  const scratch = document.createElement("textarea");
  scratch.value = text;
  scratch.className = "visually-hidden";
  document.body.append(scratch);
  scratch.select();
  document.execCommand("copy");
  scratch.remove();
}
