import type { Clients } from './exec.ts';
import { kubectlOf } from './kubectl.ts';
import { makeNamespace, nodeNamed, startPod } from './pod.ts';
import type { PodRef } from './pod-manifest.ts';

const deadline = 300_000;

/**
 * Does the work while the pod of `ref` runs. One whose deadline has passed is made again for that long, and what was made for it is
 * removed. Nothing is done when the Node is gone or is another one by now: nothing is owed on it then.
 */
export async function withPodAgain(
  ref: PodRef,
  mark: string,
  clients: Clients,
  work: () => Promise<void>,
): Promise<void> {
  const kubectl = kubectlOf(ref, clients);
  const node = await nodeNamed(kubectl, ref.node);
  if (node?.metadata.uid !== ref.uid) return;
  const inNamespace = ['-n', ref.namespace];
  const get = [...inNamespace, 'get', 'pod', ref.pod, '--ignore-not-found'];
  const [phase, on] = (await kubectl([...get, '-o', 'jsonpath={.status.phase} {.spec.nodeName}'])).split(' ');
  if (phase === 'Running' && on === ref.node) return work();

  const madeNamespace = await makeNamespace(kubectl, ref.namespace, mark);
  const remove = ['delete', 'pod', ref.pod, '--ignore-not-found', '--force', '--grace-period=0'];
  try {
    await kubectl([...inNamespace, ...remove]);
    await startPod(kubectl, ref, node, mark, { deadline });
    await work();
  } finally {
    await kubectl([...inNamespace, ...remove]);
    if (madeNamespace) await kubectl(['delete', 'namespace', ref.namespace, '--ignore-not-found', '--timeout=60s']);
  }
}
