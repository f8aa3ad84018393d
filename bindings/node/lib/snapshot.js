'use strict';
// What a space looks like at a moment.

const { constants } = require('./api.js');
const { native } = require('./loader.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const FIRST_SIZE = 1 << 16;
// What always suffices.
const URL_SIZE = 4096;

/** Reads the space behind an open manager's handle. */
function snapshot(handle) {
  let size = FIRST_SIZE;
  for (;;) {
    const buffer = new Uint8Array(size);
    const status = native.syncmgr_snapshot_json(handle, 0, buffer, size, scratch.longs);
    const length = Number(scratch.longs[0]);
    if (status !== constants.E_OVERFLOW) {
      check(status);
      return JSON.parse(Buffer.from(buffer.buffer, 0, length).toString('utf8'));
    }
    // The space goes on between the calls.
    size = length + (length >> 1) + FIRST_SIZE;
  }
}

/** Reads the URL of the space, from which it can be opened in any working directory. */
function spaceUrl(handle) {
  const buffer = new Uint8Array(URL_SIZE);
  check(native.syncmgr_url(handle, buffer, URL_SIZE, scratch.longs));
  return scratch.text(buffer, 0, URL_SIZE);
}

module.exports = { snapshot, spaceUrl };
