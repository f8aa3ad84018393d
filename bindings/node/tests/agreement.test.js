'use strict';
const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { syncmgr } = require('./helpers/setup.js');
const { native } = require('../lib/loader.js');
const api = require('../lib/api.js');

const PACKAGE = path.join(__dirname, '..');
const INCLUDE = path.join(PACKAGE, '..', '..', 'include');

/** Compiles and runs a C program that prints one number a line. */
function numbersOf(expressions) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'syncmgr-node-'));
  const source = path.join(directory, 'numbers.c');
  const program = path.join(directory, 'numbers');
  fs.writeFileSync(source, `
    #include <stddef.h>
    #include <stdio.h>
    #include "syncmgr.h"
    int main(void) {
      ${expressions.map((text) => `printf("%lld\\n", (long long)(${text}));`).join('\n')}
      return 0;
    }
  `);
  execFileSync('cc', [`-I${INCLUDE}`, source, '-o', program]);
  const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
  fs.rmSync(directory, { recursive: true });
  return lines.map(Number);
}

/** What TypeScript knows of the package. */
const declarations = ['index.d.ts', 'primitives.d.ts', 'deadlock.d.ts', 'channel.d.ts',
  'conflicts.d.ts', 'errors.d.ts', 'store.d.ts', 'transaction.d.ts']
  .map((name) => fs.readFileSync(path.join(PACKAGE, 'lib', name), 'utf8')).join('\n');

/** Runs a script in a Node of its own. */
function runNode(script, environment = {}) {
  return spawnSync(process.execPath, ['-e', script], {
    cwd: PACKAGE, encoding: 'utf8', env: { ...process.env, ...environment },
  });
}

describe('the binding agrees with the header', () => {
  test('lib/api.js is what the generator makes', () => {
    execFileSync(process.execPath, [path.join(PACKAGE, 'generate.js'), '--check']);
  });

  test('constants, sizes and offsets are those of the C compiler', () => {
    const expressions = [];
    const expected = [];
    for (const [name, value] of Object.entries(api.constants)) {
      expressions.push(`SYNCMGR_${name}`);
      expected.push(value);
    }
    for (const [name, { bytes, ...fields }] of Object.entries(api.structures)) {
      expressions.push(`sizeof(${name})`);
      expected.push(bytes);
      for (const [field, offset] of Object.entries(fields)) {
        expressions.push(`offsetof(${name}, ${field})`);
        expected.push(offset);
      }
    }
    assert.deepEqual(numbersOf(expressions), expected);
  });

  test('every function of the header is bound, but those with pointers to follow', () => {
    const header = fs.readFileSync(path.join(INCLUDE, 'syncmgr.h'), 'utf8');
    const declared = [...header.matchAll(/^SYNCMGR_API [^;]*?\b(syncmgr_\w+)\(/gm)]
      .map((match) => match[1]);
    assert.deepEqual([...Object.keys(native), ...api.unbound].sort(), declared.sort());
  });

  test('every status has its class and code', () => {
    for (const [name, status] of Object.entries(api.constants)) {
      if (!name.startsWith('E_')) continue;
      assert.equal(native.syncmgr_status_name(status), name);
      const types = Object.values(syncmgr).filter((type) => type?.prototype instanceof Error &&
        Object.getPrototypeOf(type) === syncmgr.SyncError && new type('').status === status);
      assert.equal(types.length, 1, name);
      const error = new types[0]('sentence');
      assert.ok(error instanceof syncmgr.SyncError);
      assert.equal(error.code, name.replace(/^E_/, 'ERR_SYNCMGR_'));
      assert.equal(error.message, 'sentence');
      assert.equal(error.name, types[0].name);
    }
    assert.equal(native.syncmgr_status_name(12345), 'E_?');
  });
});

describe('the package', () => {
  test('import gives what require gives, and the types name the same', async () => {
    const imported = await import('../lib/index.mjs');
    const names = Object.keys(syncmgr).sort();
    assert.deepEqual(Object.keys(imported).filter((name) => name !== 'default').sort(), names);
    assert.equal(imported.default, syncmgr);
    for (const name of names) assert.equal(imported[name], syncmgr[name]);
    const exported = [...declarations.matchAll(/^export (?:class|function|const) (\w+)/gm)]
      .map((match) => match[1]);
    assert.deepEqual([...new Set(exported)].sort(), names);
  });

  test('the types name every method', () => {
    for (const name of ['Manager', 'Workstream', 'Mutex', 'Semaphore', 'Latch', 'Barrier',
      'SyncEvent', 'Guard', 'Permits', 'RWLock', 'RWGuard', 'Condition', 'Election', 'Leadership',
      'Party', 'Resource', 'Events', 'Inbox', 'Channel', 'Message', 'View', 'Loan',
      'Memory', 'Store', 'Transaction']) {
      const methods = Object.getOwnPropertyNames(syncmgr[name].prototype)
        .filter((method) => method !== 'constructor' && !method.startsWith('_'));
      for (const method of methods) {
        if (method === 'removeAllListeners') continue;
        assert.match(declarations, new RegExp(`\\b${method}[(<:]`), `${name}.${method}`);
      }
    }
  });

  test('it says which library it is', () => {
    assert.match(syncmgr.version(), /^\d+\.\d+\.\d+$/);
    assert.match(syncmgr.libraryPath, /syncmgr/);
  });

  test('a library that was chosen is the only one tried', () => {
    const { status, stderr } = runNode('require("./lib")', { SYNCMGR_LIBRARY: '/no/such.so' });
    assert.equal(status, 1);
    assert.match(stderr, /ERR_SYNCMGR_LIBRARY/);
    assert.match(stderr, /\/no\/such\.so: no such file/);
    assert.doesNotMatch(stderr, /libsyncmgr\.so\.0/);
  });

  test('a library of another ABI is refused, with both numbers', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'syncmgr-node-'));
    const source = path.join(directory, 'other.c');
    const library = path.join(directory, 'other.so');
    fs.writeFileSync(source, 'unsigned syncmgr_abi_version(void) { return 77; }');
    execFileSync('cc', ['-shared', '-fPIC', source, '-o', library]);
    const { status, stderr } = runNode('require("./lib")', { SYNCMGR_LIBRARY: library });
    assert.equal(status, 1);
    assert.match(stderr, /ABI version is 77, this binding needs 1/);
    fs.rmSync(directory, { recursive: true });
  });

  test('all places are named when there is no library', () => {
    const script = `
      const fs = require('node:fs');
      fs.existsSync = () => false;
      require('./lib');
    `;
    const { status, stderr } = runNode(script, { SYNCMGR_LIBRARY: '' });
    // A library that is installed in the system is found, and then there is nothing to see.
    if (status === 0) return;
    assert.match(stderr, /build\/libsyncmgr\.so\.0: no such file/);
    assert.match(stderr, /\.build\/lib\/libsyncmgr\.so: no such file/);
    assert.match(stderr, /^ {2}libsyncmgr\.so\.0: /m);
  });

  test('the addon needs libffi and the C library only, and exports nothing but its entry', () => {
    const addon = path.join(PACKAGE, 'build', 'addon.node');
    const dynamic = execFileSync('readelf', ['-d', addon], { encoding: 'utf8' });
    const needed = [...dynamic.matchAll(/NEEDED.*\[(.*?)\]/g)].map((match) => match[1]);
    for (const name of needed) assert.match(name, /^lib(ffi|c|dl)\.so/);
    const symbols = execFileSync('nm', ['-D', '--defined-only', addon], { encoding: 'utf8' });
    const names = symbols.trim().split('\n').map((line) => line.split(' ').at(-1));
    for (const name of names) assert.match(name, /^(napi|node_api)_/);
  });

  test('loading it starts no thread', () => {
    const script = `
      const fs = require('node:fs');
      const before = fs.readdirSync('/proc/self/task').length;
      require('./lib');
      if (fs.readdirSync('/proc/self/task').length > before) process.exit(1);
    `;
    assert.equal(runNode(script).status, 0);
  });
});
