import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { dockerUnavailable } from '../harness/docker.ts';
import { RefusedError, ToolError } from '../harness/model.ts';
import { onPath } from '../harness/tools/find.ts';
import { components, kubernetes, recipeFolder, recipeOf } from '../harness/tools/node-image/recipe.ts';
import { nodeImage, nodeImageWhere } from '../harness/tools/node-image.ts';
import { type Image, writeArchive } from '../harness/tools/oci.ts';
import { bytes } from '../harness/tools/tar.ts';
import type { ToolOptions } from '../harness/tools/tools.ts';
import { workloadImages } from '../harness/tools/workload-images.ts';
import { workloadNames } from '../harness/tools/workload-table.ts';
import { skip } from './skip.ts';

describe('the node image for kind', () => {
  let home: string;
  const { signal } = new AbortController();

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'ordeal-node-image-'));
  });

  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  function options(more: Partial<ToolOptions> = {}): ToolOptions {
    const env = process.env;
    return { cache: join(home, 'cache'), path: env['PATH'] ?? '', env, signal, progress: () => {}, ...more };
  }

  describe('holds images', () => {
    const image: Image = {
      reference: 'localhost/ordeal/hello:1',
      entrypoint: ['/bin/hello'],
      members: [
        { kind: 'folder', path: 'tmp', mode: 0o1777 },
        { kind: 'folder', path: 'bin' },
        { kind: 'file', path: 'bin/hello', content: bytes('#!/bin/sh\necho hello\n'), mode: 0o755 },
        { kind: 'link', path: 'bin/bonjour', target: 'hello' },
      ],
    };

    it('whose archives have the layout, the digests and the name that containerd wants', async () => {
      const file = join(home, 'hello.tar');
      await writeArchive(file, image, signal);
      execFileSync('tar', ['-xf', file, '-C', home]);
      expect(await parsed('oci-layout')).to.deep.equal({ imageLayoutVersion: '1.0.0' });
      const [named] = (await parsed('index.json'))['manifests'] as Descriptor[];
      expect(named?.annotations).to.deep.equal({
        'io.containerd.image.name': image.reference,
        'org.opencontainers.image.ref.name': '1',
      });
      const manifest = JSON.parse((await blob(named)).toString()) as { config: Descriptor; layers: Descriptor[] };
      const config = JSON.parse((await blob(manifest.config)).toString());
      expect(config.config.Entrypoint).to.deep.equal(['/bin/hello']);
      const layer = gunzipSync(await blob(manifest.layers[0]));
      expect(config.rootfs.diff_ids).to.deep.equal([`sha256:${sha256(layer)}`]);
      const root = join(home, 'root');
      await mkdir(root);
      execFileSync('tar', ['-x', '-C', root], { input: layer });
      expect(execFileSync(join(root, 'bin', 'bonjour')).toString()).to.equal('hello\n');
      expect((await stat(join(root, 'tmp'))).mode & 0o7777).to.equal(0o1777);
      expect(existsSync(`${file}.layer`)).to.equal(false);
    });

    it('that are the same bytes whenever they are written', async () => {
      const files = [join(home, 'one.tar'), join(home, 'two.tar')];
      for (const file of files) await writeArchive(file, image, signal);
      const [one, two] = await Promise.all(files.map((file) => readFile(file)));
      expect(sha256(one ?? '')).to.equal(sha256(two ?? 'missing'));
    });

    it('but none that tar cannot spell', async () => {
      const path = 'a'.repeat(101);
      const members = [{ kind: 'folder' as const, path }];
      const error = await rejection(writeArchive(join(home, 'long.tar'), { ...image, members }, signal));
      expect(error.message).to.include('too long for tar');
    });

    it('under the names that kubeadm gives them', () => {
      const references = Object.values(components).map(({ reference }) => reference);
      expect(references)
        .to.include(`registry.k8s.io/kube-apiserver:v${kubernetes}`)
        .and.include('registry.k8s.io/etcd:3.6.8-0')
        .and.include('registry.k8s.io/coredns/coredns:v1.14.2')
        .and.include('registry.k8s.io/pause:3.10.2');
    });

    interface Descriptor {
      readonly digest: string;
      readonly size: number;
      readonly annotations?: Record<string, string>;
    }

    async function parsed(name: string): Promise<Record<string, unknown>> {
      return JSON.parse(await readFile(join(home, name), 'utf8'));
    }

    async function blob(described: Descriptor | undefined): Promise<Buffer> {
      const [, hex = ''] = described?.digest.split(':') ?? [];
      const content = await readFile(join(home, 'blobs', 'sha256', hex));
      expect({ digest: sha256(content), size: content.length }).to.deep.equal({ digest: hex, size: described?.size });
      return content;
    }
  });

  it('is called by its content: another file, another name', async () => {
    const folder = join(home, 'recipe');
    await cp(recipeFolder(), folder, { recursive: true });
    const before = await recipeOf(folder);
    expect(before).to.include(await recipeOf().then(({ hash, reference }) => ({ hash, reference })));
    expect(before.reference).to.match(/^ordeal\/kind-node:v1\.36\.3-[0-9a-f]{12}$/);
    await writeFile(join(folder, 'README.md'), 'a word to people is no input');
    expect((await recipeOf(folder)).hash).to.equal(before.hash);
    await writeFile(join(folder, 'files', 'kind', 'bin', 'podnet'), '#!/bin/sh\n');
    expect((await recipeOf(folder)).hash).not.to.equal(before.hash);
  });

  it('is told to be missing with every reason at once', async () => {
    const path = join(home, 'path');
    await mkdir(path);
    const given = options({ path });
    const { would, why } = await nodeImageWhere(given);
    expect(would).to.equal(undefined);
    expect(why)
      .to.include('there is no docker client on PATH')
      .and.include('missing: debootstrap, unshare, chroot, tar')
      .and.include('missing: gcc, libc6-dev and libseccomp-dev')
      .and.include('Go is not on PATH');
    const error = await rejection(nodeImage(given));
    expect(error).to.be.instanceOf(ToolError);
    expect(error.message).to.include('no docker client').and.include('npx ordeal tools kind-node-image');
    expect(existsSync(given.cache)).to.equal(false);
  });

  it('is told to be missing when the docker daemon does not answer', async function () {
    const docker = onPath('docker', process.env['PATH'] ?? '').find((file) => existsSync(file));
    if (docker === undefined) return skip(this, 'no docker client');
    const path = join(home, 'path');
    await mkdir(path);
    await symlink(docker, join(path, 'docker'));
    const env = { HOME: home, DOCKER_HOST: `unix://${join(home, 'none.sock')}` };
    const { would, why } = await nodeImageWhere(options({ path, env }));
    expect(would).to.equal(undefined);
    expect(why).to.include('the docker daemon does not answer');
  });

  it('is there under its reference, with the entrypoint, once it was built', async function () {
    const unavailable = await dockerUnavailable();
    if (unavailable !== undefined) return skip(this, unavailable);
    const { reference, would } = await nodeImageWhere(options());
    if (would !== 'there') return skip(this, 'not built here: npx ordeal tools kind-node-image');
    expect(await nodeImage(options())).to.deep.equal({ reference, kubernetes });
    const format = '{{json .Config.Entrypoint}}';
    const told = execFileSync('docker', ['image', 'inspect', '--format', format, reference]);
    expect(JSON.parse(told.toString())).to.deep.equal(['/kind/bin/entrypoint']);
  });

  describe('gets workload images', () => {
    it('of the table only', async () => {
      expect(workloadNames).to.include('workload').and.include('prometheus');
      const error = await rejection(workloadImages(['workload', 'graphana'], options()));
      expect(error).to.be.instanceOf(RefusedError);
      expect(error.message).to.match(/no workload image is called graphana; there are .*grafana/);
    });

    it('that are built once with Go, with ballast of the size that the table says', async function () {
      if (!onPath('go', process.env['PATH'] ?? '').some((file) => existsSync(file))) return skip(this, 'no Go');
      this.timeout(180_000);
      this.slow(20_000);
      const told: string[] = [];
      const given = options({ progress: (text) => void told.push(text) });
      const first = await workloadImages(['workload', 'node-exporter'], given);
      expect([...first.keys()]).to.deep.equal(['workload', 'node-exporter']);
      expect(first.get('node-exporter')?.reference).to.equal('localhost/ordeal/node-exporter:1');
      const [plain = 0, heavy = 0] = await Promise.all(
        [...first.values()].map(async (of) => (await stat(of.archive)).size),
      );
      expect(heavy - plain).to.be.within(10 * 2 ** 20, 10.5 * 2 ** 20);
      expect(told.join('\n')).to.include('built workload with go');
      told.length = 0;
      expect(await workloadImages(['workload', 'node-exporter'], given)).to.deep.equal(first);
      expect(told).to.deep.equal([]);
    });
  });
});

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    (value) => Promise.reject(new Error(`should have failed, gave ${JSON.stringify(value)}`)),
    (error: Error) => error,
  );
}
