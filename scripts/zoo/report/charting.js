"use strict";

// The library for charts is had once, when a chart is to be drawn: from a file beside the page, or out of the
// page, where it lies compressed.
let unpacked;
function charting() {
  const place = document.getElementById("plotly");
  unpacked ??= (async () => {
    if (place.dataset.src) {
      const script = document.createElement("script");
      script.src = place.dataset.src;
      const loaded = new Promise((resolve) => script.addEventListener("load", resolve));
      document.head.append(script);
      return loaded;
    }
    const packed = Uint8Array.from(atob(place.textContent), (each) => each.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  })();
  return unpacked;
}
