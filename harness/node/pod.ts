import { type Millis, ToolError } from '../model.ts';
import type { Kubectl } from './kubectl.ts';
import { type NodeObject, namespaceOf, type PodOptions, type PodRef, podOf } from './pod-manifest.ts';

/** Makes the namespace unless it is there. Answers whether it made it. */
export async function makeNamespace(
  kubectl: Kubectl,
  name: string,
  mark: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const options = signal ? { signal } : {};
  if ((await kubectl(['get', 'namespace', name, '--ignore-not-found', '-o', 'name'], options)) !== '') return false;
  await kubectl(['create', '-f', '-'], { ...options, input: JSON.stringify(namespaceOf(name, mark)) });
  return true;
}

/** Makes the pod and waits until a command can be run in it. */
export async function startPod(
  kubectl: Kubectl,
  ref: PodRef,
  node: NodeObject,
  mark: string,
  options: Pick<PodOptions, 'image'> & { readonly deadline: Millis; readonly signal?: AbortSignal },
): Promise<void> {
  const { image, deadline, signal } = options;
  const given = signal ? { signal } : {};
  const create = (critical: boolean) => {
    const pod = podOf(ref, node, mark, { ...(image && { image }), seconds: Math.ceil(deadline / 1000), critical });
    return kubectl(['create', '-f', '-'], { ...given, input: JSON.stringify(pod) });
  };
  await create(true).catch((error: unknown) => {
    // Some clusters keep that priority for namespaces of their own.
    if (error instanceof ToolError && error.lastLines.some((line) => /priority|quota/i.test(line)))
      return create(false);
    throw error;
  });
  const ready = ['-n', ref.namespace, 'wait', '--for=condition=Ready', `pod/${ref.pod}`, '--timeout=60s'];
  await kubectl(ready, given).catch(async (error: unknown) => {
    signal?.throwIfAborted();
    const why = ['-n', ref.namespace, 'get', 'events', '-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}'];
    const events = await kubectl(why, given);
    throw new ToolError(`the pod that reaches node ${ref.node} does not start`, {
      command: error instanceof ToolError ? error.command : ready.join(' '),
      lastLines: events.trim().split('\n').slice(-5),
      cause: error,
    });
  });
}

export async function nodeNamed(kubectl: Kubectl, name: string): Promise<NodeObject | undefined> {
  const text = await kubectl(['get', 'node', name, '--ignore-not-found', '-o', 'json']);
  return text === '' ? undefined : (JSON.parse(text) as NodeObject);
}
