// The page of all commands.
import { type ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Latency, Left, Meter, Name, Pill, Spark } from "./bits";
import * as f from "./format";
import { type Level, levelHints, levels, levelWords, strain } from "./level";
import * as s from "./store";
import type { Spark as SparkData } from "./types";

const sortWords: Record<s.SortKey, string> = {
  level: "State",
  name: "Command",
  rate: "Calls / s",
  errors: "Errors",
  p50: "p50",
  p90: "p90",
  p99: "p99",
  inFlight: "In flight",
  queue: "Queue",
  fallbacks: "Fallbacks",
  shadow: "Shadow",
};

// One key leads to the filter, as in many programs.
addEventListener("keydown", (e) => {
  const typing = (e.target as HTMLElement).closest("input, select, textarea");
  const search = document.getElementById("search");
  if (e.key === "/" && search && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    search.focus();
  }
});

export function Overview() {
  const hosts = s.snapshot.value?.hosts ?? [];
  return (
    <main id="main" tabIndex={-1}>
      <h1 class="unseen">Commands</h1>
      <Summary />
      <Sources />
      <search class="bar" aria-label="Filter and order">
        <input
          id="search" type="search" placeholder="Filter by name  ( / )" aria-label="Filter by name"
          autocomplete="off" spellcheck={false} value={s.words.value}
          onInput={(e) => (s.words.value = e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Escape" && (s.words.value = "")}
        />
        {hosts.length > 1 && (
          <select aria-label="Process" value={s.hostChosen.value} onChange={(e) => (s.hostChosen.value = e.currentTarget.value)}>
            <option value="">All {hosts.length} processes</option>
            {hosts.map((h) => <option key={h.host} value={h.host}>{h.host}</option>)}
          </select>
        )}
        <label class="narrow-only">
          Order{" "}
          <select value={s.sort.value.key} onChange={(e) => s.sortBy(e.currentTarget.value as s.SortKey)}>
            {Object.entries(sortWords).map(([k, w]) => <option key={k} value={k}>{w}</option>)}
          </select>
        </label>
        <span class="grow" />
        <Shown />
      </search>
      <Table />
    </main>
  );
}

function Summary() {
  const n = s.counts.value;
  const rate = s.rows.value.reduce((sum, r) => sum + r.c.rate, 0);
  return (
    <section class="summary" aria-label="Summary">
      <div class="levels" role="group" aria-label="Show only">
        {levels.map((l) => <Chip key={l} level={l} count={n[l]} />)}
      </div>
      <p class="overall">
        <b>{f.rate(rate)}</b> calls / s <span class="soft">over</span> <b>{f.full(s.rows.value.length)}</b>{" "}
        {s.rows.value.length === 1 ? "command" : "commands"}
      </p>
    </section>
  );
}

function Chip({ level, count }: { level: Level; count: number }) {
  const on = s.chosen.value.has(level);
  return (
    <button
      type="button" class={"chip level-" + level + (count === 0 ? " none" : "")} aria-pressed={on} title={levelHints[level]}
      onClick={() => s.choose(level)}
    >
      <i aria-hidden="true" />
      <b>{f.full(count)}</b> {levelWords[level]}
    </button>
  );
}

function Sources() {
  const hosts = s.snapshot.value?.hosts ?? [];
  const notes: ComponentChildren[] = [];
  for (const h of hosts) {
    if (h.error) {
      notes.push(
        <p class="note warn" key={"e" + h.host}>
          <b><Name text={h.host} /></b>: {h.error}
          {h.commands.length > 0 && "; what is shown of it is " + f.span(h.ageMs) + " old"}.
        </p>,
      );
    }
    if (h.hidden > 0) {
      notes.push(
        <p class="note" key={"h" + h.host}>
          <b><Name text={h.host} /></b> has {f.full(h.hidden)} more commands than are shown; those that are not closed come first.
        </p>,
      );
    }
  }
  return <>{notes}</>;
}

function Shown() {
  const shown = s.shown.value.length, all = s.rows.value.length;
  const filtered = s.words.value !== "" || s.chosen.value.size > 0 || s.hostChosen.value !== "";
  const clear = () => {
    s.words.value = "";
    s.chosen.value = new Set();
    s.hostChosen.value = "";
  };
  return (
    <p class="shown">
      <output>{filtered ? f.full(shown) + " of " + f.plural(all, "command") : f.plural(all, "command")}</output>
      {filtered && <button type="button" class="link" onClick={clear}>Show all</button>}
    </p>
  );
}

function Head({ k, end, children }: { k: s.SortKey; end?: boolean; children?: ComponentChildren }) {
  const { key, up } = s.sort.value;
  const on = key === k;
  return (
    <th scope="col" role="columnheader" class={end ? "end" : ""} aria-sort={on ? (up ? "ascending" : "descending") : undefined}>
      <button type="button" onClick={() => s.sortBy(k)}>
        {children ?? sortWords[k]}
        <span class={"arrow" + (on ? " on" : "")} aria-hidden="true">{on && !up ? "↓" : "↑"}</span>
      </button>
    </th>
  );
}

function Table() {
  const list = s.shown.value;
  const several = (s.snapshot.value?.hosts.length ?? 0) > 1;
  const shadows = s.rows.value.some((r) => r.c.shadow);
  const queues = s.rows.value.some((r) => r.c.queueSize > 0 || r.c.queued > 0);
  const steps = s.rows.value.some((r) => r.c.steps?.length);
  if (list.length === 0) {
    const none = s.rows.value.length === 0;
    return (
      <div class="empty">
        <h2>{none ? "No command yet" : "Nothing matches"}</h2>
        <p>{none ? "A command shows up here as soon as the program has made it." : "No command has such a name and such a state."}</p>
      </div>
    );
  }
  return (
    <div class="panel">
      <table role="table" class={"commands" + (several ? " several" : "") + (shadows ? " shadows" : "")} aria-label="Commands">
        <colgroup>
          <col class="c-state" /><col class="c-name" /><col class="c-rate" /><col class="c-spark" /><col class="c-errors" />
          <col class="c-lat" /><col class="c-lat" /><col class="c-lat" /><col class="c-flight" />
          {queues && <col class="c-queue" />}{steps && <col class="c-steps" />}{shadows && <col class="c-shadow" />}
        </colgroup>
        <thead role="rowgroup">
          <tr role="row">
            <Head k="level" /><Head k="name" /><Head k="rate" end />
            <th scope="col" role="columnheader"><span class="plain">5 min</span></th>
            <Head k="errors" end /><Head k="p50" end /><Head k="p90" end /><Head k="p99" end /><Head k="inFlight" end />
            {queues && <Head k="queue" end />}{steps && <Head k="fallbacks" />}{shadows && <Head k="shadow" />}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {list.map((r) => <CommandRow key={r.id} r={r} several={several} queues={queues} steps={steps} shadows={shadows} />)}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  r: s.Row;
  several: boolean;
  queues: boolean;
  steps: boolean;
  shadows: boolean;
}

// Rows that are out of sight are brought up to date when they come into it, or when their
// state changes: a page of hundreds of commands stays fluid.
const inSight = new Map<Element, (seen: boolean) => void>();
const sight = new IntersectionObserver(
  (all) => all.forEach((e) => inSight.get(e.target)?.(e.isIntersecting)),
  { rootMargin: "400px 0px" },
);

function CommandRow(p: RowProps) {
  const [seen, setSeen] = useState(true);
  const row = useRef<HTMLTableRowElement>(null);
  const last = useRef(p.r);
  if (seen || last.current.level !== p.r.level || last.current.id !== p.r.id) last.current = p.r;
  useEffect(() => {
    const e = row.current!;
    inSight.set(e, setSeen);
    sight.observe(e);
    return () => {
      sight.unobserve(e);
      inSight.delete(e);
    };
  }, []);
  const r = last.current;
  const spark = s.sparks.value.get(r.id);
  const known = useRef(spark);
  if (seen) known.current = spark;
  return useMemo(
    () => <tr ref={row} role="row" class={"level-" + r.level + (r.stale ? " stale" : "")}><Cells {...p} r={r} spark={known.current} /></tr>,
    [r, known.current, p.several, p.queues, p.steps, p.shadows],
  );
}

function Cells({ r, several, queues, steps, shadows, spark }: RowProps & { spark: SparkData | undefined }) {
  const c = r.c;
  const why = c.override !== "none" ? c.overrideReason : c.state !== "closed" ? c.reason : strain(c);
  const quiet = r.level === "idle";
  const some = c.rate > 0;
  return (
    <>
      <td role="cell" class="state">
        <Pill c={c} quiet={c.state === "closed" && c.override === "none"} />
        <Left c={c} />
      </td>
      <th role="rowheader" scope="row" class="name">
        <a href={s.linkTo(r.host, c.name)} id={"row-" + r.id}><Name text={c.name} /></a>
        {several && <span class="host"><Name text={r.host} /></span>}
        {why && <p class="why" title={why}><Name text={why} /></p>}
      </th>
      <td role="cell" class="end num" data-label="Calls / s">{quiet ? <span class="soft">0</span> : f.rate(c.rate)}</td>
      <td role="cell" class="spark-cell"><Spark data={spark} points={60} /></td>
      <td role="cell" class="end num errors" data-label="Errors" title={`${c.requests} calls judged; opens at ${c.opensAt} % of at least ${c.volume}`}>
        {c.requests > 0 ? <>{f.percent(c.errorPercent)}<small> %</small></> : <span class="soft">–</span>}
        <Meter kind="err" share={c.errorPercent} at={c.opensAt} />
      </td>
      <td role="cell" class="end num" data-label="p50">{some ? <Latency ms={c.p50 || 0.001} /> : <span class="soft">–</span>}</td>
      <td role="cell" class="end num" data-label="p90">{some ? <Latency ms={c.p90 || 0.001} /> : <span class="soft">–</span>}</td>
      <td role="cell" class="end num" data-label="p99">{some ? <Latency ms={c.p99 || 0.001} /> : <span class="soft">–</span>}</td>
      <td
        role="cell" class="end num" data-label="In flight"
        title={c.abandoned > 0 ? f.plural(c.abandoned, "call") + " abandoned by the caller still hold a place" : undefined}
      >
        {c.inFlight}<small class="of"> / {c.maxConcurrent < 0 ? "∞" : f.whole(c.maxConcurrent)}</small>
        <Meter kind="load" share={c.maxConcurrent > 0 ? (c.inFlight / c.maxConcurrent) * 100 : 0} />
      </td>
      {queues && (
        <td role="cell" class="end num" data-label={c.queueSize > 0 ? "Queue" : undefined}>
          {c.queueSize > 0 && <>{c.queued}<small class="of"> / {f.whole(c.queueSize)}</small></>}
        </td>
      )}
      {steps && <td role="cell" class="steps" data-label={c.steps && "Fallbacks"}>{c.steps && <Steps c={c} />}</td>}
      {shadows && <td role="cell" class="shadow-cell" data-label={c.shadow && "Shadow"}>{c.shadow && <ShadowBrief c={c} />}</td>}
    </>
  );
}

function Steps({ c }: { c: s.Row["c"] }) {
  const some = (c.steps ?? []).filter((x) => x.answered > 0 || x.failed > 0 || x.rejected > 0);
  if (some.length === 0) return <span class="soft small">not needed</span>;
  return (
    <ul class="step-list">
      {some.map((x) => (
        <li key={x.step} title={`${x.step}: ${f.full(x.answered)} answered, ${f.full(x.failed)} failed, ${f.full(x.rejected)} not tried, since the start; ${f.full(x.recent)} answered in the last minute`}>
          <span class="step"><Name text={x.step} /></span>
          <b class={x.recent > 0 ? "recent" : ""}>{f.whole(x.answered)}</b>
        </li>
      ))}
    </ul>
  );
}

function ShadowBrief({ c }: { c: s.Row["c"] }) {
  const x = c.shadow!;
  const n = x.shortCircuited + x.rejected;
  return (
    <span class="shadow-brief" title={x.line}>
      <Pill c={{ state: x.state }} quiet />
      <span class="soft">would refuse <b>{f.whole(n)}</b>{n > 0 && <>, {f.whole(x.refusedSucceeded)} good</>}</span>
    </span>
  );
}
