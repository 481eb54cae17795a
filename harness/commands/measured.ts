import { freePorts } from '../cluster/ports.ts';
import type { Scenario } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { type Choice, load } from './find.ts';
import { type Provided, toolOf } from './needs.ts';

/**
 * The scenarios with those parameters filled in that depend on the speed of this host, unless they were set. It is measured once,
 * with nothing else running, and told. Throws ToolError where it cannot be measured.
 */
export async function withMeasured(
  scenarios: readonly Scenario[],
  choice: Omit<Choice, 'variant'>,
  provided: Provided,
  ambient: Ambient,
): Promise<readonly Scenario[]> {
  const missing = (scenario: Scenario) =>
    Object.entries(scenario.measured ?? {}).filter(([parameter]) => !Object.hasOwn(choice.set, parameter));
  if (!scenarios.some((scenario) => missing(scenario).length > 0)) return scenarios;
  const { dnsCost } = await import('../probes/dns-cost.ts');
  const { dns } = await freePorts(['dns']);
  const cost = await dnsCost(toolOf(provided, 'coredns').path, dns, ambient.signal);
  ambient.err.write(
    plain(`a CPU of this host answers ${Math.round(1 / cost).toLocaleString('en')} simple DNS queries a second`),
  );
  return Promise.all(
    scenarios.map((scenario) => {
      const found = missing(scenario).map(([parameter, { dnsQueries }]) => {
        const value = String(Math.max(1, Math.round(1000 * cost * dnsQueries)));
        ambient.err.write(plain(`${scenario.id} ${scenario.variant.name}: ${parameter}=${value}`));
        return [parameter, value] as const;
      });
      if (found.length === 0) return scenario;
      const set = { ...choice.set, ...Object.fromEntries(found) };
      return load(scenario.folder, { ...choice, variant: scenario.variant.name, set });
    }),
  );
}
