import type { Scenario } from '../model.ts';
import { where } from '../tools/tools.ts';
import { type Ambient, plain } from './ambient.ts';
import { chosen } from './run.ts';
import { reasonsAgainst, toolOptions, wishes } from './stage.ts';

/** Prints what `run` would do. Exit 0 when it can run here, 2 when it cannot, with every reason. Starts nothing. */
export async function plan(
  name: string,
  options: { set: string[]; toolsDir?: string; variant?: string; json?: boolean },
  ambient: Ambient,
): Promise<number> {
  const scenario = await chosen(name, options, ambient);
  const tools = await where(wishes([scenario]), toolOptions(options, ambient));
  const server = tools.find(({ wish }) => wish.name === 'kube-apiserver');
  const missing = tools.filter(({ found, would }) => found === undefined && would === undefined);
  const reasons = [
    ...reasonsAgainst(scenario, server?.found?.version ?? server?.expected),
    ...missing.map(({ wish, why }) => `${wish.name} ${wish.version ?? ''} is not to be had: ${why}`),
  ];
  if (options.json) {
    ambient.out.write(
      `${JSON.stringify({ scenario: scenario.id, variant: scenario.variant, tools, reasons }, undefined, 2)}\n`,
    );
  } else {
    ambient.out.write(plain(`${describe(scenario).join('\n')}\n\ntools`));
    for (const { wish, found, would, why } of tools) {
      const from = found
        ? `${found.version}  ${found.source}  ${found.path}`
        : would
          ? `would come from ${would}`
          : `missing: ${why}`;
      ambient.out.write(`  ${wish.name.padEnd(24)}${from}\n`);
    }
    ambient.out.write(
      reasons.length ? `\ncannot run here:\n${reasons.map((r) => `  ${r}\n`).join('')}` : '\ncan run here\n',
    );
  }
  return reasons.length ? 2 : 0;
}

function describe(scenario: Scenario): string[] {
  const seconds = scenario.phases.reduce((sum, { duration }) => sum + duration, 0) / 1000;
  const objects = scenario.objects.map(({ manifest, count }) => `${count} × ${manifest}`).join(', ');
  return [
    `${scenario.id}: ${scenario.question}`,
    `  incident  ${scenario.incident.from}`,
    `  variant   ${scenario.variant.name} (expect ${scenario.variant.expect}): ${scenario.variant.what}`,
    `  target    a cluster of its own on this machine, ${scenario.cluster.nodes} simulated nodes, removed afterwards`,
    `  objects   ${objects || 'none'}`,
    `  phases    ${scenario.phases.map(({ name, duration }) => `${name} ${duration / 1000}s`).join(', ')} (${seconds} s)`,
    `  load      ${scenario.load.map(({ name, script, during, as }) => `${name}: ${script} as ${as} during ${during}`).join('; ') || 'none'}`,
    `  probes    ${scenario.probes.join(', ')}`,
    '  undo      every process, port, control group and folder of the cluster, owed on disk before it is made',
  ];
}
