'use strict';
// What a space looks like at a moment.

const { native } = require('./loader.js');
const { readDocument } = require('./document.js');
const { check } = require('./errors.js');
const scratch = require('./scratch.js');

const FIRST_SIZE = 1 << 16;
// What always suffices.
const URL_SIZE = 4096;

/** Reads the space behind an open manager's handle. */
function snapshot(handle) {
  return readDocument((...memory) => native.syncmgr_snapshot_json(handle, 0, ...memory),
    FIRST_SIZE);
}

/** Reads the URL of the space, from which it can be opened in any working directory. */
function spaceUrl(handle) {
  const buffer = new Uint8Array(URL_SIZE);
  check(native.syncmgr_url(handle, buffer, URL_SIZE, scratch.longs));
  return scratch.text(buffer, 0, URL_SIZE);
}

module.exports = { snapshot, spaceUrl };
