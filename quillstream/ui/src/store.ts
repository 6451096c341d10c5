// What the page knows, and how it learns it: by asking its server once a second while it
// can be seen.
import { batch, computed, effect, signal } from "@preact/signals";
import { type Level, levelOf, levels, markOf, markWords } from "./level";
import type { Command, Detail, Problem, Snapshot, Spark, Sparks } from "./types";

export interface Row {
  id: string; // unique: host and name
  host: string;
  self: boolean;
  stale: boolean;
  level: Level;
  c: Command;
}

export const snapshot = signal<Snapshot | null>(null);
export const receivedAt = signal(0); // of snapshot, by performance.now()
export const sparks = signal<Map<string, Spark>>(new Map());
export const lost = signal(""); // why there is no connection
export const paused = signal(false);
export const said = signal(""); // what is told to a screen reader

export const idOf = (host: string, name: string): string => host + "\n" + name;

export const rows = computed<Row[]>(() => {
  const all: Row[] = [];
  for (const h of snapshot.value?.hosts ?? []) {
    for (const c of h.commands) {
      all.push({ id: idOf(h.host, c.name), host: h.host, self: h.self, stale: !!h.error, level: levelOf(c), c });
    }
  }
  return all;
});

export const counts = computed<Record<Level, number>>(() => {
  const n = Object.fromEntries(levels.map((l) => [l, 0])) as Record<Level, number>;
  for (const r of rows.value) n[r.level]++;
  return n;
});

// --- filter and order ---

export type SortKey = "level" | "name" | "rate" | "errors" | "p50" | "p90" | "p99" | "inFlight" | "queue" | "fallbacks" | "shadow";
export const words = signal("");
export const chosen = signal<Set<Level>>(new Set());
export const hostChosen = signal("");
export const sort = signal<{ key: SortKey; up: boolean }>({ key: "level", up: true });

export const share = (c: Command): number => (c.maxConcurrent > 0 ? c.inFlight / c.maxConcurrent : c.inFlight / 1e6);
export const recentFallbacks = (c: Command): number => (c.steps ?? []).reduce((n, s) => n + s.recent, 0);
export const wouldRefuse = (c: Command): number => (c.shadow ? c.shadow.shortCircuited + c.shadow.rejected + c.shadow.timedOut : -1);

const values: Record<SortKey, (r: Row) => number | string> = {
  level: (r) => levels.indexOf(r.level),
  name: (r) => r.c.name,
  rate: (r) => r.c.rate,
  errors: (r) => r.c.errorPercent,
  p50: (r) => r.c.p50,
  p90: (r) => r.c.p90,
  p99: (r) => r.c.p99,
  inFlight: (r) => share(r.c),
  queue: (r) => r.c.queued,
  fallbacks: (r) => recentFallbacks(r.c),
  shadow: (r) => wouldRefuse(r.c),
};

const collator = new Intl.Collator("en", { numeric: true });
const byName = (a: Row, b: Row) => collator.compare(a.c.name, b.c.name) || collator.compare(a.host, b.host);

export const shown = computed<Row[]>(() => {
  const needles = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const { key, up } = sort.value;
  const value = values[key];
  const list = rows.value.filter(
    (r) =>
      (chosen.value.size === 0 || chosen.value.has(r.level)) &&
      (hostChosen.value === "" || r.host === hostChosen.value) &&
      needles.every((n) => r.c.name.toLowerCase().includes(n) || r.host.toLowerCase().includes(n)),
  );
  return list.sort((a, b) => {
    const x = value(a), y = value(b);
    const d = key === "name" ? byName(a, b) : (x as number) - (y as number);
    return (up ? d : -d) || byName(a, b);
  });
});

// sortBy turns the order around when it is by that column already. Numbers begin with the
// largest, names and states with the first.
export function sortBy(key: SortKey): void {
  const s = sort.value;
  if (s.key === key) sort.value = { key, up: !s.up };
  else sort.value = { key, up: key === "level" || key === "name" };
}

export function choose(l: Level): void {
  const next = new Set(chosen.value);
  if (!next.delete(l)) next.add(l);
  chosen.value = next;
}

// --- where the page is: #/ or #/command/HOST/NAME ---

export type Route = { page: "overview" } | { page: "command"; host: string; name: string };

function parse(hash: string): Route {
  const m = /^#\/command\/([^/]*)\/(.+)$/.exec(hash);
  if (!m) return { page: "overview" };
  try {
    return { page: "command", host: decodeURIComponent(m[1]), name: decodeURIComponent(m[2]) };
  } catch {
    return { page: "overview" };
  }
}

export const route = signal<Route>(parse(location.hash));
addEventListener("hashchange", () => (route.value = parse(location.hash)));
export const linkTo = (host: string, name: string): string =>
  "#/command/" + encodeURIComponent(host) + "/" + encodeURIComponent(name);

// --- asking ---

export class Refusal extends Error {
  constructor(
    message: string,
    readonly problems: Problem[] = [],
  ) {
    super(message);
  }
}

async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  let r: Response;
  try {
    r = await fetch(path, { signal: AbortSignal.timeout(8000), ...init });
  } catch {
    throw new Refusal("The program does not answer.");
  }
  let body: unknown;
  try {
    body = await r.json();
  } catch {
    throw new Refusal(r.ok ? "The answer is not what the dashboard expects." : "The program answers with status " + r.status + ".");
  }
  const refused = body as { error?: string; problems?: Problem[] };
  if (!r.ok) throw new Refusal(refused.error ?? "status " + r.status, refused.problems);
  return body as T;
}

export const askDetail = (host: string, name: string): Promise<Detail> =>
  ask("data/command?host=" + encodeURIComponent(host) + "&name=" + encodeURIComponent(name));

// change asks for a change of a circuit; the header tells the server that this page did.
export const change = <T = Detail>(action: string, body: object): Promise<T> =>
  ask<T>("do/" + action, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Quill-Dashboard": "1" },
    body: JSON.stringify(body),
  });

async function refresh(): Promise<void> {
  try {
    const s = await ask<Snapshot>("data/now");
    batch(() => {
      announce(s);
      snapshot.value = s;
      receivedAt.value = performance.now();
      lost.value = "";
    });
  } catch (e) {
    lost.value = (e as Error).message;
  }
}

async function refreshSparks(): Promise<void> {
  try {
    const s = await ask<Sparks>("data/sparks");
    const next = new Map<string, Spark>();
    for (const h of s.hosts) for (const [name, spark] of Object.entries(h.commands)) next.set(idOf(h.host, name), spark);
    sparks.value = next;
  } catch {
    // the next answer of data/now says what is wrong
  }
}

// announce tells a screen reader which states have changed; of many it names the first.
function announce(next: Snapshot): void {
  const before = new Map(rows.value.map((r) => [r.id, markOf(r.c)]));
  if (before.size === 0) return;
  const changes: string[] = [];
  for (const h of next.hosts) {
    for (const c of h.commands) {
      const was = before.get(idOf(h.host, c.name)), is = markOf(c);
      if (was && was !== is) {
        changes.push(c.name + (next.hosts.length > 1 ? " on " + h.host : "") + ": " + markWords[is].toLowerCase());
      }
    }
  }
  if (changes.length === 0) return;
  const most = 3;
  said.value = changes.slice(0, most).join("; ") + (changes.length > most ? "; and " + (changes.length - most) + " more" : "");
}

// every calls f, and again each pause after it has ended, while the page can be seen and
// is not paused.
function every(pause: () => number, f: () => Promise<void>): void {
  let timer = 0;
  const turn = async () => {
    clearTimeout(timer);
    if (!document.hidden && !paused.value) await f();
    timer = setTimeout(turn, pause());
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void turn();
  });
  effect(() => {
    if (!paused.value) void turn();
  });
}

export function start(): void {
  every(() => (lost.value ? 2000 : rows.value.length > 400 ? 1500 : 1000), refresh);
  every(() => (snapshot.value ? 5000 : 500), refreshSparks);
  effect(() => {
    const n = counts.value;
    const bad = n.open + n.forced;
    document.title = (bad > 0 ? bad + (n.forced ? " open or overridden" : " open") + " · " : "") + "quill";
  });
}

export { refresh };

// --- a clock for what counts down ---

export const tick = signal(0);
setInterval(() => {
  if (!document.hidden && !paused.value && rows.peek().some((r) => r.c.retryMs > 0 || r.c.overrideLeftMs > 0)) {
    tick.value = performance.now();
  }
}, 200);

// remaining is what is left now of a time that the snapshot had.
export function remaining(ms: number): number {
  const now = Math.max(tick.value, receivedAt.value);
  return Math.max(0, ms - (now - receivedAt.value));
}
