// The JSON of the data endpoints. dashboard_view.go is where it is made.

export interface Counts {
  success: number;
  failure: number;
  timeout: number;
  rejected: number;
  shortCircuited: number;
  ignored: number;
  canceled: number;
}

export interface Step {
  step: string;
  answered: number;
  failed: number;
  rejected: number;
  recent: number;
}

export interface Shadow {
  state: State;
  sinceMs: number;
  calls: number;
  shortCircuited: number;
  rejected: number;
  timedOut: number;
  refusedFailed: number;
  refusedSucceeded: number;
  timedOutSucceeded: number;
  line: string;
  words: string[];
}

export type State = "closed" | "open" | "half-open";
export type Override = "none" | "forced-open" | "forced-closed" | "disabled";

export interface Command {
  name: string;
  state: State;
  override: Override;
  overrideReason?: string;
  overrideLeftMs: number;
  open: boolean;
  retryMs: number;
  reason?: string;
  sinceMs: number;
  rate: number;
  errorPercent: number;
  slowPercent: number;
  requests: number;
  volume: number;
  opensAt: number;
  opensAtSlow: number;
  window: Counts;
  total: number;
  p50: number;
  p90: number;
  p99: number;
  mean: number;
  inFlight: number;
  maxConcurrent: number;
  queued: number;
  queueSize: number;
  abandoned: number;
  probes: number;
  steps?: Step[];
  shadow?: Shadow;
  faults?: { what: string; count: number }[];
}

export interface Host {
  host: string;
  self: boolean;
  error?: string;
  ageMs: number;
  hidden: number;
  commands: Command[];
}

export interface Snapshot {
  admin: boolean;
  hosts: Host[];
}

export interface Spark {
  calls: number[];
  bad: number[];
}

export interface Sparks {
  periodMs: number;
  points: number;
  hosts: { host: string; commands: Record<string, Spark> }[];
}

export interface History {
  periodMs: number;
  agoS?: number[];
  passed?: number[];
  failed?: number[];
  refused?: number[];
  p50?: number[];
  p90?: number[];
  p99?: number[];
  inFlight?: number[];
  state?: number[];
  override?: number[];
}

export interface Health {
  requests: number;
  errors: number;
  slow: number;
  errorPercent: number;
  slowPercent: number;
}

export interface ErrorSample {
  text: string;
  count: number;
  last: string;
}

export interface SlowCall {
  duration: string;
  outcome: string;
  at: string;
}

export interface Evidence {
  from: State;
  to: State;
  override?: Override;
  reason: string;
  at: string;
  nextProbe?: string;
  rule?: string;
  health: Health;
  window?: Counts;
  errors?: ErrorSample[];
  slowest?: SlowCall[];
}

export interface Explanation {
  at: string;
  since?: string;
  line?: string;
  rule?: string;
  errors?: ErrorSample[];
  slowest?: SlowCall[];
  transitions?: Evidence[];
}

export type SettingValue = string | number | boolean;
export type Settings = Record<string, SettingValue>;

export interface Detail {
  host: string;
  self: boolean;
  now: Command;
  history: History;
  given: Settings;
  inForce: Settings;
  words: string[];
  bulkhead: string;
  explain: Explanation;
}

export interface Problem {
  field: string;
  value: string;
  allowed: string;
}
