import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What each folder may import of ours, besides itself. */
const allowed: Record<string, readonly string[]> = {
  'harness/model.ts': [],
  'harness/histogram.ts': ['harness/model.ts'],
  'harness/format.ts': ['harness/model.ts'],
  'harness/template.ts': [],
  'harness/process.ts': [],
  'harness/program.ts': ['harness/model.ts'],
  'harness/secrets.ts': [],
  'harness/docker.ts': ['harness/model.ts', 'harness/program.ts'],
  'harness/node': ['harness/model.ts', 'harness/docker.ts', 'harness/program.ts', 'harness/process.ts'],
  'harness/yaml.ts': [],
  'harness/scenario': ['harness/model.ts', 'harness/format.ts', 'harness/template.ts', 'harness/yaml.ts'],
  'harness/relay': ['harness/model.ts'],
  'harness/run': [
    'harness/model.ts',
    'harness/access',
    'harness/relay',
    'harness/secrets.ts',
    'harness/process.ts',
    'harness/program.ts',
    'harness/docker.ts',
    'harness/node',
  ],
  'harness/safety': ['harness/model.ts', 'harness/format.ts', 'harness/access', 'harness/kube', 'harness/verdict'],
  'harness/verdict': ['harness/model.ts', 'harness/histogram.ts', 'harness/format.ts'],
  reports: ['harness/model.ts', 'harness/histogram.ts', 'harness/format.ts'],
  'harness/tools': ['harness/model.ts', 'harness/process.ts', 'harness/program.ts', 'harness/docker.ts'],
  'harness/access': ['harness/model.ts', 'harness/yaml.ts'],
  'harness/kube': ['harness/model.ts'],
  'harness/cluster': [
    'harness/model.ts',
    'harness/access',
    'harness/relay',
    'harness/secrets.ts',
    'harness/template.ts',
    'harness/process.ts',
    'harness/docker.ts',
    'harness/node',
    'harness/kube',
    'harness/tools',
  ],
  'harness/load': ['harness/model.ts', 'harness/histogram.ts', 'harness/kube', 'harness/tools'],
  'harness/faults': [
    'harness/model.ts',
    'harness/histogram.ts',
    'harness/relay',
    'harness/process.ts',
    'harness/docker.ts',
    'harness/node',
    'harness/kube',
    'harness/tools',
  ],
  'harness/probes': [
    'harness/model.ts',
    'harness/histogram.ts',
    'harness/process.ts',
    'harness/relay',
    'harness/kube',
    'harness/tools',
  ],
};

const sources = ['harness', 'reports', 'scenarios'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.k6.ts'))
    .map((name) => join(folder, name)),
);

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => relative(root, resolve(root, dirname(file), match[1] ?? '')));
}

const roomOf = (file: string): string =>
  Object.keys(allowed).find((room) => file === room || file.startsWith(`${room}/`)) ?? dirname(file);

describe('the architecture', () => {
  for (const [room, may] of Object.entries(allowed)) {
    it(`${room} imports ${may.length ? `only ${may.join(', ')}` : 'nothing'} of ours`, () => {
      const strangers = sources
        .filter((file) => roomOf(file) === room)
        .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
        .filter(({ target }) => roomOf(target) !== room && !may.includes(roomOf(target)));
      expect(strangers).to.deep.equal([]);
    });
  }

  it('reads the environment and ends the process in cli.ts only', () => {
    const offenders = sources.filter(
      (file) => file !== 'harness/cli.ts' && /process\.(exit|env)\b/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(offenders).to.deep.equal([]);
  });

  it('has no room without a name', () => {
    expect(
      sources.filter((file) => /(^|\/)(utils?|helpers?|common|types|base|misc)(\.ts|\/)/.test(file)),
    ).to.deep.equal([]);
  });
});
