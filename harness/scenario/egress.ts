import type { ServerProgram } from '../model.ts';
import { placeholders } from '../template.ts';

export interface Egress {
  /** Offset in the text. */
  readonly at: number;
  readonly what: string;
}

interface Word {
  readonly text: string;
  readonly at: number;
}

/** Which words of a directive name whom the program will speak to. */
type Targets = Readonly<Record<string, (words: readonly Word[]) => readonly Word[]>>;

const all = (words: readonly Word[]) => words;
const first = (words: readonly Word[]) => words.slice(0, 1);
const later = (words: readonly Word[]) => words.slice(1);

const corefile: Targets = {
  forward: later,
  grpc: later,
  endpoint: all,
  dnstap: first,
  trace: (words) => words.slice(-1),
  to: all,
  transfer: (words) => (words[0]?.text === 'from' ? later(words) : []),
};
/** Plugins that speak to a service of somebody else's. */
const foreign = ['route53', 'azure', 'clouddns', 'nomad'];
const passes = [
  'proxy_pass',
  'grpc_pass',
  'fastcgi_pass',
  'uwsgi_pass',
  'scgi_pass',
  'memcached_pass',
  'auth_http',
  'server',
];
const nginx: Targets = {
  ...Object.fromEntries(passes.map((pass) => [pass, first])),
  resolver: (words) => words.filter(({ text }) => !/^(valid|ipv[46]|status_zone)=/.test(text)),
};

/** What in the configuration of a server leads beyond loopback: nothing may leave this machine. `others`: the texts of its other files. */
export function egressOf(program: ServerProgram, text: string, others: readonly string[] = []): Egress[] {
  if (program === 'workload' || program === 'karpenter-kwok') return [];
  const statements = statementsOf(text, program);
  const upstreams = new Set(
    [text, ...others].flatMap((one) =>
      statementsOf(one, program).flatMap(([name, upstream]) => (name?.text === 'upstream' && upstream?.text) || []),
    ),
  );
  return statements.flatMap(([name, ...words]) => {
    if (!name) return [];
    const word = name.text;
    const told = (targets: readonly Word[]) =>
      targets.map((target) => ({ at: target.at, what: `${word} leads to ${JSON.stringify(target.text)}` }));
    if (word === 'include' || word === 'import')
      return told(words.slice(0, 1).filter(({ text: file }) => /^\/|\.\./.test(file)));
    if (program === 'coredns' && foreign.includes(word))
      return [{ at: name.at, what: `${word} asks a service elsewhere` }];
    const table = program === 'nginx' ? nginx : corefile;
    const targets = Object.hasOwn(table, word) ? (table[word]?.(words) ?? []) : [];
    const logs = words.flatMap((one) => {
      const server = /^syslog:server=([^,]*)/.exec(one.text)?.[1];
      return server === undefined ? [] : [{ text: server, at: one.at }];
    });
    const stays = (target: Word) =>
      isLoopback(target.text) || (program === 'nginx' && upstreams.has(hostOf(target.text)));
    return told([...targets, ...logs].filter((target) => !stays(target)));
  });
}

/** Of `http://127.0.0.1:80/path`, `[::1]:53`, `name`. */
function hostOf(target: string): string {
  const address = target.replace(/^[a-z]+:\/\//, '');
  return /^\[([^\]]*)\](?=[:/]|$)/.exec(address)?.[1] ?? /^[^:/]*/.exec(address)?.[0] ?? '';
}

const isLoopback = (target: string) => /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(hostOf(target));

const ofNginx = /#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{[^}]*\}|[^\s{};])+/gs;
const ofCorefile = /#[^\n]*|"(?:\\.|[^"\\])*"|\n|\S+/gs;

/** The words of each directive; a placeholder is as many zeros, as it stands for a port or a file of our own. */
function statementsOf(template: string, program: 'coredns' | 'nginx'): Word[][] {
  let text = template;
  for (const { at } of placeholders(template)) {
    const length = template.indexOf('}}', at) + 2 - at;
    text = text.slice(0, at) + '0'.repeat(length) + text.slice(at + length);
  }
  const statements: Word[][] = [[]];
  for (const { 0: found, index: at } of text.matchAll(program === 'nginx' ? ofNginx : ofCorefile)) {
    if (found.startsWith('#')) continue;
    if (/^[{};\n]$/.test(found)) statements.push([]);
    else statements.at(-1)?.push({ text: unquoted(found), at });
  }
  return statements.filter((one) => one.length > 0);
}

const unquoted = (word: string) => (/^(["']).*\1$/s.test(word) ? word.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : word);
