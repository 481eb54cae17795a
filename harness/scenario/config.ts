import { existsSync } from 'node:fs';
import { isMap, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { type AllowedCluster, ScenarioError } from '../model.ts';
import { check, show } from './checks.ts';
import { readText } from './files.ts';
import { parse } from './parse.ts';
import { itemsOf } from './tree.ts';
import { line, text } from './words.ts';

/** The file's name, in the working directory. */
export const CONFIG = 'ordeal.yaml';

const uid = text(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'the uid of the namespace kube-system, as ordeal allow writes it',
);
const schema = z.strictObject({
  clusters: z
    .array(
      z.strictObject({
        name: line,
        uid,
        'max-nodes': z.int().min(1).max(10_000).default(1),
        'max-percent': z.number().min(1).max(100).default(20),
      }),
    )
    .default([]),
});

/** The clusters of somebody's on which runs are allowed; none where there is no file. Throws ScenarioError with every complaint, each with its place. */
export async function readAllowed(file: string, shown: string = CONFIG): Promise<readonly AllowedCluster[]> {
  return existsSync(file) ? allowedIn(await readText(file, 'the settings of ordeal'), shown) : [];
}

/** As `readAllowed`, of a text. */
export function allowedIn(source: string, shown: string): readonly AllowedCluster[] {
  const { tree, complaints } = parse(source, shown);
  complaints.throwIfAny();
  if (tree === undefined || (tree.kind === 'scalar' && tree.value === null)) return [];
  if (tree.kind !== 'map') {
    complaints.add(tree.at, { what: `the file is ${show(tree)}`, expected: 'a map with clusters' });
  }
  const decoded = check(schema, tree, complaints);
  const clusters = decoded?.clusters ?? [];
  for (const [index, item] of itemsOf(tree, 'clusters').entries()) {
    const former = clusters.findIndex((other) => other.uid === clusters[index]?.uid);
    if (former >= 0 && former < index)
      complaints.add(item.at, { what: `cluster ${clusters[index]?.uid} is there twice`, expected: 'it once' });
  }
  complaints.throwIfAny();
  return clusters.map(({ name, uid, ...cap }) => ({
    ...{ name, uid },
    maxNodes: cap['max-nodes'],
    maxPercent: cap['max-percent'],
  }));
}

/** The text with one more cluster; comments, order and all else stay. The text must be one that `allowedIn` takes. */
export function withCluster(source: string, { name, uid }: Pick<AllowedCluster, 'name' | 'uid'>): string {
  const document = parseDocument(source);
  const entry = document.createNode({ name, uid });
  if (!isMap(document.contents)) document.set('clusters', [entry]);
  else if (isSeq(document.get('clusters'))) document.addIn(['clusters'], entry);
  else document.set('clusters', document.createNode([entry]));
  const written = document.toString({ lineWidth: 0 });
  if (allowedIn(written, CONFIG).some((one) => one.uid === uid)) return written;
  throw new ScenarioError([`${CONFIG}: ${name} could not be written into it`]);
}
