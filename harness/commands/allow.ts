import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { askOf } from '../access/ask.ts';
import { readAccess } from '../access/kubeconfig.ts';
import { RefusedError } from '../model.ts';
import { type ClusterFacts, factsOf } from '../safety/facts.ts';
import { isSystemNamespace } from '../safety/guard.ts';
import { CONFIG, readAllowed, withCluster } from '../scenario/config.ts';
import { type Ambient, plain } from './ambient.ts';
import { agreed } from './consent.ts';
import { contextOf, type TargetOptions, targetOf } from './target.ts';

/** Shows what a cluster is, then, when that is agreed to, puts it on the allow-list. Throws RefusedError, ScenarioError, ClusterError. */
export async function allow(options: TargetOptions & { readonly yes?: boolean }, ambient: Ambient): Promise<number> {
  const target = targetOf(options);
  if (target?.config === undefined)
    throw new RefusedError('which cluster? say --context NAME: the current context is never used');
  const { config } = target;
  const known = await readAllowed(config);
  const { kubeconfig, context } = contextOf(target);
  const access = await readAccess(kubeconfig, context);
  const facts = await factsOf(askOf(access), { context, server: access.server });
  ambient.out.write(plain(describe(facts).join('\n')));
  const former = known.find(({ uid }) => uid === facts.uid);
  if (former !== undefined) {
    ambient.out.write(plain(`it is on the allow-list of ${CONFIG} already, as ${former.name}`));
    return 0;
  }
  await agreed(`May ordeal play on this cluster, and be kept in ${CONFIG}?`, options, ambient);
  const text = existsSync(config) ? await readFile(config, 'utf8') : '';
  // Whole or not at all.
  const beside = `${config}.new`;
  await writeFile(beside, withCluster(text, { name: context, uid: facts.uid }));
  await rename(beside, config);
  ambient.out.write(plain(`${CONFIG}: ${context} is allowed, for 1 node and 20 % of its nodes at most`));
  return 0;
}

function describe(facts: ClusterFacts): string[] {
  const { context, server, uid, version, nodes, namespaces, pods, created, unseen } = facts;
  const roles = Map.groupBy(nodes, ({ roles }) => roles.join('+') || 'worker');
  const byRole = [...roles].map(([role, some]) => `${some.length} ${role}`).join(', ');
  const own = namespaces.filter((name) => !isSystemNamespace(name));
  const days = created === undefined ? undefined : (Date.now() - Date.parse(created)) / 86_400_000;
  const shown = own.slice(0, 20).join(', ');
  return [
    `context     ${context}`,
    `server      ${server}`,
    `kubernetes  ${version}`,
    `uid         ${uid} (of kube-system)`,
    `nodes       ${nodes.length}${byRole === '' ? '' : `: ${byRole}`}`,
    `namespaces  ${namespaces.length}, of which not the system's: ${shown || 'none'}${own.length > 20 ? ', …' : ''}`,
    `pods        ${pods}`,
    `made        ${created === undefined ? 'at an unknown time' : `${created}, ${(days ?? 0).toFixed(1)} days ago`}`,
    ...unseen.map((what) => `not shown   ${what}`),
  ];
}
