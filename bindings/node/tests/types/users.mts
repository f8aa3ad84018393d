// What users write, for the compiler: it is never run. Here: spaces, locks and meetings.
import syncmgr, {
  open, unlink, version, libraryPath, Barrier, Guard, Latch, Manager, Mutex, Permits, Semaphore,
  SyncError, SyncEvent, TimeoutError, Workstream,
} from 'syncmgr';
import type {
  BarrierOptions, BarrierOutcome, BarrierState, EventOptions, Holder, LeaseOptions, MutexOptions,
  OpenOptions, SemaphoreOptions, WaitOptions,
} from 'syncmgr';

const everything: Required<OpenOptions> = {
  openOnly: true, createOnly: false, persistent: true, counters: false, mode: 0o660, group: 1,
  owner: 0,
};
const space: Manager = open('shm:jobs', everything);
const plain = syncmgr.open('local:');
unlink('shm:jobs');
const [words, place]: [string, string] = [version(), libraryPath];
// @ts-expect-error the name is no number
open(5);
// @ts-expect-error an option that does not exist
open('local:', { createonly: true });
// @ts-expect-error made by open() only
new Manager();

const controller = new AbortController();
const patience: Required<WaitOptions> = { timeout: Infinity, signal: controller.signal };
const me: Workstream = space.workstream('worker-1');
const unnamed = plain.workstream();
const id: bigint = me.id;
me.setPriority(3);

async function mutexes(): Promise<number> {
  const options: Required<MutexOptions> = { recursive: true, fair: false };
  const mutex: Mutex = me.mutex('db', options);
  const guard: Guard = await mutex.acquire(patience);
  if (guard.recovered) console(guard.previousOwner?.name);
  const token: bigint = guard.token;
  const lease: Required<LeaseOptions> = { renew: true };
  guard.lease(500, lease);
  guard.renewLease();
  const left: number = guard.leaseRemaining;
  if (!guard.isValid() || guard.released) guard.release();
  guard[Symbol.dispose]();
  await guard[Symbol.asyncDispose]();
  const maybe: Guard | null = mutex.tryAcquire();
  maybe?.release();
  // @ts-expect-error it may be null
  mutex.tryAcquire().release();
  const holder: Holder | null = mutex.holder;
  const forced: boolean = mutex.forceRelease();
  const sum: number = await mutex.run(async (held) => Number(held.token), { timeout: 10 });
  const word: string = await mutex.run(() => 'plain');
  console(mutex.previousOwner?.pid, mutex.name, mutex.closed, mutex.workstream.name);
  console(mutex.manager.url, token, left, holder?.amount, forced, word);
  mutex.close();
  return sum;
}

async function semaphores(): Promise<void> {
  const options: Required<SemaphoreOptions> = { signalling: false, fair: true };
  const pool: Semaphore = space.semaphore('pool', 3, options);
  const one: Permits = await pool.acquire();
  const two: Permits = await pool.acquire(2, { timeout: 5 });
  const three = await pool.acquire(patience);
  const count: number = one.count + two.count + three.count;
  pool.tryAcquire(2)?.release();
  await pool.run((permits) => permits.count, { timeout: 0 });
  pool.release(2);
  const [free, mine]: [number, number] = [pool.available, pool.held];
  const names: string[] = pool.holders().map((holder) => holder.name);
  console(count, free, mine, names);
}

async function meetings(): Promise<void> {
  const latch: Latch = space.latch('started', 2);
  const remaining: number = latch.countDown() + latch.countDown(1);
  await latch.wait({ timeout: 100 });
  console(remaining, latch.count);

  const options: Required<BarrierOptions> = { action: async () => 'done', phaser: false };
  const barrier: Barrier = space.barrier('phase', 2, options);
  const outcome: BarrierOutcome = await barrier.wait(patience);
  const { generation, leader }: { generation: number; leader: boolean } = await barrier.arrive();
  const state: BarrierState = barrier.state();
  barrier.abort();
  barrier.reset();
  console(outcome.index, outcome.generation, outcome.leader, generation, leader, state.parties);
  console(state.arrived, state.waiting, state.broken, state.generation);

  const choice: Required<EventOptions> = { manual: true, set: false };
  const event: SyncEvent = me.event('ready', choice);
  event.set();
  event.reset();
  await event.wait();
  const [now, then]: [boolean, boolean] = [event.tryWait(), event.isSet()];
  console(now, then);
}

async function failures(): Promise<string> {
  try {
    await space.mutex('db').acquire({ timeout: 5 });
  } catch (error) {
    if (error instanceof TimeoutError) return error.code;
    if (error instanceof syncmgr.ClosedError) return error.name;
    if (error instanceof SyncError) return `${error.status} ${error.message}`;
  }
  return '';
}

function ending(): void {
  const found: number = space.cleanup();
  space.check();
  space.remove('mutex', 'db');
  // @ts-expect-error no type of objects
  space.remove('lock', 'db');
  space.ref().unref();
  me.close();
  me[Symbol.dispose]();
  unnamed.close();
  space.close();
  console(found, space.closed, me.closed, unnamed.manager === plain, id, words, place);
}

declare function console(...values: unknown[]): void;
export { ending, failures, meetings, mutexes, semaphores };
