// Small helpers. All text goes in as text nodes, so that no name can be taken for markup.

export const byId = (id) => document.getElementById(id);

// el makes an element: el("p", {className: "hint"}, "text", child, ...).
export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (k.includes("-")) e.setAttribute(k, v);
    else e[k] = v;
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

export function svg(tag, attrs = {}, text) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

// setText touches the page only if something has changed.
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

export function setClass(e, name) {
  if (e.className !== name) e.className = name;
}

export function ms(n) {
  if (n >= 1000) return (n / 1000).toFixed(1) + " s";
  if (n >= 10 || n === 0) return Math.round(n) + " ms";
  return n.toFixed(1) + " ms";
}

export function ago(n) {
  const s = Math.round(n / 1000);
  if (s < 1) return "just now";
  if (s < 90) return s + " s ago";
  return Math.round(s / 60) + " min ago";
}

// send asks the control page's server and returns its answer, or throws its words.
export async function send(method, path, body) {
  const r = await fetch("api/" + path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await r.json();
  if (!r.ok) throw new Error(answer.error || "status " + r.status);
  return answer;
}

export function slider(label, min, max, step, format, onChange) {
  const input = el("input", { type: "range", min, max, step });
  const output = el("output");
  input.addEventListener("input", () => setText(output, format(+input.value)));
  input.addEventListener("change", () => onChange(+input.value));
  return {
    root: el("label", { className: "slider" }, label + " ", input, output),
    input,
    output,
    // show leaves a slider alone while somebody moves it.
    show(v) {
      if (document.activeElement === input && input.matches(":active")) return;
      input.value = v;
      setText(output, format(v));
    },
  };
}
