"use strict";

// The zoo table: headings sort, the form above it filters. A missing figure comes last either way.
(() => {
  const table = document.getElementById("zoo");
  const headings = [...table.tHead.rows[0].cells];
  const bodies = [...table.tBodies];
  const status = document.getElementById("zoo-status");
  const controls = [...document.querySelectorAll("#zoo-filters [name]")];
  const collator = new Intl.Collator("en", { numeric: true });
  let order = "";

  function value(body, column, numeric) {
    const text = body.rows[0].cells[column].dataset.value;
    if (text === undefined || !numeric) return text;
    return Number.isNaN(Number(text)) ? undefined : Number(text);
  }

  function compare(a, b, sign) {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * (typeof a === "number" ? a - b : collator.compare(a, b));
  }

  function sortBy(heading) {
    const column = headings.indexOf(heading);
    const numeric = heading.dataset.kind === "number";
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    [...table.tBodies] // as they stand: rows that are equal here keep the order of the sorting before
      .map((body) => [value(body, column, numeric), body])
      .sort(([a], [b]) => compare(a, b, ascending ? 1 : -1))
      .forEach(([, body]) => table.append(body));
    order = `, sorted by ${heading.dataset.name}, ${ascending ? "ascending" : "descending"}`;
    report();
  }

  function filter() {
    for (const body of bodies) {
      body.hidden = !controls.every(({ name, value }) =>
        name === "model"
          ? body.dataset.model.toLowerCase().includes(value.trim().toLowerCase())
          : !value || body.dataset[name] === value);
    }
    report();
  }

  function report() {
    const shown = bodies.filter((body) => !body.hidden).length;
    status.textContent = `${shown} of ${bodies.length} artifacts${order}`;
  }

  headings.forEach((heading) => heading.querySelector("button").addEventListener("click", () => sortBy(heading)));
  controls.forEach((control) => control.addEventListener("input", filter));
  document.getElementById("zoo-filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("zoo-filters").addEventListener("reset", () => setTimeout(filter));
  report();
})();

// The charts: figures come from the page, colours from its style sheet.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const touch = matchMedia("(pointer: coarse)").matches;
  const printWidth = 960;

  function draw(element, figure) {
    // Dragging must scroll the page, not zoom the chart, on a touch screen.
    const layout = { ...figure.layout, dragmode: touch ? false : "zoom" };
    return Plotly.react(element, figure.data, layout, { displayModeBar: false, responsive: true });
  }

  const plot = document.getElementById("trade-off");
  const choices = [...document.querySelectorAll("#trade-off-choices select")];
  function drawTradeOff() {
    const figure = figures["trade-off"][choices.map((choice) => choice.value).join("|")];
    document.getElementById("trade-off-note").textContent = figure.note;
    plot.hidden = !figure.data.length;
    if (!plot.hidden) draw(plot, figure);
  }
  if (plot) {
    choices.forEach((choice) => choice.addEventListener("input", drawTradeOff));
    drawTradeOff();
  }

  // A zoo has dozens of depth charts: each is drawn when it comes near the screen, or goes to paper.
  const waiting = new Set(document.querySelectorAll(".chart[data-figure]"));
  function drawWaiting(element) {
    if (waiting.delete(element)) draw(element, figures[element.dataset.figure]);
  }
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawWaiting(entry.target)),
    { rootMargin: "400px" },
  );
  waiting.forEach((element) => near.observe(element));

  document.querySelectorAll(".figure-choice").forEach((choice) =>
    choice.addEventListener("input", () => {
      const chart = choice.form.nextElementSibling.querySelector(".chart");
      chart.dataset.figure = choice.value;
      waiting.delete(chart);
      draw(chart, figures[choice.value]);
    }),
  );

  const resize = (width) =>
    document.querySelectorAll(".js-plotly-plot").forEach((element) => Plotly.relayout(element, { width }));
  addEventListener("beforeprint", () => {
    waiting.forEach(drawWaiting);
    resize(printWidth);
  });
  addEventListener("afterprint", () => resize(null));
})();

// The layers of a model: in the graph's order, or the dearest first. One without a figure comes last.
document.querySelectorAll(".layer-order").forEach((form) => {
  const body = form.nextElementSibling.querySelector("tbody");
  const inOrder = [...body.rows];
  const columns = { sqnr: [2, 1], time: [3, -1], weights: [4, -1] };
  form.querySelector("select").addEventListener("input", ({ target }) => {
    const [column, sign] = columns[target.value] ?? [];
    const value = (row) => row.cells[column].dataset.value;
    const rank = (row) => (value(row) === undefined ? Infinity : sign * Number(value(row)));
    body.append(...(column ? [...inOrder].sort((a, b) => rank(a) - rank(b) || 0) : inOrder));
  });
});
