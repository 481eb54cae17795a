/**
 * junit.xml for CI: one test case a threshold. What was judged and not met is a failure; what proves nothing is an error;
 * what was not judged (or could not be) is skipped, with its measurement.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { XMLElement } from 'xmlbuilder';
import type { Finding, Report, Reporter } from '../harness/model.ts';
import { factsOf } from './facts.ts';
import { failureCount, failureTexts, faultTexts } from './node-failures.ts';
import { debtText } from './owed.ts';
import { residueTexts } from './residue.ts';
import { formerOf, meaning, outcomeOf } from './story.ts';
import { plain } from './text.ts';

export interface Case {
  readonly group: string;
  readonly name: string;
  readonly result: 'passed' | 'failure' | 'error' | 'skipped';
  readonly message: string;
  readonly details: readonly string[];
}

/** A suite of test cases as data, so that the files of several runs can be one. */
export interface TestSuite {
  readonly name: string;
  readonly seconds: number;
  /** Wall time, ISO 8601. */
  readonly started?: string;
  readonly properties: readonly (readonly [name: string, value: string])[];
  readonly cases: readonly Case[];
  readonly told: readonly string[];
}

export async function junitXml(report: Report): Promise<string> {
  return junitDocument([testSuite(report)]);
}

/** The test cases of one run. */
export function testSuite(report: Report): TestSuite {
  const { began, end } = factsOf(report);
  return {
    name: `${report.scenario.id}.${report.scenario.variant.name}`,
    seconds: end / 1000,
    ...(began && { started: began.wall }),
    properties: propertiesOf(report),
    cases: [...report.verdict.findings.map((finding) => caseOf(finding, report)), ...wholeRun(report)],
    told: befell(report),
  };
}

export async function junitDocument(suites: readonly TestSuite[]): Promise<string> {
  const { default: builder } = await import('xmlbuilder');
  const root = builder.create('testsuites', { encoding: 'UTF-8', invalidCharReplacement: '' });
  for (const { name: called, seconds, started, properties, cases, told } of suites) {
    const count = (result: Case['result']) => cases.filter((one) => one.result === result).length;
    const totals = {
      tests: cases.length,
      failures: count('failure'),
      errors: count('error'),
      skipped: count('skipped'),
    };
    const name = plain(called);
    const time = seconds.toFixed(3);
    const suite = root.ele('testsuite', { name, ...totals, time, ...(started && { timestamp: started.slice(0, 19) }) });
    const list = suite.ele('properties');
    for (const [key, value] of properties) list.ele('property', { name: plain(key), value: plain(value) });
    for (const one of cases) write(suite.ele('testcase', { classname: `${name}.${one.group}`, name: one.name }), one);
    if (told.length > 0) suite.ele('system-out', {}, told.join('\n'));
  }
  return `${root.end({ pretty: true })}\n`;
}

function write(element: XMLElement, { result, message, details }: Case): void {
  if (result === 'skipped') element.ele('skipped', { message });
  else if (result !== 'passed')
    element.ele(result, { message, type: result === 'failure' ? 'limit' : 'invalid' }, details.join('\n'));
  if (result === 'passed' || result === 'skipped') element.ele('system-out', {}, details.join('\n'));
}

function caseOf(finding: Finding, { verdict }: Report): Case {
  const judged = finding.role === 'evidence' || finding.role === (verdict.judged === 'limits' ? 'limit' : 'signature');
  const measured = finding.measured === undefined ? '' : `, measured ${plain(finding.measured)}`;
  const told = `${meaning(finding)}${measured}`;
  return {
    group: finding.role,
    name: plain(finding.threshold),
    result: resultOf(finding, judged),
    message:
      judged || finding.status === 'skipped'
        ? plain(`${told}${finding.detail ? `: ${finding.detail}` : ''}`)
        : `not judged: ${told}`,
    details: [
      `${plain(finding.threshold)}: ${told}`,
      `phase ${plain(finding.phase)}, ${finding.samples} samples${finding.at === undefined ? '' : `, at ${finding.at / 1000} s`}`,
      ...(finding.detail ? [plain(finding.detail)] : []),
    ],
  };
}

function resultOf({ status, role }: Finding, judged: boolean): Case['result'] {
  if (status === 'skipped' || !judged) return 'skipped';
  if (status === 'met') return 'passed';
  return status === 'unmeasured' || role === 'evidence' ? 'error' : 'failure';
}

/** What no single threshold says: whether the run proves anything, and whether everything was put back. */
function wholeRun(report: Report): Case[] {
  const { status, why } = outcomeOf(report);
  const left = report.owed.filter(({ settled }) => !settled);
  return [
    ...formerOf(report).map((text, index): Case => {
      return {
        group: 'run',
        name: `attempt ${index + 1}`,
        result: 'skipped',
        message: plain(text),
        details: [plain(text)],
      };
    }),
    {
      group: 'run',
      name: 'the run proves something',
      result: status === 'invalid' ? 'error' : 'passed',
      message: plain(why),
      details: status === 'invalid' ? report.verdict.reasons.map(plain) : [plain(why)],
    },
    {
      group: 'run',
      name: 'everything was put back',
      result: left.length > 0 ? 'failure' : 'passed',
      message: `${left.length} of ${report.owed.length} not put back`,
      details: report.owed.map(({ debt, settled, error }) =>
        plain(`${debt.undo} ${debtText(debt)}: ${settled ? 'done' : `not done ${error ?? ''}`}`),
      ),
    },
    ...asItWas(report),
  ];
}

/** Of a cluster that is not the run's own. */
function asItWas(report: Report): Case[] {
  const told = residueTexts(report);
  if (told === undefined) return [];
  const result = told.tone === 'bad' ? 'failure' : 'passed';
  const details = told.lines.slice(0, mostLines).map(({ text }) => plain(text));
  return [{ group: 'run', name: 'the cluster is as it was', result, message: plain(told.headline), details }];
}

const mostLines = 200;

/** Faults and node failures, one a line. */
function befell(report: Report): string[] {
  const faults = faultTexts(report).map(({ name, targets, from, to, proof }) =>
    plain(`fault ${name} into ${targets} from ${from / 1000} s to ${to / 1000} s: ${proof}`),
  );
  const failures = failureTexts(report).map(({ node, what, at, sign, detected, over }) =>
    plain(`${node} ${what}: first sign at ${at / 1000} s (${sign}), noticed after ${detected}, ${over}`),
  );
  const count = failures.length > 0 ? [failureCount(report)] : [];
  return [...faults, ...count, ...failures].slice(0, mostLines);
}

function propertiesOf({ run, scenario, exitCode, verdict }: Report): [string, string][] {
  return [
    ['run', run],
    ['verdict', verdict.status],
    ['judged', verdict.judged],
    ['exit-code', String(exitCode)],
    ['variant', scenario.variant.what],
    ...Object.entries(scenario.parameters).map(([name, value]): [string, string] => [
      `parameter.${name}`,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ];
}

export const junit: Reporter = {
  name: 'junit',
  async write(report, folder) {
    const path = join(folder, 'junit.xml');
    await writeFile(path, await junitXml(report));
    return [path];
  },
};
