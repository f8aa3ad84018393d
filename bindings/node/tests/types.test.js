'use strict';
// The declarations for TypeScript, before a real compiler: what users write is to be accepted, and
// what they cannot mean is to be refused (the lines with @ts-expect-error).

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const USERS = path.join(__dirname, 'types');
const LIBRARY = path.join(__dirname, '../lib');

const compile = (...words) => spawnSync('tsc', words, { encoding: 'utf8' });
const isThere = compile('--version').status === 0;
const skip = isThere ? false
  : 'there is no TypeScript compiler `tsc` (Debian: apt install node-typescript)';

describe('the declarations', () => {
  test('compile as users use them', { skip }, () => {
    const { status, stdout } = compile('--project', USERS);
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });

  test('are all used there', () => {
    const used = fs.readdirSync(USERS).filter((file) => file.endsWith('.mts'))
      .map((file) => fs.readFileSync(path.join(USERS, file), 'utf8')).join('\n');
    const names = fs.readdirSync(LIBRARY).filter((file) => file.endsWith('.d.ts'))
      .map((file) => fs.readFileSync(path.join(LIBRARY, file), 'utf8'))
      .flatMap((text) => [...text.matchAll(
        /^export (?:class|function|const|interface|type) (\w+)/gm)].map((match) => match[1]))
      // Of errors one is like another, and parts of the snapshot are seen through it.
      .filter((name) => !name.endsWith('Error') && !/^(Snapshot|Space)./.test(name));
    const unused = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(used));
    assert.deepEqual(unused, []);
    assert.ok(names.length > 50);
  });
});
