import { freePorts } from '../cluster/ports.ts';
import type { Scenario } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { type Choice, load } from './find.ts';
import { type Provided, toolOf } from './needs.ts';

/** A scenario that can be decoded once more, with more of its parameters set. */
export interface Again {
  readonly scenario: Scenario;
  /** Parameters that somebody set: these are not measured. */
  readonly set: readonly string[];
  again(found: Readonly<Record<string, string>>): Promise<Scenario>;
}

/** As `load` decoded it. */
export function loaded(scenario: Scenario, { set, ...choice }: Omit<Choice, 'variant'>): Again {
  const variant = scenario.variant.name;
  const again = (found: Readonly<Record<string, string>>) =>
    load(scenario.folder, { ...choice, variant, set: { ...set, ...found } });
  return { scenario, set: Object.keys(set), again };
}

/**
 * The scenarios with those parameters filled in that depend on the speed of this host, unless they were set. It is measured once,
 * before anything is played, and told. Throws ToolError where it cannot be measured.
 */
export async function withMeasured(
  all: readonly Again[],
  provided: Provided,
  ambient: Ambient,
): Promise<readonly Scenario[]> {
  const missing = ({ scenario, set }: Again) =>
    Object.entries(scenario.measured ?? {}).filter(([parameter]) => !set.includes(parameter));
  if (!all.some((one) => missing(one).length > 0)) return all.map(({ scenario }) => scenario);
  const { dnsCost } = await import('../probes/dns-cost.ts');
  const { dns } = await freePorts(['dns']);
  const cost = await dnsCost(toolOf(provided, 'coredns').path, dns, ambient.signal);
  const perSecond = Math.round(1 / cost).toLocaleString('en');
  ambient.err.write(plain(`a CPU of this host answers ${perSecond} simple DNS queries a second`));
  return Promise.all(
    all.map((one) => {
      const found = missing(one).map(([parameter, { dnsQueries }]) => {
        const value = String(Math.max(1, Math.round(1000 * cost * dnsQueries)));
        ambient.err.write(plain(`${one.scenario.id} ${one.scenario.variant.name}: ${parameter}=${value}`));
        return [parameter, value] as const;
      });
      return found.length === 0 ? one.scenario : one.again(Object.fromEntries(found));
    }),
  );
}
