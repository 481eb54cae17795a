import { expect } from 'chai';
import { format } from '../harness/format.ts';
import { addToHistogram, merge, newTally, quantile, quantileOfBuckets, toHistogram } from '../harness/histogram.ts';
import type {
  EventBody,
  FaultSpec,
  Finding,
  JournalEvent,
  MetricSpec,
  Scenario,
  Threshold,
  Verdict,
} from '../harness/model.ts';
import { compare } from '../harness/verdict/compare.ts';
import { judge } from '../harness/verdict/judge.ts';

/** Journal times here are in seconds; steady is 0–20, fault 20–50. */
type At = [seconds: number, body: EventBody];

const specs: readonly MetricSpec[] = [
  { name: 'memory', unit: 'bytes', kind: 'gauge', help: '' },
  { name: 'ready', unit: 'count', kind: 'gauge', labels: ['node'], help: '' },
  { name: 'fetched', unit: 'count', kind: 'counter', labels: ['resource'], help: '' },
  { name: 'lists', unit: 'count', kind: 'increment', help: '' },
  { name: 'time', unit: 'seconds', kind: 'increment', labels: ['user'], help: '' },
  { name: 'latency', unit: 'seconds', kind: 'distribution', help: '' },
  { name: 'commit', unit: 'seconds', kind: 'distribution', help: '' },
];

const observing: At = [-1, { kind: 'observing', source: 'probe', metrics: specs, every: 1000 }];
const frame: At[] = [
  observing,
  [0, { kind: 'phase', name: 'steady', edge: 'start' }],
  [20, { kind: 'phase', name: 'steady', edge: 'end' }],
  [20, { kind: 'phase', name: 'fault', edge: 'start' }],
  [50, { kind: 'phase', name: 'fault', edge: 'end' }],
  [50, { kind: 'ended', how: 'completed' }],
];

function events(...all: At[][]): JournalEvent[] {
  return all
    .flat()
    .map(([seconds, body]): JournalEvent => ({ t: seconds * 1000, ...body }))
    .sort((one, other) => one.t - other.t);
}

/** One sample a second from `from` to before `to`. */
function each(
  metric: string,
  value: (second: number) => number | undefined,
  { from = -1, to = 51, labels }: { from?: number; to?: number; labels?: Record<string, string> } = {},
): At[] {
  const found: At[] = [];
  for (let second = from; second < to; second++) {
    const now = value(second);
    if (now !== undefined) {
      found.push([second + 0.5, { kind: 'sample', metric, value: now, ...(labels && { labels }) }]);
    }
  }
  return found;
}

function latencies(values: (second: number) => readonly number[], { from = -1, to = 51 } = {}): At[] {
  const found: At[] = [];
  for (let second = from; second < to; second++) {
    const tally = newTally();
    for (const value of values(second)) addToHistogram(tally, value);
    found.push([second + 0.5, { kind: 'histogram', metric: 'latency', histogram: toHistogram(tally) }]);
  }
  return found;
}

function threshold(change: Partial<Threshold>): Threshold {
  const is = { op: '<=', value: 100, unit: 'bytes' } as const;
  return { text: 'it', metric: 'memory', take: 'max', during: 'fault', is, line: 1, ...change };
}

function fault(name: string, during = 'fault'): FaultSpec {
  return { name, fault: name, during, after: 0, workers: 1, parameters: {}, deadline: 105_000 };
}

const proof = threshold({ metric: 'lists', take: 'count', is: { op: '>=', value: 1, unit: 'count' } });
const proven = each('lists', () => 1);

function scenario(change: Partial<Scenario>): Scenario {
  return {
    id: 'x',
    folder: '/x',
    question: '',
    incident: { from: '', what: '' },
    runsOn: [],
    appliesTo: '',
    parameters: {},
    cluster: { nodes: 0, components: {}, leaderElection: false, identities: [] },
    objects: [],
    phases: [
      { name: 'steady', duration: 20_000 },
      { name: 'fault', duration: 30_000 },
    ],
    load: [],
    installs: [],
    faults: [],
    probes: [],
    variant: { name: 'v', what: '', expect: 'limits' },
    evidence: [proof],
    signature: [],
    limits: [],
    source: '',
    ...change,
  };
}

/** Judges one limit over a run that is otherwise sound. */
function limit(change: Partial<Threshold>, ...all: At[][]): { verdict: Verdict; finding: Finding } {
  const verdict = judge(scenario({ limits: [threshold(change)] }), events(frame, proven, ...all), 'limits');
  const finding = verdict.findings.find(({ role }) => role === 'limit');
  if (!finding) throw new Error('no finding');
  return { verdict, finding };
}

function invalid({ verdict, finding }: { verdict: Verdict; finding: Finding }, why: RegExp): void {
  expect(finding.status).to.equal('unmeasured');
  expect(finding.detail).to.match(why);
  expect(verdict.status).to.equal('invalid');
  expect(verdict.reasons.join()).to.match(why);
  expect(verdict.limitsHeld).to.equal(undefined);
}

/** The same numbers each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe('histograms', () => {
  const next = random(7);
  const samples = Array.from({ length: 5000 }, () => Math.exp(next() * 12 - 8));
  const of = (values: readonly number[]) => {
    const tally = newTally();
    for (const value of values) addToHistogram(tally, value);
    return toHistogram(tally);
  };

  it('give every quantile within 1 % of the sorted samples', () => {
    for (const count of [1, 2, 10, 99, 5000]) {
      const some = samples.slice(0, count);
      const sorted = some.toSorted((one, other) => one - other);
      for (const q of [0.001, 0.5, 0.9, 0.95, 0.99, 0.999]) {
        const exact = sorted[Math.max(1, Math.ceil(q * count - 1e-9)) - 1] ?? 0;
        expect(Math.abs((quantile(of(some), q) ?? 0) - exact) / exact).to.be.at.most(0.01);
      }
    }
  });
  it('merge to the histogram of all samples', () => {
    const parts = [samples.slice(0, 10), samples.slice(10, 700), [], samples.slice(700)];
    const merged = merge(parts.map(of));
    const whole = of(samples);
    expect({ ...merged, sum: 0 }).to.deep.equal({ ...whole, sum: 0 });
    expect(merged.sum).to.be.closeTo(whole.sum, 1e-6 * whole.sum);
  });
  it('know zeros, and nothing', () => {
    expect(quantile(of([0, 0, 0, 5]), 0.5)).to.equal(0);
    expect(quantile(of([]), 0.5)).to.equal(undefined);
    expect(of([Number.NaN, Number.POSITIVE_INFINITY]).count).to.equal(0);
  });
  it('interpolate in Prometheus buckets, and say where that ends', () => {
    expect(quantileOfBuckets([1, 2, 4, null], [0, 10, 20, 20], 0.75)?.value).to.equal(3);
    expect(quantileOfBuckets([1, 2, 4, null], [10, 10, 10, 10], 0.5)?.value).to.equal(0.5);
    expect(quantileOfBuckets([1, 2, null], [1, 2, 10], 0.9)).to.deep.equal({ value: 2, from: 2, to: null });
    expect(quantileOfBuckets([1, null], [0, 0], 0.9)).to.equal(undefined);
  });
});

describe('numbers for people', () => {
  it('have the unit that fits', () => {
    expect(
      [
        format(1.493e9, 'bytes'),
        format(999, 'bytes'),
        format(8.6, 'seconds'),
        format(0.013, 'seconds'),
        format(23.71, 'times'),
        format(187, 'per-second'),
        format(0.375, 'ratio'),
        format(12_345, 'count'),
        format(0, 'seconds'),
        format(0.00012, 'seconds'),
      ].join(' | '),
    ).to.equal('1.49 GB | 999 B | 8.6 s | 13 ms | 23.7x | 187/s | 37.5% | 12,345 | 0 s | 0.12 ms');
  });
});

describe('a bound', () => {
  it('decides only what follows from it', () => {
    const cases = [
      [5, 'lower', '>=', 4, 'met'],
      [5, 'lower', '>=', 6, 'unmeasured'],
      [5, 'lower', '<=', 4, 'unmet'],
      [5, 'lower', '<=', 6, 'unmeasured'],
      [5, 'lower', '==', 0, 'unmet'],
      [0, 'lower', '==', 0, 'unmeasured'],
      [5, 'lower', '!=', 0, 'met'],
      [5, 'upper', '<=', 6, 'met'],
      [5, 'upper', '<=', 4, 'unmeasured'],
      [5, 'upper', '>=', 6, 'unmet'],
      [5, 'upper', '==', 6, 'unmet'],
    ] as const;
    for (const [value, bound, op, against, status] of cases) {
      expect(compare({ value, bound }, op, against), `${bound} ${value} ${op} ${against}`).to.equal(status);
    }
  });
});

describe('a limit', () => {
  it('on the extreme of a gauge holds or breaks, and says when', () => {
    const high = each('memory', (second) => (second === 30 ? 150 : 50));
    const { verdict, finding } = limit({}, high);
    expect(finding).to.deep.include({ status: 'unmet', value: 150, measured: '150 B', at: 30_500, samples: 30 });
    expect(verdict).to.deep.include({ status: 'failed', limitsHeld: false, reasons: [] });
    expect(limit({ take: 'min', is: { op: '>=', value: 50, unit: 'bytes' } }, high).verdict.status).to.equal('passed');
    expect(limit({ during: 'steady' }, high).verdict.status).to.equal('passed');
    expect(limit({ take: 'mean' }, high).finding.value).to.be.closeTo(53.33, 0.01);
    expect(limit({ take: 'p90' }, high).finding.value).to.equal(50);
    expect(limit({ take: 'last' }, high).finding.value).to.equal(50);
    expect(limit({ during: 'run' }, high).finding.samples).to.equal(50);
  });

  it('of last values judges the worst series', () => {
    const nodes = [
      each('ready', () => 1, { labels: { node: 'a' } }),
      each('ready', () => 0, { labels: { node: 'b' } }),
    ];
    const last = (op: '>=' | '<=' | '==', value: number) =>
      limit({ metric: 'ready', take: 'last', is: { op, value, unit: 'count' } }, ...nodes).finding.status;
    expect([last('>=', 1), last('<=', 0), last('==', 1), last('==', 0)]).to.deep.equal([
      'unmet',
      'unmet',
      'unmet',
      'unmet',
    ]);
  });

  it('per label judges each and tells the worst', () => {
    const { finding } = limit(
      { metric: 'ready', per: 'node', take: 'min', during: 'run', is: { op: '==', value: 1, unit: 'count' } },
      each('ready', () => 1, { labels: { node: 'a' } }),
      each('ready', (second) => (second > 40 ? 0 : 1), { labels: { node: 'b' } }),
    );
    expect(finding).to.deep.include({ status: 'unmet', value: 0, detail: 'node b (worst of 2)' });
  });

  it('per label does not forget one that vanished', () => {
    invalid(
      limit(
        { metric: 'ready', per: 'node', take: 'min', during: 'fault', is: { op: '==', value: 1, unit: 'count' } },
        each('ready', () => 1, { labels: { node: 'a' } }),
        each('ready', () => 1, { labels: { node: 'b' }, to: 30 }),
      ),
      /node b.*nothing seen at 29\.5–50\.0 s/,
    );
  });

  it('per label expects nothing of one that the cluster said is no more, before the phase', () => {
    const one = { metric: 'ready', per: 'node', take: 'min', during: 'fault' } as const;
    const is = { op: '==', value: 1, unit: 'count' } as const;
    const gone = (at: number, to: number) =>
      limit(
        { ...one, is },
        each('ready', () => 1, { labels: { node: 'a' } }),
        each('ready', () => 1, { labels: { node: 'b' }, to }),
        [[at, { kind: 'gone', source: 'probe', labels: { node: 'b' } }]],
      );
    expect(gone(10, 10).finding).to.deep.include({ status: 'met', detail: 'node a' });
    invalid(gone(30, 30), /node b/);
    // It is seen again after it was said to be gone.
    invalid(gone(10, 30), /node b/);
  });

  it('counts increments within the phase only', () => {
    const is = { op: '<=', value: 30, unit: 'count' } as const;
    expect(limit({ metric: 'lists', take: 'count', is }).finding.value).to.equal(30);
    expect(limit({ metric: 'lists', take: 'rate', is: { ...is, unit: 'per-second' } }).finding.value).to.equal(1);
  });

  it('knows what nobody counted as 0, if somebody looked', () => {
    const is = { op: '==', value: 0, unit: 'count' } as const;
    const other = each('fetched', (second) => second + 10, { labels: { resource: 'nodes' } });
    const of = (labels: Record<string, string>) =>
      limit({ metric: 'fetched', labels, take: 'count', is }, other).finding;
    expect(of({ resource: 'pods' })).to.deep.include({ status: 'met', value: 0 });
    expect(of({ resource: 'nodes' })).to.deep.include({ status: 'unmet', value: 30 });
  });

  it('follows a counter over a restart', () => {
    const restarting = each('fetched', (second) => (second < 35 ? 1000 + 10 * second : (second - 35) * 10));
    const { finding } = limit(
      { metric: 'fetched', take: 'count', is: { op: '>=', value: 1, unit: 'count' } },
      restarting,
    );
    // From 19.5 to 34.5 it grows by 150, then from 0 to 140.
    expect(finding.value).to.equal(290);
  });

  it('counts a series that begins within the phase from 0', () => {
    const { finding } = limit(
      { metric: 'fetched', take: 'count', is: { op: '>=', value: 1, unit: 'count' } },
      each('fetched', () => 7, { labels: { resource: 'nodes' } }),
      each('fetched', (second) => second, { from: 30, labels: { resource: 'pods' } }),
    );
    expect(finding.value).to.equal(49);
  });

  it('divides', () => {
    const lists = threshold({
      over: 'lists',
      metric: 'fetched',
      take: 'count',
      is: { op: '>=', value: 1, unit: 'count' },
    });
    expect(
      limit(
        lists,
        each('fetched', (second) => 300 * second),
      ).finding,
    ).to.deep.include({ status: 'met', value: 300 });
    invalid(
      limit(
        { ...lists, over: 'time' },
        each('fetched', (second) => second),
        each('time', () => 0),
      ),
      /time is 0: nothing to divide by/,
    );
  });

  it('knows the share of one', () => {
    const { finding } = limit(
      { metric: 'time', labels: { user: 'a' }, take: 'share', is: { op: '<=', value: 0.5, unit: 'ratio' } },
      each('time', () => 3, { labels: { user: 'a' } }),
      each('time', () => 1, { labels: { user: 'b' } }),
    );
    expect(finding).to.deep.include({ status: 'unmet', value: 0.75, measured: '75%' });
  });

  it('on a quantile is that of all samples of the phase', () => {
    const is = { op: '<=', value: 1, unit: 'seconds' } as const;
    const { finding } = limit(
      { metric: 'latency', take: 'p99', is },
      latencies((second) => Array(10).fill(second)),
    );
    expect(finding.status).to.equal('unmet');
    expect(finding.samples).to.equal(300);
    expect(finding.value).to.be.closeTo(49, 0.49);
  });

  it('on Prometheus buckets takes what they grew by', () => {
    const bounds = [0.01, 0.1, 1, null];
    const slow = (second: number): At => {
      const calm = (second + 1) * 100;
      const after = Math.max(0, second - 20) * 10;
      const counts = [calm, calm, calm + after, calm + after];
      return [second + 0.5, { kind: 'buckets', metric: 'commit', bounds, counts, sum: 0 }];
    };
    const all = Array.from({ length: 51 }, (_, second) => slow(second));
    const is = { op: '<=', value: 0.1, unit: 'seconds' } as const;
    expect(limit({ metric: 'commit', take: 'p99', during: 'steady', is }, all).finding.status).to.equal('met');
    const { finding } = limit({ metric: 'commit', take: 'p99', is }, all);
    expect(finding.status).to.equal('unmet');
    expect(finding.detail).to.match(/in the bucket from 100 ms to 1 s/);
    expect(limit({ metric: 'commit', take: 'max', is: { ...is, value: 1 } }, all).finding.status).to.equal('met');
    invalid(limit({ metric: 'commit', take: 'max', is: { ...is, value: 0.5 } }, all), /known by its bucket only/);
  });

  it('as a ratio compares with a phase', () => {
    const grown = each('memory', (second) => (second < 20 ? 63e6 : 1493e6));
    const { finding } = limit({ is: { op: '<=', times: 1.5, of: 'steady' }, floor: 1e6 }, grown);
    expect(finding).to.deep.include({ status: 'unmet', measured: '23.7x', detail: '1.49 GB, 63 MB in steady' });
  });
});

describe('a run that proves nothing is invalid', () => {
  const calm = each('memory', () => 50);

  it('no data', () => invalid(limit({}), /no samples/));
  it('nobody observed', () => {
    const blind = events(
      frame.filter((event) => event !== observing),
      calm,
    );
    const { findings, status } = judge(scenario({ limits: [threshold({})] }), blind, 'limits');
    expect(findings.map((finding) => finding.status)).to.deep.equal(['unmeasured', 'unmeasured']);
    expect(status).to.equal('invalid');
  });
  it('a gap in the middle', () => {
    invalid(
      limit(
        {},
        each('memory', (second) => (second > 25 && second < 32 ? undefined : 50)),
      ),
      /nothing seen at 25\.5–32\.5 s/,
    );
  });
  it('a gap at the end', () =>
    invalid(
      limit(
        {},
        each('memory', () => 50, { to: 45 }),
      ),
      /nothing seen at 44\.5–50\.0 s/,
    ));
  it('a blindness that the probe itself tells', () => {
    const told: At = [
      30,
      { kind: 'blind', source: 'probe', from: 24_000, reason: 'the watch broke', explained: false },
    ];
    invalid(limit({}, calm, [told]), /nothing seen at 24\.0–30\.0 s \(the watch broke\)/);
  });
  it('not a short gap, nor one that is explained', () => {
    const hole = (length: number) => each('memory', (second) => (second > 25 && second < 25 + length ? undefined : 50));
    expect(limit({}, hole(2)).finding.status).to.equal('met');
    const told: At = [32, { kind: 'blind', source: 'probe', from: 25_500, reason: 'etcd exited', explained: true }];
    const { finding } = limit({}, hole(7), [told]);
    expect(finding).to.deep.include({ status: 'met', detail: 'silent for a time: etcd exited' });
  });
  it('what explains the blindness of one source says nothing of another', () => {
    const other: At = [-1, { kind: 'observing', source: 'other', metrics: specs, every: 1000 }];
    const blind = (source: string, explained: boolean): At => [
      30,
      { kind: 'blind', source, from: 24_000, reason: `${source} sees nothing`, explained },
    ];
    const status = (...told: At[]) => limit({}, calm, [other, ...told]).finding.status;
    expect(status(blind('probe', true))).to.equal('met');
    expect(status(blind('other', false), blind('other', true))).to.equal('met');
    expect(status(blind('other', false), blind('probe', true))).to.equal('unmeasured');
  });
  it('a count of which some was lost, in however short a gap; not where something stands', () => {
    const told: At = [30.1, { kind: 'blind', source: 'probe', from: 30_000, reason: 'x', explained: true, lost: true }];
    const count = (op: '<=' | '>=', value: number) =>
      limit({ metric: 'lists', take: 'count', is: { op, value, unit: 'count' } }, [told]).finding.status;
    expect([count('<=', 100), count('<=', 1), count('>=', 30)]).to.deep.equal(['unmeasured', 'unmet', 'met']);
    expect(limit({}, calm, [told]).finding.status).to.equal('met');
  });
  it('an explained gap without any sample', () => {
    const told: At = [50, { kind: 'blind', source: 'probe', from: 10_000, reason: 'etcd exited', explained: true }];
    invalid(
      limit(
        {},
        each('memory', () => 50, { to: 10 }),
        [told],
      ),
      /no samples: etcd exited/,
    );
  });
  it('but a gap does not hide what was seen', () => {
    const seen = (second: number) => (second < 25 ? 150 : undefined);
    expect(limit({}, each('memory', seen)).finding).to.deep.include({ status: 'unmet', measured: 'at least 150 B' });
    expect(limit({ is: { op: '>=', value: 100, unit: 'bytes' } }, each('memory', seen)).finding.status).to.equal('met');
    const is = { op: '==', value: 0, unit: 'count' } as const;
    const count = limit(
      { metric: 'fetched', take: 'count', is },
      each('fetched', (second) => (second < 25 ? second : undefined)),
    );
    expect(count.finding).to.deep.include({ status: 'unmet', measured: 'at least 5' });
    const still = limit(
      { metric: 'fetched', take: 'count', is },
      each('fetched', (second) => (second < 25 ? 1 : undefined)),
    );
    invalid(still, /nothing seen/);
  });
  it('too few samples', () => {
    const is = { op: '<=', value: 1, unit: 'seconds' } as const;
    const few = (count: number) => latencies((second) => (second === 30 ? Array(count).fill(0.1) : []));
    invalid(limit({ metric: 'latency', take: 'p99', is }, few(99)), /99 of at least 100 samples/);
    expect(limit({ metric: 'latency', take: 'p99', is }, few(100)).finding.status).to.equal('met');
    invalid(limit({ metric: 'latency', take: 'p95', is }, few(19)), /19 of at least 20 samples/);
    invalid(limit({ metric: 'latency', take: 'p50', is }, few(9)), /9 of at least 10 samples/);
  });
  it('a base below its floor, or none', () => {
    const ratio = { is: { op: '<=', times: 2, of: 'steady' }, floor: 100 } as const;
    invalid(limit(ratio, calm), /steady: 50 B is below the least base of a ratio, 100 B/);
    invalid(
      limit(
        { ...ratio, floor: 0 },
        each('memory', (second) => (second < 20 ? 0 : 5)),
      ),
      /steady is 0: nothing to compare with/,
    );
    invalid(
      limit(
        ratio,
        each('memory', () => 500, { from: 18 }),
      ),
      /steady: 2 of at least 3 samples/,
    );
  });

  const sound = scenario({ limits: [threshold({})] });
  const judged = (...all: At[][]) => judge(sound, events(...all), 'limits');
  it('otherwise it passes', () => {
    expect(judged(frame, proven, calm)).to.deep.include({ status: 'passed', reasons: [], limitsHeld: true });
  });
  it('no evidence', () => {
    const { status, reasons } = judged(
      frame,
      each('lists', () => 0),
      calm,
    );
    expect(status).to.equal('invalid');
    expect(reasons).to.deep.equal(['no evidence that the trigger was real: it: 0']);
  });
  it('invalid even where a limit broke', () => {
    expect(
      judged(
        frame,
        each('lists', () => 0),
        each('memory', () => 500),
      ).status,
    ).to.equal('invalid');
  });
  it('voided', () => {
    expect(judged(frame, proven, calm, [[30, { kind: 'voided', reason: 'k6 died' }]]).reasons).to.deep.equal([
      'k6 died',
    ]);
  });
  it('cut short, interrupted, broken off', () => {
    const endless = frame.filter(([, { kind }]) => kind !== 'ended');
    expect(judged(endless, proven, calm).reasons).to.deep.equal(['the run was cut short: no end in the journal']);
    const ended = (how: 'interrupted' | 'error'): At => [50, { kind: 'ended', how, reason: 'why' }];
    expect(judged(endless, proven, calm, [ended('interrupted')]).reasons).to.deep.equal([
      'the run was interrupted: why',
    ]);
    expect(judged(endless, proven, calm, [ended('error')]).reasons).to.deep.equal(['the run broke off: why']);
  });
  it('phases that are missing or too short', () => {
    const without = (name: string, edge?: string) =>
      frame.filter(
        ([, body]) => body.kind !== 'phase' || body.name !== name || (edge !== undefined && body.edge !== edge),
      );
    expect(judged(without('steady'), proven, calm).reasons).to.include('the phase steady never began');
    expect(judged(without('fault', 'end'), proven, calm).reasons).to.include('the phase fault did not end');
    const early: At = [40, { kind: 'phase', name: 'fault', edge: 'end' }];
    expect(judged(without('fault', 'end'), proven, calm, [early]).reasons).to.include(
      'the phase fault lasted 20.0 s of 30.0 s',
    );
  });
  it('a step of the wall clock', () => {
    const ticks = (step: number) =>
      Array.from({ length: 50 }, (_, t): At => [t, { kind: 'clock', wall: 1e12 + t * 1000 + (t > 30 ? step : 0) }]);
    expect(judged(frame, proven, calm, ticks(200)).reasons).to.deep.equal([]);
    expect(judged(frame, proven, calm, ticks(-300)).reasons.join()).to.match(
      /wall clock was off by -300 ms at 31\.0 s/,
    );
  });
  it('a fault that was not real', () => {
    const faulty = scenario({ faults: [fault('kill')], limits: [threshold({})] });
    const reasons = (...all: At[]) => judge(faulty, events(frame, proven, calm, all), 'limits').reasons;
    const injected: At = [20, { kind: 'injected', fault: 'kill', targets: ['etcd'] }];
    const evidenced = (real: boolean): At => [49, { kind: 'evidenced', fault: 'kill', real, detail: 'same pid' }];
    expect(reasons()).to.deep.equal(['the fault kill was never injected']);
    expect(reasons([20, { kind: 'injected', fault: 'kill', targets: [] }])).to.deep.equal([
      'the fault kill had no targets',
    ]);
    expect(reasons(injected)).to.deep.equal(['nothing shows that the fault kill was real']);
    expect(reasons(injected, evidenced(false))).to.deep.equal(['the fault kill was not real: same pid']);
    expect(reasons(injected, evidenced(true))).to.deep.equal([]);
  });
  it('the only limit skipped', () => {
    const { verdict, finding } = limit({ when: 'prometheus' }, calm);
    expect(finding).to.deep.include({ status: 'skipped', detail: 'the cluster lacks prometheus' });
    expect(verdict.reasons).to.deep.equal(['nothing was judged: all of the limits were skipped']);
    const able: At = [
      0,
      { kind: 'cluster', provider: 'x', name: 'x', components: [], notes: ['capability:prometheus'] },
    ];
    expect(limit({ when: 'prometheus' }, calm, [able]).verdict.status).to.equal('passed');
  });
  it('nothing to judge', () => {
    expect(judge(sound, events(frame, proven, calm), 'signature').status).to.equal('invalid');
  });
});

describe('a signature', () => {
  const grows = each('memory', (second) => (second < 20 ? 10 : 100));
  const shown = threshold({ text: 'grows', is: { op: '>=', times: 5, of: 'steady' }, floor: 1 });
  const absent = threshold({ text: 'explodes', is: { op: '>=', times: 50, of: 'steady' }, floor: 1 });
  const unseen = threshold({ text: 'unseen', metric: 'ready', is: { op: '>=', value: 1, unit: 'count' } });
  const held = threshold({ text: 'small', is: { op: '<=', value: 50, unit: 'bytes' } });
  const judged = (signature: Scenario['signature'], mode: 'signature' | 'limits' = 'signature') =>
    judge(scenario({ signature, limits: [held] }), events(frame, proven, grows), mode);

  it('shows or does not', () => {
    expect(judged([shown])).to.deep.include({ status: 'passed', signatureShown: true, limitsHeld: false });
    expect(judged([shown, absent])).to.deep.include({ status: 'failed', signatureShown: false });
    expect(judged([shown, unseen])).to.deep.include({ status: 'invalid', signatureShown: undefined });
  });
  it('is told but does not count where limits are judged', () => {
    const verdict = judged([unseen], 'limits');
    expect(verdict).to.deep.include({ status: 'failed', reasons: [], signatureShown: undefined });
    expect(verdict.findings.map(({ role }) => role)).to.deep.equal(['evidence', 'signature', 'limit']);
  });
  it('may be one of several', () => {
    const [, met] = judged([{ any: [absent, shown] }]).findings;
    expect(met).to.deep.include({ status: 'met', measured: '10x', threshold: 'any of: explodes | grows' });
    expect(met?.detail).to.equal(
      'unmet: explodes: 10x, 100 B, 10 B in steady | met: grows: 10x, 100 B, 10 B in steady',
    );
    expect(judged([{ any: [absent, unseen] }]).findings[1]?.status).to.equal('unmeasured');
    expect(judged([{ any: [absent, absent] }]).findings[1]?.status).to.equal('unmet');
  });
});

describe('a load', () => {
  const spec: MetricSpec = { name: 'list.requests', unit: 'count', kind: 'increment', help: '' };
  const slow: MetricSpec = { name: 'list.duration', unit: 'seconds', kind: 'distribution', help: '' };
  const load = { name: 'flood', script: '', during: 'fault', as: '', requests: ['list'], metrics: [], parameters: {} };
  const announced: At = [22, { kind: 'observing', source: 'load:flood', metrics: [spec, slow], every: 1000 }];
  const asked = (during: string) =>
    threshold({ metric: 'list.requests', take: 'count', during, is: { op: '>=', value: 10, unit: 'count' } });
  const found = (one: Threshold, ...all: At[][]) =>
    judge(scenario({ load: [load], limits: [one] }), events(frame, proven, [announced], ...all), 'limits').findings.at(
      -1,
    );

  it('is expected only while it runs, and may take a moment to start', () => {
    const during = each('list.requests', () => 5, { from: 24, to: 50 });
    expect(found(asked('run'), during)).to.deep.include({ status: 'met', value: 130 });
    expect(found(asked('steady'), during)?.detail).to.equal('no load produces list.requests during steady');
    const late = each('list.requests', () => 0, { from: 30, to: 50 });
    expect(found(asked('fault'), late)?.detail).to.match(/nothing seen at 20\.0–30\.5 s/);
  });
  it('that answers rarely is not blind', () => {
    const tally = newTally();
    addToHistogram(tally, 12, 20);
    const answer: At = [40, { kind: 'histogram', metric: 'list.duration', histogram: toHistogram(tally) }];
    const p95 = threshold({ metric: 'list.duration', take: 'p95', is: { op: '>=', value: 5, unit: 'seconds' } });
    expect(
      found(
        p95,
        each('list.requests', () => 0, { from: 22, to: 50 }),
        [answer],
      )?.status,
    ).to.equal('met');
    expect(found(p95, [answer])?.status).to.equal('unmeasured');
  });
});

describe('speed', () => {
  it('judges half an hour of 200 series in less than 2 s of CPU time', () => {
    const body = (node: number, value: number): EventBody => {
      return { kind: 'sample', metric: 'ready', labels: { node: `n${node}` }, value };
    };
    const all: JournalEvent[] = events(
      [
        [-1, { kind: 'observing', source: 'probe', metrics: specs, every: 1000 }],
        [0, { kind: 'phase', name: 'steady', edge: 'start' }],
        [900, { kind: 'phase', name: 'steady', edge: 'end' }],
        [900, { kind: 'phase', name: 'fault', edge: 'start' }],
        [1800, { kind: 'phase', name: 'fault', edge: 'end' }],
        [1800, { kind: 'ended', how: 'completed' }],
      ],
      Array.from({ length: 1800 }, (_, second): At => [second + 0.1, { kind: 'sample', metric: 'lists', value: 1 }]),
      Array.from({ length: 360_000 }, (_, index): At => [Math.floor(index / 200) + 0.2, body(index % 200, 1)]),
    );
    const each = threshold({
      metric: 'ready',
      per: 'node',
      take: 'min',
      during: 'run',
      is: { op: '==', value: 1, unit: 'count' },
    });
    const whole = threshold({ metric: 'ready', take: 'p99', is: { op: '<=', times: 2, of: 'steady' }, floor: 1 });
    const started = process.cpuUsage();
    const verdict = judge(scenario({ limits: [each, whole] }), all, 'limits');
    expect(verdict.status, verdict.reasons.join()).to.equal('passed');
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).to.be.below(2000);
  });
});

describe('a run whose steady state was broken', () => {
  it('is invalid when a component died before the fault', () => {
    const death: At = [5, { kind: 'seen', what: 'death', subject: 'etcd', detail: 'exit 1' }];
    const { verdict } = limit({}, [death]);
    expect(verdict.status).to.equal('invalid');
    expect(verdict.reasons.join()).to.contain('etcd died before the fault: exit 1');
  });

  it('is invalid when nodes were not Ready when the fault began', () => {
    const broken = (count: number) => [5, { kind: 'sample', metric: 'nodes.not-ready', value: count }] as At;
    expect(limit({}, [broken(2)]).verdict.reasons.join()).to.contain('2 nodes were not Ready before the fault');
    expect(limit({}, [broken(0)]).verdict.reasons.join()).not.to.contain('not Ready');
  });

  it('is judged before the first phase that has a fault, whatever its name', () => {
    const at = (second: number): At => [second, { kind: 'sample', metric: 'nodes.not-ready', value: 1 }];
    const told = (during: string, second: number) =>
      judge(scenario({ faults: [fault('freeze', during)] }), events(frame, [at(second)]), 'limits').reasons.join();
    expect(told('steady', 5)).not.to.contain('not Ready');
    expect(told('fault', 5)).to.contain('1 node was not Ready before the fault');
    expect(told('steady', -0.5)).to.contain('1 node was not Ready before the fault');
  });
});

describe('a limit that broke', () => {
  it('fails the run although another could not be measured', () => {
    const limits = [
      threshold({ metric: 'memory', is: { op: '<=', value: 1, unit: 'bytes' } }),
      threshold({ metric: 'ready' }),
    ];
    const verdict = judge(
      scenario({ limits }),
      events(
        frame,
        proven,
        each('memory', () => 2),
      ),
      'limits',
    );
    expect(verdict.findings.filter(({ role }) => role === 'limit').map(({ status }) => status)).to.deep.equal([
      'unmet',
      'unmeasured',
    ]);
    expect(verdict.status).to.equal('failed');
    expect(verdict.limitsHeld).to.equal(false);
  });
});
