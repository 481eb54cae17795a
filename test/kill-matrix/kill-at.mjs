// Imported by the harness of a test: ends it by SIGKILL just before or just after line N of its ledger is on disk,
// as ORDEAL_TEST_KILL says (`before 3`, `after 3`), or the first line that owes such an undo (`after uncordon-node`); with `both`, its
// watchdog a moment earlier.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [when, number, whom] = (process.env['ORDEAL_TEST_KILL'] ?? '').split(' ');
const isHarness = /\/(ordeal\.cjs|cli\.[jt]s)$/.test(process.argv[1] ?? '');
if (isHarness && when) {
  const { openSync, writeSync, fsyncSync } = fs;
  /** The index's copy is written first, that in the run's folder last. */
  const copies = new Map();
  const lines = { first: 0, last: 0 };
  let meant = false;
  const isMeant = (copy, text) => {
    lines[copy] += 1;
    if (/^\d+$/.test(number)) return lines[copy] === Number(number);
    return text.includes('"state":"owed"') && text.includes(`"undo":"${number}"`);
  };
  fs.openSync = (path, ...rest) => {
    const file = openSync(path, ...rest);
    copies.delete(file);
    if (/\.ledger$/.test(path)) copies.set(file, 'first');
    if (/\/ledger\.ndjson$/.test(path)) copies.set(file, 'last');
    return file;
  };
  fs.writeSync = (file, ...rest) => {
    const copy = copies.get(file);
    if (copy) meant = isMeant(copy, String(rest[0]));
    if (copy === 'first' && meant && when === 'before') die();
    return writeSync(file, ...rest);
  };
  fs.fsyncSync = (file) => {
    fsyncSync(file);
    if (copies.get(file) === 'last' && meant && when === 'after') die();
  };
  syncBuiltinESMExports();
}

function die() {
  if (whom === 'both') {
    for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      if (parentOf(pid) === process.pid && commandOf(pid).includes('\0--watchdog='))
        process.kill(Number(pid), 'SIGKILL');
  }
  process.kill(process.pid, 'SIGKILL');
}

function commandOf(pid) {
  return read(`/proc/${pid}/cmdline`);
}

function parentOf(pid) {
  return Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

/** Empty for a process that has gone meanwhile. */
function read(path) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
