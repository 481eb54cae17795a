import type { Ask } from '../access/ask.ts';
import { ClusterError, type Json, type Right } from '../model.ts';

/** Questions at a time: each is a connection of its own. */
const AT_A_TIME = 10;

/** As people and `kubectl auth can-i` say it: `create deployments.apps`. */
export function rightText(right: Right): string {
  if ('path' in right) return `${right.verb} ${right.path}`;
  const where = right.namespace === undefined ? '' : ` in ${right.namespace}`;
  return `${right.verb} ${right.resource}${right.group === '' ? '' : `.${right.group}`}${where}`;
}

/** Each once, in the order of their texts. */
export function distinct(rights: readonly Right[]): Right[] {
  const byText = new Map(rights.map((right) => [rightText(right), right]));
  return [...byText].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, right]) => right);
}

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** All that RBAC rules give, one by one. */
export function rightsOfRules(rules: readonly Rule[]): Right[] {
  return rules.flatMap(({ apiGroups = [], resources = [], nonResourceURLs = [], verbs }) =>
    verbs.flatMap((verb): Right[] => [
      ...apiGroups.flatMap((group) => resources.map((resource) => ({ verb, group, resource }))),
      ...nonResourceURLs.map((path) => ({ verb, path })),
    ]),
  );
}

/** Those that whoever asks does not have, by a SelfSubjectAccessReview for each: nothing of that is kept in the cluster. */
export async function missingOf(ask: Ask, rights: readonly Right[]): Promise<Right[]> {
  const missing: Right[] = [];
  for (let at = 0; at < rights.length; at += AT_A_TIME) {
    const some = rights.slice(at, at + AT_A_TIME);
    const answers = await Promise.all(some.map((right) => allowed(ask, right)));
    missing.push(...some.filter((_, index) => !answers[index]));
  }
  return missing;
}

async function allowed(ask: Ask, right: Right): Promise<boolean> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: specOf(right) };
  const answer = (await ask('POST', path, body)) as { status?: { allowed?: boolean } } | undefined;
  if (answer === undefined) throw new ClusterError(`POST ${path}`, 404, 'the cluster does not say who may do what');
  return answer.status?.allowed === true;
}

function specOf(right: Right): Json {
  if ('path' in right) return { nonResourceAttributes: { verb: right.verb, path: right.path } };
  const { verb, group, namespace } = right;
  const [resource = '', subresource] = right.resource.split('/');
  return {
    resourceAttributes: {
      ...{ verb, group, resource },
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
    },
  };
}
