import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultKind, type FaultSpec, type Millis, type Node, RefusedError, type Run } from '../model.ts';
import { refuseForeignLimits } from './foreign-limits.ts';
import { amount } from './parameter.ts';
import { nodeFault, sign } from './targets.ts';
import { pacesOf, throttleEvidence } from './throttle-evidence.ts';
import { burstUnder, canaryScript, type Quota, throttleScript } from './throttle-script.ts';
import { ask, startService } from './unit.ts';

/** A cloud disk's quota, for what a node's kubelet, runtime and containers read and write synchronously or directly. */
export const throttleNodeIo: FaultKind = {
  name: 'throttle-node-io',
  help: "the disk of the node's /var serves kubelet, runtime and every container no more than a quota; on cgroup v1 each of them by itself",
  endangers: 'kernel',
  parameters: {
    iops: { type: 'number', help: 'reads and writes a second, each', optional: true, least: 1, most: 100_000 },
    'bytes-per-second': { type: 'bytes', help: 'read and written a second, each', optional: true, least: 4096 },
  },
  make: (spec) => make(spec, quotaOf(spec)),
};

function quotaOf(spec: FaultSpec): Quota {
  const quota = { iops: amount(spec, 'iops'), bytesPerSecond: amount(spec, 'bytes-per-second') };
  if ((quota.iops ?? quota.bytesPerSecond) !== undefined) return quota;
  throw new RefusedError(`fault ${spec.name}: it names no quota; expected iops, bytes-per-second, or both`);
}

const make = (spec: FaultSpec, quota: Quota) =>
  nodeFault(spec, {
    async break(node, _cluster, run) {
      const device = await deviceOf(node, run.signal);
      await refuseForeignLimits(node, device, run.signal);
      // What waits to be written, of images just loaded say, would use up the quota for minutes.
      await ask(node, ['sync', '-f', '/var'], run.signal);
      const name = `ordeal-${run.mark}-io`;
      const file = `/var/${name}-canary`;
      const owedFile = await run.ledger.owe({ undo: 'remove-node-file', node: node.ref, path: file, mark: run.mark });
      // Its undo ends the canary too, and is paid before the canary's file goes.
      const owed = await run.ledger.owe({ undo: 'lift-io-limit', node: node.ref, device, mark: run.mark });
      const canary = await startCanary(node, file, spec.deadline, quota, run);
      owedFile.done();
      const script = `/run/${name}.sh`;
      const samples = `/run/${name}.samples`;
      await ask(node, ['tee', script], run.signal, throttleScript(device, quota, canary.name));
      await startService(
        node,
        {
          name,
          within: spec.deadline,
          command: ['/bin/bash', script, 'hold'],
          properties: [
            `ExecStopPost=/bin/bash ${script} lift`,
            `ExecStopPost=/bin/rm -f ${script} ${samples}`,
            `StandardOutput=truncate:${samples}`,
          ],
        },
        run.signal,
      );
      owed.done();
      const { iops, bytesPerSecond } = quota;
      const limits = [iops && `${iops} IO/s`, bytesPerSecond && `${bytesPerSecond} B/s`].filter(Boolean).join(', ');
      sign(run, spec, node, `disk ${device} throttled to ${limits}`);
      return {
        async evidence() {
          const paces = await canary.paces(run.signal);
          // The burst during which the quota came is neither.
          const during = paces.slice(canary.before.length + 1);
          const read = await ask(node, ['cat', samples], run.signal);
          const checked = await ask(node, ['/bin/bash', script, 'check'], run.signal);
          const { block } = burstUnder(quota);
          return throttleEvidence(read, quota, { name: canary.name, block, before: canary.before, during }, checked);
        },
        async end() {
          await owed.settle();
          await owedFile.settle();
        },
      };
    },
  });

/** `major:minor` of the whole disk under the node's /var: a partition cannot be throttled. */
async function deviceOf(node: Node, signal: AbortSignal): Promise<string> {
  const found = (
    await ask(node, ['findmnt', '--noheadings', '--output', 'MAJ:MIN', '--target', '/var'], signal)
  ).trim();
  const whole = `cd -P /sys/dev/block/${found} && if [ -e partition ]; then cat ../dev; else cat dev; fi`;
  const { exitCode, stdout } = /^\d+:\d+$/.test(found)
    ? await node.exec(['sh', '-c', whole], { signal })
    : { exitCode: 1, stdout: '' };
  if (exitCode === 0 && /^[1-9]\d*:\d+$/.test(stdout.trim())) return stdout.trim();
  throw new RefusedError(
    `the disk of /var on ${node.name} (${found || 'unknown'}) is no block device that can be throttled`,
  );
}

/** Starts the canary; it has run three times before this returns. */
async function startCanary(node: Node, file: string, within: Millis, quota: Quota, run: Run) {
  const name = `ordeal-${run.mark}-io-canary`;
  const [script, output] = [`/run/${name}.sh`, `/run/${name}.samples`];
  await ask(node, ['tee', script], run.signal, canaryScript(file, burstUnder(quota)));
  const properties = [
    'IOAccounting=yes',
    `ExecStopPost=/bin/rm -f ${file} ${script} ${output}`,
    `StandardOutput=truncate:${output}`,
  ];
  await startService(node, { name, within, command: ['/bin/bash', script], properties }, run.signal);
  const paces = async (signal: AbortSignal) => pacesOf(await ask(node, ['cat', output], signal));
  const until = run.clock.now() + 30_000;
  let before = await paces(run.signal);
  while (before.length < 3) {
    if (run.clock.now() > until) throw new Error(`the canary of ${node.name} says nothing: its disk cannot be judged`);
    await sleep(300, undefined, { signal: run.signal });
    before = await paces(run.signal);
  }
  return { name, before, paces };
}
