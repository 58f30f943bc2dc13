// <time data-local> says the exact moment in the viewer's own zone, on hover or, with data-local="full", as its text.
const exact = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});

export function localTimes(root) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const text = exact.format(new Date(element.dateTime));
    element.title = text;
    if (element.dataset.local === "full") element.textContent = text;
  }
}
