import { inNamespace, NAMESPACE, rolesInNamespace } from '../access/books.ts';
import { PROBING } from '../cluster/kind/accounts.ts';
import { THEIR_RIGHTS } from '../cluster/theirs/rights.ts';
import { faults } from '../faults/table.ts';
import type { Right, Scenario } from '../model.ts';
import type { Doing } from '../safety/guard.ts';
import { distinct, rightsOfRules } from '../safety/rights.ts';
import { createdBy } from './their-objects.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** Who enters, makes accounts and undoes, by the user's own credentials. */
const entering: readonly Right[] = [
  ...of('', 'namespaces', 'get', 'list', 'create', 'delete'),
  ...of('', 'nodes', 'list'),
  ...of('', 'pods', 'list', 'deletecollection'),
  ...of('', 'serviceaccounts', 'create'),
  ...of('', 'serviceaccounts/token', 'create'),
  ...[
    ...of('', 'configmaps', 'get', 'create', 'patch', 'delete'),
    ...inNamespace.flatMap((resource) => of('', resource, 'list')),
    ...rolesInNamespace.flatMap((resource) => of(RBAC, resource, 'list')),
  ].map((right) => ({ ...right, namespace: NAMESPACE })),
  ...of(RBAC, 'clusterroles', 'list', 'create', 'delete'),
  ...of(RBAC, 'clusterrolebindings', 'list', 'create', 'delete'),
  ...of('scheduling.k8s.io', 'priorityclasses', 'list', 'delete'),
];
/** Whoever has these may give rights that he does not have himself. */
export const giving: readonly Right[] = [...of(RBAC, 'clusterroles', 'escalate', 'bind')];

function of(group: string, resource: string, ...verbs: readonly string[]) {
  return verbs.map((verb) => ({ verb, group, resource }));
}

/** What a scenario would do in a cluster of somebody's, with the rights of the user's that this takes. */
export async function doingOf(scenario: Scenario): Promise<Doing> {
  const objects = (await createdBy(scenario)).map(({ object }) => object);
  const specs = scenario.faults.map((spec) => ({ spec, kind: faults.get(spec.fault) }));
  return {
    scenario: `${scenario.id} ${scenario.variant.name}`,
    namespaces: objects.flatMap(({ kind, metadata: { name, namespace } }) =>
      kind === 'Namespace' ? [name] : namespace === undefined ? [] : [namespace],
    ),
    faults: specs.map(({ spec: { name, fault, ...spec }, kind }) => ({
      ...{ name, fault },
      ...(kind?.endangers !== undefined && { endangers: kind.endangers }),
      ...(kind?.theirs !== undefined && {
        deed: {
          does: kind.theirs.does,
          undone: kind.theirs.undone,
          nodes: kind.theirs.nodes({ name, fault, ...spec }),
        },
      }),
    })),
    floods: scenario.load.map(({ name }) => name),
    rights: distinct([
      ...entering,
      ...objects.map(({ apiVersion = 'v1', kind = '' }) => ({
        verb: 'create',
        group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
        resource: plural(kind),
      })),
      ...specs.flatMap(({ kind }) => kind?.theirs?.rights ?? []),
    ]),
  };
}

/** What the accounts of a run get, so that their maker must have it too, unless he may give what he has not. */
export function givenRights(scenario: Scenario): Right[] {
  return distinct(
    rightsOfRules([...THEIR_RIGHTS, ...PROBING, ...scenario.cluster.identities.flatMap(({ rules }) => rules)]),
  );
}

/** As Kubernetes itself makes them of its kinds. */
function plural(kind: string): string {
  const word = kind.toLowerCase();
  if (/(s|x|ch)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}
