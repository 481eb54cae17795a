import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { docker, dockerUnavailable } from '../docker.ts';
import { type FaultKind, type FaultSpec, type Node, RefusedError } from '../model.ts';
import { givenAmount, inMiB } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';
import { armTimer, ask } from './unit.ts';

const GiB = 1024 ** 3;

/** Takes space of the disk of the node's /var. On kind that is the host's disk, so the host's reserve is the bound. */
export const fillNodeDisk: FaultKind = {
  name: 'fill-node-disk',
  help: "a file takes space of the disk of the node's /var until the phase ends",
  endangers: 'kernel',
  parameters: { bytes: { type: 'bytes', help: 'how much; 10 GiB and a tenth of the disk stay free', least: 4096 } },
  make: (spec) => make(spec, givenAmount(spec, 'bytes')),
  async refuse(spec) {
    const space = await spaceOfDocker();
    return space && refuseFilling(givenAmount(spec, 'bytes') * spec.workers, space);
  },
};

const make = (spec: FaultSpec, bytes: number) =>
  nodeFault(spec, {
    async refuse(nodes, _cluster, run) {
      // Nodes of one host share its disk.
      for (const node of nodes) {
        const reason = refuseFilling(bytes * nodes.length, await spaceOf(node, run.signal));
        if (reason !== undefined) throw new RefusedError(`fault ${spec.name}: ${node.name}: ${reason}`);
      }
    },
    async break(node, _cluster, run) {
      const name = `ordeal-${run.mark}-disk`;
      const path = `/var/${name}`;
      const before = await spaceOf(node, run.signal);
      const owed = await run.ledger.owe({ undo: 'remove-node-file', node: node.ref, path, mark: run.mark });
      await armTimer(node, { name, within: spec.deadline, script: `rm -f ${path}` }, run.signal);
      await ask(node, ['fallocate', '--length', String(bytes), path], run.signal);
      owed.done();
      sign(run, spec, node, `${inMiB(bytes)} of the disk taken`);
      return {
        async evidence() {
          const size = Number(await ask(node, ['stat', '--format=%b', path], run.signal)) * 512;
          const now = await spaceOf(node, run.signal);
          const real = size >= bytes && before.available - now.available >= bytes / 2;
          return {
            real,
            detail: `${inMiB(size)} taken, ${inMiB(before.available)} → ${inMiB(now.available)} free`,
          };
        },
        end: () => owed.settle(),
      };
    },
  });

/** Of the file system of the node's /var, in bytes. */
export interface Space {
  readonly available: number;
  readonly size: number;
}

async function spaceOf(node: Node, signal: AbortSignal): Promise<Space> {
  const text = await ask(node, ['df', '--block-size=1', '--output=avail,size', '/var'], signal);
  const [available = Number.NaN, size = Number.NaN] = (text.trim().split('\n')[1] ?? '')
    .trim()
    .split(/\s+/)
    .map(Number);
  if (Number.isNaN(available + size)) throw new RefusedError(`the disk of ${node.name} cannot be measured`);
  return { available, size };
}

/** Of the disk on which docker of this host keeps its nodes; undefined where that cannot be known. */
async function spaceOfDocker(): Promise<Space | undefined> {
  if ((await dockerUnavailable()) !== undefined) return undefined;
  const folder = (await docker(['info', '--format', '{{.DockerRootDir}}'])).trim();
  if (!existsSync(folder)) return undefined;
  const { bavail, blocks, bsize } = await statfs(folder);
  return { available: bavail * bsize, size: blocks * bsize };
}

/** Why so much must not be taken. One fault is looked at: several that begin together may leave less than the reserve. */
export function refuseFilling(bytes: number, { available, size }: Space): string | undefined {
  const keep = Math.max(10 * GiB, size / 10);
  if (available - bytes >= keep) return undefined;
  return `${inMiB(bytes)} would leave ${inMiB(Math.max(available - bytes, 0))} of the disk; ${inMiB(keep)} must stay free`;
}
