// A button that was pressed says so until the next page comes, and cannot be pressed twice by accident.
export function wireSubmit() {
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !event.submitter?.classList.contains("button")) return;
    const button = event.submitter;
    setTimeout(() => button.setAttribute("aria-busy", "true"));
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
  });
}
