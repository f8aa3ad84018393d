'use strict';
// Cost of an awaited hand-over in Node while so many wait.
//
// SPDX-License-Identifier: MIT
//
// handover.cjs WAITING URL: more waits than that are started; what is measured are the first
// hand-overs, through which at least WAITING are left in line. Prints samples in microseconds, each
// of a batch of hand-overs, so that their median is not that of a moment without the CPU.

const path = require('node:path');
const syncmgr = require(
  path.join(__dirname, '..', '..', '..', 'bindings', 'node', 'lib', 'index.js'));

const BATCH = 100;

/** Prints the cost of a hand-over in microseconds, of each batch. */
async function sample(mutex, waiting, measured) {
  const first = await mutex.acquire();
  const batch = Math.min(BATCH, measured);
  const samples = [];
  let granted = 0;
  let start;
  const waits = [];
  for (let count = 0; count < waiting + measured; count++) {
    waits.push(mutex.acquire().then((guard) => {
      granted += 1;
      if (granted % batch === 0 && granted <= measured) {
        const end = process.hrtime.bigint();
        samples.push(Number(end - start) / batch / 1000);
        start = end;
      }
      guard.release();
    }));
  }
  // All of them are in line before the first one goes on.
  await new Promise((resolve) => setImmediate(resolve));
  start = process.hrtime.bigint();
  first.release();
  await Promise.all(waits);
  for (const cost of samples) console.log(`handover ${cost}`);
}

async function main() {
  const waiting = Number(process.argv[2]);
  const measured = Math.min(waiting, 2000);
  const space = await syncmgr.open(process.argv[3]);
  const mutex = space.mutex('handover');
  const rounds = Math.max(1, Math.floor(2000 / measured));
  for (let round = 0; round < rounds; round++) {
    await sample(mutex, waiting, measured);
  }
  await space.close();
}

main().then(() => process.exit(0), (error) => {
  console.error(error.stack);
  process.exit(1);
});
