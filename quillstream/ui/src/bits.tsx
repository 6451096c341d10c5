// Small parts that both pages use.
import { area, curveMonotoneX, line } from "d3-shape";
import { useMemo } from "preact/hooks";
import * as f from "./format";
import { type Mark, markOf, markWords } from "./level";
import { remaining } from "./store";
import type { Command, Spark as Data } from "./types";

// Glyph is a state as a shape: nobody needs to tell colors apart.
export function Glyph({ mark }: { mark: Mark }) {
  const shapes = {
    closed: <path d="M4.6 8.2 7 10.6l4.4-5" />,
    open: <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" />,
    "half-open": <path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" class="fill" />,
    "forced-open": <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" />,
    "forced-closed": <path d="M4.6 8.2 7 10.6l4.4-5" />,
    disabled: <path d="M5 8h6" />,
  };
  return (
    <svg class="glyph" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {mark.startsWith("forced") || mark === "disabled"
        ? <rect x="1.6" y="1.6" width="12.8" height="12.8" rx="2.4" />
        : <circle cx="8" cy="8" r="6.4" />}
      {shapes[mark]}
    </svg>
  );
}

export function Pill({ c, quiet }: { c: { state: string; override?: string }; quiet?: boolean }) {
  const mark = markOf(c);
  return (
    <span class={"pill mark-" + mark + (quiet ? " quiet" : "")}>
      <Glyph mark={mark} />
      {markWords[mark]}
    </span>
  );
}

// Left is what a state still lasts, counting down.
export function Left({ c }: { c: Command }) {
  if (c.override !== "none") {
    if (c.overrideLeftMs <= 0) return <span class="left">until changed</span>;
    return <span class="left">{f.left(remaining(c.overrideLeftMs))} left</span>;
  }
  if (c.state === "open") {
    const ms = c.retryMs > 0 ? remaining(c.retryMs) : 0;
    return <span class="left">{ms > 0 ? "probe in " + f.left(ms) : "next call probes"}</span>;
  }
  if (c.state === "half-open") return <span class="left">{c.probes > 0 ? f.plural(c.probes, "probe") + " out" : "awaits a probe"}</span>;
  return null;
}

export function Latency({ ms }: { ms: number }) {
  const [n, unit] = f.latency(ms);
  return (
    <>
      {n}
      {unit && <small> {unit}</small>}
    </>
  );
}

// Meter is a share, with a tick where it matters.
export function Meter({ share, at, kind }: { share: number; at?: number; kind: string }) {
  const w = Math.max(0, Math.min(100, share));
  return (
    <svg class={"meter " + kind} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" />
      <rect class="fill" width={w > 0 ? Math.max(w, 2) : 0} height="6" />
      {at !== undefined && at < 100 && <rect class="tick" x={at - 0.8} width="1.6" height="6" />}
    </svg>
  );
}

const sparkWidth = 112, sparkHeight = 26;

// Spark is the calls of the last minutes, those that failed or were refused below in their
// own color. Its scale is its own.
export function Spark({ data, points }: { data: Data | undefined; points: number }) {
  return useMemo(() => drawSpark(data, points), [data, points]); // the same picture is not looked at again
}

function drawSpark(data: Data | undefined, points: number) {
  if (!data || data.calls.length === 0) return <svg class="spark" viewBox={`0 0 ${sparkWidth} ${sparkHeight}`} aria-hidden="true" />;
  const most = Math.max(1, ...data.calls);
  const step = sparkWidth / (points - 1);
  const first = points - data.calls.length;
  const x = (_: number, i: number) => (first + i) * step;
  const y = (v: number) => sparkHeight - (v / most) * (sparkHeight - 2);
  const shape = area<number>().x(x).y0(sparkHeight).y1(y).curve(curveMonotoneX);
  const stroke = line<number>().x(x).y(y).curve(curveMonotoneX);
  return (
    <svg class="spark" viewBox={`0 0 ${sparkWidth} ${sparkHeight}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="calls" d={shape(data.calls) ?? ""} />
      <path class="edge" d={stroke(data.calls) ?? ""} />
      {data.bad.some((v) => v > 0) && <path class="bad" d={shape(data.bad) ?? ""} />}
    </svg>
  );
}

// Name isolates text of any direction from what stands beside it.
export const Name = ({ text }: { text: string }) => <bdi>{text}</bdi>;
