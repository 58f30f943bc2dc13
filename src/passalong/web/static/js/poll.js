// Elements with data-poll get a "poll" event every 2 s while the page is visible; hx-trigger="poll" does the rest.
export function wirePolling() {
  setInterval(() => {
    if (document.visibilityState !== "visible") return;
    for (const element of document.querySelectorAll("[data-poll]")) {
      element.dispatchEvent(new CustomEvent("poll"));
    }
  }, 2000);
}
