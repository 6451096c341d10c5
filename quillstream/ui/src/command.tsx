// The page of one command.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Actions } from "./actions";
import { Latency, Left, Name, Pill } from "./bits";
import { Charts, pointsOf } from "./charts";
import { EvidenceList, Samples } from "./evidence";
import * as f from "./format";
import { strain } from "./level";
import * as s from "./store";
import type { Command, Detail } from "./types";

const spans: [string, number][] = [["5 min", 300], ["15 min", 900], ["1 hour", 3600]];

export function CommandPage({ host, name }: { host: string; name: string }) {
  const detail = useSignal<Detail | null>(null);
  const problem = useSignal("");
  const span = useSignal(900);
  const cursor = useSignal(-1);
  const title = useRef<HTMLHeadingElement>(null);
  const id = s.idOf(host, name);
  const row = s.rows.value.find((r) => r.id === id);
  const c = row?.c ?? detail.value?.now;

  const load = async () => {
    try {
      detail.value = await s.askDetail(host, name);
      problem.value = "";
    } catch (e) {
      problem.value = (e as Error).message;
    }
  };
  useEffect(() => {
    title.current?.focus();
    scrollTo(0, 0);
  }, [id]);
  // Every period there is a new point; a change of state has evidence at once.
  useEffect(() => {
    void load();
    const timer = setInterval(() => !document.hidden && !s.paused.value && void load(), 5000);
    return () => clearInterval(timer);
  }, [id, c?.state, c?.override, c?.reason]);

  const points = useMemo(() => (detail.value ? pointsOf(detail.value.history) : []), [detail.value]);
  const d = detail.value;
  return (
    <main id="main" class="command">
      <nav aria-label="Breadcrumb"><a href="#/" class="back">← All commands</a></nav>
      <header class="title">
        <h1 tabIndex={-1} ref={title}><Name text={name} /></h1>
        {c && <Pill c={c} />}
        {c && <Left c={c} />}
        <span class="grow" />
        {(s.snapshot.value?.hosts.length ?? 0) > 1 && <span class="host"><Name text={host} /></span>}
      </header>
      {problem.value && <p class="note warn" role="alert">{problem.value}</p>}
      {c && <Lead c={c} />}
      {c && <Figures c={c} />}
      <div class="columns">
        <section class="panel history" aria-labelledby="h-history">
          <div class="head">
            <h2 id="h-history">History</h2>
            <div class="segments" role="group" aria-label="Length of the history">
              {spans.map(([w, n]) => (
                <button key={n} type="button" aria-pressed={span.value === n} onClick={() => (span.value = n)}>{w}</button>
              ))}
            </div>
          </div>
          {d && <Charts points={points} span={span.value} cursor={cursor} limit={c?.maxConcurrent ?? -1} />}
        </section>
        <div class="side">
          {d && <Words d={d} />}
          {c?.steps && <Fallbacks c={c} />}
          {c?.shadow && <ShadowPanel c={c} />}
        </div>
        <section class="panel evidence" aria-labelledby="h-evidence">
          <div class="head"><h2 id="h-evidence">What moved it, and on what evidence</h2></div>
          {d && <Samples errors={d.explain.errors} slowest={d.explain.slowest} title="Right now" at={new Date(d.explain.at)} />}
          {d && <EvidenceList all={d.explain.transitions ?? []} />}
        </section>
        {d && s.snapshot.value?.admin && row && <Actions d={d} self={row.self} onChange={(next) => (detail.value = next)} />}
      </div>
    </main>
  );
}

// Lead says in a sentence how things are.
function Lead({ c }: { c: Command }) {
  let text: ComponentChildren;
  if (c.override !== "none") text = <>Overridden{c.overrideReason ? <>: <Name text={c.overrideReason} /></> : "."}</>;
  else if (c.state !== "closed") text = <><Name text={c.reason ?? ""} /> · {f.span(c.sinceMs)} ago</>;
  else if (strain(c)) text = strain(c);
  else if (c.reason) text = <>Calls pass. <span class="soft">Last: <Name text={c.reason} />, {f.span(c.sinceMs)} ago</span></>;
  else text = "Calls pass. It has never opened.";
  return <p class="lead">{text}</p>;
}

function Figure({ label, children, note }: { label: string; children: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>{children}{note && <span class="figure-note">{note}</span>}</dd>
    </div>
  );
}

function Figures({ c }: { c: Command }) {
  const w = c.window;
  const bad = ([["failed", w.failure], ["timed out", w.timeout], ["rejected", w.rejected], ["short-circuited", w.shortCircuited], ["ignored", w.ignored], ["canceled", w.canceled]] as const)
    .filter(([, n]) => n > 0).map(([k, n]) => f.whole(n) + " " + k).join(", ");
  return (
    <dl class="figures">
      <Figure label="Calls / s" note={f.whole(c.total) + " in all"}>{f.rate(c.rate)}</Figure>
      <Figure label="Errors" note={`${f.whole(c.requests)} judged, opens at ${c.opensAt} %`}>{c.requests > 0 ? <>{f.percent(c.errorPercent)}<small> %</small></> : "–"}</Figure>
      {c.opensAtSlow > 0 && <Figure label="Slow" note={`opens at ${c.opensAtSlow} %`}>{f.percent(c.slowPercent)}<small> %</small></Figure>}
      <Figure label="p50"><Latency ms={c.p50} /></Figure>
      <Figure label="p90"><Latency ms={c.p90} /></Figure>
      <Figure label="p99"><Latency ms={c.p99} /></Figure>
      <Figure label="In flight" note={c.abandoned > 0 ? f.plural(c.abandoned, "abandoned", "abandoned") : undefined}>
        {c.inFlight}<small> / {c.maxConcurrent < 0 ? "∞" : c.maxConcurrent}</small>
      </Figure>
      {c.queueSize > 0 && <Figure label="Queue">{c.queued}<small> / {c.queueSize}</small></Figure>}
      <Figure label="In the window" note={bad || undefined}>{f.whole(w.success)}<small> good</small></Figure>
      {c.faults?.map((x) => <Figure key={x.what} label={x.what}><span class="bad">{f.whole(x.count)}</span></Figure>)}
    </dl>
  );
}

function Words({ d }: { d: Detail }) {
  return (
    <section class="panel" aria-labelledby="h-words">
      <div class="head"><h2 id="h-words">Settings in force</h2></div>
      <ul class="words">{d.words.map((w) => <li key={w}>{w}</li>)}</ul>
      {d.bulkhead && <p class="soft small">Its places are those of the bulkhead <b><Name text={d.bulkhead} /></b>, which others may use too.</p>}
      <details class="raw">
        <summary>As values</summary>
        <table class="values"><tbody>
          {Object.entries(d.inForce).map(([k, v]) => (
            <tr key={k}><th scope="row">{k}</th><td>{String(v)}</td><td class="soft">{k in d.given ? "" : "default"}</td></tr>
          ))}
        </tbody></table>
      </details>
    </section>
  );
}

function Fallbacks({ c }: { c: Command }) {
  return (
    <section class="panel" aria-labelledby="h-steps">
      <div class="head"><h2 id="h-steps">Fallbacks</h2></div>
      <table class="values steps-table">
        <thead><tr><th scope="col">step</th><th scope="col">last min</th><th scope="col">answered</th><th scope="col">failed</th><th scope="col">not tried</th></tr></thead>
        <tbody>
          {c.steps!.map((x) => (
            <tr key={x.step}><th scope="row"><Name text={x.step} /></th><td>{f.whole(x.recent)}</td><td>{f.whole(x.answered)}</td><td>{f.whole(x.failed)}</td><td>{f.whole(x.rejected)}</td></tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ShadowPanel({ c }: { c: Command }) {
  const x = c.shadow!;
  const refused = x.shortCircuited + x.rejected;
  return (
    <section class="panel shadow-panel" aria-labelledby="h-shadow">
      <div class="head"><h2 id="h-shadow">In the shadow</h2><Pill c={{ state: x.state }} quiet /></div>
      <p>A candidate watches the same calls and refuses none. Of <b>{f.full(x.calls)}</b> it would have</p>
      <ul class="words">
        <li>refused <b>{f.full(refused)}</b>{refused > 0 && <>: {f.full(x.refusedFailed)} of them failed anyway, <b>{f.full(x.refusedSucceeded)}</b> succeeded</>};</li>
        <li>cut <b>{f.full(x.timedOut)}</b> at its timeout{x.timedOut > 0 && <>, of which <b>{f.full(x.timedOutSucceeded)}</b> succeeded in the end</>}.</li>
      </ul>
      {x.line && <p class="soft small"><Name text={x.line} /></p>}
      <details class="raw"><summary>The candidate</summary><ul class="words">{x.words.map((w) => <li key={w}>{w}</li>)}</ul></details>
    </section>
  );
}
