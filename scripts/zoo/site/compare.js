"use strict";

// Two artifacts side by side: figures from the page, the pair in the address.
(() => {
  const form = document.getElementById("pair");
  if (!form) return;
  const { columns, rows } = JSON.parse(document.getElementById("artifacts").textContent);
  const { base, lines } = JSON.parse(document.getElementById("figures").textContent);
  const [first, second] = ["a", "b"].map((name) => form.elements[name]);
  second.selectedIndex = Math.min(1, second.options.length - 1);
  for (const select of [first, second]) {
    const kept = state.get(select.name);
    if ([...select.options].some((option) => option.value === kept)) select.value = kept;
    select.addEventListener("input", () => {
      state.set(select.name, select.value);
      show();
    });
  }
  const chart = document.getElementById("pair-chart");
  const note = document.getElementById("pair-note");

  function cell(row, text, kind = "td") {
    const made = document.createElement(kind);
    made.textContent = text;
    if (kind === "th") made.scope = "row";
    else made.className = "n";
    row.append(made);
    return made;
  }

  // As it stands in the table: a share in percent, bytes in millions.
  function beside(one, other, difference) {
    if (!difference) return one.value > 0 ? `${(other.value / one.value).toPrecision(3)} ×` : "–";
    const [a, b] = [one, other].map(({ text }) => Number.parseFloat(text.replaceAll(",", "").replace("−", "-")));
    const digits = one.text.split(".")[1]?.length ?? 0;
    const change = (b - a).toFixed(digits).replace("-", "−");
    return Number.isNaN(b - a) ? "–" : b > a ? `+${change}` : change;
  }

  function show() {
    const [a, b] = [first.value, second.value];
    document.getElementById("pair-a").textContent = a;
    document.getElementById("pair-b").textContent = b;
    const body = document.querySelector("#pair-table tbody");
    body.replaceChildren();
    columns.forEach(({ title, better, difference }, index) => {
      const [one, other] = [rows[a]?.[index], rows[b]?.[index]];
      if (!one || !other || (one.text === "–" && other.text === "–")) return;
      const row = body.insertRow();
      cell(row, title, "th");
      const cells = [cell(row, one.text), cell(row, other.text)];
      const known = one.value !== null && other.value !== null;
      cell(row, known ? beside(one, other, difference) : "–");
      if (better && known && one.text !== other.text)
        cells[better * (other.value - one.value) > 0 ? 1 : 0].classList.add("better");
    });
    const drawn = [a, b].filter((place, index, all) => lines[place] && all.indexOf(place) === index);
    chart.hidden = !drawn.length;
    note.textContent = drawn.length
      ? "The outputs of each layer against fp32 on the CPU, in the graph's order. Layers that agree exactly are gaps."
      : "The layers of neither were compared with fp32.";
    if (drawn.length)
      charting().then(() => {
        const data = drawn.map((place, index) => ({ ...lines[place], name: place, line: { ...lines[place].line, dash: index ? "dot" : "solid" } }));
        const titles = { xaxis: { ...base.xaxis, title: { text: "Layer" } }, yaxis: { ...base.yaxis, title: { text: "SQNR, dB" } } };
        return Plotly.react(chart, data, { ...base, ...titles }, { displayModeBar: false, responsive: true });
      });
  }
  show();
})();
