// Draws [data-chart], whose numbers are the JSON in the element named there. The same numbers stand in a table.
for (const box of document.querySelectorAll("[data-chart]")) {
  const said = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  box.hidden = false;
  let plot = draw(box, said);
  new ResizeObserver(() => plot.setSize(size(box))).observe(box);
  const again = () => {
    plot.destroy();
    plot = draw(box, said);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

function size(box) {
  return { width: box.clientWidth - 32, height: 240 };
}

function draw(box, said) {
  const style = getComputedStyle(box);
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    box.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const [soft, line] = [colour("--text-soft"), colour("--line")];
  const strokes = [soft, colour("--accent"), colour("--accent")];
  const font = `12px ${style.fontFamily}`;
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return new window.uPlot({
    ...size(box),
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { drag: { x: false, y: false } },
    axes: [
      { ...axis, values: (_plot, moments) => moments.map((seconds) => day.format(seconds * 1000)), incrs: [1, 2, 7, 14, 30, 90].map((days) => days * 86400) },
      { ...axis, size: 56, values: (_plot, numbers) => numbers.map((number) => (Number.isInteger(number) ? number.toLocaleString("en") : "")) },
    ],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(5, high * 1.1)] } },
    series: [
      { label: said.day, value: (_plot, seconds) => (seconds === null ? "" : day.format(seconds * 1000)) },
      ...said.names.map((label, place) => ({ label, stroke: strokes[place], width: place === 1 ? 2 : 1.5, dash: place === 2 ? [4, 4] : undefined, points: { show: said.days.length < 2 } })),
    ],
  }, [said.days.map((text) => Date.parse(text) / 1000), ...said.values], box);
}
