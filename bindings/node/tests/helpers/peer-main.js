'use strict';
// The other process of a test: node peer-main.js ACTION URL ARGUMENTS...
//
// Each action prints a line when it is where the test wants it, and mostly stays there.

const fs = require('node:fs');
const readline = require('node:readline');
const { lockMany, once, open } = require('../../lib/index.js');

const [action, url, ...rest] = process.argv.slice(2);

const say = (line) => fs.writeSync(1, `${line}\n`);
const stay = () => new Promise(() => { setInterval(() => {}, 1000); });
const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = () => input.next();

/** Adds one to the number in a file, without any care: the mutex must do it. */
function addOne(file, buffer) {
  fs.readSync(file, buffer, 0, 8, 0);
  buffer.writeBigUInt64LE(buffer.readBigUInt64LE(0) + 1n, 0);
  fs.writeSync(file, buffer, 0, 8, 0);
}

const actions = {
  /** Holds a mutex under a name of its own. */
  async 'hold-mutex'(space) {
    await space.workstream('victim').mutex('m').acquire();
    say('holds');
    await stay();
  },

  /** Waits in line for a mutex. */
  async 'wait-mutex'(space) {
    const wait = space.mutex('m').acquire();
    say('waits');
    const guard = await wait;
    say(`got ${guard.recovered}`);
    await stay();
  },

  /** Holds some permits. */
  async 'hold-permits'(space, count) {
    await space.semaphore('s').acquire(Number(count));
    say('holds');
    await stay();
  },

  /** Holds a readers-writer lock under a name of its own. */
  async 'hold-rwlock'(space, mode) {
    await space.workstream('victim').rwlock('r').lock({ mode });
    say('holds');
    await stay();
  },

  /** Holds a readers-writer lock shared, and waits to have it exclusively. */
  async 'upgrade-rwlock'(space) {
    const guard = await space.rwlock('r').lock({ mode: 'shared' });
    const upgrade = guard.upgrade();
    say('waits');
    await upgrade;
    say('has it');
    await stay();
  },

  /** Waits at a condition. */
  async 'wait-condition'(space) {
    const guard = await space.workstream('victim').mutex('m').acquire();
    const wait = space.condition('c').wait(guard);
    say('waits');
    await wait;
    say(`signalled ${guard.recovered}`);
    await told();
    guard.release();
    say('leaves');
    await stay();
  },

  /** Leads, or waits to lead. */
  async 'lead'(space) {
    const wait = space.workstream('victim').election('e').campaign();
    say('stands');
    const { leader, term, result } = await wait;
    say(leader ? `leads ${term}` : `result ${result}`);
    await stay();
  },

  /** Leads by once(), and does not come to an end. */
  async 'once'(space) {
    await once(space, 'o', async () => {
      say('runs');
      await stay();
    });
  },

  /** Is a party of a phaser. */
  async 'join-phaser'(space) {
    space.barrier('p', 0, { phaser: true }).join();
    say('joined');
    await stay();
  },

  /** Holds a mutex with a lease that is renewed. */
  async 'lease-mutex'(space, milliseconds) {
    const guard = await space.workstream('victim').mutex('m').acquire();
    guard.lease(Number(milliseconds), { renew: true });
    say('holds');
    await told();
    say(`valid ${guard.isValid()}`);
    await stay();
  },

  /** Waits at the sync point "p" under a name. */
  async 'meet'(space, name) {
    const wait = space.workstream(name).syncPoint('p').wait();
    say('waits');
    await wait.then(({ status }) => say(status), (error) => say(error.code));
    await stay();
  },

  /** Holds several locks together. */
  async 'hold-many'(space) {
    const semaphore = space.semaphore('s', 3);
    await lockMany([space.mutex('a'), { lock: semaphore, count: 2 }, space.rwlock('r')]);
    say('holds');
    await stay();
  },

  /** Waits at a barrier. */
  async 'wait-barrier'(space, parties) {
    const wait = space.barrier('b', Number(parties)).wait();
    say('waits');
    await wait.then(() => say('passed'), (error) => say(error.code));
    await stay();
  },

  /** Adds to the number in a file under a mutex, so many times by each way of taking it. */
  async hammer(space, path, rounds) {
    const mutex = space.mutex('m');
    const file = fs.openSync(path, 'r+');
    const buffer = Buffer.alloc(8);
    say('ready');
    await told();
    for (let round = 0; round < Number(rounds); round++) {
      const guard = round % 2 === 0 ? mutex.tryAcquire() ?? await mutex.acquire()
        : await mutex.acquire();
      addOne(file, buffer);
      guard.release();
    }
    fs.closeSync(file);
    space.close();
    say('done');
    process.exit(0);
  },

  /** Answers messages in capitals, until it is told to die. */
  async 'answer'(space) {
    const me = space.workstream('worker');
    say('ready');
    for await (const message of me.inbox) {
      if (message.text === 'die') process.kill(process.pid, 'SIGKILL');
      me.send(message.name, message.text.toUpperCase(), { detail: message.detail });
    }
  },

  /** Says what it is told as a notice. */
  async 'listen'(space) {
    const me = space.workstream('stranger');
    const events = space.events({ kinds: 'custom' });
    say(`ready ${me.name}`);
    for await (const event of events) say(event.text);
  },

  /** Sends so many numbers through the queue "c". */
  async 'produce'(space, count) {
    const queue = space.workstream('producer').channel('c', { capacity: 64 });
    const numbers = Array.from({ length: Number(count) }, (_, index) => String(index));
    while (numbers.length > 0) await queue.sendMany(numbers.splice(0, 50));
    space.close();
    say('done');
    process.exit(0);
  },

  /** Takes messages from the queue "c" and acknowledges none but the first. */
  async 'consume'(space, count) {
    const queue = space.workstream('victim').channel('c', { acknowledge: true });
    const messages = [];
    while (messages.length < Number(count)) messages.push(await queue.recv());
    messages[0].acknowledge();
    say(messages.map((message) => message.text).join(' '));
    await stay();
  },

  /** Receives one message of a direct channel, and does no more. */
  async 'receive-direct'(space) {
    const channel = space.workstream('victim').channel('d', { kind: 'direct' });
    say('ready');
    const message = await channel.recv();
    say(message.text);
    await stay();
  },

  /** Has a view, a loan and a place as a subscriber. */
  async 'borrow'(space) {
    const me = space.workstream('victim');
    me.channel('b', { kind: 'broadcast' }).subscribe();
    const queue = me.channel('c');
    const view = await queue.view();
    const loan = queue.loan(20_000_000);
    say(`${view.data.length} ${loan.size}`);
    await stay();
  },

  /** Adds one to a cell so many times, and to a byte of a region once. */
  async 'count'(space, rounds) {
    const memory = space.workstream().channel('m', { kind: 'memory' });
    const flags = new Int32Array(memory.region('flags', 4096).buffer);
    say('ready');
    await told();
    for (let round = 0; round < Number(rounds);) {
      const { value, version } = memory.get('count');
      if (memory.compareAndSet('count', version, value + 1n) !== null) round += 1;
    }
    Atomics.add(flags, 0, 1 << 8);
    space.close();
    say('done');
    process.exit(0);
  },

  /** Adds one to the entry "n" so many times, and then to a race for the version of "race". */
  async 'store-count'(space, rounds) {
    const store = space.workstream().store();
    say('ready');
    await told();
    for (let round = 0; round < Number(rounds); round++) {
      await store.update('n', (value) => value + 1n, { type: 'int64' });
    }
    const { version } = store.get('race');
    const isFirst = await store.put('race', process.pid, { expected: version })
      .then(() => true, () => false);
    say(`done ${version} ${isFirst}`);
    await stay();
  },

  /** Commits the same number, as text of changing length, to two keys, again and again. */
  async 'store-pairs'(space) {
    const store = space.workstream('victim').store();
    say('writes');
    for (let round = 0; ; round++) {
      const value = String(round).padEnd(1 + (round * 37) % 400, 'x');
      await store.commit([{ key: 'pair/a', value }, { key: 'pair/b', value }]);
      if (round % 100 === 0) await new Promise(setImmediate);
    }
  },

  /** Puts so many different keys. */
  async 'store-put'(space, name, count) {
    const store = space.workstream(name).store();
    say('ready');
    await told();
    for (let index = 0; index < Number(count); index++) await store.put(`${name}/${index}`, index);
    space.close();
    say('done');
    process.exit(0);
  },

  /** Says which keys change. */
  async 'store-watch'(space) {
    const watch = space.workstream().store().watch();
    say('watches');
    for await (const { key, value, writer } of watch) say(`${key} ${value} ${writer}`);
  },

  /** Counts, and says up to where it is safe. */
  async 'store-safe'(space) {
    const store = space.workstream('victim').store();
    for (let round = (store.get('n')?.value ?? 0) + 1; ; round++) {
      await store.commit(['n', 'a', 'b'].map((key) => ({ key, value: round })));
      say(round);
    }
  },

  /** Executes two operations of a transaction, and comes to no end of it. */
  async 'transact'(space) {
    const store = space.workstream('victim').store();
    for (const name of ['first', 'second']) {
      store.handler(name, { execute: ({ parameters }) => ({ did: parameters.n }) });
    }
    const transaction = store.transaction();
    await transaction.put('theirs', 'x');
    transaction.add({ name: 'first', parameters: { n: 1 } });
    transaction.add({ name: 'second', parameters: { n: 2 } });
    await transaction.execute();
    say('executed');
    await stay();
  },

  /** Joins a transaction, and votes or does not. */
  async 'join'(space, id, votes) {
    const part = space.workstream('victim').store().join(Number(id));
    await part.put('theirs', 'theirs');
    if (votes === 'true') await part.prepare();
    say(votes === 'true' ? 'voted' : 'joined');
    await stay();
  },

  /** Has claimed a conflict, and its handler comes to no end. */
  async 'conflict'(space) {
    const { conflicts } = space.workstream('victim').store();
    conflicts.on('*', async ({ id }) => {
      say(id);
      await stay();
    });
    await conflicts.detect({ strategy: 'custom' });
  },

  /** Is kept running by nothing but a watch, of which the first change is all that it wants. */
  async 'store-await'(space) {
    input.return?.();
    process.stdin.destroy();
    const watch = space.store().watch();
    const change = watch.next();
    say('waits');
    say((await change).value.key);
  },

  /** Is kept running by nothing but a pending receive, or a listener. */
  async 'await-message'(space, how) {
    const queue = space.workstream('w').channel('c');
    say('waits');
    input.return?.();
    process.stdin.destroy();
    if (how === 'listens') queue.once('message', (message) => say(message.text));
    else say((await queue.recv()).text);
  },

  /** Has a channel and nothing to do with it: it must end by itself. */
  async 'idle-channel'(space) {
    process.stdin.destroy();
    const channel = space.workstream('w').channel('b', { kind: 'broadcast' }).subscribe();
    await channel.recv({ timeout: 5 }).catch(() => {});
    const listener = () => {};
    channel.on('message', listener).off('message', listener);
    say('idle');
  },

  /** Is kept running by nothing but a pending wait. */
  async 'pending-only'(space) {
    const event = space.event('e');
    say('waits');
    input.return?.();
    process.stdin.destroy();
    await event.wait();
    say('woken');
  },

  /** Has waited, and has nothing to do any more: it must end by itself. */
  async 'idle'(space) {
    process.stdin.destroy();
    await space.event('e').wait({ timeout: 5 }).catch(() => {});
    space.on('died', () => {});
    say('idle');
  },

  /** Calls process.exit() while it holds something, or while it holds nothing. */
  async 'exit'(space, what) {
    const guard = await space.mutex('m').acquire();
    if (what !== 'held') guard.release();
    if (what === 'reads') await space.rwlock('r').lock({ mode: 'shared' });
    if (what === 'writes') await space.rwlock('r').lock();
    if (what === 'leads') await space.election('e').campaign();
    // A wait at a condition does not hold its mutex.
    if (what === 'waits') space.condition('c').wait(await space.mutex('m').acquire());
    say('leaves');
    process.exit(0);
  },
};

actions[action](open(url), ...rest).catch((error) => {
  say(`failed: ${error.stack}`);
  process.exit(1);
});
