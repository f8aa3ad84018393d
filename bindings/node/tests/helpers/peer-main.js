'use strict';
// The other process of a test: node peer-main.js ACTION URL ARGUMENTS...
//
// Each action prints a line when it is where the test wants it, and mostly stays there.

const fs = require('node:fs');
const readline = require('node:readline');
const { open } = require('../../lib/index.js');

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

  /** Calls process.exit() while it holds a mutex, or while it holds nothing. */
  async 'exit'(space, what) {
    const guard = await space.mutex('m').acquire();
    if (what === 'free') guard.release();
    say('leaves');
    process.exit(0);
  },
};

actions[action](open(url), ...rest).catch((error) => {
  say(`failed: ${error.stack}`);
  process.exit(1);
});
