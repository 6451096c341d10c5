// What an operator can do to a command, where the program lets them.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { SettingsForm } from "./settings-form";
import * as s from "./store";
import type { Detail, Override } from "./types";

const kinds: [Override, string, string][] = [
  ["forced-open", "Force open", "Every call is refused, probes too; fallbacks answer."],
  ["forced-closed", "Force closed", "Every call is admitted; the breaker judges on underneath."],
  ["disabled", "Disable", "Every call is admitted and nothing is judged."],
];
const lives: [string, string][] = [["5m", "5 minutes"], ["15m", "15 minutes"], ["1h", "1 hour"], ["8h", "8 hours"], ["0s", "until changed"]];

export function Actions({ d, self, onChange }: { d: Detail; self: boolean; onChange: (d: Detail) => void }) {
  if (!self) {
    return (
      <section class="panel actions" aria-labelledby="h-actions">
        <div class="head"><h2 id="h-actions">Operate</h2></div>
        <p class="soft pad">This command lives in another process, whose own dashboard changes it.</p>
      </section>
    );
  }
  return (
    <section class="panel actions" aria-labelledby="h-actions">
      <div class="head"><h2 id="h-actions">Operate</h2></div>
      <OverrideForm d={d} onChange={onChange} />
      <details class="settings-details">
        <summary>Change settings</summary>
        <SettingsForm d={d} onChange={onChange} />
      </details>
    </section>
  );
}

function OverrideForm({ d, onChange }: { d: Detail; onChange: (d: Detail) => void }) {
  const kind = useSignal<Override>("forced-open");
  const reason = useSignal(""), ttl = useSignal("15m");
  const error = useSignal(""), done = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const act = async (words: string, action: string, body: object) => {
    error.value = done.value = "";
    try {
      onChange(await s.change(action, { name: d.now.name, ...body }));
      done.value = words;
      void s.refresh();
      return true;
    } catch (e) {
      error.value = (e as Error).message;
      return false;
    }
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    const words = { "forced-open": "It is forced open.", "forced-closed": "It is forced closed.", disabled: "It is disabled.", none: "" }[kind.value];
    if (await act(words, "override", { override: kind.value, ttl: ttl.value, reason: reason.value })) reason.value = "";
    else field.current?.focus();
  };
  const overridden = d.now.override !== "none";
  return (
    <form class="override" onSubmit={submit} noValidate>
      <fieldset class="choices">
        <legend class="unseen">Override</legend>
        {kinds.map(([k, label, hint]) => (
          <label key={k} class={"choice" + (kind.value === k ? " on" : "")}>
            <input type="radio" name="override" value={k} checked={kind.value === k} onChange={() => (kind.value = k)} />
            <span><b>{label}</b><small>{hint}</small></span>
          </label>
        ))}
      </fieldset>
      <div class="fields">
        <label class="field grow">
          <span>Reason</span>
          <input
            ref={field} id="reason" value={reason.value} maxLength={300} autocomplete="off" placeholder="shown to everybody whose calls it concerns"
            aria-invalid={!!error.value} aria-describedby={error.value ? "override-error" : undefined}
            onInput={(e) => (reason.value = e.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>For</span>
          <select id="ttl" value={ttl.value} onChange={(e) => (ttl.value = e.currentTarget.value)}>
            {lives.map(([v, w]) => <option key={v} value={v}>{w}</option>)}
          </select>
        </label>
        <button type="submit" class="primary" id="do-override">{kinds.find(([k]) => k === kind.value)![1]}</button>
      </div>
      {error.value && <p class="error" id="override-error" role="alert">{error.value}</p>}
      <p class="done" role="status">{done.value}</p>
      <div class="others">
        <button type="button" id="end-override" disabled={!overridden} onClick={() => act("The override is ended.", "override", { override: "none", reason: "" })}>End the override</button>
        <button type="button" id="do-reset" onClick={() => act("It is closed and counts afresh.", "reset", {})}>Reset</button>
        <span class="soft small">Reset closes the breaker and begins its counts afresh; an override stays.</span>
      </div>
    </form>
  );
}
