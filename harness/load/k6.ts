import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, LoadSpec, Millis, Run } from '../model.ts';
import { complaints } from './complaints.ts';
import { CpuMeter, GeneratorJudge, prefer } from './generator.ts';
import { LastLines } from './log.ts';
import { loadMetrics } from './metrics.ts';
import { eachLine, namedPipe } from './output.ts';
import { parsePoint } from './points.ts';
import { signalGroup, startK6 } from './process.ts';
import { Tally } from './tally.ts';

const every: Millis = 1_000;
/** k6 says nothing within this time: it hangs. It reports its virtual users each second, whatever the server does. */
const startWithin: Millis = 20_000;
/** After its duration a script may wait this long for the answers to its last requests (gracefulStop). */
const drainWithin: Millis = 30_000;
const killAfter: Millis = 1_000;
/** k6 reports its virtual users each second: when it says nothing for longer, it is not seeing. */
const silentFor: Millis = 3_000;

/**
 * Offers a load by k6: `spec.script` is an absolute path, `spec.parameters` all that the script gets.
 * Resolves when k6 has ended and its samples are in the journal. Never rejects: what goes wrong voids the run,
 * and what was measured until then stays. An abort of the run ends k6 within a second.
 */
export function k6Load(spec: LoadSpec, k6Path: string) {
  return {
    async offer(cluster: Cluster, run: Run, duration: Millis): Promise<void> {
      try {
        for (const reason of await play(spec, k6Path, cluster, run, duration))
          run.journal.append({ kind: 'voided', reason });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        run.journal.append({ kind: 'voided', reason: `load ${spec.name}: ${reason}` });
      }
    },
  };
}

async function play(
  spec: LoadSpec,
  k6Path: string,
  cluster: Cluster,
  run: Run,
  duration: Millis,
): Promise<readonly string[]> {
  if (run.signal.aborted) return [];
  const tally = new Tally(spec, run);
  const log = new LastLines([cluster.connect(spec.as).token]);
  const pipe = await namedPipe(run.folder);
  using cleanup = new DisposableStack();
  cleanup.defer(() => pipe.reader.destroy());
  cleanup.defer(() => pipe.finish());

  const started = run.clock.now();
  const { child, exit } = startK6(k6Path, spec, cluster, run, duration, pipe.writer);
  const onAbort = () => {
    signalGroup(child, 'SIGINT');
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), killAfter);
    cleanup.defer(() => clearTimeout(timer));
  };
  run.signal.addEventListener('abort', onAbort, { once: true });
  cleanup.defer(() => run.signal.removeEventListener('abort', onAbort));

  let first: Millis | undefined;
  let stopped: string | undefined;
  const watch = watchGenerator(spec, run, tally, child.pid, () => {
    if (first === undefined) return 'unheard';
    return run.clock.now() - heard < silentFor ? 'heard' : 'silent';
  });
  cleanup.defer(() => watch.stop());
  const deadline = (after: Millis, stop: () => string | undefined) => {
    const timer = setTimeout(() => {
      stopped ??= stop();
      if (stopped !== undefined) signalGroup(child, 'SIGKILL');
    }, after);
    cleanup.defer(() => clearTimeout(timer));
  };
  deadline(startWithin, () => (first === undefined ? `k6 said nothing for ${startWithin / 1000} s` : undefined));
  deadline(startWithin + duration + drainWithin, () => `k6 did not end ${drainWithin / 1000} s after its time`);

  let heard: Millis = 0;
  let silence: Millis = 0;
  const samples = eachLine(pipe.reader, (line) => {
    const now = run.clock.now();
    silence = first === undefined ? 0 : Math.max(silence, now - heard);
    heard = now;
    if (first === undefined) {
      first = now;
      run.journal.append({ kind: 'observing', source: `load:${spec.name}`, metrics: loadMetrics(spec), every });
    }
    const point = parsePoint(line, tally.wanted);
    if (point) tally.add(point);
  });
  samples.catch((error: unknown) => {
    stopped ??= `k6 cannot be understood: ${error instanceof Error ? error.message : error}`;
    signalGroup(child, 'SIGKILL');
  });
  const errors = child.stderr ? eachLine(child.stderr, (line) => log.add(line)) : Promise.resolve();
  cleanup.defer(() => child.stderr?.destroy());

  const { code, signal } = await exit;
  const ended = run.clock.now();
  watch.stop();
  pipe.finish();
  await Promise.race([Promise.allSettled([samples, errors]), sleep(killAfter, undefined, { ref: false })]);
  tally.flush(false);
  if (run.signal.aborted) return [];
  const { name: load, requests } = spec;
  const ending = { load, requests, duration, started, first, ended, exitCode: code, signal, stopped, silence };
  const bound = watch.verdict();
  return [
    ...complaints({ ...ending, lastLines: log.lines }, tally),
    ...(bound === undefined ? [] : [`load ${load}: ${bound}`]),
  ];
}

/** Each second: what arrived, and how k6 fared for CPU. */
function watchGenerator(
  spec: LoadSpec,
  run: Run,
  tally: Tally,
  pid: number | undefined,
  voice: () => 'unheard' | 'heard' | 'silent',
) {
  const judge = new GeneratorJudge();
  if (pid === undefined) return { stop: () => {}, verdict: () => judge.verdict() };
  const labels = { load: spec.name };
  const meter = new CpuMeter(pid);
  let begun = false;
  const timer = setInterval(() => {
    const is = voice();
    if (is === 'unheard') return;
    const usage = meter.read();
    // Before its first second k6 compiled the script: that says nothing of the load.
    const judged = begun;
    if (!begun) {
      begun = true;
      const refused = prefer(pid);
      const priority = refused ? `keeps the usual priority (${refused})` : 'runs at priority -10, before its victims';
      const waits = usage ? '' : '; whether it waits for CPU cannot be told here';
      run.journal.append({ kind: 'progress', text: `load ${spec.name}: k6 ${priority}${waits}` });
    }
    // Zeros stand for a k6 that says that it lives; a frozen one is a gap.
    const done = tally.flush(is === 'heard');
    if (!usage || is === 'silent') return;
    run.journal.append({ kind: 'sample', metric: 'load.cpu', labels, value: usage.cpu });
    run.journal.append({ kind: 'sample', metric: 'load.waiting', labels, value: usage.waiting });
    if (judged) judge.second(usage, done);
  }, every);
  return { stop: () => clearInterval(timer), verdict: () => judge.verdict() };
}
