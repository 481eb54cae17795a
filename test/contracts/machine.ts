import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../../harness/model.ts';
import { dockerNode } from '../../harness/node/docker-node.ts';
import { send, serve } from '../api-server.ts';
import { type Ground, otherMark } from './ground.ts';

const programs = fileURLToPath(new URL('../fakes/machine', import.meta.url));
/** Real ones that scripts on a node use; nothing else is found there, so that no script of a test can reach this host's own systemd. */
const real = 'base64 bash cat cut find head mv sed seq sh sleep stat timeout tr'.split(' ');
const simple = 'df fallocate findmnt rm sync tee'.split(' ');

const worker = 'a'.repeat(64);
const controlPlane = 'b'.repeat(64);
const strangers = 'c'.repeat(64);
/**
 * A host with a docker, whose containers are nodes with a systemd, as far as faults touch them: a folder, and shell programs for what
 * is outside of ordeal.
 */
export async function startMachine(): Promise<Ground> {
  const root = mkdtempSync(join(tmpdir(), 'ordeal-machine-'));
  const at = (...path: string[]) => join(root, ...path);
  install(at('bin'));
  furnish(root);
  const path = process.env['PATH'];
  process.env['PATH'] = `${at('bin')}${delimiter}${path}`;

  const deeds = () => Number(readFileSync(at('deeds'), 'utf8'));
  const dead = () => existsSync(at('dead'));
  /** As world.sh has it, for what is done through the API. */
  const deed = (change: () => void): void => {
    const count = deeds() + 1;
    writeFileSync(at('deeds'), `${count}\n`);
    const [last, edge] = existsSync(at('fuse')) ? readFileSync(at('fuse'), 'utf8').trim().split(' ') : [];
    const isLast = Number(last) === count;
    if (isLast) writeFileSync(at('dead'), '');
    if (!isLast || edge === 'after') change();
  };
  const api = await serve(({ url }, response, body) => {
    const { metadata } = JSON.parse(body) as { metadata: { name: string } };
    if (dead()) return send(response, 403, {});
    // Pods go with their namespace, and are not looked at by themselves.
    deed(() => {
      if (/\/namespaces(\?|$)/.test(url)) writeFileSync(at('objects', metadata.name), '');
    });
    send(response, dead() ? 403 : 201, { metadata });
  });
  const nodes = await Promise.all([
    dockerNode({ name: 'control-plane', role: 'control-plane', container: controlPlane }),
    dockerNode({ name: 'worker', role: 'worker', container: worker }),
  ]);
  return {
    cluster: { provider: 'kind', name: 'machine', nodes, connect: () => api.connection } as unknown as Cluster,
    world: () => listing(root, ['containers', 'objects', 'root', 'units']),
    get deeds() {
      return deeds();
    },
    cut(at_, edge) {
      writeFileSync(at('fuse'), `${deeds() + at_} ${edge}\n`);
    },
    revive() {
      for (const name of ['fuse', 'dead']) rmSync(at(name), { force: true });
    },
    giveAway() {
      // They are no nodes of kind any more.
      for (const container of [worker, controlPlane]) writeFileSync(at('containers', container, 'labels'), '{}');
    },
    async [Symbol.asyncDispose]() {
      process.env['PATH'] = path;
      await api[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function install(bin: string): void {
  mkdirSync(bin);
  for (const name of readdirSync(programs)) {
    copyFileSync(join(programs, name), join(bin, name));
    chmodSync(join(bin, name), statSync(join(programs, name)).mode);
  }
  for (const name of simple) copyFileSync(join(programs, 'simple'), join(bin, name));
  for (const name of real) symlinkSync(which(name), join(bin, name));
  for (const name of ['grep', 'rm']) symlinkSync(which(name), join(bin, `${name}.real`));
}

/** Two nodes of kind, somebody's paused container, and what another run owes on them. */
function furnish(root: string): void {
  const file = (path: string, text = '') => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const container of [worker, controlPlane, strangers]) {
    const kind = container !== strangers;
    file(`containers/${container}/running`);
    file(`containers/${container}/memory`, '0');
    file(`containers/${container}/swap`, '-1');
    file(`containers/${container}/labels`, kind ? '{"io.x-k8s.kind.cluster":"mine"}' : '{}');
    if (!kind) file(`containers/${container}/paused`);
  }
  for (const unit of ['kubelet', 'containerd']) file(`units/${unit}.service`, 'active\n');
  for (const unit of ['kubelet.timer', 'containerd-kill.service', 'io.service', 'disk.timer'])
    file(`units/ordeal-${otherMark}-${unit}`, 'active\n');
  const groups = 'root/sys/fs/cgroup';
  file(`${groups}/kubelet/blkio.throttle.read_iops_device`);
  file(`${groups}/payments/blkio.throttle.read_iops_device`, '7:778 30\n');
  file(`${groups}/memory/memory.limit_in_bytes`, '9223372036854771712\n');
  file(`${groups}/memory/memory.usage_in_bytes`, '104857600\n');
  file(`${groups}/memory/memory.failcnt`, '0\n');
  file('root/sys/dev/block/7:777/dev', '7:777\n');
  file(`root/var/ordeal-${otherMark}-disk`);
  file(`root/run/ordeal-${otherMark}-io.sh`);
  file(`objects/ordeal-${otherMark}-hog-worker`);
  file('objects/payments');
  file('deeds', '0\n');
}

function listing(root: string, folders: readonly string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((path) => statSync(join(root, path)).isFile())
    .sort()
    .map((path) => `${path}: ${readFileSync(join(root, path), 'utf8').trim().replaceAll('\n', ', ')}`)
    .join('\n');
}

function which(name: string): string {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(existsSync);
  if (found === undefined) throw new Error(`this host has no ${name}`);
  return found;
}
