import { passingAnnotations, passingPrefix } from './by-itself.ts';
import type { Thing } from './snapshot.ts';

/** An object of the API, whole or its metadata alone. */
export interface Item {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly { readonly controller?: boolean; readonly kind?: string }[];
    readonly managedFields?: readonly { readonly manager?: string; readonly time?: string }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Gives a text that is the same for the same value, and tells nothing of it. */
export type Digest = (value: unknown) => string;

/** Written whenever their data are, which nobody reads here. */
const versioned: ReadonlySet<string> = new Set(['ConfigMap', 'Secret']);

export const nameOf = ({ metadata: { namespace, name } }: Item): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** What of an object is compared. `whole`: more than its metadata was read. */
export function thingOf(kind: string, item: Item, whole: boolean, digest: Digest): Thing {
  const { metadata } = item;
  const owned =
    metadata.ownerReferences?.some(({ controller, kind: of }) => controller === true || of === 'Node') ?? false;
  const facts: Record<string, string> = {
    ...(!owned && metadata.uid !== undefined && { uid: metadata.uid }),
    // An owner removes what it made as it likes; what keeps it from going is a finalizer.
    ...(!owned && metadata.deletionTimestamp !== undefined && { deletion: 'being deleted' }),
    ...prefixed('label', metadata.labels ?? {}, (value) => value),
    // Ours may hold a mark; those of others may hold anything.
    ...prefixed('annotation', annotationsOf(kind, item), (value, key) =>
      key.startsWith('ordeal') ? value : digest(value),
    ),
    ...Object.fromEntries((metadata.finalizers ?? []).map((finalizer) => [`finalizer ${finalizer}`, 'set'])),
    ...(whole ? contentOf(kind, item, digest) : versionOf(kind, item, owned)),
  };
  const writers = (metadata.managedFields ?? []).flatMap(({ manager = '', time = '' }) =>
    manager.startsWith('ordeal') ? [`${manager} ${time}`] : [],
  );
  return { facts, ...(owned && { owned }), ...(writers.length > 0 && { writers }) };
}

function prefixed(what: string, all: Readonly<Record<string, string>>, show: (value: string, key: string) => string) {
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [`${what} ${key}`, show(value, key)]));
}

/** Those of a Secret may repeat its data. */
function annotationsOf(kind: string, { metadata }: Item): Record<string, string> {
  const kept = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !passingAnnotations.has(key) && !key.startsWith(passingPrefix),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, kind === 'Secret' ? 'set' : value]));
}

function versionOf(kind: string, { metadata }: Item, owned: boolean): Record<string, string> {
  if (versioned.has(kind)) return { data: `version ${metadata.resourceVersion}` };
  return owned || metadata.generation === undefined ? {} : { spec: `generation ${metadata.generation}` };
}

/** Without the status: of a node its taints, whether it takes pods and whether it is Ready, of a namespace its phase, of workloads how many. */
function contentOf(kind: string, item: Item, digest: Digest): Record<string, string> {
  const { metadata: _, status, apiVersion: __, kind: ___, spec, ...rest } = item;
  if (kind === 'Node') return nodeFacts(spec ?? {}, status ?? {}, digest);
  const { replicas, ...settled } = spec ?? {};
  return {
    ...(kind === 'Namespace' && { phase: String(status?.['phase']) }),
    ...(typeof replicas === 'number' && { replicas: String(replicas) }),
    spec: digest({ ...rest, spec: settled }),
  };
}

function nodeFacts(spec: Record<string, unknown>, status: Record<string, unknown>, digest: Digest) {
  const {
    taints = [],
    unschedulable,
    ...rest
  } = spec as {
    readonly taints?: readonly { readonly key: string; readonly effect: string; readonly value?: string }[];
    readonly unschedulable?: boolean;
  };
  const conditions = (status['conditions'] ?? []) as readonly { readonly type: string; readonly status: string }[];
  const ready = conditions.find(({ type }) => type === 'Ready')?.status;
  return {
    ...Object.fromEntries(taints.map(({ key, effect, value = '' }) => [`taint ${key}:${effect}`, value || 'set'])),
    ...(unschedulable && { cordon: 'set' }),
    ready: String(ready),
    spec: digest(rest),
  };
}
