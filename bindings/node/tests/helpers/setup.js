'use strict';
// What every test file begins with: the binding, spaces of its own, and a watchdog.
//
// At the end all spaces are closed, and nothing of them may be left in /dev/shm.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { after } = require('node:test');
const { Worker } = require('node:worker_threads');

const syncmgr = require('../../lib/index.js');

const PREFIX = `test-node-${process.pid}-`;
const WATCHDOG_SECONDS = 150;
/** What happens at once may take this long on a machine that is busy with other things. */
const PATIENCE = 40_000;

let counter = 0;
const spaces = [];

/** Returns the URL of a space that nobody else uses. */
function newUrl() {
  counter += 1;
  return `shm:${PREFIX}${counter}`;
}

/** Opens a space that is closed when the tests of the file are done. */
function openSpace(url = newUrl(), options = undefined) {
  const space = syncmgr.open(url, options);
  spaces.push(space);
  return space;
}

function leftovers() {
  return fs.readdirSync('/dev/shm').filter((name) => name.includes(PREFIX));
}

/** Resolves after so many milliseconds. */
function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

/** Resolves when `condition()` is true, and fails when that takes too long. */
async function until(condition, what) {
  const end = Date.now() + PATIENCE;
  while (!condition()) {
    assert.ok(Date.now() < end, `this did not happen in time: ${what}`);
    await sleep(2);
  }
}

/** A number generator that repeats with its seed: run a test again with SEED=n. */
function randomNumbers() {
  let state = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31)) >>> 0;
  console.log(`SEED=${state}`);
  return (limit) => {
    // The generator "mulberry32": small, and good enough to vary a test.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

// A hung test must fail, also when it hangs inside a call: the watchdog has a thread of its own.
new Worker(`
  setTimeout(() => {
    require('node:fs').writeSync(2, 'the watchdog ends ${process.argv[1]}\\n');
    process.kill(process.pid, 'SIGKILL');
  }, ${WATCHDOG_SECONDS * 1000});
`, { eval: true }).unref();

after(() => {
  for (const space of spaces) space.close();
  const left = leftovers();
  for (const name of left) fs.rmSync(`/dev/shm/${name}`, { force: true });
  assert.deepEqual(left, [], 'files were left in /dev/shm');
});

module.exports = { PATIENCE, syncmgr, newUrl, openSpace, randomNumbers, sleep, until };
