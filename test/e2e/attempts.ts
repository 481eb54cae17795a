import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const theirs = fileURLToPath(new URL('scenarios/theirs', import.meta.url));

/** What is different from a scenario that may be played on a cluster of somebody's. */
export interface Different {
  /** Of `faults`, a flow list. */
  readonly faults?: string;
  /** Of the one manifest, YAML documents. */
  readonly objects?: string;
  readonly load?: boolean;
  readonly cluster?: string;
}

/** A scenario's folder, made of `scenarios/theirs`. */
export function scenarioWith({ faults, objects, load = false, cluster }: Different): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ordeal-attempt-')), 'attempt');
  mkdirSync(folder);
  let text = readFileSync(join(theirs, 'scenario.yaml'), 'utf8');
  if (cluster !== undefined) text = text.replace('cluster: { nodes: 1 }', `cluster: ${cluster}`);
  if (faults !== undefined) {
    // Thresholds on what only the former fault tells of go with it.
    text = `${text.slice(0, text.indexOf('faults:'))}faults: [${faults}]
probes: [nodes, pods, api-canary]
variants: { sound: { what: nothing is wrong, expect: limits } }
evidence: [{ metric: nodes.ready, take: min, during: fault, is: ">= 1" }]
limits: [{ metric: nodes.ready, take: last, during: recovery, is: ">= 1" }]
`;
  }
  if (load) {
    text += 'load: [{ name: lists, script: load.k6.ts, during: fault, as: flooder, requests: [list] }]\n';
    writeFileSync(join(folder, 'load.k6.ts'), 'export default function () {}\n');
  }
  const manifest = readFileSync(join(theirs, 'objects.yaml'), 'utf8');
  writeFileSync(join(folder, 'scenario.yaml'), text);
  writeFileSync(join(folder, 'objects.yaml'), objects ?? manifest);
  return folder;
}

export const drain = (nodes: number) => `{ fault: drain-nodes, nodes: ${nodes} }`;
export const configMapIn = (namespace: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: attempt, namespace: ${namespace} }\n`;
