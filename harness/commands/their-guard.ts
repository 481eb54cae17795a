import { type Ask, askOf } from '../access/ask.ts';
import { readAccess } from '../access/kubeconfig.ts';
import { requireNoSwitch } from '../access/switch.ts';
import { type AllowedCluster, RefusedError, type Right, type Scenario } from '../model.ts';
import { type ClusterFacts, factsOf } from '../safety/facts.ts';
import { type Doing, guard } from '../safety/guard.ts';
import { distinct, missingOf } from '../safety/rights.ts';
import { readAllowed } from '../scenario/config.ts';
import { contextOf, type Target } from './target.ts';
import { doingOf, givenRights, giving } from './their-doing.ts';

/** What a scenario would do in a cluster of somebody's, and everything that speaks against it. */
export interface Examined {
  readonly scenario: Scenario;
  readonly facts: ClusterFacts;
  readonly doing: Doing;
  readonly missing: readonly Right[];
  readonly allowed: readonly AllowedCluster[];
  readonly refusals: readonly string[];
}

/** Looks at the cluster and at what each scenario would do there; changes nothing. Throws `ScenarioError` for a wrong ordeal.yaml, `ClusterError`. */
export async function examine(scenarios: readonly Scenario[], target: Target): Promise<readonly Examined[]> {
  const allowed = await allowedFor(target);
  const { kubeconfig, context } = contextOf(target);
  const access = await readAccess(kubeconfig, context);
  const ask = askOf(access);
  const facts = await factsOf(ask, { context, server: access.server });
  const examined: Examined[] = [];
  for (const scenario of scenarios) examined.push(await examineOne(scenario, facts, allowed, ask));
  return examined;
}

/** The same for one run at the moment at which it enters. Throws `RefusedError` with every reason. */
export async function requireSafe(
  scenario: Scenario,
  target: Target,
  { ask, uid }: { readonly ask: Ask; readonly uid: string },
): Promise<void> {
  const { context } = contextOf(target);
  const facts = await factsOf(ask, { context, server: '' });
  if (facts.uid !== uid) throw new RefusedError(`context ${context} leads to another cluster than a moment ago`);
  const { refusals } = await examineOne(scenario, facts, await allowedFor(target), ask);
  if (refusals.length > 0) throw new RefusedError(refusals.join('\n'));
}

const allowedFor = async ({ config }: Target) => (config === undefined ? [] : readAllowed(config));

async function examineOne(
  scenario: Scenario,
  facts: ClusterFacts,
  allowed: readonly AllowedCluster[],
  ask: Ask,
): Promise<Examined> {
  const doing = await doingOf(scenario);
  const missing = [...(await missingOf(ask, doing.rights))];
  // Who may give what he has not needs nothing of what he gives.
  if ((await missingOf(ask, giving)).length > 0) missing.push(...(await missingOf(ask, givenRights(scenario))));
  const each = distinct(missing);
  const stopped = await requireNoSwitch(ask, facts.context).then(
    () => [],
    (error: Error) => [error.message],
  );
  return {
    ...{ scenario, facts, doing, allowed },
    missing: each,
    refusals: [...stopped, ...guard(facts, doing, each, allowed)],
  };
}
