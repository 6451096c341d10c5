// The calls: on the left the guard, on the right the instance that it asks.
import { ago, byId, el, ms, send, setClass, setText, slider } from "./dom.js";

const services = [
  ["catalog asks ratings-data: who rated what", [["catalog.ratings-1", "ratings-1"], ["catalog.ratings-2", "ratings-2"]]],
  ["catalog asks movie-info: a movie's name", [["catalog.movieinfo-1", "movieinfo-1"], ["catalog.movieinfo-2", "movieinfo-2"]]],
  ["movie-info asks The Movie Database", [["movieinfo-1.tmdb", "tmdb"], ["movieinfo-2.tmdb", null]]],
  ["you ask the catalog", [[null, "catalog"]]],
];
const rows = new Map(); // name -> function that shows it
let tell = () => {};

export function build(state, onChange) {
  tell = onChange;
  const have = new Set(state.instances.map((i) => i.name));
  for (const [title, calls] of services) {
    byId("map").append(el("h3", {}, title));
    for (const [circuit, instance] of calls) {
      const left = circuit ? guard(circuit) : el("div", { className: "card guard" }, el("span", { className: "name" }, "no guard"),
        el("p", { className: "nums" }, "Users have none. If the catalog itself is down, they see it."));
      const wire = el("div", { className: "wire" });
      if (circuit) rows.set("wire " + circuit, (c) => setClass(wire, "wire " + c.state));
      let right;
      if (instance && have.has(instance)) right = instanceCard(instance);
      else right = el("div", { className: "card instance" }, el("span", { className: "name" }, "The Movie Database"),
        el("p", { className: "nums" }, instance ? "the real one: it cannot be made sick from here" : "the same one; each instance has its own guard for it"));
      byId("map").append(el("div", { className: "call" }, left, wire, right));
    }
  }
}

export function show(state) {
  for (const c of state.circuits) {
    rows.get("guard " + c.name)?.(c);
    rows.get("wire " + c.name)?.(c);
  }
  for (const i of state.instances) rows.get("instance " + i.name)?.(i);
}

function guard(name) {
  const badge = el("span", { className: "badge" }), reason = el("p", { className: "reason" });
  const link = el("a", { className: "name", href: "quill/#/command/moviecatalog/" + encodeURIComponent(name) }, name);
  const root = el("div", { className: "card guard", id: "guard-" + name },
    el("div", { className: "top" }, link, el("span", { className: "grow" }), badge), reason);
  rows.set("guard " + name, (c) => {
    setClass(root, "card guard " + c.state);
    setText(badge, c.override !== "none" ? c.override : c.state === "open" && c.retryMs > 0 ? "open, probe in " + ms(c.retryMs) : c.state);
    setText(reason, c.reason ? c.reason + " · " + ago(c.sinceMs) : "closed since it was made: calls pass");
  });
  return root;
}

function instanceCard(name) {
  const badge = el("span", { className: "badge" }), served = el("span", { className: "nums" });
  let faults = {};
  const set = async (change) => {
    try {
      tell(await send("PUT", "instances/" + name, { ...faults, ...change }), "");
    } catch (e) {
      tell(null, name + ": " + e.message);
    }
  };
  const slowBy = slider("by", 100, 10000, 100, ms, (v) => set({ slowMs: v }));
  const failBy = slider("", 5, 100, 5, (v) => v + " %", (v) => set({ failPercent: v }));
  slowBy.show(3000);
  failBy.show(100);
  slowBy.input.setAttribute("aria-label", name + ": slow by");
  failBy.input.setAttribute("aria-label", name + ": failing share");
  const button = (words, on, off) => {
    const b = el("button", { type: "button", "aria-pressed": "false", id: words.replace(" ", "-") + "-" + name }, words);
    b.addEventListener("click", () => set(b.getAttribute("aria-pressed") === "true" ? off : on()));
    return b;
  };
  const down = button("down", () => ({ down: true }), { down: false });
  const slow = button("slow", () => ({ slowMs: +slowBy.input.value }), { slowMs: 0 });
  const fail = button("failing", () => ({ failPercent: +failBy.input.value }), { failPercent: 0 });
  const garbage = button("garbage", () => ({ body: "garbage" }), { body: "" });
  const half = button("half body", () => ({ body: "half" }), { body: "" });
  const press = (b, on) => b.setAttribute("aria-pressed", String(on));
  const addr = el("code", { className: "hint" });
  const root = el("div", { className: "card instance", id: "instance-" + name },
    el("div", { className: "top" }, el("span", { className: "name" }, name), addr, el("span", { className: "grow" }), served, badge),
    el("div", { className: "faults" }, down, slow, slowBy.root, fail, failBy.root, garbage, half));
  rows.set("instance " + name, (i) => {
    faults = i.faults;
    const healthy = i.words === "healthy";
    setClass(root, "card instance " + (healthy ? "ok" : "sick"));
    setText(badge, i.words);
    setText(addr, i.addr);
    setText(served, i.served + " requests");
    press(down, faults.down);
    press(slow, faults.slowMs > 0);
    press(fail, faults.failPercent > 0);
    press(garbage, faults.body === "garbage");
    press(half, faults.body === "half");
    if (faults.slowMs > 0) slowBy.show(faults.slowMs);
    if (faults.failPercent > 0) failBy.show(faults.failPercent);
  });
  return root;
}
