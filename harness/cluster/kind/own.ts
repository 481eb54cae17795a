import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type ClusterSpec, type Millis, RefusedError } from '../../model.ts';
import { type KindCli, kindCli } from './cli.ts';
import { type Ground, kindConfiguration } from './config.ts';
import { meminfo } from './meminfo.ts';
import { readShape } from './shape.ts';

const PATIENCE: Millis = 240_000;

export interface Own {
  readonly spec: ClusterSpec;
  readonly ground: Ground;
  readonly image: string;
  readonly cli: KindCli;
  /** Of the cluster and of its docker network. */
  readonly name: string;
  readonly kubeconfig: string;
  readonly signal: AbortSignal;
}

/** Has kind create the cluster; resolves when kubeadm has joined every node, not when they are Ready. Throws `ToolError`. */
export async function createOwn({ spec, ground, image, cli, name, kubeconfig, signal }: Own): Promise<void> {
  if (spec.kind === undefined) throw new RefusedError('no kind cluster was asked for');
  const bytes = spec.kind.workerMemoryBytes;
  const memory = bytes === undefined ? undefined : join(cli.folder, 'meminfo');
  if (bytes !== undefined && memory !== undefined) await writeFile(memory, meminfo(bytes), { mode: 0o644 });
  const config = join(cli.folder, 'kind.yaml');
  await writeFile(config, stringify(kindConfiguration(await readShape(spec.kind.shape), spec, ground, memory)));
  const settings = {
    // Else all clusters share the network `kind`, which stays.
    KIND_EXPERIMENTAL_DOCKER_NETWORK: name,
    ...(bytes !== undefined && { ORDEAL_WORKER_MEMORY: String(bytes) }),
  };
  const args = ['create', 'cluster', '--name', name, '--image', image, '--config', config];
  // What failed is kept until its logs are read.
  args.push('--kubeconfig', kubeconfig, '--wait', '0s', '--retain');
  await kindCli(cli, args, { signal, timeout: PATIENCE, settings });
  await chmod(kubeconfig, 0o600);
}

/** Writes the admin's kubeconfig of a cluster that is there. Throws `ToolError`. */
export async function findKubeconfig(
  cli: KindCli,
  name: string,
  kubeconfig: string,
  signal: AbortSignal,
): Promise<void> {
  const text = await kindCli(cli, ['get', 'kubeconfig', '--name', name], { signal, timeout: 30_000 });
  await writeFile(kubeconfig, text, { mode: 0o600 });
}
