// What users write, for the compiler: it is never run. Here: notices, messages, deadlocks and what
// a space shows of itself.
import {
  open, DeadlockError, Events, Inbox, PreemptedError, RankError, Resource, UnsafeError,
} from 'syncmgr';
import type {
  DeadlockAlgorithm, DeadlockMember, DeadlockOptions, DeadlockRecord, DeadlockVictim,
  EventsOptions, MessageKind, MessageOptions, Notice, NoticeKind, ObjectType, PreventionOptions,
  PreventionStrategy, Priority, Recipient, Sent, Snapshot,
} from 'syncmgr';

const space = open('local:');
const me = space.workstream('me');

async function notices(): Promise<void> {
  const seen = (notice: Notice) => { show(notice.kind, notice.workstream, notice.detail); };
  const kind: NoticeKind = 'ownerDied';
  space.on(kind, seen).once('leaseLost', seen).off(kind, seen);
  // @ts-expect-error no kind of notice
  space.on('owner-died', seen);
  const options: Required<EventsOptions> = {
    kinds: new Set<NoticeKind>(['granted']), objects: 'db*', workstreams: 'worker-?',
    minPriority: 'high',
  };
  const events: Events = space.events(options);
  space.events({ kinds: 'all' }).close();
  const first: Notice | null = events.tryNext();
  const next: Notice = await events.wait({ timeout: 10 });
  for await (const { name, object, type, text, priority, value, message } of events) {
    const known: ObjectType | '' = type;
    show(name, object, known, text, priority, value, message);
  }
  show(first?.sequence, next.timeNs, next.wallNs, next.pid, events.closed);
  events[Symbol.dispose]();
}

async function messages(): Promise<void> {
  const [kind, priority]: [MessageKind, Priority] = ['dataAvailable', 'critical'];
  const options: Required<MessageOptions> = {
    detail: { rows: [1, 2] }, kind, priority, ttl: 1000,
    requireAck: true,
  };
  const sent: Sent = me.send(['worker-1', 'worker-2'], 'done', options);
  me.send('worker-1');
  me.send(null, 'to everybody');
  const inbox: Inbox = me.inbox;
  const there: Notice | null = inbox.tryNext();
  const message: Notice = await inbox.wait({ timeout: 5, signal: new AbortController().signal });
  inbox.read(message);
  inbox.read(sent.id);
  for await (const { text } of inbox) show(text);
  const recipients: Recipient[] = space.messageStatus(sent.id);
  me.complete({ rows: 5 });
  me.fail('why');
  show(there, sent.missing, recipients.map(({ name, status, pid }) => `${name} ${status} ${pid}`));
}

function deadlocks(): void {
  const options: Required<DeadlockOptions> = {
    autoResolve: true, victim: 'fewestLocks', delay: 20, interval: Infinity, limit: 1000,
  };
  space.configureDeadlocks(options);
  const algorithm: DeadlockAlgorithm = 'resourceAllocationGraph';
  const victim: DeadlockVictim = 'lowestPriority';
  const found: number = space.detectDeadlocks(algorithm) + space.clearDeadlocks();
  const records: DeadlockRecord[] = space.deadlocks();
  for (const { id, kind, policy, resolution, resolved, members, text } of records) {
    if (resolved === null) space.resolveDeadlock(id, victim);
    const names: string[] = members.map((member: DeadlockMember) => (
      `${member.name} ${member.relation} ${member.object} ${member.other}`));
    show(kind, policy, resolution, names, text);
  }
  const strategy: PreventionStrategy = 'woundWait';
  const prevention: Required<PreventionOptions> = { watchOrder: true, grace: 5, timeout: 100 };
  space.preventDeadlocks(strategy, prevention);
  space.setRank('mutex', 'db', 1);
  show(found);
}

function resources(): void {
  const gpu: Resource = me.resource('gpu', 3);
  try {
    gpu.declare(2);
    if (gpu.request()) gpu.allocate(1);
    else gpu.cancel();
    gpu.release(1);
  } catch (error) {
    if (error instanceof DeadlockError) show(error.cycle);
    if (error instanceof PreemptedError || error instanceof RankError) show(error.code);
    if (error instanceof UnsafeError) show(error.message);
  }
  show(gpu.available, gpu.holders().length, gpu.name);
}

function picture(): void {
  const snapshot: Snapshot = space.snapshot();
  const { url, limits, used } = snapshot.space;
  const alive: boolean = snapshot.processes.every((process) => process.alive || process.self);
  for (const { name, type, holders, waiters, counters } of snapshot.objects) {
    show(name, type, holders[0]?.lease_ms, waiters[0]?.age_ms, counters?.wait_histogram);
  }
  show(url, limits.waits - used.waits, alive, snapshot.graph.edges.length);
}

declare function show(...values: unknown[]): void;
export { deadlocks, messages, notices, picture, resources };
