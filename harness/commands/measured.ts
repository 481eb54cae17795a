import { freePorts } from '../cluster/ports.ts';
import { type Scenario, ScenarioError } from '../model.ts';
import { type Ambient, plain } from './ambient.ts';
import { type Choice, load } from './find.ts';
import { type Provided, toolOf } from './needs.ts';

/** A scenario that can be decoded once more, with more of its parameters set. */
export interface Again {
  readonly scenario: Scenario;
  /** Parameters that somebody set. */
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

/** Less could not be asked of a control group. */
const least = 10;

/**
 * The scenarios with those parameters filled in that depend on the speed of this host, and with what was measured. It is measured
 * once, before anything is played. Whoever sets such a parameter can make it harder only. Throws ToolError where it cannot be
 * measured, ScenarioError where more is set than was measured.
 */
export async function withMeasured(
  all: readonly Again[],
  provided: Provided,
  { quiet = false }: { readonly quiet?: boolean },
  ambient: Ambient,
): Promise<readonly Scenario[]> {
  if (all.every(({ scenario }) => scenario.measured === undefined)) return all.map(({ scenario }) => scenario);
  const { dnsCost } = await import('../probes/dns-cost.ts');
  const cost = await dnsCost(
    toolOf(provided, 'coredns').path,
    async () => (await freePorts(['dns'])).dns,
    ambient.signal,
  );
  const perSecond = Math.round(1 / cost).toLocaleString('en');
  if (!quiet) ambient.err.write(plain(`a CPU of this host answers ${perSecond} simple DNS queries a second`));
  return Promise.all(
    all.map(async (one) => {
      const { id, parameters, measured = {} } = one.scenario;
      const found = Object.entries(measured).map(([parameter, { dnsQueries }]) => {
        const value = Math.max(least, Math.round(1000 * cost * dnsQueries));
        const is = Number(parameters[parameter]);
        if (one.set.includes(parameter) && is > value) {
          const why = `in ${value} thousandths of a CPU this host answers ${dnsQueries.toLocaleString('en')} queries a second`;
          throw new ScenarioError([
            `${id}: ${parameter} is set to ${is}; expected ${value} at most: ${why}, and with more there is no pressure`,
          ]);
        }
        return [parameter, { dnsQueries, found: value }] as const;
      });
      const missing = found.filter(([parameter]) => !one.set.includes(parameter));
      const texts = missing.map(([parameter, { found: value }]) => [parameter, String(value)] as const);
      const scenario = texts.length === 0 ? one.scenario : await one.again(Object.fromEntries(texts));
      return found.length === 0 ? scenario : { ...scenario, measured: Object.fromEntries(found) };
    }),
  );
}
