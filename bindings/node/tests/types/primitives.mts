// What users write, for the compiler: it is never run. Here: what primitives.d.ts declares.
import {
  lockMany, once, open, Condition, Election, LateError, Leadership, ManyGuard, NotExpectedError,
  Party, RWGuard, RWLock, SyncPoint, SyncPointFailedError, TimeoutError,
} from 'syncmgr';
import type {
  LockMode, LockOptions, Lockable, RWHolder, RWLockOptions, SyncPointOptions, SyncPointResult,
  SyncPointStatus, Verdict, WaitOptions,
} from 'syncmgr';

const space = open('local:');
const me = space.workstream('me');
const patience: WaitOptions = { timeout: 10, signal: new AbortController().signal };

async function readersAndWriters(): Promise<void> {
  const options: Required<RWLockOptions> = { fair: true };
  const lock: RWLock = me.rwlock('book', options);
  const choice: LockOptions = { mode: 'shared', ...patience };
  const guard: RWGuard = await lock.lock(choice);
  const mode: LockMode | undefined = guard.mode;
  await guard.upgrade(patience);
  guard.downgrade();
  const facts: [boolean, bigint, boolean] = [guard.recovered, guard.token, guard.isValid()];
  guard.lease(100);
  guard.release();
  lock.tryLock({ mode: 'exclusive' })?.release();
  // @ts-expect-error no mode
  lock.tryLock({ mode: 'both' });
  const read: string = await lock.read(async (held) => String(held.token), patience);
  const written: number = await lock.write(() => 5);
  const holders: RWHolder[] = lock.holders();
  show(mode, facts, read, written, holders[0]?.mode, lock.previousOwner, lock.forceRelease());
  show(guard.previousOwner?.token, guard.leaseRemaining, guard.released);
}

async function conditions(): Promise<void> {
  const condition: Condition = space.condition('changed');
  const mutex = space.mutex('m');
  const guard = await mutex.acquire();
  await condition.wait(guard, patience);
  await condition.wait(mutex);
  const found: string = await condition.waitFor(guard, () => maybe(), patience);
  // @ts-expect-error a guard of a readers-writer lock
  await condition.wait(await space.rwlock('r').lock());
  const told: number = condition.signal() + condition.signal(2) + condition.broadcast();
  show(found, told, condition.waiting);
}

async function elections(): Promise<void> {
  const election: Election = me.election('mayor');
  const verdict: Verdict = await election.campaign(patience);
  if (verdict.leader) {
    const leadership: Leadership = verdict;
    const term: bigint = leadership.term;
    if (leadership.isValid()) leadership.finish('gold');
    leadership.finish(new Uint8Array(3));
    leadership.resign();
    show(term);
  } else {
    const result: Buffer = verdict.result;
    // @ts-expect-error only a leader has a term
    show(result.toString(), verdict.term);
  }
  election.finish();
  election.resign();
  election.reset();
  show(election.result?.toString('utf8'), election.leader?.name, election.forceRelease());
  const made: { rows: number } = await once(space, 'load', async (leadership) => (
    { rows: Number(leadership.term) }), patience);
  show(made.rows);
}

async function phasers(): Promise<void> {
  const party: Party = space.barrier('phases', 0, { phaser: true }).join();
  const { index, generation, leader } = await party.wait(patience);
  const { leader: leads } = await party.arrive();
  if (!party.left) party.leave();
  party[Symbol.dispose]();
  show(index, generation, leader, leads);
}

async function syncPoints(): Promise<SyncPointStatus> {
  const options: Required<SyncPointOptions> = {
    minimum: (expected) => expected - 1, required: new Set(['a']), timeout: 1000,
    continueOnTimeout: true, continueOnFailure: false, waitForAll: true,
  };
  const point: SyncPoint = me.syncPoint('loaded', ['a', 'b'], options);
  space.syncPoint('loaded', ['a', 'b'], { minimum: 0.5 });
  try {
    const result: SyncPointResult = await point.wait(patience);
    show(result.metMinimum, result.requiredMet, result.minimum, result.participating,
      result.missing, result.failed, result.late, result.completedAt?.getTime(), result.reason);
    return result.status;
  } catch (error) {
    if (error instanceof LateError || error instanceof SyncPointFailedError ||
        error instanceof TimeoutError) show(error.result?.status);
    if (error instanceof NotExpectedError) show(error.code);
  }
  const changed: boolean[] = [point.forceComplete(), point.cancel('why'), point.fail()];
  show(changed, point.expected, point.required);
  return point.result.status;
}

async function several(): Promise<void> {
  const [mutex, semaphore, lock] = [me.mutex('m'), me.semaphore('s', 2), me.rwlock('r')];
  const wanted: Lockable[] = [
    mutex, { lock: semaphore, count: 2 }, { lock, mode: 'shared' }, { lock: mutex }];
  const held: ManyGuard = await lockMany(wanted, patience);
  // @ts-expect-error a mutex has no mode
  await lockMany([{ lock: mutex, mode: 'shared' }]);
  show(held.guards.length, held.recovered, held.released);
  held.release();
  held[Symbol.dispose]();
  await held[Symbol.asyncDispose]();
}

declare function maybe(): string | undefined;
declare function show(...values: unknown[]): void;
export { conditions, elections, phasers, readersAndWriters, several, syncPoints };
