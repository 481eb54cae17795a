import { stat } from 'node:fs/promises';
import { RefusedError, type ToolSource } from '../model.ts';
import { cached, sweep } from './cache.ts';
import { search } from './find.ts';
import { type Located, make, sourcesOf, toolOf } from './make.ts';
import { goKey, moduleOf } from './module.ts';
import { Progress } from './progress.ts';
import { releaseKey } from './release.ts';
import type { SystemName } from './system.ts';
import { idOf, keyOf, type Wanted, want } from './wanted.ts';

export { keyOf } from './wanted.ts';

export type ToolName =
  | 'etcd'
  | 'etcdctl'
  | 'etcdutl'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kube-proxy'
  | 'kubelet'
  | 'kubeadm'
  | 'kubectl'
  | 'kwok'
  | 'kwokctl'
  | 'k6'
  | 'k6-ordeal'
  | 'kind'
  | 'helm'
  | 'coredns'
  | 'workload'
  | 'karpenter-kwok';

/** `version` only when another than the catalogue's is wanted, e.g. etcd 3.5.12. */
export interface ToolWish {
  readonly name: ToolName;
  readonly version?: string;
}

export interface Tool {
  readonly name: ToolName | SystemName;
  /** What the program says of itself; `unknown` when it says nothing that can be read. */
  readonly version: string;
  /** Absolute. */
  readonly path: string;
  readonly source: ToolSource;
  /** The version that was wished for. */
  readonly expected: string;
}

export interface ToolOptions {
  /** Looked into before PATH; a file may be called `etcd` or `etcd-3.5.12`. */
  readonly folder?: string;
  /** Ours alone; made when absent. */
  readonly cache: string;
  readonly path: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly signal: AbortSignal;
  /** Given one line for a person, at most once a second but for news. */
  progress(text: string): void;
  /** For tests: another release host, with checksums by `name version`. */
  readonly releaseBase?: { readonly url: string; readonly checksums: { readonly [nameAndVersion: string]: string } };
}

export interface Whereabouts {
  readonly wish: ToolWish;
  readonly expected: string;
  readonly found?: Tool;
  /** Where it would be got from when it is not found; undefined when it is found or not to be had. */
  readonly would: 'release' | 'go' | undefined;
  readonly why: string;
}

/**
 * Finds or gets every tool: named folder, PATH, cache, official release, Go build. Keyed by `keyOf(wish)`.
 * Rejects with RefusedError for a wish that makes no sense, with ToolError when a tool is not to be had (all reasons
 * at once, before anything is started), with the signal's reason when aborted; nothing half-done is left.
 */
export async function provide(wishes: readonly ToolWish[], options: ToolOptions): Promise<Map<string, Tool>> {
  const wanted = want(wishes, options);
  await demandFolder(options);
  await sweep(options.cache);
  using progress = new Progress((text) => options.progress(text));
  const located = await Promise.all(wanted.map((one) => locate(one, options)));
  for (const { warning } of located) if (warning !== undefined) progress.news(warning);
  const missing = located.filter(({ tool }) => tool === undefined);
  const made = missing.length === 0 ? new Map<string, Tool>() : await make(missing, options, progress);
  for (const { wanted, tool } of located) if (tool !== undefined) made.set(wanted.id, tool);
  return new Map(
    wishes.flatMap((wish) => [made.get(idOf(wish))].flatMap((tool) => (tool ? [[keyOf(wish), tool]] : []))),
  );
}

/** Where each tool is or would come from. Changes nothing; asks programs for their version and release hosts for a sign of life. */
export async function where(wishes: readonly ToolWish[], options: ToolOptions): Promise<Whereabouts[]> {
  const wanted = want(wishes, options);
  await demandFolder(options);
  const located = await Promise.all(wanted.map((one) => locate(one, options)));
  const missing = located.filter(({ tool }) => tool === undefined);
  const sources = missing.length === 0 ? undefined : await sourcesOf(missing, options);
  return located.map(({ wanted, tool, warning, passedOver }): Whereabouts => {
    const { wish, version: expected } = wanted;
    if (tool !== undefined) return { wish, expected, found: tool, would: undefined, why: warning ?? '' };
    const noRelease = sources?.noRelease.get(wanted.id);
    const why = [...passedOver, noRelease ?? `${wanted.url}, checksum pinned`];
    if (noRelease === undefined) return { wish, expected, would: 'release', why: why.join('; ') };
    if (sources?.go.go !== undefined) {
      const { version, program } = sources.go.go;
      return { wish, expected, would: 'go', why: [...why, `to be built with ${version} (${program})`].join('; ') };
    }
    return { wish, expected, would: undefined, why: [...why, sources?.go.why].join('; ') };
  });
}

async function demandFolder({ folder }: ToolOptions): Promise<void> {
  if (folder === undefined) return;
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error.code);
  if (typeof found !== 'object' || !found.isDirectory())
    throw new RefusedError(`the tools folder ${folder} is no folder`);
}

async function locate(wanted: Wanted, options: ToolOptions): Promise<Located> {
  const outside = await search(wanted, options);
  if (outside.tool !== undefined) return { wanted, ...outside };
  const keys = [goKey(wanted, await moduleOf(wanted))];
  if (wanted.release !== undefined) keys.unshift(releaseKey(wanted, wanted.release));
  for (const key of keys) {
    const entry = await cached(options.cache, key);
    if (entry !== undefined) return { wanted, passedOver: outside.passedOver, tool: toolOf(wanted, entry, 'cache') };
  }
  return { wanted, passedOver: outside.passedOver };
}
