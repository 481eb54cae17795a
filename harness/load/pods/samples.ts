import type { LoadSpec } from '../../model.ts';
import { k6Flags } from '../process.ts';
import { wantedOf } from '../wanted.ts';

/** What the k6 output `ordeal` is told, but for what is different in each process (`k6/samples/config.go`). */
export interface Telling {
  readonly key: string;
  /** The moment at which k6 goes on, in milliseconds since 1970. */
  readonly begin: number;
  /** Where k6 has its REST API: on loopback, in a network of its own. */
  readonly address: string;
}

/** The arguments of a k6 that waits for its moment and says on standard output what it measures. */
export function segmentArguments(script: string, address: string): readonly string[] {
  return [...k6Flags, '--paused', `--address=${address}`, '--out=ordeal', script];
}

/** The environment that makes a k6 the one of `pods` that its JOB_COMPLETION_INDEX says. */
export function segmentEnvironment(spec: LoadSpec, pods: number, told: Telling): Readonly<Record<string, string>> {
  const metrics = Object.fromEntries(wantedOf(spec));
  return {
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
    K6_NO_USAGE_REPORT: 'true',
    TZ: 'UTC',
    ORDEAL_PODS: String(pods),
    ORDEAL_SAMPLES: JSON.stringify({ ...told, requests: spec.requests, metrics }),
  };
}
