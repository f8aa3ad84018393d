'use strict';
// Cost of taking and giving back a free mutex from Node.
//
// SPDX-License-Identifier: MIT
//
// pair.cjs try|await URL: batches of the binding and of two bare libffi calls through its addon
// alternate within one process. Prints the median of each in nanoseconds a pair.

const path = require('node:path');
const binding = path.join(__dirname, '..', '..', '..', 'bindings', 'node');
const syncmgr = require(path.join(binding, 'lib', 'index.js'));

const BATCHES = 150;
const WARM_BATCHES = 20;
const PAIRS = 2000;

/** The mutex through the addon alone, on handles of its own. */
function bareCalls(url) {
  const addon = require(path.join(binding, 'build', 'addon.node'));
  const { functions } = require(path.join(binding, 'lib', 'api.js'));
  addon.load(process.env.SYNCMGR_LIBRARY);
  const bind = (name) => addon.bind(name, functions[name]);
  const out = new BigUint64Array(1);
  const opened = (name, ...parameters) => {
    const status = bind(name)(...parameters, out);
    if (status < 0) throw new Error(`${name} returned ${status}`);
    return Number(out[0]);
  };
  const manager = opened('syncmgr_open', url, null);
  const workstream = opened('syncmgr_workstream_open', manager, null);
  const mutex = opened('syncmgr_mutex_open', workstream, 'bare', null);
  return { mutex, lock: bind('syncmgr_mutex_lock'), unlock: bind('syncmgr_mutex_unlock') };
}

function median(samples) {
  samples.sort((left, right) => left - right);
  return samples[samples.length >> 1];
}

function perPair(start) {
  return Number(process.hrtime.bigint() - start) / PAIRS;
}

function tryBatch(mutex) {
  const start = process.hrtime.bigint();
  for (let pair = 0; pair < PAIRS; pair++) mutex.tryAcquire().release();
  return perPair(start);
}

async function awaitBatch(mutex) {
  const start = process.hrtime.bigint();
  for (let pair = 0; pair < PAIRS; pair++) (await mutex.acquire()).release();
  return perPair(start);
}

function bareBatch({ mutex, lock, unlock }) {
  const start = process.hrtime.bigint();
  let faults = 0;
  for (let pair = 0; pair < PAIRS; pair++) faults |= lock(mutex) | unlock(mutex);
  if (faults !== 0) throw new Error('a bare call failed while it was measured');
  return perPair(start);
}

async function main() {
  const [how, url] = process.argv.slice(2);
  const batch = { try: tryBatch, await: awaitBatch }[how];
  const space = await syncmgr.open(url);
  const mutex = space.mutex('pair');
  const bare = bareCalls(url);
  const ours = [];
  const peer = [];
  for (let number = -WARM_BATCHES; number < BATCHES; number++) {
    const sample = await batch(mutex);
    const peerSample = bareBatch(bare);
    if (number < 0) continue;
    ours.push(sample);
    peer.push(peerSample);
  }
  console.log(`ours.pair ${median(ours)}`);
  console.log(`peer.pair ${median(peer)}`);
  await space.close();
}

main().then(() => process.exit(0), (error) => {
  console.error(error.stack);
  process.exit(1);
});
