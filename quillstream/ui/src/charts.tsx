// The last hour of a command as pictures under one another, with one moment marked in all.
import { type Signal } from "@preact/signals";
import { area, curveMonotoneX, curveStepBefore, line } from "d3-shape";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import * as f from "./format";
import { type Mark, markWords } from "./level";
import type { History } from "./types";

export interface Point {
  ago: number; // seconds
  passed: number;
  failed: number;
  refused: number; // all three per second
  p50: number;
  p90: number;
  p99: number;
  inFlight: number;
  mark: Mark;
}

const stateMarks: Mark[] = ["closed", "open", "half-open"];
const overrideMarks: (Mark | null)[] = [null, "forced-open", "forced-closed", "disabled"];

export function pointsOf(h: History): Point[] {
  const per = h.periodMs / 1000;
  return (h.agoS ?? []).map((ago, i) => ({
    ago,
    passed: h.passed![i] / per,
    failed: h.failed![i] / per,
    refused: h.refused![i] / per,
    p50: h.p50![i],
    p90: h.p90![i],
    p99: h.p99![i],
    inFlight: h.inFlight![i],
    mark: overrideMarks[h.override![i]] ?? stateMarks[h.state![i]],
  }));
}

const margin = { left: 46, right: 44, top: 8, bottom: 6 };

function useWidth(): [(e: HTMLElement | null) => void, number] {
  const [width, setWidth] = useState(800);
  const observer = useMemo(() => new ResizeObserver((all) => setWidth(Math.max(240, all[0].contentRect.width))), []);
  useEffect(() => () => observer.disconnect(), []);
  return [(e) => e && observer.observe(e), width];
}

interface Frame {
  width: number;
  span: number; // seconds shown
  x: (ago: number) => number;
}

interface Series {
  name: string;
  kind: string;
  value: (p: Point) => number;
}

export function Charts({ points, span, cursor, limit }: { points: Point[]; span: number; cursor: Signal<number>; limit: number }) {
  const [ref, width] = useWidth();
  const inner = width - margin.left - margin.right;
  const frame: Frame = { width, span, x: (ago) => margin.left + inner * (1 - ago / span) };
  const list = useMemo(() => points.filter((p) => p.ago <= span), [points, span]);
  const at = cursor.value >= 0 ? list[Math.min(cursor.value, list.length - 1)] : undefined;
  const move = (e: PointerEvent) => {
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const ago = span * (1 - (e.clientX - box.left - margin.left) / inner);
    let best = -1;
    list.forEach((p, i) => {
      if (best < 0 || Math.abs(p.ago - ago) < Math.abs(list[best].ago - ago)) best = i;
    });
    cursor.value = best;
  };
  if (list.length < 2) {
    return <p ref={ref} class="no-history">Nothing yet: the history begins with the first calls that the dashboard sees, and has a point every 5 s.</p>;
  }
  return (
    <div ref={ref} class="charts" onPointerMove={move} onPointerLeave={() => (cursor.value = -1)}>
      <Band list={list} frame={frame} />
      <Stack list={list} frame={frame} at={at} />
      <Lines
        title="Latency" frame={frame} list={list} at={at} height={118} format={f.latencyText}
        series={[
          { name: "p99", kind: "p99", value: (p) => p.p99 },
          { name: "p90", kind: "p90", value: (p) => p.p90 },
          { name: "p50", kind: "p50", value: (p) => p.p50 },
        ]}
      />
      <Lines
        title="In flight" frame={frame} list={list} at={at} height={84} format={(v) => f.whole(v)} limit={limit}
        series={[{ name: "", kind: "flight", value: (p) => p.inFlight }]}
      />
      <TimeAxis frame={frame} />
      <Scrubber list={list} cursor={cursor} />
    </div>
  );
}

// Scrubber marks a moment without a mouse, and says what was.
function Scrubber({ list, cursor }: { list: Point[]; cursor: Signal<number> }) {
  const i = cursor.value < 0 ? list.length - 1 : Math.min(cursor.value, list.length - 1);
  const p = list[i];
  const text = readout(p);
  return (
    <div class="scrub">
      <input
        type="range" min={0} max={list.length - 1} value={i} aria-label="Moment of the history" aria-valuetext={text}
        onInput={(e) => (cursor.value = +e.currentTarget.value)} onBlur={() => (cursor.value = -1)}
      />
      <p class="readout" aria-hidden="true">{text}</p>
    </div>
  );
}

export function readout(p: Point): string {
  const when = p.ago < 5 ? "Now" : f.span(p.ago * 1000) + " ago";
  const parts = [
    when + ": " + markWords[p.mark].toLowerCase(),
    f.rate(p.passed) + "/s passed",
    f.rate(p.failed) + "/s failed",
    f.rate(p.refused) + "/s refused",
  ];
  if (p.p99 > 0) parts.push("p50 " + f.latencyText(p.p50) + ", p99 " + f.latencyText(p.p99));
  parts.push(p.inFlight + " in flight");
  return parts.join(" · ");
}

function Band({ list, frame }: { list: Point[]; frame: Frame }) {
  const runs: { mark: Mark; from: number; to: number }[] = [];
  for (const p of list) {
    const last = runs[runs.length - 1];
    if (last && last.mark === p.mark) last.to = p.ago;
    else {
      if (last) last.to = p.ago;
      runs.push({ mark: p.mark, from: p.ago, to: p.ago });
    }
  }
  const words = runs.filter((r) => r.mark !== "closed").length;
  return (
    <svg class="band" width={frame.width} height="22" role="img" aria-label={`State: ${words === 0 ? "closed all the time" : f.plural(words, "time") + " not closed"}`}>
      <text x={margin.left - 8} y="15" class="axis end">State</text>
      {runs.map((r, i) => {
        const x = frame.x(r.from), w = Math.max(1.5, frame.x(r.to) - x);
        const h = r.mark === "closed" ? 6 : r.mark === "half-open" ? 11 : 16; // a state is a height, not a color alone
        return (
          <g key={i} class={"run mark-" + r.mark}>
            <rect x={x} y={19 - h} width={w} height={h} rx={w > 6 ? 2 : 0} />
            {w > 64 && h > 12 && <text x={x + 8} y="15">{markWords[r.mark]}</text>}
            <title>{markWords[r.mark]}</title>
          </g>
        );
      })}
    </svg>
  );
}

function Plot(props: { title: string; legend: ComponentChildren; frame: Frame; height: number; most: number; ticks: number[]; format: (v: number) => string; label: string; at?: Point; children: ComponentChildren }) {
  const { frame, height, most } = props;
  const y = (v: number) => height - margin.bottom - (v / most) * (height - margin.top - margin.bottom);
  return (
    <figure class="plot">
      <figcaption><b>{props.title}</b>{props.legend}</figcaption>
      <svg width={frame.width} height={height} role="img" aria-label={props.label}>
        {props.ticks.map((t) => (
          <g key={t}>
            <line class="grid" x1={margin.left} x2={frame.width - margin.right} y1={y(t)} y2={y(t)} />
            <text class="axis end" x={margin.left - 8} y={y(t) + 4}>{props.format(t)}</text>
          </g>
        ))}
        {props.children}
        {props.at && <line class="cursor" x1={frame.x(props.at.ago)} x2={frame.x(props.at.ago)} y1={margin.top - 6} y2={height - margin.bottom} />}
      </svg>
    </figure>
  );
}

const ticksOf = (most: number) => [0, most / 2, most];
const tickText = (v: number) => (v < 1000 ? String(Math.round(v * 100) / 100) : f.whole(v));
const tickLatency = (ms: number) => (ms === 0 ? "0" : ms < 1000 ? tickText(ms) + " ms" : tickText(ms / 1000) + " s");

function Stack({ list, frame, at }: { list: Point[]; frame: Frame; at?: Point }) {
  const height = 148;
  const layers: Series[] = [
    { name: "passed", kind: "passed", value: (p) => p.passed },
    { name: "failed", kind: "failed", value: (p) => p.failed },
    { name: "refused", kind: "refused", value: (p) => p.refused },
  ];
  const most = f.nice(Math.max(1, ...list.map((p) => p.passed + p.failed + p.refused)));
  const y = (v: number) => height - margin.bottom - (v / most) * (height - margin.top - margin.bottom);
  const base = (p: Point, upTo: number) => layers.slice(0, upTo).reduce((sum, l) => sum + l.value(p), 0);
  const now = list[list.length - 1];
  return (
    <Plot
      title="Calls per second" frame={frame} height={height} most={most} ticks={ticksOf(most)} format={tickText} at={at}
      label={`Calls per second, now ${f.rate(now.passed)} passed, ${f.rate(now.failed)} failed, ${f.rate(now.refused)} refused; at most ${f.rate(Math.max(...list.map((p) => base(p, 3))))}`}
      legend={<span class="legend">{layers.map((l) => <span key={l.kind} class={"key " + l.kind}>{l.name} <b>{f.rate(l.value(at ?? now))}</b></span>)}</span>}
    >
      <defs>
        <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="5" height="5" class="hatch-ground" />
          <rect width="2" height="5" class="hatch-line" />
        </pattern>
      </defs>
      {layers.map((l, i) => (
        <path
          key={l.kind} class={"layer " + l.kind}
          d={area<Point>().x((p) => frame.x(p.ago)).y0((p) => y(base(p, i))).y1((p) => y(base(p, i + 1))).curve(curveMonotoneX)(list) ?? ""}
        />
      ))}
    </Plot>
  );
}

function Lines(props: { title: string; frame: Frame; list: Point[]; at?: Point; height: number; series: Series[]; format: (v: number) => string; limit?: number }) {
  const { frame, list, series, height, limit } = props;
  const top = Math.max(...list.map((p) => Math.max(...series.map((s) => s.value(p)))));
  const near = limit !== undefined && limit > 0 && limit <= Math.max(4 * top, 12);
  const most = f.nice(Math.max(limit === undefined ? 1 : 4, top, near ? limit : 0));
  const y = (v: number) => height - margin.bottom - (v / most) * (height - margin.top - margin.bottom);
  const now = list[list.length - 1];
  const flat = limit !== undefined;
  return (
    <Plot
      title={props.title} frame={frame} height={height} most={most} ticks={ticksOf(most)} format={flat ? tickText : tickLatency} at={props.at}
      label={`${props.title}, now ${series.map((s) => (s.name + " " + props.format(s.value(now))).trim()).join(", ")}; at most ${props.format(top)}`}
      legend={
        <span class="legend">
          {series.map((s) => <span key={s.kind} class={"key line " + s.kind}>{s.name} <b>{props.format(s.value(props.at ?? now))}</b></span>)}
          {limit !== undefined && <span class="key line limit">limit <b>{limit < 0 ? "none" : limit}</b></span>}
        </span>
      }
    >
      {near && <line class="limit" x1={margin.left} x2={frame.width - margin.right} y1={y(limit)} y2={y(limit)} />}
      {flat && <path class="layer flight" d={area<Point>().x((p) => frame.x(p.ago)).y0(y(0)).y1((p) => y(series[0].value(p))).curve(curveStepBefore)(list) ?? ""} />}
      {series.map((s) => (
        <path
          key={s.kind} class={"stroke " + s.kind}
          d={line<Point>().x((p) => frame.x(p.ago)).y((p) => y(s.value(p))).defined((p) => flat || s.value(p) > 0).curve(flat ? curveStepBefore : curveMonotoneX)(list) ?? ""}
        />
      ))}
    </Plot>
  );
}

function TimeAxis({ frame }: { frame: Frame }) {
  const every = frame.span <= 300 ? 60 : frame.span <= 900 ? 180 : frame.width < 600 ? 1200 : 600;
  const marks: number[] = [];
  for (let t = 0; t <= frame.span; t += every) marks.push(t);
  return (
    <svg class="time" width={frame.width} height="18" aria-hidden="true">
      {marks.map((t) => (
        <text key={t} class="axis middle" x={frame.x(t)} y="12">
          {t === 0 ? "now" : "−" + t / 60 + " min"}
        </text>
      ))}
    </svg>
  );
}
