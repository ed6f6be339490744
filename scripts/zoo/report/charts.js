"use strict";

// The charts: figures come from the page, colours from its style sheet.
(() => {
  const text = document.getElementById("figures")?.textContent;
  if (!text) return;
  const { base, ...figures } = JSON.parse(text);
  const touch = matchMedia("(pointer: coarse)").matches;
  const printWidth = 960;
  const isMapping = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  // What all layouts share is said once.
  function over(under, own) {
    const found = { ...under };
    for (const [key, value] of Object.entries(own))
      found[key] = isMapping(value) && isMapping(under[key]) ? over(under[key], value) : value;
    return found;
  }

  charting();

  async function draw(element, figure) {
    await charting();
    // Dragging must scroll the page, not zoom the chart, on a touch screen.
    const layout = { ...over(base, figure.layout), dragmode: touch ? false : "zoom" };
    return Plotly.react(element, figure.data, layout, { displayModeBar: false, responsive: true });
  }

  // A zoo has dozens of charts: each is drawn when it comes near the screen, or goes to paper.
  const waiting = new Map();
  function drawWaiting(element) {
    const figure = waiting.get(element);
    waiting.delete(element);
    near.unobserve(element);
    return figure && draw(element, figure);
  }
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawWaiting(entry.target)),
    { rootMargin: "400px" },
  );
  function drawWhenNear(element, figure) {
    near.unobserve(element);
    waiting.set(element, figure);
    near.observe(element);
  }

  const plot = document.getElementById("trade-off");
  const choices = [...document.querySelectorAll("#trade-off-choices select")];
  function drawTradeOff() {
    const { panels, note } = figures["trade-off"][choices.map((choice) => choice.value).join("|")];
    document.getElementById("trade-off-note").textContent = note;
    plot.hidden = !Object.keys(panels).length;
    for (const figure of plot.querySelectorAll("figure")) {
      const panel = panels[figure.dataset.panel];
      figure.hidden = !panel;
      if (panel) drawWhenNear(figure.querySelector(".chart"), panel);
    }
  }
  if (plot) {
    choices.forEach((choice) => choice.addEventListener("input", drawTradeOff));
    drawTradeOff();
  }

  document.querySelectorAll(".chart[data-figure]").forEach((element) => drawWhenNear(element, figures[element.dataset.figure]));
  document.querySelectorAll(".figure-choice").forEach((choice) => {
    const chart = choice.form.nextElementSibling.querySelector(".chart");
    const show = () => {
      chart.dataset.figure = choice.value;
      drawWhenNear(chart, figures[choice.value]);
    };
    choice.addEventListener("input", show);
    if (choice.value !== chart.dataset.figure) show();
  });

  const resize = (width) =>
    document.querySelectorAll(".js-plotly-plot").forEach((element) => Plotly.relayout(element, { width }));
  addEventListener("beforeprint", () => {
    [...waiting.keys()].forEach(drawWaiting);
    resize(printWidth);
  });
  addEventListener("afterprint", () => resize(null));
})();
