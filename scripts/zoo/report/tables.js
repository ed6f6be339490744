"use strict";

// Every table with data-table: headings sort, and rows can be filtered. A missing figure comes last either way.
// A row is a <tr>, or a <tbody> where a row has a second line, such as the reasons why it failed.
document.querySelectorAll("table[data-table]").forEach((table) => {
  const name = table.dataset.table;
  const headings = [...table.tHead.rows].flatMap((row) => [...row.cells]).filter((cell) => cell.colSpan === 1);
  const grouped = table.dataset.grouped !== undefined;
  const place = grouped ? table : table.tBodies[0];
  if (!place) return;
  const all = grouped ? [...table.tBodies] : [...place.rows];
  const line = (row) => (grouped ? row.rows[0] : row);
  const collator = new Intl.Collator("en", { numeric: true });
  const form = document.querySelector(`form[data-filters="${CSS.escape(name)}"]`) ?? (all.length > 4 ? filterForm() : null);
  const controls = form ? [...form.querySelectorAll("[name]")] : [];
  const status = form?.querySelector("output") ?? document.getElementById(`${name}-status`);
  let order = "";

  function filterForm() {
    const form = document.createElement("form");
    form.className = "choices rows";
    const region = table.parentElement.getAttribute("aria-label") ?? name;
    form.setAttribute("aria-label", `Filter: ${region}`);
    form.innerHTML = '<label>Rows with <input type="search" name="text" autocomplete="off" placeholder="any text"></label><output></output>';
    table.parentElement.before(form);
    return form;
  }

  function value(row, column, numeric) {
    const cell = line(row).cells[column];
    if (!cell) return undefined;
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (text === "" || text === "–") return undefined;
    if (!numeric) return text;
    const number = Number.parseFloat(text.replaceAll(",", "").replace("−", "-"));
    return text === "exact" ? Infinity : Number.isNaN(number) ? undefined : number;
  }

  function compare(a, b, sign) {
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    if (a === b) return 0;
    return sign * (typeof a === "number" ? a - b : collator.compare(a, b));
  }

  const isNumeric = (heading) => heading.dataset.kind === "number" || heading.classList.contains("n");
  const keyOf = (heading) => heading.dataset.key ?? String(headings.indexOf(heading));
  const nameOf = (heading) => heading.dataset.name ?? heading.innerText.replace(/\s+/g, " ").trim();

  function sortBy(heading, ascending) {
    const column = headings.indexOf(heading);
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const standing = grouped ? [...table.tBodies] : [...place.rows];
    standing // as they stand: rows that are equal here keep the order of the sorting before
      .map((row) => [value(row, column, isNumeric(heading)), row])
      .sort(([a], [b]) => compare(a, b, ascending ? 1 : -1))
      .forEach(([, row]) => place.append(row));
    order = `, sorted by ${nameOf(heading)}, ${ascending ? "ascending" : "descending"}`;
    report();
  }

  function filter() {
    for (const row of all) {
      row.hidden = !controls.every(({ name, type, value }) => {
        const asked = value.trim().toLowerCase();
        const own = row.dataset[name] ?? row.textContent;
        return type === "search" ? own.toLowerCase().includes(asked) : !value || own === value;
      });
    }
    report();
  }

  // A model's name shows once above its rows, wherever these have been put.
  function nameOnce() {
    let before;
    for (const row of grouped ? table.tBodies : place.rows) {
      if (row.hidden || row.dataset.model === undefined) continue;
      row.classList.toggle("same", row.dataset.model === before);
      before = row.dataset.model;
    }
  }

  function report() {
    nameOnce();
    if (!status) return;
    const shown = all.filter((row) => !row.hidden).length;
    status.textContent = `${shown} of ${all.length} ${name === "zoo" ? "artifacts" : "rows"}${order}`;
  }

  headings.forEach((heading) => {
    if (!heading.textContent.trim()) return;
    let button = heading.querySelector("button");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
    }
    button.addEventListener("click", () => {
      const ascending = heading.getAttribute("aria-sort") !== "ascending";
      sortBy(heading, ascending);
      state.set(`${name}.sort`, (ascending ? "" : "-") + keyOf(heading));
    });
  });
  table.classList.add("sortable");

  for (const control of controls) {
    const kept = state.get(`${name}.${control.name}`);
    if (kept !== null) control.value = kept;
    control.addEventListener("input", () => {
      state.set(`${name}.${control.name}`, control.value);
      filter();
    });
  }
  form?.addEventListener("submit", (event) => event.preventDefault());
  form?.addEventListener("reset", () =>
    setTimeout(() => {
      controls.forEach((control) => state.set(`${name}.${control.name}`, ""));
      filter();
    }),
  );
  filter();
  const kept = state.get(`${name}.sort`);
  const heading = kept && headings.find((each) => keyOf(each) === kept.replace(/^-/, ""));
  if (heading) sortBy(heading, !kept.startsWith("-"));
});

// The zoo table shows its main columns until all are asked for.
(() => {
  const all = document.getElementById("zoo-all");
  const show = () => document.getElementById("zoo").classList.toggle("all", all.checked);
  if (!all) return;
  all.addEventListener("input", show);
  all.form.addEventListener("reset", () =>
    setTimeout(() => {
      state.set("zoo.all", "");
      show();
    }),
  );
  show();
})();

// The layers of a model: in the graph's order, or the dearest first. One without a figure comes last.
document.querySelectorAll(".layer-order").forEach((form) => {
  const body = form.parentElement.querySelector(`table[data-table="${CSS.escape(form.dataset.orders)}"] tbody`);
  const inOrder = [...body.rows];
  const columns = { sqnr: [2, 1], time: [3, -1], weights: [4, -1] };
  const select = form.querySelector("select");
  const inTurn = () => {
    const [column, sign] = columns[select.value] ?? [];
    const value = (row) => row.cells[column].dataset.value;
    const rank = (row) => (value(row) === undefined ? Infinity : sign * Number(value(row)));
    body.append(...(column ? [...inOrder].sort((a, b) => rank(a) - rank(b) || 0) : inOrder));
  };
  select.addEventListener("input", inTurn);
  if (select.value) inTurn();
});
