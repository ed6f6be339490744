"use strict";

// The library for charts lies in the page compressed: it is unpacked once, when a chart is to be drawn.
let unpacked;
function charting() {
  unpacked ??= (async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (each) => each.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  })();
  return unpacked;
}
