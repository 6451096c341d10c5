// The dashboard: what is around its two pages.
import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CommandPage } from "./command";
import { Overview } from "./overview";
import * as s from "./store";
import "./style.css";

type Theme = "auto" | "light" | "dark";
const themes: Theme[] = ["auto", "light", "dark"];
const theme = signal<Theme>(read());

function read(): Theme {
  try {
    const t = localStorage.getItem("quill-theme");
    return themes.includes(t as Theme) ? (t as Theme) : "auto";
  } catch {
    return "auto"; // no storage is no reason to show nothing
  }
}

function apply(t: Theme): void {
  theme.value = t;
  document.documentElement.dataset.theme = t;
  try {
    localStorage.setItem("quill-theme", t);
  } catch {
    // it holds for this visit then
  }
}
apply(theme.value);

function App() {
  const r = s.route.value;
  const before = useRef(r);
  useEffect(() => {
    const was = before.current;
    before.current = r;
    // Back from a command: on to the row it was left by.
    if (r.page === "overview" && was.page === "command") {
      document.getElementById("row-" + s.idOf(was.host, was.name))?.focus();
    }
  }, [r]);
  return (
    <>
      <a href="#main" class="skip" onClick={(e) => { e.preventDefault(); document.querySelector<HTMLElement>("main")?.focus(); }}>Skip to the commands</a>
      <header class="top">
        <a class="brand" href="#/" aria-label="quill: all commands">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M4 16h7l2.5-6 5 12 2.5-6h7" /></svg>
          <span>quill</span>
        </a>
        <Connection />
        <span class="grow" />
        <button type="button" class="quiet-button" id="pause" aria-pressed={s.paused.value} onClick={() => (s.paused.value = !s.paused.value)}>
          {s.paused.value ? "Paused" : "Pause"}
        </button>
        <button
          type="button" class="quiet-button" id="theme" aria-label={"Colors: " + theme.value}
          onClick={() => apply(themes[(themes.indexOf(theme.value) + 1) % themes.length])}
        >
          <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true"><circle cx="8" cy="8" r="6.2" /><path class="half" d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" /></svg>
          {{ auto: "Auto", light: "Light", dark: "Dark" }[theme.value]}
        </button>
      </header>
      <div role="status" aria-live="polite" class="unseen" id="said">{s.said.value}</div>
      {s.snapshot.value === null
        ? <main id="main" tabIndex={-1}><p class="empty">{s.lost.value || "Asking the program …"}</p></main>
        : r.page === "overview" ? <Overview /> : <CommandPage key={r.host + "/" + r.name} host={r.host} name={r.name} />}
    </>
  );
}

function Connection() {
  const self = s.snapshot.value?.hosts[0];
  if (s.lost.value) return <p class="connection lost" role="alert"><i aria-hidden="true" />{s.lost.value} Trying again …</p>;
  return (
    <p class={"connection" + (s.paused.value ? " paused" : "")}>
      <i aria-hidden="true" />
      {s.paused.value ? "Paused" : "Live"}
      {self && <span class="soft"> · <bdi>{self.host}</bdi></span>}
    </p>
  );
}

s.start();
render(<App />, document.getElementById("app")!);
