import { setTimeout as sleep } from 'node:timers/promises';
import { docker, isGone, tryDocker } from '../../docker.ts';
import type { Clients } from '../../node/exec.ts';
import { type InDocker, requireSameDaemon } from './daemon.ts';

type Env = Pick<Clients, 'env'>;

/** Until two looks in a row find none: the daemon may be in the middle of making one. */
export async function removeContainers(whose: InDocker, env: Env): Promise<void> {
  let complaint = '';
  let empty = 0;
  let found = false;
  for (let round = 0; round < 30 && empty < 2; round++) {
    const ids = linesIn(await docker(['ps', '-aq', '--no-trunc', '--filter', `label=ordeal.mark=${whose.mark}`], env));
    found ||= ids.length > 0;
    empty = ids.length === 0 ? empty + 1 : 0;
    for (const id of ids) complaint = await removeContainer(id, env);
    await sleep(200);
  }
  if (empty < 2) throw new Error(`containers cannot be removed: ${complaint}`);
  if (!found) await requireSameDaemon(whose, env);
}

async function removeContainer(id: string, env: Env): Promise<string> {
  const removed = await tryDocker(['rm', '-f', '-v', id], env);
  if (removed.exitCode === 0) return '';
  // A paused one cannot be killed.
  await tryDocker(['unpause', id], env);
  return removed.stderr.trim();
}

/** Refused while containers are attached: those of this run are removed first, others are strangers. */
export async function removeNetwork({ name, ...whose }: InDocker & { readonly name: string }, env: Env): Promise<void> {
  // Docker allows several of a name.
  const list = ['network', 'ls', '-q', '--no-trunc', '--filter', `name=^${name.replaceAll('.', '\\.')}$`];
  const ids = linesIn(await docker(list, env));
  if (ids.length === 0) await requireSameDaemon(whose, env);
  const format = '{{index .Labels "ordeal.mark"}}\n{{range .Containers}}{{.Name}} {{end}}';
  for (const id of ids) {
    const inspected = await tryDocker(['network', 'inspect', '-f', format, id], env);
    if (isGone(inspected)) continue;
    if (inspected.exitCode !== 0) throw new Error(inspected.stderr.trim());
    const [label, attached = ''] = inspected.stdout.trim().split('\n');
    if (label !== whose.mark) throw new Error(`not ours, left alone: network ${name} has no mark of ours`);
    if (attached.trim() !== '') throw new Error(`network ${name} is in use by ${attached.trim()}`);
    const removed = await tryDocker(['network', 'rm', id], env);
    if (removed.exitCode !== 0 && !isGone(removed)) throw new Error(removed.stderr.trim());
  }
  if (linesIn(await docker(list, env)).length > 0) throw new Error(`network ${name} is still there`);
}

const linesIn = (text: string): string[] => text.split('\n').filter((line) => line !== '');
