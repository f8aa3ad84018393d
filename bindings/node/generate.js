'use strict';
// Derives lib/api.js from bindings/api.json, which bindings/generate.py derives from the header.
//
// Run it after a change of the header. With --check it writes nothing and fails when lib/api.js is
// not what it would write.

const fs = require('node:fs');
const path = require('node:path');

const SOURCE = path.join(__dirname, '..', 'api.json');
const TARGET = path.join(__dirname, 'lib', 'api.js');

const INTEGERS = { int32_t: 'i', uint32_t: 'u', int64_t: 'l', uint64_t: 'U', size_t: 'U' };
const SIZES = { char: 1, int32_t: 4, uint32_t: 4, int64_t: 8, uint64_t: 8, size_t: 8 };

/** Functions that give out or take what JavaScript cannot have by itself: the addon calls them. */
const ELSEWHERE = ['syncmgr_channel_recv', 'syncmgr_channel_recv_many', 'syncmgr_channel_view',
  'syncmgr_channel_response', 'syncmgr_transaction_handler'];

/** How many bytes a pointer of this type points to, or undefined when it is no data of ours. */
function sizeBehind(pointee, api) {
  const structure = api.structures.find((candidate) => candidate.name === pointee);
  if (structure !== undefined) return structure.size;
  return SIZES[pointee];
}

/** The word of an options structure. JavaScript may set what lies before the first pointer, and the
 *  texts that follow; so no number of JavaScript's is ever called as a function. */
function optionsWord(pointee, api) {
  const { fields, size } = api.structures.find((candidate) => candidate.name === pointee);
  const first = fields.findIndex((field) => field.type.includes('*'));
  if (first < 0) return `o${size}:${size}`;
  const behind = fields.slice(first);
  const other = behind.findIndex((field) => field.type !== 'const char *');
  const texts = other < 0 ? behind.length : other;
  return `o${size}:${fields[first].offset}${texts > 0 ? `:${texts}` : ''}`;
}

/** The word of structures with pointers, or with a size of their own; undefined for others. */
function recordsWord(pointee, api) {
  const structure = api.structures.find((candidate) => candidate.name === pointee);
  if (structure === undefined) return undefined;
  const { fields, size } = structure;
  const words = fields.flatMap(({ type, offset }, index) => {
    if (!type.includes('*')) return [];
    if (type === 'const char *') return [`t${offset}`];
    const hasLength = type === 'const void *' && fields[index + 1]?.name === 'length';
    return [`${hasLength ? 'd' : 'x'}${offset}`];
  });
  const sized = fields[0].name === 'size' ? 's' : '';
  return sized === '' && words.length === 0 ? undefined : `r${size}:${sized}${words.join('')}`;
}

/** What a pointer points to. */
function pointeeOf(type) {
  return type.replace(/^const /, '').replace(/ ?\*$/, '');
}

/** Whether a parameter says how long the memory before it is: by its name, or as the count of
 *  structures. */
function isCapacity(functionOf, index, api) {
  const previous = functionOf.parameters[index - 1]?.type;
  if (!previous?.endsWith('*')) return false;
  const name = functionOf.parameters[index]?.name;
  if (name === 'capacity' || name === 'length') return true;
  const pointee = pointeeOf(previous);
  return name === 'count' && api.structures.some((structure) => structure.name === pointee);
}

/** The word of one parameter, as native/signature.h explains it. */
function parameterWord(functionOf, index, api) {
  const { name, type } = functionOf.parameters[index];
  if (name === 'timeout_ns' && !functionOf.name.endsWith('_start')) return '0';
  if (isCapacity(functionOf, index, api)) {
    // How many structures there are, and then how many there were.
    return type === 'uint32_t *' ? 'm' : type === 'size_t' ? 'N' : 'n';
  }
  if (type in INTEGERS) return INTEGERS[type];
  if (type === 'const char *') return isCapacity(functionOf, index + 1, api) ? 'a1' : 's';
  if (type.includes('(*)')) return undefined;

  const pointee = pointeeOf(type);
  // Several messages: their bytes, the length of each, and how many there are.
  const pieces = functionOf.parameters.findIndex((parameter) => parameter.name === 'lengths');
  if (pieces > 0 && Math.abs(index - pieces) <= 1) return 'bqc'[index - pieces + 1];
  // A function that takes handles of several types takes them as void *, and first of all.
  if (pointee === 'void' && index === 0) return 'h';
  if (pointee === 'void' && isCapacity(functionOf, index + 1, api)) return 'a1';
  if (pointee === 'void') return name === 'loan' ? 'p1' : undefined;
  if (api.handles.includes(pointee)) return 'h';
  if (pointee.endsWith('*')) return 'p8';
  const size = sizeBehind(pointee, api);
  if (size === undefined) return undefined;
  if (pointee.endsWith('_options_t')) return optionsWord(pointee, api);
  const records = recordsWord(pointee, api);
  if (records !== undefined) return records;
  return (isCapacity(functionOf, index + 1, api) ? 'a' : 'p') + size;
}

/** The signature of a function, or undefined when JavaScript cannot call it. */
function signature(functionOf, api) {
  if (ELSEWHERE.includes(functionOf.name)) return undefined;
  const words = functionOf.parameters.map((_, index) => parameterWord(functionOf, index, api));
  const result = functionOf.returns === 'const char *' ? 's' : INTEGERS[functionOf.returns];
  if (result === undefined || words.includes(undefined)) return undefined;
  return [result, ...words].join(' ');
}

function render(api) {
  const lines = [
    "'use strict';",
    '// Made by generate.js from include/syncmgr.h. Do not edit.',
    '',
    '/** What every function takes and returns; the words are explained in native/signature.h. */',
    'exports.functions = {',
  ];
  const unbound = [];
  for (const functionOf of api.functions) {
    const text = signature(functionOf, api);
    if (text === undefined) unbound.push(functionOf.name);
    else lines.push(`  ${functionOf.name}: '${text}',`);
  }
  lines.push('};', '');
  lines.push('/** Functions with C callbacks, and those that only the addon calls. */');
  lines.push('exports.unbound = [', ...unbound.map((name) => `  '${name}',`), '];', '');

  lines.push('/** The structures: how many bytes they have, and where their fields begin. */');
  lines.push('exports.structures = {');
  for (const { name, size, fields } of api.structures) {
    lines.push(`  ${name}: {`, `    bytes: ${size},`);
    for (const field of fields) lines.push(`    ${field.name}: ${field.offset},`);
    lines.push('  },');
  }
  lines.push('};', '');

  lines.push('/** The constants, without their prefix. */', 'exports.constants = {');
  for (const { name, value } of api.constants) {
    lines.push(`  ${name.replace(/^SYNCMGR_/, '')}: ${value},`);
  }
  lines.push('};', '');
  return lines.join('\n');
}

function main() {
  const wanted = render(JSON.parse(fs.readFileSync(SOURCE, 'utf8')));
  if (!process.argv.includes('--check')) {
    fs.writeFileSync(TARGET, wanted);
    return;
  }
  const present = fs.existsSync(TARGET) ? fs.readFileSync(TARGET, 'utf8') : '';
  if (present === wanted) return;
  console.error('lib/api.js differs from the header: run bindings/node/generate.js');
  process.exitCode = 1;
}

main();
