/** Counts of the tables of a space. */
export interface SpaceCounts {
  processes: number;
  workstreams: number;
  objects: number;
  open_objects: number;
  waits: number;
}

/** A workstream that holds or waits. */
export interface SnapshotPerson {
  /** Id of the workstream. */
  workstream: number;
  name: string;
  pid: number;
}

export interface SnapshotHolder extends SnapshotPerson {
  amount: number;
  mode?: 'shared' | 'exclusive';
  token?: number;
  lease_ms?: number;
}

export interface SnapshotWaiter extends SnapshotPerson {
  place: number;
  age_ms: number;
  ticket: boolean;
  amount?: number;
  mode?: 'shared' | 'exclusive' | 'upgrade';
}

export interface SnapshotCounters {
  acquisitions?: number;
  contended: number;
  owner_deaths: number;
  waited_ms: number;
  longest_wait_ms: number;
  /** 16 counts: place i has the waits shorter than 2^i microseconds, the last the rest. */
  wait_histogram: number[];
}

export interface SnapshotObject {
  name: string;
  type: string;
  /** How many workstreams have it open. */
  open: number;
  parameters: Record<string, number | boolean | string | null>;
  state: Record<string, unknown>;
  holders: SnapshotHolder[];
  waiters: SnapshotWaiter[];
  previous_owner: (SnapshotPerson & { token: number }) | null;
  counters: SnapshotCounters | null;
}

/** What a space looks like at a moment, as the C header describes it. */
export interface Snapshot {
  space: {
    url: string;
    store: string | null;
    identity: string;
    version: string;
    layout: number;
    size: number;
    persistent: boolean;
    counters: boolean;
    limits: SpaceCounts;
    used: SpaceCounts;
  };
  processes: { pid: number; alive: boolean; self: boolean; workstreams: number }[];
  workstreams: { id: number; name: string; pid: number; holds: string[]; waits: string[] }[];
  objects: SnapshotObject[];
  graph: { edges: { kind: 'waits' | 'held'; workstream: number; object: string }[] };
}
