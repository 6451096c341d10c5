// Why a circuit is in its state: its transitions, each with what it was decided on.
import { Name, Pill } from "./bits";
import * as f from "./format";
import type { Counts, ErrorSample, Evidence, SlowCall } from "./types";

export function EvidenceList({ all }: { all: Evidence[] }) {
  if (all.length === 0) return <p class="soft pad">It has never changed its state.</p>;
  return (
    <ol class="evidence-list" reversed>
      {[...all].reverse().map((e, i) => <Item key={e.at + e.reason} e={e} first={i === 0} />)}
    </ol>
  );
}

function Item({ e, first }: { e: Evidence; first: boolean }) {
  const at = new Date(e.at);
  const more = e.window || e.errors?.length || e.slowest?.length;
  const line = (
    <>
      <time dateTime={e.at}>{f.moment(at)}</time>
      <Pill c={{ state: e.to, override: e.override }} quiet />
      <span class="reason"><Name text={e.reason} /></span>
    </>
  );
  const aside = e.to === "half-open"; // a step on the way, which would hide the others
  if (!more) return <li class={aside ? "step-aside" : ""}><div class="flat">{line}</div></li>;
  return (
    <li class={aside ? "step-aside" : ""}>
      <details open={first}>
        <summary>{line}</summary>
        <div class="proof">
          {e.window && <Outcomes w={e.window} />}
          <Samples errors={e.errors} slowest={e.slowest} at={at} />
          {e.nextProbe && <p class="soft">The next probe was due at {f.clock(new Date(e.nextProbe))}.</p>}
          {e.rule && <p class="soft">It {e.rule}.</p>}
        </div>
      </details>
    </li>
  );
}

const outcomes: [keyof Counts, string][] = [
  ["success", "succeeded"], ["failure", "failed"], ["timeout", "timed out"], ["rejected", "rejected"],
  ["shortCircuited", "short-circuited"], ["ignored", "ignored"], ["canceled", "canceled"],
];

// Outcomes is the window as a bar and in words.
export function Outcomes({ w }: { w: Counts }) {
  const some = outcomes.map(([k, words]) => ({ k, words, n: w[k] })).filter((o) => o.n > 0);
  const all = some.reduce((n, o) => n + o.n, 0);
  if (all === 0) return <p class="soft">No calls in the window.</p>;
  let x = 0;
  return (
    <div class="outcomes">
      <svg class="outcome-bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        {some.map((o) => {
          const width = (o.n / all) * 1000;
          const bar = <rect key={o.k} class={"out-" + o.k} x={x} width={width} height="10" />;
          x += width;
          return bar;
        })}
      </svg>
      <p>{some.map((o) => <span key={o.k} class={"key out-" + o.k}><b>{f.full(o.n)}</b> {o.words}</span>)}</p>
    </div>
  );
}

export function Samples({ errors, slowest, title, at }: { errors?: ErrorSample[]; slowest?: SlowCall[]; title?: string; at: Date }) {
  const ago = (then: string) => {
    const ms = at.getTime() - new Date(then).getTime();
    if (title) return ms < 1000 ? "just now" : f.span(ms) + " ago";
    return ms < 1000 ? "then" : f.span(ms) + " before";
  };
  if (!errors?.length && !slowest?.length) return null;
  return (
    <div class="samples">
      {title && <h3>{title}</h3>}
      {!!errors?.length && (
        <div>
          <h4>Last errors</h4>
          <ul>
            {errors.map((x) => (
              <li key={x.text}><b class="times">{f.full(x.count)}×</b> <code><Name text={x.text} /></code> <span class="soft">{ago(x.last)}</span></li>
            ))}
          </ul>
        </div>
      )}
      {!!slowest?.length && (
        <div>
          <h4>Slowest calls</h4>
          <ul>
            {slowest.map((x, i) => <li key={i}><b>{duration(x.duration)}</b> {x.outcome} <span class="soft">{ago(x.at)}</span></li>)}
          </ul>
        </div>
      )}
    </div>
  );
}

// duration rounds what Go writes ("1.234567891s") to three digits.
export function duration(text: string): string {
  let ms = 0;
  for (const [, n, unit] of text.matchAll(/([\d.]+)(h|ms|m|µs|us|ns|s)/g)) {
    ms += +n * { h: 3.6e6, m: 6e4, s: 1e3, ms: 1, µs: 1e-3, us: 1e-3, ns: 1e-6 }[unit as "s"]!;
  }
  return f.latencyText(ms);
}
