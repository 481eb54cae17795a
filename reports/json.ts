/** verdict.json, and what `--json` prints: the verdict for programs. Fields are only ever added; `format` changes if one goes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attempt, ComponentFacts, Finding, Host, Json, Report, Reporter, Residue } from '../harness/model.ts';
import { type Cost, costOf } from './cost.ts';
import { factsOf } from './facts.ts';
import { timesOf } from './node-failures.ts';
import { debtText } from './owed.ts';
import { outcomeOf } from './story.ts';

export interface VerdictFile {
  readonly format: 1;
  readonly run: string;
  readonly scenario: string;
  readonly variant: { readonly name: string; readonly what: string; readonly expect: 'signature' | 'limits' };
  readonly question: string;
  readonly status: 'passed' | 'failed' | 'invalid';
  readonly judged: 'limits' | 'signature';
  /** A few words, and one sentence: `broke as in the postmortem`. */
  readonly claim: string;
  readonly why: string;
  /** Why the run is invalid; empty otherwise. */
  readonly reasons: readonly string[];
  readonly signatureShown: boolean | null;
  readonly limitsHeld: boolean | null;
  readonly findings: readonly Finding[];
  readonly exitCode: number;
  /** Runs before this one that proved nothing. */
  readonly former: readonly Attempt[];
  readonly parameters: { readonly [name: string]: Json };
  /** Wall time, ISO 8601; null when the journal has no beginning. */
  readonly started: string | null;
  readonly seconds: number;
  readonly ended: 'completed' | 'interrupted' | 'stopped' | 'error' | 'cut short';
  readonly ordeal: string | null;
  readonly host: Host | null;
  readonly ownRequests: Cost | null;
  readonly tools: readonly { name: string; version: string; expected: string; source: string; path: string }[];
  readonly cluster: {
    readonly provider: string;
    readonly name: string;
    readonly components: readonly ComponentFacts[];
    readonly notes: readonly string[];
  } | null;
  readonly phases: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  readonly faults: readonly {
    readonly name: string;
    readonly targets: readonly string[];
    readonly from: number;
    readonly to: number;
    readonly real: boolean | null;
    readonly detail: string;
  }[];
  /** What went wrong with nodes, by first sign. Moments and times in seconds; null: it did not happen. */
  readonly nodeFailures: readonly {
    readonly node: string;
    readonly what: string;
    readonly first: { readonly at: number; readonly sign: string };
    readonly detected: { readonly at: number; readonly sign: string } | null;
    readonly faultEnded: number | null;
    readonly back: number | null;
    readonly detectedAfter: number | null;
    /** From the end of the fault where that came while it lasted, else from the first sign. */
    readonly backAfter: number | null;
    readonly evidence: readonly { readonly at: number; readonly signature: string; readonly line: string }[];
  }[];
  /** `of`: what it is about, in words. */
  readonly owed: readonly { undo: string; of: string; path: string | null; settled: boolean; error: string | null }[];
  /** Whether a cluster that is not the run's own was left as it was; null where it had its own. */
  readonly residue: Residue | null;
}

export function verdictJson(report: Report): VerdictFile {
  const { scenario, verdict } = report;
  const { began, cluster, ended, tools, phases, faults, end } = factsOf(report);
  const { status, claim, why } = outcomeOf(report);
  return {
    format: 1,
    run: report.run,
    scenario: scenario.id,
    variant: scenario.variant,
    question: scenario.question,
    status,
    judged: verdict.judged,
    claim,
    why,
    reasons: verdict.reasons,
    signatureShown: verdict.signatureShown ?? null,
    limitsHeld: verdict.limitsHeld ?? null,
    findings: verdict.findings,
    exitCode: report.exitCode,
    former: began?.former ?? [],
    parameters: scenario.parameters,
    started: began?.wall ?? null,
    seconds: end / 1000,
    ended: ended?.how ?? 'cut short',
    ordeal: began?.ordeal ?? null,
    host: began?.host ?? null,
    tools: tools.map(({ name, version, expected, source, path }) => ({ name, version, expected, source, path })),
    ownRequests: costOf(report) ?? null,
    cluster: cluster
      ? { provider: cluster.provider, name: cluster.name, components: cluster.components, notes: cluster.notes }
      : null,
    phases: phases.map(({ name, from, to }) => ({ name, from: from / 1000, to: to / 1000 })),
    faults: faults.map(({ name, targets, from, to, real, proof }) => {
      return { name, targets, from: from / 1000, to: to / 1000, real: real ?? null, detail: proof };
    }),
    nodeFailures: verdict.nodeFailures.map((failure) => {
      const { node, what, first, detected, faultEnded, back, evidence } = failure;
      const seconds = <T extends { readonly at: number }>(one: T) => ({ ...one, at: one.at / 1000 });
      return {
        node,
        what,
        first: seconds(first),
        detected: detected ? seconds(detected) : null,
        faultEnded: faultEnded === undefined ? null : faultEnded / 1000,
        back: back === undefined ? null : back / 1000,
        ...timesOf(failure),
        evidence: evidence.map(seconds),
      };
    }),
    owed: report.owed.map(({ debt, settled, error }) => ({
      undo: debt.undo,
      of: debtText(debt),
      path: 'path' in debt ? debt.path : null,
      settled,
      error: error ?? null,
    })),
    residue: report.residue ?? null,
  };
}

export const json: Reporter = {
  name: 'json',
  async write(report, folder) {
    const path = join(folder, 'verdict.json');
    await writeFile(path, `${JSON.stringify(verdictJson(report), null, 2)}\n`);
    return [path];
  },
};
