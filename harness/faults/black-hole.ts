import type { FaultKind } from '../model.ts';
import { type Counted, linkFault, linkParameter } from './link.ts';
import type { Evidence } from './targets.ts';

/** Half-open connections: what a firewall, a load balancer or a dead router leaves behind that forgets its connections and says nothing. */
export const blackHole: FaultKind = {
  name: 'black-hole',
  help: 'a link passes nothing on: connections that are open stay open and stay black holes until they are closed, also when it has ended; new ones are taken in silence, and served when it has ended',
  endangers: 'control-plane',
  parameters: { link: linkParameter },
  elsewhere: true,
  make: (spec) => linkFault(spec, { fault: 'black-hole' }, blackHoleEvidence),
};

/** Real when connections were caught, bytes went into them and were lost, and not one came through. */
export function blackHoleEvidence({ before, begun, now }: Counted): Evidence {
  const caught = begun.connections.stuck - before.connections.stuck;
  const lost = now.stuckBytes - begun.stuckBytes;
  const passed = now.bytes.to + now.bytes.from - begun.bytes.to - begun.bytes.from;
  return {
    real: caught > 0 && lost > 0 && passed === 0,
    detail:
      `${caught} connections caught, ${now.connections.stuck} of them still open; ${lost} bytes went into them and were lost, ` +
      `${passed} came through; ${now.connections.waiting} new ones wait`,
  };
}
