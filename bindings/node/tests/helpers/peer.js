'use strict';
// Another process for a test: run(action, url, ...arguments) starts one of the actions of
// peer-main.js, which prints a line for each step that the test waits for.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const { after } = require('node:test');

const { PATIENCE } = require('./setup.js');

const MAIN = path.join(__dirname, 'peer-main.js');
const peers = [];

class Peer {
  constructor(...words) {
    this.process = spawn(process.execPath, [MAIN, ...words.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.exited = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  get pid() {
    return this.process.pid;
  }

  /** Resolves with the next line that the peer prints. */
  async line() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the peer ended without another line');
    return value;
  }

  /** Tells the peer to take its next step. */
  go() {
    this.process.stdin.write('go\n');
  }

  /** Kills the peer and returns when it is dead, before anything else can happen here. */
  killNow() {
    this.process.kill('SIGKILL');
    const place = `/proc/${this.pid}`;
    // Dead is when its first thread has ended and all the others are gone.
    const isDead = () => /\) [ZX] /.test(fs.readFileSync(`${place}/stat`, 'utf8')) &&
      fs.readdirSync(`${place}/task`).length === 1;
    const end = Date.now() + PATIENCE;
    while (Date.now() < end && !isDead());
  }

  /** Kills the peer for good, and resolves when it is dead. */
  kill() {
    this.process.kill('SIGKILL');
    return this.exited;
  }
}

function run(...words) {
  const peer = new Peer(...words);
  peers.push(peer);
  return peer;
}

after(async () => {
  for (const peer of peers) await peer.kill();
});

module.exports = { run };
