import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeClient } from '../../harness/kube/client.ts';
import { provide, type ToolName } from '../../harness/tools/tools.ts';

/** The PATH with a program of our own first. */
export function first(name: string, script: string): { PATH: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ordeal-path-'));
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  return { PATH: `${folder}:${process.env['PATH']}` };
}

/** A real program of ordeal's own cache, by way of the resolver that a run uses. */
export async function tool(name: ToolName): Promise<string> {
  const tools = await provide([{ name }], {
    cache: join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ordeal'),
    path: process.env['PATH'] ?? '',
    env: process.env,
    signal: new AbortController().signal,
    progress: () => {},
  });
  return tools.get(name)?.path ?? name;
}

/** A program that is deaf to one of its flags. */
export async function deaf(name: ToolName, flag: string): Promise<{ PATH: string }> {
  const keep = `for a in "$@"; do shift; case "$a" in ${flag}=*) ;; *) set -- "$@" "$a";; esac; done`;
  return first(name, `${keep}\nexec ${await tool(name)} "$@"`);
}

interface Kubeconfig {
  readonly clusters: [{ cluster: { server: string; 'certificate-authority': string } }];
  readonly users: [{ user: { token: string } }];
}

/** An administrator's client of a running embedded cluster, made of what lies in its folder. */
export function admin(run: string): KubeClient {
  const folder = join(run, 'cluster');
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    /admin\.(kubeconfig|json|yaml)$/.test(name),
  );
  const config = JSON.parse(readFileSync(join(folder, file ?? 'none'), 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority': caFile } = config.clusters[0].cluster;
  const connection = { server, caFile, user: 'admin', token: config.users[0].user.token };
  return new KubeClient(connection, { signal: new AbortController().signal });
}

/** Takes the probes' rights away. */
export async function cutOffProbes(run: string): Promise<void> {
  await using client = admin(run);
  await client.delete('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/ordeal:probes');
}
