// The settings that the form has, in its order. A test in Go holds this to quill.Settings.
export interface Field {
  key: string;
  label: string;
  kind: "duration" | "count" | "percent" | "flag" | string[];
  hint: string;
}

export const groups: { title: string; fields: Field[] }[] = [
  {
    title: "When it opens",
    fields: [
      { key: "errorPercentThreshold", label: "Error share that opens it", kind: "percent", hint: "per cent" },
      { key: "requestVolumeThreshold", label: "Judge from", kind: "count", hint: "calls in the window" },
      { key: "slowCallDuration", label: "A call is slow from", kind: "duration", hint: "empty: no such rule" },
      { key: "slowCallPercentThreshold", label: "Slow share that opens it", kind: "percent", hint: "per cent" },
      { key: "rollingWindow", label: "Window", kind: "duration", hint: "a change begins a fresh one" },
      { key: "rollingBuckets", label: "Buckets of the window", kind: "count", hint: "" },
      { key: "rollingCalls", label: "Judge the last n calls instead", kind: "count", hint: "empty: the window of time" },
      { key: "ignoreRejected", label: "Rejected calls do not count", kind: "flag", hint: "" },
    ],
  },
  {
    title: "How it recovers",
    fields: [
      { key: "sleepWindow", label: "Probe after", kind: "duration", hint: "" },
      { key: "maxSleepWindow", label: "Wait grows up to", kind: "duration", hint: "empty: it does not grow" },
      { key: "sleepWindowJitter", label: "Jitter of the wait", kind: "percent", hint: "per cent" },
      { key: "probes", label: "Probes that must succeed", kind: "count", hint: "" },
      { key: "probeLease", label: "A probe may be out", kind: "duration", hint: "" },
    ],
  },
  {
    title: "How much it admits",
    fields: [
      { key: "timeout", label: "Timeout", kind: "duration", hint: "or none" },
      { key: "maxConcurrent", label: "Calls at once", kind: "count", hint: "or unlimited" },
      { key: "queueSize", label: "Waiting places", kind: "count", hint: "" },
      { key: "maxConcurrentFallbacks", label: "Fallbacks at once", kind: "count", hint: "or unlimited" },
      { key: "fallbackTimeout", label: "Timeout of a fallback step", kind: "duration", hint: "or none" },
      { key: "isolation", label: "Isolation", kind: ["pool", "semaphore"], hint: "" },
      { key: "override", label: "Lasting override", kind: ["none", "forced-open", "forced-closed", "disabled"], hint: "" },
    ],
  },
];
