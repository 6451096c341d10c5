// The catalog's live answer, the settings, and the seven things to try.
import { byId, el, ms, send, setClass, setText, slider } from "./dom.js";

const hints = {
  fresh: "Fresh: every service that was asked first has answered.",
  failover: "Failover: another instance of the same service has answered. Nothing is missing.",
  stale: "Stale: an earlier answer, kept for such a day. The best of the three fallbacks when nobody can be asked.",
  default: "Default: a fixed answer. Good: the page is still there.",
  error: "An error: this user has nothing to fall back on.",
};

export async function showCatalog() {
  const user = byId("user").value;
  let a;
  try {
    a = await send("GET", "catalog/" + encodeURIComponent(user));
  } catch (e) {
    a = { status: 0, kind: "", ms: 0, body: { error: e.message } };
  }
  if (user !== byId("user").value) return; // another was chosen meanwhile
  const kind = a.status === 200 ? a.kind : "error";
  setClass(byId("kind"), "badge " + kind);
  setText(byId("kind"), a.status === 200 ? a.kind : a.status ? "status " + a.status : "no answer");
  setText(byId("took"), a.ms ? "in " + ms(a.ms) : "");
  setText(byId("kind-hint"), a.status === 404 ? "404: an honest answer and no fault of any service, so no circuit minds." : hints[kind]);
  const items = Array.isArray(a.body) ? a.body : [];
  const list = items.map((m) => el("li", {},
    el("h3", {}, m.name, el("span", { className: "stars", "aria-label": m.rating + " of 5" }, "★".repeat(Math.max(0, Math.min(5, m.rating))))),
    el("p", {}, m.desc)));
  if (list.length === 0) {
    list.push(el("li", {}, el("p", {}, a.body?.error || user + " has rated nothing yet: an empty catalog, for which no movie is asked.")));
  }
  byId("items").replaceChildren(...list);
}

const settings = [
  ["slowCallMs", "too slow is", 0, 2000, 50, (v) => (v ? ms(v) : "no rule"), "A call that took so long counts against the service, also if it answered well."],
  ["timeoutMs", "give up after", 100, 5000, 100, ms, "The caller waits no longer."],
  ["maxConcurrent", "places", 1, 100, 1, String, "Calls under way at once; more are refused (the bulkhead)."],
  ["volume", "judge from", 1, 100, 1, (v) => v + " calls", "Fewer say nothing."],
  ["lastCalls", "judge the last", 0, 100, 5, (v) => (v ? v + " calls" : "10 s"), "The last n calls, or all of a time window."],
  ["errorPercent", "open at", 5, 100, 5, (v) => v + " %", "So many of them failed."],
  ["sleepWindowMs", "probe after", 500, 20000, 500, ms, "Then one call may try; if it goes well, all may."],
];
let shown = {}, defaults = {};
const sliders = new Map();

export function buildSettings(onChange) {
  const put = async (change) => {
    try {
      const next = { ...shown, ...change };
      if (next.slowCallMs > next.timeoutMs) next.slowCallMs = next.timeoutMs; // later than that there is no answer
      onChange(await send("PUT", "settings", next), "");
    } catch (e) {
      onChange(null, "settings: " + e.message);
    }
  };
  for (const [key, label, min, max, step, format, words] of settings) {
    const s = slider("", min, max, step, format, (v) => put({ [key]: v }));
    s.input.id = "set-" + key;
    sliders.set(key, s);
    byId("settings").append(el("label", { htmlFor: s.input.id }, label,
      el("span", { className: "row" }, s.input, s.output), el("small", {}, words)));
  }
  byId("settings-reset").addEventListener("click", () => put(defaults));
}

export function showSettings(state) {
  shown = state.settings;
  defaults = state.defaults; // the server's, not those that held when the page was loaded
  for (const [key, s] of sliders) s.show(shown[key]);
}

const healthy = { down: false, slowMs: 0, failPercent: 0, body: "" };
const all = ["movieinfo-1", "movieinfo-2", "ratings-1", "ratings-2"];
const lessons = [
  ["An instance goes down", "The other instance answers; users notice nothing. The circuit opens, and the dead one is not even tried.", { "movieinfo-1": { down: true } }],
  ["An instance becomes slow", "Worse than down: each call holds a place. The first few wait, then the circuit opens and nobody does.", { "movieinfo-1": { slowMs: 3000 } }],
  ["When to break", "Failing six times in ten. Move “open at” to 70 % and the circuit stays closed; back to 50 % and it opens.", { "movieinfo-1": { failPercent: 60 } }],
  ["Three fallbacks", "Nobody can tell a movie's name. Users get the previous answer, which is the best there is.", { "movieinfo-1": { down: true }, "movieinfo-2": { failPercent: 100 } }],
  ["Fail fast, recover", "Both hang. Wait until both circuits are open, then heal everything: they close by themselves within the sleep window.", { "movieinfo-1": { slowMs: 8000 }, "movieinfo-2": { slowMs: 8000 } }],
  ["Bulkheads", "Movie-info hangs. Look at the catalog of carol, who needs no movie: still fresh and quick, for ratings-data has places of its own.", { "movieinfo-1": { slowMs: 8000 }, "movieinfo-2": { slowMs: 8000 } }, "carol"],
  ["Each call its own fallback", "Now ratings-data is gone too. Each of the two calls falls back by itself; the catalog is still served.", { "movieinfo-1": { body: "garbage" }, "movieinfo-2": { body: "half" }, "ratings-1": { down: true }, "ratings-2": { failPercent: 100 } }],
];

export function buildLessons(onChange) {
  for (const [title, words, faults, user] of lessons) {
    const b = el("button", { type: "button" }, "Do it");
    b.addEventListener("click", async () => {
      try {
        if (user) byId("user").value = user;
        for (const name of all) onChange(await send("PUT", "instances/" + name, { ...healthy, ...faults[name] }), "");
      } catch (e) {
        onChange(null, e.message);
      }
    });
    byId("lessons").append(el("li", {}, el("h3", {}, title), el("p", {}, words), b));
  }
}
