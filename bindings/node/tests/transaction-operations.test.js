'use strict';
const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('./helpers/peer.js');
const { PATIENCE, newUrl, openSpace, sleep, until } = require('./helpers/setup.js');

const code = (name) => ({ code: `ERR_SYNCMGR_${name}` });

/** A transaction, and a list of what its operations do. */
function begun(options, store = openSpace().store()) {
  const transaction = store.transaction(options);
  const done = [];
  const add = (name, more = {}) => transaction.add({
    execute: async () => {
      await new Promise(setImmediate);
      done.push(name);
      return { name };
    },
    undo: async ({ result }) => {
      await new Promise(setImmediate);
      done.push(`not ${result.name}`);
    },
    ...more,
  });
  return { store, transaction, done, add };
}

describe('operations', () => {
  test('are executed in order, before the changes are seen', async () => {
    const { store, transaction, done, add } = begun();
    add('one', { id: 'first', target: 'machine', parameters: { speed: 3 } });
    transaction.add({ type: 'create', target: 'new', value: 5n });
    const look = add('two', { execute: (operation) => {
      done.push(store.get('new'));
      return operation.parameters;
    }, parameters: [1] });
    await transaction.put('k', 1);
    const read = transaction.add({ type: 'read', target: 'k' });
    assert.equal(look.state, 'waiting');
    await transaction.commit();
    assert.deepEqual(done, ['one', null]);
    assert.deepEqual([look.state, look.result, read.result], ['executed', [1], 1]);
    assert.equal(store.get('new').value, 5n);
    const { operations } = store.transactionRecord(transaction.id);
    assert.deepEqual(operations.map(({ type, state }) => `${type} ${state}`),
      ['custom executed', 'create executed', 'custom executed', 'read executed']);
    assert.deepEqual([operations[0].id, operations[0].target, operations[0].parameters],
      ['first', 'machine', { speed: 3 }]);
    await transaction.close();
  });

  test('that were executed are undone, the newest first and each once', async () => {
    const { store, transaction, done, add } = begun();
    add('one');
    add('two');
    add('no undo', { undo: undefined });
    const failing = add('three', { execute: () => { throw new RangeError('broken'); } });
    const left = add('four');
    await transaction.put('k', 1);
    const error = await transaction.commit().then(assert.fail, (reason) => reason);
    assert.equal(error.code, 'ERR_SYNCMGR_FAILED');
    assert.equal(error.name, 'FailedError');
    assert.ok(error.cause instanceof RangeError);
    assert.deepEqual(done, ['one', 'two', 'no undo', 'not two', 'not one']);
    assert.deepEqual([failing.state, left.state], ['failed', 'left_out']);
    assert.equal(transaction.status, 'rolled_back');
    assert.equal(store.get('k'), null);
    await assert.rejects(transaction.rollback(), code('ALREADY'));
    await transaction.close();
    assert.equal(done.length, 5);
  });

  test('are undone by a rollback, and when the commit comes too late', async () => {
    const { store, transaction, done, add } = begun({ optimistic: true });
    await transaction.get('k');
    add('one');
    await store.put('k', 'changed');
    await transaction.put('other', 1);
    await assert.rejects(transaction.commit(), code('CHANGED'));
    assert.deepEqual(done, ['one', 'not one']);
    await transaction.close();
    const next = begun(undefined, store);
    next.add('two');
    await next.transaction.execute();
    await next.transaction.rollback();
    assert.deepEqual(next.done, ['two', 'not two']);
    await next.transaction.close();
    const last = begun(undefined, store);
    last.add('three');
    await last.transaction.execute();
    await last.transaction.close();
    assert.deepEqual(last.done, ['three', 'not three']);
  });

  test('that take too long are undone when they have come back', async () => {
    const { transaction, done, add } = begun();
    add('one');
    let land;
    const late = add('two', {
      timeout: 20,
      execute: ({ signal }) => new Promise((resolve) => {
        land = () => {
          done.push(signal.aborted);
          resolve({ name: 'two' });
        };
      }),
    });
    await assert.rejects(transaction.commit(), { ...code('TIMEOUT'), message: /operation 1/ });
    assert.equal(late.state, 'late');
    assert.equal(transaction.status, 'rolling_back');
    assert.deepEqual(done, ['one']);
    const { settled } = transaction;
    await transaction.close();
    land();
    await settled;
    assert.deepEqual(done, ['one', true, 'not two', 'not one']);
    await until(() => transaction.closed, 'it closes when all is undone');
  });

  test('have what is left to do when an undo fails, and it is tried again', async () => {
    const { store, transaction, done, add } = begun();
    add('one');
    let isBroken = true;
    const stubborn = add('two', { undo: () => {
      if (isBroken) throw new Error('stuck');
      done.push('not two');
    } });
    await transaction.execute();
    await assert.rejects(transaction.rollback(), code('FAILED'));
    assert.deepEqual([transaction.status, stubborn.state], ['failed', 'undo_failed']);
    assert.deepEqual(done, ['one', 'two']);
    assert.equal(store.transactions({ status: 'failed' }).length, 1);
    await assert.rejects(transaction.rollback(), code('FAILED'));
    isBroken = false;
    await transaction.rollback();
    assert.deepEqual(done, ['one', 'two', 'not two', 'not one']);
    assert.equal(transaction.status, 'rolled_back');
    await transaction.close();
  });

  test('a rollback in the midst of a commit ends it', async () => {
    const { store, transaction, done, add } = begun();
    add('one');
    let land;
    add('two', { execute: () => new Promise((resolve) => {
      land = () => resolve({ name: 'two' });
    }) });
    await transaction.put('k', 1);
    const commit = transaction.commit();
    const outcome = assert.rejects(commit, code('CANCELLED'));
    await until(() => land !== undefined, 'the second is under way');
    const rollback = transaction.rollback();
    await outcome;
    land();
    await rollback;
    assert.deepEqual(done, ['one', 'not two', 'not one']);
    assert.equal(transaction.status, 'rolled_back');
    assert.equal(store.get('k'), null);
    await transaction.close();
  });

  test('built in ones need no functions, and fail as they must', async () => {
    const store = openSpace().store();
    await store.put('there', 1);
    const attempt = async (given) => {
      const transaction = store.transaction();
      transaction.add(given);
      const result = await transaction.commit().then(() => 'ok', (error) => error.code);
      await transaction.close();
      return result;
    };
    assert.equal(await attempt({ type: 'create', target: 'there', value: 1 }),
      'ERR_SYNCMGR_EXISTS');
    assert.equal(await attempt({ type: 'delete', target: 'no' }), 'ERR_SYNCMGR_NOT_FOUND');
    assert.equal(await attempt({ type: 'delete', target: 'there' }), 'ok');
    assert.equal(await attempt({ type: 'write', target: 'w', value: { a: 1 } }), 'ok');
    assert.deepEqual(store.get('w').value, { a: 1 });
    const holder = store.transaction();
    holder.add({ type: 'lock', target: 'l' });
    await holder.execute();
    assert.equal(await attempt({ type: 'lock', target: 'l', timeout: 20 }), 'ERR_SYNCMGR_TIMEOUT');
    const waits = attempt({ type: 'lock', target: 'l', parameters: { mode: 'shared' } });
    await sleep(5);
    await holder.commit();
    assert.equal(await waits, 'ok');
    await holder.close();
  });

  test('that are none are refused', async () => {
    const store = openSpace().store();
    const transaction = store.transaction({ strict: true });
    for (const wrong of [{ type: 'jump' }, { what: 1 }, { execute: 5 },
      { type: 'write', target: 'k' }, { name: 'n', execute: () => {} },
      { execute: () => {}, target: 5 }]) {
      assert.throws(() => transaction.add(wrong), (error) => error.code === 'ERR_SYNCMGR_INVALID');
    }
    assert.throws(() => transaction.add({}), code('INVALID'));
    assert.throws(() => transaction.add({ name: 'nobody' }), code('NOT_FOUND'));
    assert.throws(() => store.handler('n', { execute: 5 }), TypeError);
    const handler = store.handler('n', {});
    assert.throws(() => store.handler('n', {}), code('EXISTS'));
    handler.close();
    await transaction.close();
  });
});

describe('handlers and recovery', () => {
  test('a handler executes and undoes the operations of its name', async () => {
    const { store, transaction, done, add } = begun();
    store.handler('mail', {
      execute: ({ parameters }) => { done.push(parameters.to); return 7; },
      undo: ({ result }) => { done.push(-result); },
    });
    const operation = transaction.add({ name: 'mail', parameters: { to: 'me' } });
    add('fails', { execute: () => { throw new Error('no'); } });
    await assert.rejects(transaction.commit(), code('FAILED'));
    assert.deepEqual(done, ['me', -7]);
    assert.equal(operation.state, 'undone');
    await transaction.close();
    const unknown = store.transaction();
    unknown.add({ name: 'unknown' });
    await assert.rejects(unknown.commit(), (error) => error.cause.code === 'ERR_SYNCMGR_NOT_FOUND');
    await unknown.close();
  });

  test('what a killed process has executed is undone by the handlers of another', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    await store.put('before', 1);
    const victim = run('transact', url);
    assert.equal(await victim.line(), 'executed');
    victim.killNow();
    space.cleanup();
    const first = await store.recover();
    assert.deepEqual(first.recovered, []);
    assert.deepEqual(first.left.map(({ name }) => name).sort(), ['first', 'second']);
    const undone = [];
    const undo = ({ name, parameters, result }) => { undone.push([name, parameters, result]); };
    const other = openSpace(url).store();
    for (const name of ['first', 'second']) other.handler(name, { undo });
    const report = await other.recover();
    assert.deepEqual(undone, [['second', { n: 2 }, { did: 2 }], ['first', { n: 1 }, { did: 1 }]]);
    assert.deepEqual(report.recovered.map(({ status }) => status), ['rolled_back']);
    assert.deepEqual(report.left, []);
    assert.equal(store.get('theirs'), null);
    await store.put('theirs', 'mine');
    space.check();
  });

  test('what a killed process has executed is undone at once by who has handlers', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.store();
    const undone = [];
    store.handler('first', { undo: ({ result }) => { undone.push(result.did); } });
    store.handler('second', { undo: ({ result }) => { undone.push(result.did); } });
    const victim = run('transact', url);
    assert.equal(await victim.line(), 'executed');
    victim.killNow();
    space.cleanup();
    const report = await store.recover();
    assert.deepEqual(undone, [2, 1]);
    assert.deepEqual(report.left, []);
    assert.deepEqual(report.recovered.map(({ status }) => status), ['rolled_back']);
    assert.deepEqual(await store.recover(), { recovered: [], left: [] });
    assert.equal(undone.length, 2);
    assert.equal(store.get('theirs'), null);
    space.check();
  });
});

describe('several workstreams in one transaction', () => {
  const both = async () => {
    const space = openSpace();
    const [a, b] = ['a', 'b'].map((name) => space.workstream(name).store());
    const transaction = a.transaction({ workstreams: ['a', 'b'], timeout: PATIENCE });
    const part = b.join(transaction.id);
    await transaction.put('x', 1);
    await part.put('y', 2);
    return { space, a, b, transaction, part };
  };

  test('commit together', async () => {
    const { a, b, transaction, part, space } = await both();
    assert.equal(part.info().isPart, true);
    const [first, second] = await Promise.all([transaction.commit(), part.commit()]);
    assert.equal(first, a.get('x').revision);
    assert.equal(b.get('y').revision, first);
    assert.ok(second > 0n);
    assert.deepEqual([transaction.status, part.status], ['committed', 'committed']);
    await Promise.all([transaction.close(), part.close()]);
    space.check();
  });

  test('vote first: what is prepared is changed by nobody else', async () => {
    const { a, b, transaction, part } = await both();
    await part.prepare();
    await assert.rejects(a.put('y', 'other'), code('BUSY'));
    assert.equal(a.get('y'), null);
    const decided = part.commit();
    await transaction.commit();
    await decided;
    assert.equal(b.get('y').value, 2);
    await Promise.all([transaction.close(), part.close()]);
    await a.put('y', 'other');
  });

  test('one that rolls back is a vote against all', async () => {
    const { a, transaction, part } = await both();
    const commit = transaction.commit();
    const outcome = assert.rejects(commit, code('FAILED'));
    await sleep(10);
    await part.rollback();
    await outcome;
    assert.deepEqual([a.get('x'), a.get('y')], [null, null]);
    assert.equal(transaction.status, 'rolled_back');
    await Promise.all([transaction.close(), part.close()]);
    assert.throws(() => a.join(12345), code('NOT_FOUND'));
  });

  test('one that dies before it votes aborts it, after that it does not', async () => {
    const url = newUrl();
    const space = openSpace(url);
    const store = space.workstream('owner').store();
    for (const votes of [false, true]) {
      const transaction = store.transaction({ workstreams: ['owner', 'victim'],
        timeout: PATIENCE });
      await transaction.put('mine', String(votes));
      const victim = run('join', url, transaction.id, votes);
      assert.equal(await victim.line(), votes ? 'voted' : 'joined');
      victim.killNow();
      space.cleanup();
      if (votes) {
        await transaction.commit();
        assert.deepEqual([store.get('mine').value, store.get('theirs').value], ['true', 'theirs']);
      } else {
        await assert.rejects(transaction.commit(), code('FAILED'));
        assert.deepEqual([store.get('mine'), store.get('theirs')], [null, null]);
      }
      await transaction.close();
    }
    space.check();
  });
});
