import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { readAccess } from '../harness/access/kubeconfig.ts';
import type { Debt } from '../harness/model.ts';
import { debtFrom } from '../harness/run/their-books.ts';
import { undo } from '../harness/run/undo.ts';
import { send, serve } from './api-server.ts';
import { selfSigned } from './contracts/api.ts';

const entry = fileURLToPath(new URL('../ordeal.cjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ordeal-kubeconfig-'));
const path = join(folder, 'config');
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig with the contexts `mine` and, which is the current one, `other`. */
function write(user: object, cluster: object = {}): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    'current-context': 'other',
    contexts: ['mine', 'other'].map((name) => ({ name, context: { cluster: name, user: name, namespace: 'x' } })),
    clusters: [
      {
        name: 'mine',
        cluster: { server: 'https://127.0.0.1:1', 'certificate-authority-data': base64('CA'), ...cluster },
      },
      { name: 'other', cluster: { server: 'https://127.0.0.1:2' } },
    ],
    users: [
      { name: 'mine', user },
      { name: 'other', user: { token: 'another' } },
    ],
  };
  writeFileSync(path, JSON.stringify(config, undefined, 2));
  return path;
}

const refusal = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => expect.fail('it was not refused'),
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe('a kubeconfig', () => {
  it('is read by the context that is named, with a token or a client certificate, in the file or beside it', async () => {
    expect(await readAccess(write({ token: 'secret' }), 'mine')).to.deep.equal({
      server: 'https://127.0.0.1:1',
      ca: 'CA',
      token: 'secret',
    });
    const inside = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
    expect(await readAccess(write(inside), 'mine')).to.deep.include({ certificate: { cert: 'CERT', key: 'KEY' } });
    for (const name of ['cert', 'key', 'token']) writeFileSync(join(folder, name), `${name}\n`);
    const beside = { 'client-certificate': 'cert', 'client-key': join(folder, 'key') };
    expect(await readAccess(write(beside), 'mine')).to.deep.include({ certificate: { cert: 'cert\n', key: 'key\n' } });
    expect(await readAccess(write({ tokenFile: 'token' }), 'mine')).to.deep.include({ token: 'token' });
  });

  it('is checked against the authorities of this machine’s Node where it names none', async () => {
    write({ token: 'secret' });
    expect((await readAccess(path, 'other')).ca).to.equal(rootCertificates.join('\n'));
  });

  for (const [what, user, cluster, says] of [
    ['an exec plugin', { exec: { command: 'touch' } }, {}, /^RefusedError: .*has exec: .*runs no such program/],
    ['an auth-provider', { 'auth-provider': { name: 'gcp' } }, {}, /^RefusedError: .*has auth-provider/],
    ['a server that nobody vouches for', { token: 'x' }, { 'insecure-skip-tls-verify': true }, /insecure-skip-tls/],
    ['a proxy', { token: 'x' }, { 'proxy-url': 'http://127.0.0.1' }, /has proxy-url/],
    ['a server without TLS', { token: 'x' }, { server: 'http://127.0.0.1' }, /ScenarioError: .*cluster\.server/],
    ['an unknown word', { token: 'x', tokn: 'y' }, {}, /ScenarioError: .*user: .*"tokn"/],
    ['an impersonated user', { token: 'x', as: 'root' }, {}, /ScenarioError: .*user: .*"as"/],
    ['half a certificate', { 'client-key-data': base64('KEY') }, {}, /its key, not both/],
    ['nobody', {}, {}, /neither a token nor a client certificate/],
    ['a file that is not there', { tokenFile: 'nowhere' }, {}, /nowhere cannot be read: ENOENT/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      expect(await refusal(readAccess(write(user, cluster), 'mine'))).to.match(says);
    });
  }

  it('is refused without that context, and says which there are', async () => {
    expect(await refusal(readAccess(write({ token: 'x' }), 'prod'))).to.match(/no context "prod"; it has mine, other/);
  });

  it('is refused where it is no YAML, with its place and without its secrets', async () => {
    writeFileSync(path, 'users:\n  - user: { token: hush-hush\nclusters: [}\n');
    const said = await refusal(readAccess(path, 'mine'));
    expect(said).to.match(/^ScenarioError: .*config:\d+:\d+: no YAML/);
    expect(said).not.to.contain('hush-hush');
  });

  it('is refused where a key is there twice, with its place', async () => {
    writeFileSync(path, 'users: []\nclusters: []\nusers: [{ name: hush-hush }]\n');
    const said = await refusal(readAccess(path, 'mine'));
    expect(said).to.match(/^ScenarioError: .*config:3:1: a key that is there twice/);
    expect(said).not.to.contain('hush-hush');
  });
});

describe('a cluster that somebody has, on the command line', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'ordeal-context-'));
  const ordeal = (args: readonly string[], KUBECONFIG = path) => {
    const env = { ...process.env, XDG_STATE_HOME: join(cwd, 'state'), NO_COLOR: '1', KUBECONFIG };
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], { cwd, env, encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  };
  const preempting = ['priority-preemption', '--variant', 'classes'];

  before(() => void write({ token: 'x' }));

  it('is never used without --context, whatever $KUBECONFIG names', () => {
    const { code, out } = ordeal(['plan', ...preempting]);
    expect(code, out).to.equal(0);
    expect(out).to.match(/target +a cluster of its own on this machine/);
  });

  it('is reached by the context that is named, and what is left of --kubeconfig by $KUBECONFIG', () => {
    const { code, out } = ordeal(['plan', ...preempting, '--context', 'mine']);
    expect(code, out).to.equal(2);
    expect(out)
      .to.contain(`target    your cluster, by the context mine of ${path}`)
      .and.to.contain('ECONNREFUSED 127.0.0.1:1');
  });

  const suite = join(folder, 'suite.yaml');
  const placed = join(folder, 'placed.yaml');
  const one = { scenario: 'priority-preemption', variants: ['classes'], mode: 'run' };
  writeFileSync(suite, JSON.stringify([one]));
  writeFileSync(placed, JSON.stringify([{ ...one, cluster: 'embedded' }]));

  for (const [what, args, says] of [
    ['a kubeconfig without a context', ['run', ...preempting, '--kubeconfig', path], /never used/],
    ['a context and a place', ['run', ...preempting, '--context', 'mine', '--cluster', 'kind'], /leave --cluster/],
    ['an empty context', ['run', ...preempting, '--context', ''], /expected the name of a context/],
    ['a scenario that is not for it', ['run', 'list-flood', '--variant', 'stock', '--context', 'mine'], /not on kubec/],
    ['a context that is not there', ['run', ...preempting, '--context', 'prod'], /no context "prod"/],
    ['a cluster that does not answer', ['run', ...preempting, '--context', 'mine'], /ECONNREFUSED/],
    ['a cluster to clean that does not answer', ['clean', '--context', 'mine'], /ECONNREFUSED/],
    ['a switch in a cluster that does not answer', ['stop', '--context', 'mine'], /ECONNREFUSED/],
    ['one run’s switch in a cluster', ['stop', 'x', '--context', 'mine'], /for all runs there/],
    ['a kubeconfig to stop without a context', ['stop', '--kubeconfig', path], /never used/],
    ['a suite with a context and a place', ['suite', suite, '--context', 'mine', '--cluster', 'kind'], /leave --clus/],
    ['a suite with a context for none of it', ['suite', placed, '--context', 'mine'], /names a cluster of its own/],
    ['a context to clean that is not there', ['clean', '--context', 'prod'], /no context "prod"/],
  ] as const) {
    it(`refuses ${what} in one message, exit 2`, () => {
      const { code, err } = ordeal(args);
      expect(code, err).to.equal(2);
      expect(err)
        .to.match(says)
        .and.not.to.match(/^\s+at /m);
    });
  }

  it('is refused where $KUBECONFIG names several files', () => {
    const { code, err } = ordeal(['run', ...preempting, '--context', 'mine'], `${path}:/other`);
    expect(code).to.equal(2);
    expect(err).to.contain('say which one with --kubeconfig');
  });

  for (const [what, object, says, extra] of [
    [
      'an object that is applied',
      'Namespace, metadata: { name: own }',
      /apply: true, which would change/,
      ', apply: true',
    ],
    ['an object without a namespace', 'ConfigMap, metadata: { name: x }', /has no namespace/, ''],
    ['an object in a namespace of others', 'ConfigMap, metadata: { name: x, namespace: prod }', /not create/, ''],
    [
      'a name that only later ones have',
      'ConfigMap, metadata: { name: x, namespace: "own{{index}}" }',
      /own1, which/,
      ', count: 2',
    ],
    [
      'a cluster-wide object that claims a namespace',
      'IngressClass, metadata: { name: x, namespace: own }',
      /none of the kinds/,
      '',
    ],
    ['a namespace of the system', 'Namespace, metadata: { name: kube-public }', /none of a scenario's own/, ''],
    ['a class above others', 'PriorityClass, value: 0, metadata: { name: x }', /take the place of yours/, ''],
    [
      'a class for all',
      'PriorityClass, value: -1, globalDefault: true, metadata: { name: x }',
      /the default of your pods/,
      '',
    ],
    [
      'an object of the whole cluster',
      'FlowSchema, metadata: { name: x }',
      /none of the kinds that stay within a namespace/,
      '',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const own = join(cwd, 'own');
      mkdirSync(own, { recursive: true });
      const version = /^PriorityClass/.test(object) ? 'scheduling.k8s.io/v1' : 'v1';
      writeFileSync(join(own, 'object.yaml'), `{ apiVersion: ${version}, kind: ${object} }\n`);
      writeFileSync(
        join(own, 'scenario.yaml'),
        `question: Does it?
incident: { from: a test, what: "it" }
runs-on: [kubeconfig]
applies-to: ">=1.31"
objects: [ { manifest: object.yaml${extra} } ]
phases: { warmup: 1s, steady: 1s, fault: 1s, recovery: 1s }
probes: [nodes]
variants: { one: { what: one, expect: limits } }
evidence: [ { metric: node.ready, per: node, take: min, during: fault, is: "== 1" } ]
signature: [ { metric: node.ready, per: node, take: min, during: fault, is: "== 0" } ]
limits: [ { metric: node.ready, per: node, take: min, during: fault, is: "== 1" } ]
`,
      );
      const { code, err } = ordeal(['run', './own', '--context', 'mine']);
      expect(code, err).to.equal(2);
      expect(err).to.match(says);
    });
  }
});

describe('what is owed to a cluster that somebody has', () => {
  const mark = 'abcdef0123456789abcdef';
  const cluster = { kubeconfig: path, context: 'mine', uid: 'aaaa-bbbb-cccc' };

  it('is not paid to a stranger: another uid of kube-system is asked nothing more', async () => {
    const identity = selfSigned();
    const asked: string[] = [];
    await using stranger = await serve((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      send(response, 200, { metadata: { name: 'kube-system', uid: 'dddd-eeee-ffff' } });
    }, identity);
    const { server } = stranger.connection;
    write({ token: 'x' }, { server, 'certificate-authority-data': base64(identity.cert) });
    const debts: Debt[] = [
      { undo: 'delete-labelled', cluster, resource: 'namespace', mark },
      { undo: 'uncordon-node', cluster, name: 'node-0', uid: 'aaaa-bbbb-cccc', mark },
      { undo: 'close-books', cluster, mark },
    ];
    for (const debt of debts) expect(await refusal(undo(debt))).to.contain('not ours, left alone');
    expect(new Set(asked)).to.deep.equal(new Set(['GET /api/v1/namespaces/kube-system']));
  });

  it('is no namespace of the system, whoever wrote the run’s label on it', async () => {
    const identity = selfSigned();
    const asked: string[] = [];
    await using server = await serve((request, response) => {
      asked.push(`${request.method}`);
      const labelled = { name: 'kube-system', uid: cluster.uid, labels: { 'ordeal.mark': mark } };
      send(response, 200, { metadata: labelled, items: [{ metadata: labelled }] });
    }, identity);
    write({ token: 'x' }, { server: server.connection.server, 'certificate-authority-data': base64(identity.cert) });
    const debt: Debt = { undo: 'delete-labelled', cluster, resource: 'namespace', mark };
    expect(await refusal(undo(debt))).to.contain('not ours, left alone: namespace kube-system');
    expect(new Set(asked)).to.deep.equal(new Set(['GET']));
  });

  it('is read from a cluster in two kinds only', () => {
    const labelled = { undo: 'delete-labelled', resource: 'namespace', mark };
    expect(debtFrom(JSON.stringify(labelled), mark, cluster)).to.deep.equal({ ...labelled, cluster });
    const node = { undo: 'uncordon-node', name: 'node-0', uid: 'aaaa-bbbb-cccc', mark };
    expect(debtFrom(JSON.stringify(node), mark, cluster)).to.deep.equal({ ...node, cluster });
  });

  for (const [what, text] of [
    ['no JSON', 'rm -rf /'],
    ['nothing', 'null'],
    ['processes of this host', JSON.stringify({ undo: 'end-processes', mark })],
    ['a folder of this host', JSON.stringify({ undo: 'remove-folder', path: '/', mark })],
    ['a container', JSON.stringify({ undo: 'remove-containers', mark })],
    ['an object by its name', JSON.stringify({ undo: 'delete-object', resource: 'namespace', name: 'prod', mark })],
    ['the books themselves', JSON.stringify({ undo: 'close-books', mark })],
    ['a kubeconfig', JSON.stringify({ undo: 'delete-labelled', resource: 'namespace', mark, cluster })],
    ['another kind of object', JSON.stringify({ undo: 'delete-labelled', resource: 'secret', mark })],
    ['another mark', JSON.stringify({ undo: 'delete-labelled', resource: 'namespace', mark: 'f'.repeat(22) })],
    ['a mark that is none', JSON.stringify({ undo: 'delete-labelled', resource: 'namespace', mark: 'a,b'.repeat(9) })],
    ['a name that is a path', JSON.stringify({ undo: 'uncordon-node', name: '../x', uid: 'aaaa-bbbb-cccc', mark })],
    ['a word too many', JSON.stringify({ undo: 'delete-labelled', resource: 'namespace', mark, command: 'sh' })],
    ['a kind of the prototype', JSON.stringify({ undo: 'constructor', mark })],
  ] as const) {
    it(`is left alone where a cluster names ${what}`, () => {
      expect(() => debtFrom(text, mark, cluster)).to.throw();
    });
  }
});
