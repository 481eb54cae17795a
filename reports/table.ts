import type { Reporter } from '../harness/model.ts';
import { htmlReport } from './html/report.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import { markdownReport } from './markdown.ts';

/** Every reporter that writes a file into the run's folder; the plainest first, so that it is there if a later one fails. */
export const reporters: readonly Reporter[] = [json, junit, markdownReport, htmlReport];
