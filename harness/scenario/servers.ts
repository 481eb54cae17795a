import { ScenarioError, type ServerProgram, type ServerSpec } from '../model.ts';
import { placeholders } from '../template.ts';
import { type Complaints, phrase } from './complaints.ts';
import { egressOf } from './egress.ts';
import { ownFile, readText } from './files.ts';
import type { Parameters } from './parameters.ts';
import type { Decoded } from './schema.ts';
import { type Entry, entriesOf, find, itemsOf, type Tree, textOf } from './tree.ts';

/** Their logs lie side by side. */
export const TAKEN = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
  'audit',
];

interface Around {
  readonly folder: string;
  readonly values: Parameters;
  readonly complaints: Complaints;
}

/** Reads the files of `cluster.servers` and looks at every name that they and the arguments hold; what is wrong becomes complaints. */
export async function serverSpecs(
  tree: Tree,
  decoded: Decoded['cluster']['servers'],
  around: Around,
): Promise<ServerSpec[]> {
  const entries = entriesOf(tree, 'cluster', 'servers');
  const others = entries.flatMap(([name, { value }]) => portsOf(value).map((port) => `port.${name}.${port}`));
  const specs: ServerSpec[] = [];
  for (const [name, entry] of entries) {
    checkNames(name, entry, tree, around.complaints);
    const words = [...wordsOf(entry.value), ...others];
    const env = entriesOf(entry.value, 'env').map(([, { value }]) => value);
    for (const node of [...itemsOf(entry.value, 'args'), ...env]) checkArgument(node, words, around.complaints);
    const files = await texts(entry.value, words, around);
    const spec = decoded[name];
    if (spec) checkEgress(entry.value, spec.program, files, around.complaints);
    if (spec) specs.push(assembled(name, spec, files));
  }
  return specs;
}

function assembled(
  name: string,
  { memory, cpus, as, ready: { port, path }, ...spec }: Decoded['cluster']['servers'][string],
  files: Readonly<Record<string, string>>,
): ServerSpec {
  return {
    ...spec,
    name,
    files,
    ready: { port, ...(path === undefined ? {} : { path }) },
    ...(as === undefined ? {} : { as }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
  };
}

const portsOf = (server: Tree): string[] => itemsOf(server, 'ports').flatMap((port) => textOf(port) ?? []);

/** What a server may say of itself. */
function wordsOf(server: Tree): string[] {
  const files = entriesOf(server, 'files').map(([name]) => `file.${name}`);
  const ports = portsOf(server).map((port) => `port.${port}`);
  return ['folder', ...(find(server, ['as']) ? ['kubeconfig'] : []), ...files, ...ports];
}

function checkNames(name: string, { keyAt, value }: Entry, tree: Tree, complaints: Complaints): void {
  if (TAKEN.includes(name)) {
    complaints.add(keyAt, {
      what: `a server cannot be called "${name}"`,
      expected: 'another name: a component has it',
    });
  }
  const ports = portsOf(value);
  const identities = itemsOf(tree, 'cluster', 'identities').flatMap((item) => textOf(find(item, ['user'])) ?? []);
  refer(find(value, ['ready', 'port']), 'port', ports);
  refer(find(value, ['as']), 'identity', identities);
  for (const [index, node] of itemsOf(value, 'ports').entries()) {
    const port = textOf(node);
    if (port === undefined || ports.indexOf(port) === index) continue;
    complaints.add(node.at, { what: `port "${port}" is there twice`, expected: 'it once' });
  }

  function refer(node: Tree | undefined, what: string, known: readonly string[]): void {
    const word = textOf(node);
    if (node && word !== undefined && !known.includes(word))
      complaints.add(node.at, { what: `unknown ${what} "${word}"`, word, known });
  }
}

function checkArgument(node: Tree, known: readonly string[], complaints: Complaints): void {
  for (const { word } of placeholders(textOf(node) ?? '')) {
    if (!known.includes(word)) complaints.add(node.at, { what: `unknown {{${word}}}`, word, known });
  }
}

/** The files' texts by name, parameters filled in; the places of what is unknown are those in the files. */
async function texts(
  server: Tree,
  words: readonly string[],
  { folder, values, complaints }: Around,
): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [name, { value: node }] of entriesOf(server, 'files')) {
    const file = await ownFile(node, folder, complaints);
    if (file === undefined) continue;
    const text = await readText(file, 'a text').catch((error: unknown) => {
      if (!(error instanceof ScenarioError)) throw error;
      for (const line of error.complaints) complaints.addForeign(node.at, line);
      return '';
    });
    const complain = (at: number, word: string, written: string, known: readonly string[]) =>
      complaints.addForeign(
        node.at,
        `${file}:${place(text, at)}: ${phrase({ what: `unknown ${written}`, word, known })}`,
      );
    for (const { word, at } of placeholders(text)) if (!words.includes(word)) complain(at, word, `{{${word}}}`, words);
    all[name] = text.replaceAll(/\$?\$\{([^}]*)\}/g, (found, word: string, at: number) => {
      if (found.startsWith('$$')) return found.slice(1);
      const value = values.get(word);
      if (value === undefined) complain(at, word, found, [...values.keys()]);
      else if (value.written.includes('{{')) {
        const wrong = phrase({ what: `parameter ${word} holds "{{"`, expected: 'a value that stands for itself' });
        complaints.addForeign(node.at, `${file}:${place(text, at)}: ${wrong}`);
      }
      return value?.written ?? found;
    });
  }
  return all;
}

/** In the texts that it will get, and in arguments that are directives: nothing may leave this machine. */
function checkEgress(
  server: Tree,
  program: ServerProgram,
  files: Readonly<Record<string, string>>,
  complaints: Complaints,
): void {
  const expected = 'addresses of loopback (127.0.0.0/8, ::1): nothing may leave this machine';
  for (const [name, text] of Object.entries(files)) {
    const node = find(server, ['files', name]);
    for (const { at, what } of egressOf(program, text, Object.values(files)))
      complaints.addForeign(node?.at ?? 0, `${textOf(node)}:${place(text, at)}: ${phrase({ what, expected })}`);
  }
  if (program !== 'nginx') return;
  for (const node of itemsOf(server, 'args'))
    for (const { what } of egressOf(program, textOf(node) ?? '', Object.values(files)))
      complaints.add(node.at, { what, expected });
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
