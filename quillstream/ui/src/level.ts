// How a command is, in one word: what its row is sorted, filtered and marked by.
import type { Command } from "./types";

export const levels = ["open", "forced", "half-open", "strained", "healthy", "idle"] as const;
export type Level = (typeof levels)[number];

export const levelWords: Record<Level, string> = {
  open: "Open",
  forced: "Overridden",
  "half-open": "Half-open",
  strained: "Strained",
  healthy: "Healthy",
  idle: "Idle",
};

export const levelHints: Record<Level, string> = {
  open: "The breaker refuses calls.",
  forced: "An operator's override lies over the breaker.",
  "half-open": "Probes decide whether the circuit closes.",
  strained: "Closed, but past half of what opens it, nearly full, or rejecting.",
  healthy: "Closed, with calls.",
  idle: "Closed, without calls in the window.",
};

export function levelOf(c: Command): Level {
  if (c.override !== "none") return "forced";
  if (c.state === "open") return "open";
  if (c.state === "half-open") return "half-open";
  if (strain(c)) return "strained";
  const calls = c.rate > 0 || c.inFlight > 0;
  return calls ? "healthy" : "idle";
}

// strain says why a closed circuit is near its limits, "" if it is not.
export function strain(c: Command): string {
  if (c.requests > 0 && c.errorPercent >= c.opensAt / 2 && c.requests >= c.volume / 2) {
    return Math.round(c.errorPercent) + " % of the calls fail; it opens at " + c.opensAt + " %";
  }
  if (c.opensAtSlow > 0 && c.slowPercent >= c.opensAtSlow / 2 && c.requests >= c.volume / 2) {
    return Math.round(c.slowPercent) + " % of the calls are slow; it opens at " + c.opensAtSlow + " %";
  }
  if (c.window.rejected > 0) return "calls are rejected: all places are taken";
  if (c.maxConcurrent >= 4 && c.inFlight >= c.maxConcurrent * 0.9) return "nearly all places are taken";
  return "";
}

export type Mark = "closed" | "open" | "half-open" | "forced-open" | "forced-closed" | "disabled";

export const markOf = (c: { state: string; override?: string }): Mark =>
  (c.override && c.override !== "none" ? c.override : c.state) as Mark;

export const markWords: Record<Mark, string> = {
  closed: "Closed",
  open: "Open",
  "half-open": "Half-open",
  "forced-open": "Forced open",
  "forced-closed": "Forced closed",
  disabled: "Disabled",
};
