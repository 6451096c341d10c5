// Numbers and times as people read them.

const digits = (v: number, n: number) => v.toFixed(n);

export function rate(v: number): string {
  if (v === 0) return "0";
  if (v < 10) return digits(v, 1);
  if (v < 1000) return digits(v, 0);
  return whole(v);
}

export function whole(v: number): string {
  if (v < 10_000) return digits(v, 0);
  if (v < 1e6) return digits(v / 1e3, v < 1e5 ? 1 : 0) + "k";
  if (v < 1e9) return digits(v / 1e6, v < 1e8 ? 1 : 0) + "M";
  return digits(v / 1e9, 1) + "G";
}

// full is for tooltips and pages where there is room.
export const full = (v: number): string => v.toLocaleString("en-US");

export function percent(v: number): string {
  if (v === 0 || v >= 99.95) return digits(v, 0);
  return digits(v, v < 10 ? 1 : 0);
}

// latency returns a number and its unit; 0 is none.
export function latency(ms: number): [string, string] {
  if (ms === 0) return ["–", ""];
  if (ms < 0.01) return ["<0.01", "ms"];
  if (ms < 1) return [digits(ms, 2), "ms"];
  if (ms < 10) return [digits(ms, 1), "ms"];
  if (ms < 1000) return [digits(ms, 0), "ms"];
  if (ms < 10_000) return [digits(ms / 1000, 2), "s"];
  return [digits(ms / 1000, 0), "s"];
}

export const latencyText = (ms: number): string => latency(ms).join(" ").trim();

// left is how long something still lasts: with tenths when it is short.
export function left(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return digits(s, 1) + " s";
  return span(ms);
}

// span is a length of time in at most two units.
export function span(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return s + " s";
  const m = Math.floor(s / 60);
  if (m < 10) return m + " min" + (s % 60 ? " " + (s % 60) + " s" : "");
  if (m < 60) return m + " min";
  const h = Math.floor(m / 60);
  if (h < 48) return h + " h" + (m % 60 ? " " + (m % 60) + " min" : "");
  return Math.floor(h / 24) + " d";
}

export const clock = (d: Date): string =>
  d.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// calendar names the day too, unless it is today.
export function moment(d: Date): string {
  const today = new Date().toDateString() === d.toDateString();
  return today ? clock(d) : d.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + " " + clock(d);
}

export const plural = (n: number, one: string, many = one + "s"): string => full(n) + " " + (n === 1 ? one : many);

// nice is the smallest round number that is not below v.
export function nice(v: number): number {
  if (v <= 0) return 1;
  const p = 10 ** Math.floor(Math.log10(v));
  for (const f of [1, 2, 2.5, 5, 10]) if (v <= f * p * 1.000001) return f * p;
  return 10 * p;
}
