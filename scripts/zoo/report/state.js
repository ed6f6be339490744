"use strict";

// What the reader chose is kept in the address, so that a link shows the same. What is as it was is left out.
const state = (() => {
  const read = () => new URLSearchParams(location.search);
  return {
    get: (key) => read().get(key),
    set(key, value) {
      const known = read();
      if (value) known.set(key, value);
      else known.delete(key);
      const query = known.toString();
      history.replaceState(null, "", (query ? `?${query}` : location.pathname) + location.hash);
    },
  };
})();

// A control with data-state is set from the address before anything listens to it.
document.querySelectorAll("[data-state]").forEach((control) => {
  const tick = control.type === "checkbox";
  const usual = tick ? "" : control.value;
  const kept = state.get(control.dataset.state);
  if (kept !== null && tick) control.checked = kept === "yes";
  else if (kept !== null && [...control.options].some((option) => option.value === kept)) control.value = kept;
  control.addEventListener("input", () => {
    const now = tick ? (control.checked ? "yes" : "") : control.value;
    state.set(control.dataset.state, now === usual ? "" : now);
  });
});
