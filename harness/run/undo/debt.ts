import { fullId } from '../../docker.ts';
import { type Debt, ScenarioError, type TheirCluster } from '../../model.ts';

type Check = (value: unknown, mark: string) => boolean;

const text =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const marked =
  (check: Check): Check =>
  (value, mark) =>
    check(value, mark) && (value as string).includes(`ordeal-${mark}`);
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string);
const whole =
  (least: number): Check =>
  (value) =>
    value === -1 || (Number.isSafeInteger(value) && (value as number) >= least);

const container = text(fullId);
const device = text(/^\d{1,5}:\d{1,8}$/);
/** A name of Kubernetes: it cannot be taken for an option. */
const name = text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
const path: Check = (value) =>
  typeof value === 'string' && /^\/[^\0\n]+$/.test(value) && !value.split('/').some((part) => /^\.\.?$/.test(part));
const daemonName = text(/^[\w:.-]{1,128}$/);
const anyText = text(/^[^\0]+$/);

const viaDocker = shapeOf({ via: oneOf('docker'), container });
const viaPod = shapeOf({
  via: oneOf('pod'),
  kubeconfig: path,
  context: text(/^[^-\0\n][^\0\n]*$/),
  namespace: marked(name),
  pod: marked(name),
  node: name,
  uid: text(/^[\w-]{8,64}$/),
});
const node: Check = (value, mark) => viaDocker(value, mark) || viaPod(value, mark);
const viaOwnApi = shapeOf({ via: oneOf('own-api') });
const uid = text(/^[\w-]{8,64}$/);
const theirs = shapeOf({ kubeconfig: path, context: text(/^[^-\0\n][^\0\n]*$/), uid });
const labelled = oneOf('namespace', 'priorityclass', 'clusterrole', 'clusterrolebinding');
const policies = oneOf('validatingadmissionpolicy', 'validatingadmissionpolicybinding');
const resources = oneOf('namespace', 'clusterrolebinding', 'clusterrole');

/** A `?` ends the name of a field that may be absent. */
const shapes: Readonly<Record<Debt['undo'], Readonly<Record<string, Check>>>> = {
  'end-processes': {},
  // Numbers of 1 and below would mean others: the first process, groups.
  'resume-process': { pid: (value) => Number.isSafeInteger(value) && (value as number) > 1, start: text(/^\d{1,20}$/) },
  'remove-folder': { path: anyText },
  'remove-cgroup': { path: anyText },
  'remove-containers': {},
  'remove-network': { name: marked(text(/^[A-Za-z0-9][\w.-]*$/)) },
  'thaw-node': { container },
  'power-on-node': { container },
  // Docker refuses less than 6 MiB.
  'restore-node-memory': { container, bytes: whole(6 * 2 ** 20), 'swapBytes?': whole(0) },
  'start-unit': { node, unit: oneOf('kubelet', 'containerd') },
  'lift-io-limit': { node, device },
  'remove-node-file': {
    node,
    path: marked((value, mark) => path(value, mark) && lastOf(value as string).includes(`ordeal-${mark}`)),
  },
  'delete-object': {
    node: (value, mark) => node(value, mark) || viaOwnApi(value, mark),
    resource: (value, mark) => resources(value, mark) || policies(value, mark),
    name: marked(name),
  },
  'uncordon-node': { name, uid, 'cluster?': theirs },
  'delete-labelled': { cluster: theirs, resource: labelled },
  'close-books': { cluster: theirs },
  'restore-link': { path },
};

/** As `makeRunFolder` makes them. */
const ourMark = /^[0-9a-f]{16,}$/;

/**
 * A debt that may be acted on. A ledger is a file that anybody may have edited: what does not have exactly the shape of a debt,
 * names something that does not carry its mark, has another mark than the run, or reaches through a kubeconfig (which may run programs)
 * that nobody but a foreign folder names, is refused with a `ScenarioError`.
 */
export function requireDebt(value: unknown, whose: { readonly mark?: string; readonly foreign?: boolean } = {}): Debt {
  const said = JSON.stringify(value)?.slice(0, 300);
  const { undo, mark, daemon, ...rest } = (value ?? {}) as Record<string, unknown>;
  if (typeof undo !== 'string' || !Object.hasOwn(shapes, undo))
    throw new ScenarioError([`unknown kind of debt: ${said}`]);
  if (typeof mark !== 'string' || mark.length < 16) {
    throw new ScenarioError([`${undo}: the mark is too short to be ours alone`]);
  }
  if (!ourMark.test(mark)) throw new ScenarioError([`${undo}: not a mark: ${said}`]);
  if (mark !== (whose.mark ?? mark)) throw new ScenarioError([`${undo}: the mark of another run, left alone: ${said}`]);
  if (daemon !== undefined && !daemonName(daemon, mark)) throw new ScenarioError([`${undo}: not a daemon: ${said}`]);
  if (!shapeOf(shapes[undo as Debt['undo']])(rest, mark)) {
    throw new ScenarioError([`${undo}: not ours or not a debt, left alone: ${said}`]);
  }
  const debt = value as Debt;
  if (whose.foreign && (('node' in debt && debt.node.via === 'pod') || theirClusterOf(debt))) {
    throw new ScenarioError([`${undo}: the index does not know this run, so its kubeconfig is not used: ${said}`]);
  }
  return debt;
}

/** The cluster of somebody's that it is about. */
export function theirClusterOf(debt: Debt): TheirCluster | undefined {
  return 'cluster' in debt ? debt.cluster : undefined;
}

/** Whether it is about an object or a link of the run's own embedded cluster, and so is settled when that is gone. */
export function inOwnCluster(debt: Debt): boolean {
  if (theirClusterOf(debt)) return false;
  return (
    debt.undo === 'uncordon-node' || debt.undo === 'restore-link' || ('node' in debt && debt.node.via === 'own-api')
  );
}

/** Whether what it is about is docker's. */
export function inDocker(debt: Debt): boolean {
  if ('node' in debt) return debt.node.via === 'docker';
  return 'container' in debt || debt.undo === 'remove-containers' || debt.undo === 'remove-network';
}

function shapeOf(fields: Readonly<Record<string, Check>>): Check {
  const known = Object.keys(fields).map((field) => field.replace('?', ''));
  return (value, mark) => {
    if (typeof value !== 'object' || value === null) return false;
    const given = value as Record<string, unknown>;
    if (Object.keys(given).some((field) => !known.includes(field))) return false;
    return Object.entries(fields).every(([field, check]) => {
      const item = given[field.replace('?', '')];
      return item === undefined ? field.endsWith('?') : check(item, mark);
    });
  };
}

const lastOf = (value: string): string => value.split('/').at(-1) ?? '';
