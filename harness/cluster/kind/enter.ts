import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { KubeClient } from '../../kube/client.ts';
import { type ClusterSpec, type ComponentFacts, type Json, type Node, RefusedError, ToolError } from '../../model.ts';
import { HARNESS } from '../identities.ts';
import { type Accounts, createAccounts, tokensOf } from './accounts.ts';
import { capabilitiesOf, notesOn } from './notes.ts';
import { processesOf } from './processes.ts';
import { refuseDifferences } from './readback.ts';
import { kindReady } from './ready.ts';

const PATIENCE = 120_000;

export interface Entering {
  readonly spec: ClusterSpec;
  /** What the kubelets are to be configured with. */
  readonly kubelet: Readonly<Record<string, Json>>;
  readonly existing: boolean;
  /** Control planes first. */
  readonly nodes: readonly Node[];
  readonly accounts: Accounts;
  readonly kubeconfig: string;
  /** Where the cluster's certificate authority is to be written. */
  readonly caFile: string;
  /** Where logs will be found when it fails. */
  readonly logs: string;
  /** Images on their way into the nodes. */
  readonly loading: Promise<void>;
  readonly signal: AbortSignal;
}

export interface Entered {
  readonly server: string;
  readonly caFile: string;
  /** By user. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly capabilities: ReadonlySet<string>;
  readonly facts: { readonly components: readonly ComponentFacts[]; readonly notes: readonly string[] };
}

/**
 * Gives every identity its account and its rights, waits until the images are loaded and all is ready, and reads back what runs.
 * Throws `ToolError`, `ClusterError`, `RefusedError` when it is not as asked.
 */
export async function enter(entering: Entering): Promise<Entered> {
  const { spec, kubelet, nodes, accounts, signal } = entering;
  const [control] = nodes;
  if (control === undefined) throw new RefusedError('the cluster has no nodes');
  const [address, token] = await Promise.all([
    addressIn(entering.kubeconfig, entering.caFile),
    createAccounts(control, accounts, signal),
    entering.loading,
  ]);
  await using admin = new KubeClient({ ...address, user: HARNESS, token }, { signal });
  const tokens = await tokensOf(admin, accounts);
  const names = nodes.map(({ name }) => name);
  const late = (missing: string) =>
    new ToolError(`not ready within ${PATIENCE / 1_000} s: ${missing}`, { command: `ls ${entering.logs}` });
  const seen = await kindReady(admin, names, { signal, patience: PATIENCE, late });
  const processes = (await Promise.all(nodes.map((node) => processesOf(node, signal)))).flat();
  const workers = nodes.filter(({ role }) => role === 'worker');
  await refuseDifferences({ spec, kubelet, nodes: names, workers }, processes, seen, admin);
  const capabilities = await capabilitiesOf(control, processes);
  const runs = processes.find(({ program }) => program === 'kube-apiserver')?.version;
  const notes = notesOn(spec, capabilities, { existing: entering.existing, runs });
  const components = processes.map(({ name, version, pid, args }) => ({ name, version, ...(pid && { pid }), args }));
  return { ...address, tokens, capabilities, facts: { components, notes } };
}

/** Where the API server is, by the kubeconfig; its CA goes into a file of its own. */
async function addressIn(kubeconfig: string, caFile: string): Promise<Pick<Entered, 'server' | 'caFile'>> {
  const config = parse(await readFile(kubeconfig, 'utf8')) as {
    readonly clusters: readonly { readonly cluster: { server: string; 'certificate-authority-data': string } }[];
  };
  const [entry] = config.clusters;
  if (entry === undefined) throw new RefusedError(`${kubeconfig} names no cluster`);
  const { server, 'certificate-authority-data': ca } = entry.cluster;
  await writeFile(caFile, Buffer.from(ca, 'base64'));
  return { server, caFile };
}
