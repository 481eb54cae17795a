import type { CertificateOwner, CertificateSpec, ClusterSpec } from '../model.ts';
import { show } from './checks.ts';
import type { Complaints } from './complaints.ts';
import type { Decoded } from './schema.ts';
import { entriesOf, find, offsetOf, type Tree } from './tree.ts';

/** An end is told in whole seconds, and the cluster must be ready before it. */
const LEAST = 5_000;

/** What `cluster.certificates` says; what cannot be becomes complaints. */
export function certificateSpecs(
  tree: Tree,
  { certificates, nodes }: Decoded['cluster'],
  complaints: Complaints,
): NonNullable<ClusterSpec['certificates']> {
  const specs: Partial<Record<CertificateOwner, CertificateSpec>> = {};
  for (const [name, { value, keyAt }] of entriesOf(tree, 'cluster', 'certificates')) {
    const whose = name as CertificateOwner;
    const spec = certificates[whose];
    if (!spec) continue;
    const { lifetime, 'renew-before': renewBefore } = spec;
    const complain = (key: string, expected: string) => {
      const node = find(value, [key]);
      complaints.add(offsetOf(value, [key]), { what: `"${key}" is ${node ? show(node) : 'missing'}`, expected });
    };
    if (lifetime < LEAST) complain('lifetime', `at least ${LEAST / 1_000}s`);
    else if (renewBefore !== undefined && renewBefore >= lifetime) complain('renew-before', 'less than "lifetime"');
    if (whose === 'node-agents' && nodes === 0)
      complaints.add(keyAt, { what: 'there are no node agents', expected: '"nodes" of 1 or more' });
    specs[whose] = { lifetime, ...(renewBefore === undefined ? {} : { renewBefore }) };
  }
  return specs;
}
