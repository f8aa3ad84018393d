'use strict';
// Finds the addon and the library, and binds every function of the library.
//
// No function bound here can wait: those that could have their timeout fixed at zero in api.js.

const fs = require('node:fs');
const path = require('node:path');
const api = require('./api.js');

const PACKAGE = path.join(__dirname, '..');

/** Makes the error of a binding that cannot start. */
function loadError(message) {
  return Object.assign(new Error(message), { code: 'ERR_SYNCMGR_LIBRARY' });
}

function loadAddon() {
  const file = path.join(PACKAGE, 'build', 'addon.node');
  try {
    return require(file);
  } catch (cause) {
    throw loadError(`the addon ${file} cannot be loaded, build it by "make -C ${PACKAGE}": ` +
      cause.message);
  }
}

/** The places where the library may be, the best first. */
function candidates() {
  const chosen = process.env.SYNCMGR_LIBRARY;
  // Who names a library wants that one, and wants to hear when it does not work.
  if (chosen !== undefined && chosen !== '') return [chosen];
  return [
    path.join(PACKAGE, 'build', 'libsyncmgr.so.0'),
    path.join(PACKAGE, '..', '..', '.build', 'lib', 'libsyncmgr.so'),
    'libsyncmgr.so.0',
  ];
}

/** Loads the library at `file`, and returns why that cannot be done, or undefined. */
function tryLoad(addon, file) {
  if (file.includes('/') && !fs.existsSync(file)) return 'no such file';
  try {
    const version = addon.load(file);
    if (version === api.constants.ABI_VERSION) return undefined;
    return `its ABI version is ${version}, this binding needs ${api.constants.ABI_VERSION}`;
  } catch (error) {
    return error.message;
  }
}

function loadLibrary(addon) {
  const failures = [];
  for (const file of candidates()) {
    const failure = tryLoad(addon, file);
    if (failure === undefined) return file;
    failures.push(`\n  ${file}: ${failure}`);
  }
  throw loadError(`libsyncmgr cannot be loaded. Tried:${failures.join('')}`);
}

/** The addon's own functions. */
exports.addon = loadAddon();

/** Where the library was found. */
exports.libraryPath = loadLibrary(exports.addon);

/** The library's functions by their C names. */
exports.native = {};
for (const [name, signature] of Object.entries(api.functions)) {
  exports.native[name] = exports.addon.bind(name, signature);
}
