import { existsSync } from 'node:fs';
import { controlGroups } from '../cluster/memory.ts';
import { thisHost } from '../run/folder.ts';
import { type ToolName, where } from '../tools/tools.ts';
import { type Ambient, placesOf } from './ambient.ts';
import { toolOptions } from './needs.ts';

const all: { readonly name: ToolName; readonly version?: string }[] = [
  { name: 'etcd' },
  { name: 'etcd', version: '3.5.12' },
  { name: 'kube-apiserver' },
  { name: 'kube-controller-manager' },
  { name: 'kube-scheduler' },
  { name: 'kwok' },
  { name: 'kwokctl' },
  { name: 'k6' },
  { name: 'k6-ordeal' },
  { name: 'kind' },
  { name: 'helm' },
];

/** Prints what this machine has. Exit 0 when the embedded cluster can run, else 2. */
export async function doctor(options: { toolsDir?: string }, ambient: Ambient): Promise<number> {
  const host = thisHost();
  const say = (name: string, text: string) => ambient.out.write(`${name.padEnd(26)}${text}\n`);
  say('ordeal', ambient.version);
  say('node', host.node);
  say('host', `${host.os}, kernel ${host.kernel}, ${host.cpus} cores, ${(host.memoryBytes / 2 ** 30).toFixed(1)} GiB`);
  say('cache', placesOf(ambient).cache);
  const problems: string[] = [];
  if (!existsSync('/proc/self/environ')) problems.push('no /proc: the embedded cluster needs Linux');
  for (const { wish, found, would, why } of await where(all, toolOptions(options, ambient))) {
    say(
      wish.version ? `${wish.name} ${wish.version}` : wish.name,
      found ? `${found.version}  (${found.source})` : would ? `would come from ${would}` : `missing: ${why}`,
    );
    if (!found && !would) problems.push(`${wish.name}: ${why}`);
  }
  const groups = await controlGroups('memory');
  say('memory limits', typeof groups === 'string' ? `none: ${groups}` : 'by control groups');
  // Without docker everything but kind works: no problem, but to be known.
  const { dockerUnavailable } = await import('../docker.ts');
  const docker = await dockerUnavailable();
  say('docker', docker === undefined ? 'answers: kind clusters can be made' : `no kind clusters: ${docker}`);
  const { nodeImageWhere } = await import('../tools/node-image.ts');
  const { reference, would, why } = await nodeImageWhere(toolOptions(options, ambient));
  say('node image', would === 'there' ? reference : would ? `would ${would} ${reference}` : `missing: ${why}`);
  for (const problem of problems) ambient.err.write(`! ${problem}\n`);
  return problems.length ? 2 : 0;
}
