import type { Node } from '../model.ts';
import {
  longLived,
  ofOnePod,
  ofPods,
  passingDevices,
  passingMounts,
  passingRules,
  passingTables,
  passingUnits,
} from './by-itself.ts';
import { nodeScript } from './node-script.ts';
import { EVERYTHING, type Sight, type Thing } from './snapshot.ts';

const within = 60_000;

/** Looks at a node. One that cannot be reached, or whose shell did not come to its end, is unread; never rejects. */
export async function seeNode(node: Node): Promise<Sight> {
  try {
    const { stdout, stderr } = await node.exec(['sh', '-c', nodeScript], { timeout: within });
    return nodeSight(stdout, stderr);
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { things: {}, unread: { [EVERYTHING]: first ?? '' } };
  }
}

type Facts = Readonly<Record<string, string>>;

/** What the script said, by kind and name. */
export function nodeSight(said: string, complaint = ''): Sight {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of said.split('\n')) {
    if (line.startsWith('== ')) {
      lines = [];
      sections.set(line.slice(3), lines);
    } else if (line !== '') lines.push(line);
  }
  if (!sections.has('end'))
    return { things: {}, unread: { [EVERYTHING]: `its shell did not end: ${complaint.slice(-200)}` } };
  const of = (name: string) => sections.get(name) ?? [];
  const read: Readonly<Record<string, Facts>> = {
    process: processes(of('processes'), of('marks')),
    mount: mounts(of('mounts')),
    'cgroup limit': limits(of('limits')),
    qdisc: qdiscs(of('qdiscs')),
    'firewall rule': rules(of('rules')),
    'nft table': tables(of('tables')),
    file: files(of('files')),
    sysctl: Object.fromEntries(of('sysctls').map((line) => halves(line, ' '))),
    unit: units(of('units')),
  };
  const things = Object.entries(read).map(([kind, facts]) => [kind, asThings(facts)] as const);
  const lacking = { qdisc: 'qdiscs', 'firewall rule': 'rules', 'nft table': 'tables', unit: 'units' };
  const unread = Object.entries(lacking).flatMap(([kind, section]) => {
    const why = of(section).find((line) => line.startsWith('!! '));
    return why === undefined ? [] : [[kind, why.slice(3)] as const];
  });
  return { things: Object.fromEntries(things), unread: Object.fromEntries(unread) };
}

const asThings = (facts: Facts): Record<string, Thing> =>
  Object.fromEntries(Object.entries(facts).map(([name, is]) => [name, { facts: { is } }]));

function halves(line: string, at: string): readonly [string, string] {
  const index = line.indexOf(at);
  return index < 0 ? [line, ''] : [line.slice(0, index), line.slice(index + at.length)];
}

/** A container of docker's sees its own path from the host's root. */
const fromNode = (path: string) => path.replace(/^.*?\/docker\/[0-9a-f]{64}(?=\/|$)/, '') || '/';

/**
 * By control group, beside services by name too: numbers change when a unit is started again, and what a service starts is its own. Who
 * carries a mark is told however young it is.
 */
function processes(lines: readonly string[], marks: readonly string[]): Facts {
  const marked = new Map(
    marks.map((line) => [/^\/proc\/(\d+)\//.exec(line)?.[1], line.slice(line.lastIndexOf(':') + 1)]),
  );
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, pid, age, group = '', name = ''] = /^(\d+) (-?\d+) (\S*) (.*)$/.exec(line) ?? [];
      const mark = marked.get(pid);
      if (pid === undefined || (mark === undefined && (ofPods.test(group) || Number(age) < longLived))) return [];
      const where = fromNode(group).replaceAll(/session-\w+/g, 'session');
      if (mark === undefined && where.endsWith('.service')) return [[where, 'running']];
      return [[`${name} in ${where}${mark === undefined ? '' : ` (${mark})`}`, 'running']];
    }),
  );
}

function mounts(lines: readonly string[]): Facts {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [left, right] = halves(line, ' - ');
      const [, , , root = '', path = '', options = ''] = left.split(' ');
      if (path === '' || passingMounts.test(path)) return [];
      const [type = '', source = ''] = right.split(' ');
      return [[path, `${type} ${source} ${root} ${options.split(',')[0]}`]];
    }),
  );
}

/** Of pods only what no kubelet sets: limits of block IO. */
function limits(lines: readonly string[]): Facts {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, path = '', file = '', value = ''] = /^\/sys\/fs\/cgroup(\/.*)?\/([\w.]+):(.*)$/.exec(line) ?? [];
      const io = file === 'io.max' || file.startsWith('blkio.');
      if (file === '' || (!io && ofOnePod.test(path))) return [];
      return [[`${file} of ${path || '/'}${io ? ` for ${value.split(' ')[0]}` : ''}`, value]];
    }),
  );
}

function qdiscs(lines: readonly string[]): Facts {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, type, device = '', place, rest] =
        /^qdisc (\S+) \S+ dev (\S+) (root|parent \S+|ingress|clsact)(.*)$/.exec(line) ?? [];
      if (device === '' || passingDevices.test(device)) return [];
      return [[`${device} ${place}`, `${type}${rest?.replace(/ refcnt \d+/, '').trimEnd()}`]];
    }),
  );
}

/** Each rule, by program and table; how often it is there. */
function rules(lines: readonly string[]): Facts {
  const facts: Record<string, string> = {};
  let program = '';
  let table = '';
  for (const line of lines) {
    if (line.startsWith('@ ')) program = line.slice(2).replace('-save', '');
    if (line.startsWith('*')) table = line.slice(1);
    const rule = line.startsWith(':') ? `chain ${line.slice(1).replace(/ \[.*/, '')}` : line;
    if (!/^(chain |-A )/.test(rule) || passingRules.test(rule)) continue;
    const name = `${program} ${table} ${rule}`;
    facts[name] = String(Number(facts[name] ?? 0) + 1);
  }
  return facts;
}

function tables(lines: readonly string[]): Facts {
  return Object.fromEntries(lines.map((line) => halves(line, '|')).filter(([name]) => !passingTables.test(name)));
}

function files(lines: readonly string[]): Facts {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, what = '', path = ''] = /^(there|\d+ \d+) (\/.*)$/.exec(line) ?? [];
      return path === '' ? [] : [[path, what]];
    }),
  );
}

/** Those that run, wait or failed: one that has only ended may do so at any time. */
function units(lines: readonly string[]): Facts {
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [name = '', , active, sub = ''] = line.replace(/^[^\w-]+/, '').split(/\s+/);
      const told = active === 'failed' || ['running', 'listening', 'waiting'].includes(sub);
      if (name === '' || !told || passingUnits.test(name)) return [];
      // A socket runs or listens as it is asked.
      const is = active === 'failed' ? active : name.endsWith('.service') ? sub : 'active';
      return [[name, is]];
    }),
  );
}
