// The form of all settings. What is left empty has its default; the server says what is
// wrong, field by field, while one types.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Field, groups } from "./fields";
import * as s from "./store";
import type { Detail, Problem, Settings, SettingValue } from "./types";

type Values = Record<string, string | boolean>;

// What was given, as the form shows it.
function shownOf(given: Settings): Values {
  const v: Values = {};
  for (const g of groups) {
    for (const x of g.fields) v[x.key] = x.kind === "flag" ? given[x.key] === true : given[x.key] === undefined ? "" : String(given[x.key]);
  }
  return v;
}

// What the form says, as the server takes it: a number where it is one, and otherwise the
// text, about which the server will have something to say.
function settingsOf(v: Values): Settings {
  const out: Settings = {};
  for (const g of groups) {
    for (const x of g.fields) {
      const given = v[x.key];
      if (typeof given === "boolean") {
        if (given) out[x.key] = true;
        continue;
      }
      const text = given.trim();
      if (text === "") continue;
      const numeric = (x.kind === "count" || x.kind === "percent") && /^-?\d+(\.\d+)?$/.test(text);
      out[x.key] = numeric ? Number(text) : text;
    }
  }
  return out;
}

const keyOf = (field: string) => field[0].toLowerCase() + field.slice(1);

export function SettingsForm({ d, onChange }: { d: Detail; onChange: (d: Detail) => void }) {
  const values = useSignal<Values>(shownOf(d.given));
  const problems = useSignal<Problem[]>([]);
  const words = useSignal<string[]>([]);
  const error = useSignal(""), done = useSignal("");
  const touched = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const given = JSON.stringify(d.given);
  useEffect(() => {
    if (!touched.value) values.value = shownOf(d.given);
  }, [given]);

  const check = async () => {
    try {
      const r = await s.change<{ words: string[] }>("settings", { name: d.now.name, settings: settingsOf(values.value), check: true });
      words.value = r.words;
      problems.value = [];
      error.value = "";
    } catch (e) {
      tell(e);
    }
  };
  const tell = (e: unknown) => {
    const refusal = e as s.Refusal;
    problems.value = refusal.problems ?? [];
    error.value = problems.value.length > 0 ? "" : refusal.message;
    words.value = [];
  };
  const timer = useRef(0);
  const set = (key: string, v: string | boolean) => {
    values.value = { ...values.value, [key]: v };
    touched.value = true;
    done.value = "";
    clearTimeout(timer.current);
    timer.current = setTimeout(check, 350);
  };
  const submit = async (e: Event) => {
    e.preventDefault();
    clearTimeout(timer.current);
    try {
      onChange(await s.change("settings", { name: d.now.name, settings: settingsOf(values.value) }));
      touched.value = false;
      problems.value = [];
      words.value = [];
      error.value = "";
      done.value = "The settings are in force.";
      void s.refresh();
    } catch (e) {
      tell(e);
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    }
  };
  const undo = () => {
    values.value = shownOf(d.given);
    touched.value = false;
    problems.value = [];
    words.value = [];
    error.value = done.value = "";
  };
  const fresh = words.value.filter((w) => !d.words.includes(w));
  const known = new Set(groups.flatMap((g) => g.fields.map((x) => x.key)));
  const others = problems.value.filter((p) => !known.has(keyOf(p.field)));
  return (
    <form class="settings" ref={form} onSubmit={submit} noValidate>
      {groups.map((g) => (
        <fieldset key={g.title}>
          <legend>{g.title}</legend>
          {g.fields.map((x) => (
            <Input
              key={x.key} x={x} value={values.value[x.key]} inForce={d.inForce[x.key]} onChange={(v) => set(x.key, v)}
              problem={problems.value.find((p) => keyOf(p.field) === x.key)}
            />
          ))}
        </fieldset>
      ))}
      <div class="preview" aria-live="polite">
        {fresh.length > 0 && <><h4>That would change</h4><ul class="words">{fresh.map((w) => <li key={w}>{w}</li>)}</ul></>}
      </div>
      {others.map((p) => <p class="error" role="alert" key={p.field}>{p.field} is {p.value}: must be {p.allowed}</p>)}
      {error.value && <p class="error" role="alert">{error.value}</p>}
      <p class="done" role="status">{done.value}</p>
      <div class="others">
        <button type="submit" class="primary" id="do-settings">Put in force</button>
        <button type="button" disabled={!touched.value} onClick={undo}>Undo</button>
      </div>
    </form>
  );
}

function Input({ x, value, inForce, problem, onChange }: { x: Field; value: string | boolean; inForce?: SettingValue; problem?: Problem; onChange: (v: string | boolean) => void }) {
  const id = "set-" + x.key;
  const about = { "aria-invalid": !!problem, "aria-describedby": problem ? id + "-error" : x.hint ? id + "-hint" : undefined };
  if (x.kind === "flag") {
    return (
      <div class="field flag">
        <label for={id}><input id={id} type="checkbox" checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} /> {x.label}</label>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>{x.label}{x.hint && <small id={id + "-hint"}> {x.hint}</small>}</label>
      {Array.isArray(x.kind)
        ? (
          <select id={id} value={String(value || x.kind[0])} {...about} onChange={(e) => onChange(e.currentTarget.value)}>
            {x.kind.map((k) => <option key={k} value={k}>{k}</option>)}
          </select>
        )
        : (
          <input
            id={id} value={String(value)} placeholder={inForce === undefined ? "" : String(inForce)} autocomplete="off" spellcheck={false}
            inputMode={x.kind === "duration" ? "text" : "decimal"} {...about} onInput={(e) => onChange(e.currentTarget.value)}
          />
        )}
      {problem && <p class="error" id={id + "-error"}>is {problem.value}: must be {problem.allowed}</p>}
    </div>
  );
}
