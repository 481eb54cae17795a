import { stringify } from 'yaml';
import type { Scenario } from '../model.ts';
import type { Complaints } from './complaints.ts';
import { type MapTree, plain, without } from './tree.ts';

/** What another file asks of a scenario: an entry of a suite. Its places are those of that file. */
export interface Asked {
  /** Of that file. */
  readonly complaints: Complaints;
  /** Where it names the scenario. */
  readonly at: number;
  readonly variants?: readonly { readonly name: string; readonly at: number }[];
  /** As a variant's change, and applied after it; the parameters that it sets are among it. */
  readonly change: MapTree;
  /** Those parameters as text, by name. */
  readonly set: Readonly<Record<string, string>>;
}

/** Says in the scenario itself that it is not as its own file has it: reports show the one, the run's folder keeps the other. */
export function asChanged(scenario: Scenario, { change, complaints, at }: Asked): Scenario {
  const more = without(change, ['parameters']);
  const where = complaints.where(at);
  const keys = [...more.entries.keys()].join(', ');
  const text = change.entries.size === 0 ? '' : stringify(plain(change));
  return {
    ...scenario,
    ...(keys !== '' && {
      variant: { ...scenario.variant, what: `${scenario.variant.what}; changed by ${where}: ${keys}` },
    }),
    ...(text !== '' && {
      source: `${scenario.source.trimEnd()}\n\n# Changed by ${where}:\n${text.replace(/^/gm, '# ').trimEnd()}\n`,
    }),
  };
}
