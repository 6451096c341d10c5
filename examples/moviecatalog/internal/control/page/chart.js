// The picture of the last minute: a column for each second, its answers by kind, and the
// 99th percentile of their latency as a line.
import { byId, el, ms, setText, svg } from "./dom.js";

export const kinds = [
  ["fresh", "fresh"],
  ["failover", "other instance"],
  ["stale", "previous answer"],
  ["default", "default"],
  ["error", "error"],
];

const root = byId("chart");
const sums = kinds.map(([kind, words]) => {
  const b = el("b", {}, "0");
  byId("legend").append(el("li", { className: kind }, words + " ", b));
  return b;
});
byId("legend").append(el("li", { className: "line" }, "99 of 100 within (right scale)"));

export function draw(series) {
  const width = root.clientWidth || 600, height = root.clientHeight || 190;
  const left = 30, right = 52, bottom = 16, top = 8;
  const w = (width - left - right) / series.length, h = height - bottom - top;
  const most = nice(Math.max(4, ...series.map((r) => r.slice(0, 5).reduce((a, b) => a + b))));
  const slowest = Math.max(10, ...series.map((r) => r[5]));
  const lat = (v) => top + h - h * Math.log10(Math.max(v, 1)) / Math.log10(nice10(slowest));
  const all = [];
  for (const share of [0, 0.5, 1]) {
    const y = top + h - h * share;
    all.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }));
    all.push(svg("text", { x: left - 5, y: y + 4, "text-anchor": "end" }, String(most * share)));
  }
  for (let v = 1; v <= nice10(slowest); v *= 10) {
    all.push(svg("text", { x: width - right + 6, y: lat(v) + 4 }, ms(v).replace(".0", "")));
  }
  series.forEach((row, i) => {
    let y = top + h;
    kinds.forEach(([kind], k) => {
      const d = h * row[k] / most;
      if (d === 0) return;
      y -= d;
      all.push(svg("rect", { class: kind, x: left + i * w + 0.5, y, width: Math.max(w - 1, 1), height: d }));
    });
  });
  const points = series.map((r, i) => [left + (i + 0.5) * w, lat(r[5]), r[5]]).filter((p) => p[2] > 0);
  if (points.length > 1) {
    all.push(svg("polyline", {
      points: points.map((p) => p[0].toFixed(1) + "," + p[1].toFixed(1)).join(" "),
      fill: "none", stroke: "currentColor", "stroke-width": 1.6,
    }));
  }
  all.push(svg("text", { x: left, y: height - 3 }, "a minute ago"));
  all.push(svg("text", { x: width - right, y: height - 3, "text-anchor": "end" }, "now"));
  root.replaceChildren(...all);
  sums.forEach((b, k) => setText(b, String(series.reduce((a, r) => a + r[k], 0))));
}

const nice = (n) => Math.ceil(n / 10) * 10;
const nice10 = (n) => 10 ** Math.max(1, Math.ceil(Math.log10(n)));
