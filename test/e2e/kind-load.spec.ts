import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { merge, quantile } from '../../harness/histogram.ts';
import { KubeClient } from '../../harness/kube/client.ts';
import { k6Load } from '../../harness/load/k6.ts';
import { spreadLoad } from '../../harness/load/pods/spread.ts';
import {
  type Cluster,
  ClusterError,
  type JournalEvent,
  type LoadSpec,
  type Millis,
  type Run,
} from '../../harness/model.ts';
import { marked } from '../../harness/process.ts';
import { provide } from '../../harness/tools/tools.ts';
import { loadImage, workloadTable } from '../../harness/tools/workload-table.ts';
import { kindSpec, newRun, ownTools, requireKind, type TestRun } from './kind-ground.ts';
import { expectAsBefore, thisHost } from './left-behind.ts';
import { kindSpread, Ordeal, phase } from './ordeal.ts';

const rate = 40;
const pods = 4;
const script = readFileSync(join(kindSpread, 'load.k6.ts'), 'utf8');

describe('a load from pods of a kind cluster', function () {
  this.timeout('4m');
  const root = mkdtempSync(join(tmpdir(), 'ordeal-kind-load-'));
  const rules = [{ apiGroups: [''], resources: ['namespaces'], verbs: ['list', 'watch'] }];
  const spec = kindSpec({ identities: [{ user: 'client', groups: [], rules }] }, { images: [loadImage] });
  let k6 = 'k6';
  let run: TestRun;
  let cluster: Cluster;

  before(async function () {
    const ground = await requireKind(this, spec);
    k6 = (await provide([{ name: 'k6' }], ownTools())).get('k6')?.path ?? k6;
    run = newRun(root, 'load');
    cluster = await ground.provider().create(spec, run);
  });

  after(async () => {
    await run?.ledger.payAll();
    run?.journal[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });

  function specOf(name: string, text = script): LoadSpec {
    const file = join(root, `${name}.k6.ts`);
    writeFileSync(file, text);
    return {
      name,
      script: file,
      during: 'fault',
      as: 'client',
      requests: ['watch'],
      metrics: [],
      parameters: { rate },
    };
  }

  interface Played {
    readonly events: readonly JournalEvent[];
    readonly voided: readonly string[];
    readonly error?: unknown;
  }

  /** Offers it as a phase does, and pays what is owed afterwards. */
  async function play(
    load: LoadSpec,
    told: {
      readonly image?: string | undefined;
      readonly duration?: Millis;
      readonly during?: (abort: () => void) => Promise<void>;
      /** While its pods are still there. */
      readonly afterwards?: () => Promise<void>;
    } = {},
  ): Promise<Played> {
    const { image = workloadTable.get(loadImage)?.reference ?? '', duration = 8_000, during, afterwards } = told;
    const controller = new AbortController();
    const ours: Run = { ...run, signal: controller.signal };
    const from = run.events.length;
    const owed = run.ledger.latest;
    const { ready, readyWithin, offer } = spreadLoad(load, { pods, image });
    const begin = Date.now() + readyWithin;
    let error: unknown;
    try {
      await ready(cluster, ours, duration, { by: begin, begin });
      await sleep(Math.max(0, begin - Date.now()));
      const abort = () => controller.abort(new Error('enough'));
      await Promise.all([offer(cluster, ours, duration), during?.(abort)]);
      await afterwards?.();
    } catch (caught) {
      error = caught;
    }
    const events = run.events.slice(from);
    expect(await run.ledger.payAll(owed), 'unpaid').to.deep.equal([]);
    await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
    const { items } = await client.list('/api/v1/namespaces');
    expect(items.map(({ metadata }) => metadata.name).filter((name) => name.includes(load.name))).to.deep.equal([]);
    expect(marked(run.mark), 'processes left').to.deep.equal([]);
    const { token } = cluster.connect('client');
    expect(readFileSync(join(run.folder, 'journal.ndjson'), 'utf8')).to.not.include(token);
    return {
      events,
      voided: events.flatMap((event) => (event.kind === 'voided' ? event.reason : [])),
      ...(error === undefined ? {} : { error }),
    };
  }

  const sum = ({ events }: Pick<Played, 'events'>, metric: string) =>
    events.reduce((all, event) => (event.kind === 'sample' && event.metric === metric ? all + event.value : all), 0);
  const told = ({ events }: Pick<Played, 'events'>) =>
    events.flatMap((event) => (event.kind === 'progress' ? event.text : [])).join('\n');

  it('adds up to what one k6 of this machine offers', async () => {
    const played = await play(specOf('spread'));
    console.log(`      ${told(played).replaceAll('\n', '\n      ')}`);
    expect(played.error).to.equal(undefined);
    expect(played.voided).to.deep.equal([]);
    const from = run.events.length;
    await k6Load(specOf('alone'), k6).offer(cluster, run, 8_000);
    const alone = { events: run.events.slice(from) };
    const requests = sum(played, 'watch.requests');
    console.log(`      four pods: ${requests} requests; one process: ${sum(alone, 'watch.requests')}`);
    expect(requests).to.be.within(0.98 * rate * 8, 1.02 * rate * 8);
    expect(requests).to.be.within(0.98 * sum(alone, 'watch.requests'), 1.02 * sum(alone, 'watch.requests'));
    expect(sum(played, 'watch.failures')).to.equal(0);
    const { events } = played;
    const all = merge(events.flatMap((event) => (event.kind === 'histogram' ? event.histogram : [])));
    expect(all.count).to.equal(requests);
    const judged = events.flatMap((event) =>
      event.kind === 'sample' && event.metric === 'load.cpu' ? (event.labels?.['pod'] ?? '?') : [],
    );
    expect([...new Set(judged)].sort()).to.deep.equal(['0', '1', '2', '3']);
    expect(events.filter(({ kind }) => kind === 'observing')).to.have.length(1);
  });

  it('has the quantiles of all that its pods measured', async () => {
    const raw: number[] = [];
    const text = script
      .replace('console.log(body)', 'console.log("took", timings.duration)')
      .replace('{ body }', '{ timings }');
    const played = await play(specOf('raw', text), {
      afterwards: async () => {
        await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
        const path = `/api/v1/namespaces/ordeal-${run.mark}-raw/pods`;
        for (const { metadata } of (await client.list(path)).items) {
          const log = await client.text(`${path}/${metadata.name}/log`);
          raw.push(...[...log.matchAll(/took ([\d.]+)/g)].map(([, took]) => Number(took) / 1000));
        }
      },
    });
    expect(played.error).to.equal(undefined);
    expect(played.voided).to.deep.equal([]);
    const all = merge(played.events.flatMap((event) => (event.kind === 'histogram' ? event.histogram : [])));
    raw.sort((one, other) => one - other);
    console.log(
      `      ${raw.length} samples of four pods, p99 ${raw[Math.ceil(0.99 * raw.length) - 1]}, merged ${quantile(all, 0.99)}`,
    );
    expect(raw)
      .to.have.length(all.count)
      .greaterThan(0.9 * rate * 8);
    expect(all.sum).to.be.closeTo(
      raw.reduce((sum, one) => sum + one, 0),
      1e-6,
    );
    expect(all.max).to.be.closeTo(raw.at(-1) ?? 0, 1e-9);
    for (const q of [0.5, 0.9, 0.99]) {
      const exact = raw[Math.ceil(q * raw.length) - 1] ?? 0;
      expect(quantile(all, q), `${q}`).to.be.closeTo(exact, 0.011 * exact);
    }
  });

  it('voids the run when a pod is killed, and hears the others to their end', async () => {
    const played = await play(specOf('killed'), {
      during: async () => {
        await sleep(2_000);
        process.kill(marked(run.mark)[0] ?? expect.fail('no k6 runs'), 'SIGKILL');
      },
    });
    expect(played.voided).to.have.length(1);
    expect(played.voided[0]).to.match(/^load killed: pod \d: k6 exited with code 137/);
    expect(sum(played, 'watch.requests')).to.be.greaterThan(rate * 8 * 0.7);
  });

  it('voids the run when a pod is deleted', async () => {
    const played = await play(specOf('deleted'), {
      during: async () => {
        await sleep(2_000);
        const namespace = `/api/v1/namespaces/ordeal-${run.mark}-deleted/pods`;
        await using client = new KubeClient(cluster.connect('ordeal:harness'), { signal: run.signal });
        const { items } = await client.list(namespace);
        await client.delete(`${namespace}/${items[0]?.metadata.name}`, { gracePeriodSeconds: 0 });
      },
    });
    expect(played.voided.join('\n')).to.match(/load deleted: pod \d: .*(deleted|ended early|exited)/);
  });

  it('says why when a pod cannot start: the image is missing', async () => {
    const { error, voided } = await play(specOf('missing'), { image: 'localhost/ordeal/nowhere:1' });
    expect(error).to.be.instanceOf(ClusterError);
    expect(String(error)).to.match(/load missing: pod \d cannot start: ErrImageNeverPull .*nowhere/);
    expect(voided).to.deep.equal([]);
  });

  it('says why when the script is wrong', async () => {
    const { error } = await play(specOf('wrong', 'throw new Error("bad script");'));
    expect(String(error)).to.match(/load wrong: pod \d ended before the load began: exit code 107 .*bad script/);
  });

  it('ends within seconds when the run is aborted', async () => {
    let aborted = 0;
    const { voided } = await play(specOf('aborted'), {
      duration: 60_000,
      during: async (abort) => {
        await sleep(2_000);
        aborted = performance.now();
        abort();
      },
    });
    expect(performance.now() - aborted).to.be.lessThan(45_000);
    expect(voided).to.deep.equal([]);
  });
});

describe('a run whose load is spread over pods', function () {
  this.timeout('12m');

  it('refuses a cluster without kubelets before anything starts', async () => {
    const { code, out, err } = await new Ordeal().run('plan', kindSpread, '--cluster', 'embedded');
    expect(code, out + err).to.equal(2);
    expect(out).to.match(/load clients is offered by 4 pods, and the embedded cluster has no kubelets/);
  });

  it('brings its image, begins with its phase, is judged once, and leaves nothing', async function () {
    await requireKind(this, kindSpec({}, { images: [loadImage] }));
    const before = thisHost();
    const ordeal = new Ordeal();
    const { code, out, err } = await ordeal.runLoad('run', kindSpread);
    expect(code, out + err).to.equal(0);
    const { events } = ordeal;
    const [start = 0] = events.flatMap((event) => (phase('fault')(event) ? event.t : []));
    const first = events.find(
      (event) => event.kind === 'sample' && event.metric === 'watch.requests' && event.value > 0,
    );
    expect((first?.t ?? 0) - start).to.be.within(0, 4_000);
    expect(ordeal.residue()).to.deep.equal([]);
    await expectAsBefore(before);
  });
});
