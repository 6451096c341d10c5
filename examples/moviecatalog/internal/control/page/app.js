// The page asks its server for the whole state twice a second and shows what has changed.
import { byId, send, setText } from "./dom.js";
import { draw } from "./chart.js";
import * as map from "./map.js";
import { buildLessons, buildSettings, showCatalog, showSettings } from "./panels.js";

const on = byId("traffic-on"), rate = byId("traffic-rate"), rateOut = byId("traffic-rate-out");
let built = false;

function show(state, alarm) {
  setText(byId("alarm"), alarm);
  if (!state) return;
  if (!built) {
    map.build(state, show);
    buildSettings(show);
    buildLessons(show);
    rate.max = state.traffic.max;
    built = true;
  }
  setText(byId("tmdb"), state.tmdb);
  map.show(state);
  showSettings(state);
  draw(state.traffic.series);
  on.checked = state.traffic.rate > 0;
  if (state.traffic.rate > 0 && !rate.matches(":active")) {
    rate.value = state.traffic.rate;
    setText(rateOut, Math.round(state.traffic.rate) + " / s");
  }
}

async function setTraffic() {
  try {
    show(await send("PUT", "traffic", { rate: on.checked ? +rate.value : 0 }), "");
  } catch (e) {
    show(null, "traffic: " + e.message);
  }
}
on.addEventListener("change", setTraffic);
rate.addEventListener("change", setTraffic);
rate.addEventListener("input", () => setText(rateOut, rate.value + " / s"));
byId("user").addEventListener("change", showCatalog);
byId("heal").addEventListener("click", async () => {
  try {
    show(await send("POST", "heal", {}), "");
  } catch (e) {
    show(null, e.message);
  }
});

// every calls f again and again, pause ms after it has ended; never twice at once.
async function every(pause, f) {
  for (;;) {
    await f();
    await new Promise((done) => setTimeout(done, pause));
  }
}

let lost = false;
every(500, async () => {
  try {
    const state = await send("GET", "state");
    show(state, lost ? "" : byId("alarm").textContent);
    lost = false;
  } catch {
    lost = true;
    show(null, "The program does not answer: it has been ended, or it is not there any more.");
  }
});
every(700, showCatalog);
