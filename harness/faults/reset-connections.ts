import type { FaultKind } from '../model.ts';
import { type Counted, linkFault, linkParameter } from './link.ts';
import { amount } from './parameter.ts';
import type { Evidence } from './targets.ts';

export const resetConnections: FaultKind = {
  name: 'reset-connections',
  help: 'every connection of a link that is open gets an RST at both ends; new ones are served',
  endangers: 'control-plane',
  parameters: {
    link: linkParameter,
    every: { type: 'duration', help: 'again and again, from one time to the next', optional: true, least: 100 },
  },
  elsewhere: true,
  make(spec) {
    const every = amount(spec, 'every');
    return linkFault(spec, { fault: 'reset-connections', ...(every !== undefined && { every }) }, resetEvidence);
  },
};

/** Real when connections were reset. */
export function resetEvidence({ before, now }: Counted): Evidence {
  const resets = now.resets - before.resets;
  const detail = `${resets} connections reset, ${now.opened - before.opened} new ones since, ${now.connections.open} are open`;
  return { real: resets > 0, detail };
}
