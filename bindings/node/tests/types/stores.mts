// What users write, for the compiler: it is never run. Here: the store, transactions, conflicts.
import { compareClocks, mergeClocks, open, resolve, ChangedError, FailedError, Store, Transaction }
  from 'syncmgr';
import type {
  Candidate, Candidates, Change, Committed, Conflict, ConflictFilter, ConflictStatus, ConflictType,
  Conflicts, Constraint, DetectOptions, Entry, Handler, HandlerOptions, Isolation,
  LockTargetOptions, MergeOptions, Merged, Operation, OperationOptions, OperationState,
  OperationType, Range, RangeOptions, Recovery, Registration, ResolvingStrategy, Resolution,
  StoreInfo, StoreOptions, Strategy, TransactOptions, TransactionFilter, TransactionInfo,
  TransactionOptions, TransactionRecord, TransactionStatus, VectorClock, Watch, WatchEvent,
  WatchOptions, WriteOptions,
} from 'syncmgr';

const space = open('local:');
const options: Required<StoreOptions> = { capacity: 10, inlineSize: 64, logSize: 65_536 };
const store: Store = space.workstream('me').store(options);
space.store().close();
space.remove('store', 'store');

async function writes(): Promise<void> {
  const write: Required<WriteOptions> = {
    queued: true, timeout: 5, signal: new AbortController().signal,
  };
  const version: bigint = await store.put('k', { a: 1 }, { ...write, expected: 0, type: 'json' });
  const absent: bigint | null = await store.putIfAbsent('k', 1n, { type: 'int64', queued: true });
  const wasThere: boolean = await store.delete('k', { expected: version });
  const sum: number = await store.update('n', (value: number) => value + 1);
  const changes: Change[] = [{ key: 'a', value: 1, type: 'int64', expected: 0n },
    { key: 'b', delete: true, expected: version }, { key: 'c', check: version }];
  const { revision, versions }: Committed = await store.commit(changes, write);
  // @ts-expect-error a change has a key
  await store.commit([{ value: 1 }]);
  // @ts-expect-error there is no such option
  await store.put('k', 1, { wait: true });
  const merge: MergeOptions = {
    expected: version, base: {}, strategy: 'union', severity: 'high', id: 'id', queued: true,
  };
  const merged: Merged = await store.merge('k', [1], merge);
  // @ts-expect-error it needs the version expected
  await store.merge('k', [1], {});
  await store.sync(revision, { timeout: 5 });
  await store.sync({ timeout: 5 });
  show(absent, wasThere, sum, versions.get('a'), merged.version, merged.discarded, merged.open);
}

async function reads(): Promise<void> {
  const entry: Entry | null = store.get('k');
  const wanted: Required<RangeOptions> = { prefix: 'a', glob: '**', after: 'a/1', limit: 10 };
  const range: Range<Entry> = store.range(wanted);
  const keys: Range<string> = store.keys({ prefix: 'a' });
  const entries: Map<string, Entry> = store.snapshot(['a', 'b']);
  const info: StoreInfo = store.info();
  const watching: WatchOptions = { prefix: 'a', glob: '*', since: info.revision };
  const watch: Watch = store.watch(watching);
  for await (const change of watch) {
    const event: WatchEvent = change;
    if (event.kind === 'gap') show(event.entries.revision);
    else if (event.kind === 'put') show(event.value, event.writer);
    // @ts-expect-error what was deleted has no value
    else show(event.value);
  }
  const version: bigint = await store.wait('k', 1n, { timeout: 5 });
  await store.wait(null, { timeout: 5 });
  show(entry?.wallNs, range.more, keys.length, entries.size, info.file, watch.revision, version);
}

async function transactions(): Promise<void> {
  const isolation: Isolation = 'repeatable_read';
  const begin: Required<TransactionOptions> = {
    isolation, readOnly: false, strict: true, optimistic: true, priority: -1, timeout: 5,
    operationTimeout: 5, workstreams: ['a', 'b'], metadata: { x: 1 },
  };
  const again: TransactOptions = { ...begin, retries: 3, retryDelay: 2, queued: true };
  const result: number = await store.transact(async (transaction) => {
    await transaction.update('n', (value) => value + 1);
    return 5;
  }, again);
  const transaction: Transaction = store.transaction(begin);
  const part: Transaction = store.join(transaction.id);
  const lock: LockTargetOptions = { mode: 'shared', timeout: 0 };
  await transaction.lock('k', lock);
  transaction.unlock('k');
  const entry: Entry | null = await transaction.get('k', { timeout: 5 });
  const range: Range<Entry> = await transaction.range({ prefix: 'a' });
  await transaction.put('k', 1, { expected: 0, type: 'int64', timeout: 5 });
  await transaction.delete('k');
  transaction.savepoint('here');
  await transaction.rollbackTo('here');
  const type: OperationType = 'custom';
  const adds: OperationOptions = {
    type, target: 't', parameters: [1], id: 'i', timeout: 5,
    execute: async ({ signal, parameters }: Operation) => show(signal.aborted, parameters),
    undo: ({ result: of }) => show(of),
  };
  const operation: Operation = transaction.add(adds);
  const state: OperationState = operation.state;
  await transaction.execute();
  await part.prepare();
  const revision: bigint = await transaction.commit({ queued: true });
  await transaction.rollback();
  const info: TransactionInfo = transaction.info();
  const status: TransactionStatus = transaction.status;
  const filter: TransactionFilter = { status: ['failed', status], workstream: 'me' };
  const records: TransactionRecord[] = store.transactions(filter);
  const handler: HandlerOptions = { undo: (one) => show(one.name) };
  const registered: Handler = store.handler('mail', handler);
  const { recovered, left }: Recovery = await store.recover();
  const constraint: Constraint = { type: 'number', minimum: 0, required: ['a'], immutable: true };
  await store.constraint('n/*', constraint);
  await store.constraint('n/*', null);
  const validator: Registration = store.validator('*', async ({ key, value }) => key === value);
  validator.close();
  show(result, entry, range.more, state, revision, info.remaining, records[0]?.operations);
  show(registered.name, recovered, left[0]?.reason, store.transactionRecord(transaction.id));
  show(store.clearTransactions(5), transaction.settled);
  await transaction[Symbol.asyncDispose]();
  // @ts-expect-error it is closed by a promise
  transaction[Symbol.dispose]();
}

async function conflicts(): Promise<void> {
  const all: Conflicts = store.conflicts;
  const strategy: Strategy = 'manual';
  const type: ConflictType = 'data_conflict';
  const clock: VectorClock = { a: 1, b: 2n };
  const candidate: Candidate = {
    value: 1, time: 1n, version: 1, workstream: 'a', priority: 1, clock,
  };
  const data: Candidates = { candidates: [candidate], base: {}, id: 'id' };
  const detect: Required<DetectOptions> = {
    type, severity: 'high', strategy, timeout: 5, syncPoint: 'p', workstreams: ['a'], reason: 'r',
    data, auto: true, notify: true,
  };
  const conflict: Conflict = await all.detect(detect);
  const status: ConflictStatus = conflict.status;
  const filter: ConflictFilter = { type: [type], status, severity: 'low', syncPoint: 'p' };
  const list: Conflict[] = all.list(filter);
  const handler: Registration = all.on(['data_conflict'], ({ data: of }) => of);
  all.on('*', async () => null);
  const resolved: Conflict = await all.resolve(conflict.id, 'custom', { value: 1, by: 'me' });
  await all.ignore(conflict.id, { by: 'me' });
  await all.wait(conflict.id, { timeout: 5 });
  const how: ResolvingStrategy = 'merge';
  const resolution: Resolution = resolve(how, [candidate]);
  // @ts-expect-error nobody decides here
  resolve('manual', data);
  const order: 'equal' | 'before' | 'after' | 'concurrent' = compareClocks(clock, {});
  show(list, handler, resolved.result, resolution.discarded[0]?.why, order, mergeClocks(clock));
  show(all.clear(), all.get(conflict.id));
}

function says(error: unknown): unknown {
  if (error instanceof ChangedError) return [error.key, error.version];
  return error instanceof FailedError ? error.code : undefined;
}

declare function show(...values: unknown[]): void;
export { conflicts, reads, says, transactions, writes };
