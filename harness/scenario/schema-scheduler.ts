import { z } from 'zod';
import type { Json } from '../model.ts';
import { phrase } from './complaints.ts';
import { line } from './words.ts';

export const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(json), z.record(z.string(), json)]),
);
const percentage = z.int().min(0).max(100);
const whole = z.int().min(1);

/**
 * A KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) without what the cluster says itself: apiVersion, kind, the
 * kubeconfig, leader election. Source: https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/
 */
export const schedulerConfig = z.strictObject({
  parallelism: whole.optional(),
  percentageOfNodesToScore: percentage.optional(),
  podInitialBackoffSeconds: whole.optional(),
  podMaxBackoffSeconds: whole.optional(),
  delayCacheUntilActive: z.boolean().optional(),
  clientConnection: z
    .strictObject({
      acceptContentTypes: line.optional(),
      contentType: line.optional(),
      // A negative one switches the client's limit off.
      qps: z.number().optional(),
      burst: z.int().optional(),
    })
    .optional(),
  profiles: z
    .array(
      z.strictObject({
        schedulerName: line,
        percentageOfNodesToScore: percentage.optional(),
        plugins: json.optional(),
        pluginConfig: json.optional(),
      }),
    )
    .min(1)
    .optional(),
});

/** Flags of which kube-scheduler says itself: "ignored if a config file is specified in --config". */
const IGNORED = ['profiling', 'contention-profiling', 'kube-api-content-type', 'kube-api-qps', 'kube-api-burst'];

/** Complains of flags that have no effect beside a configuration file. */
export function checkScheduler(
  { config, flags }: { readonly config?: unknown; readonly flags: Readonly<Record<string, string>> },
  context: z.core.$RefinementCtx,
): void {
  for (const flag of Object.keys(flags)) {
    const beside = config !== undefined && IGNORED.includes(flag);
    if (!beside && flag !== 'config') continue;
    const what = beside
      ? `kube-scheduler ignores --${flag} where it has a configuration file`
      : '"config" is a file that is written from what stands under "config"';
    const expected = beside ? 'it within "config"' : 'a map "config" beside "flags"';
    context.addIssue({ code: 'custom', path: ['flags', flag], message: phrase({ what, expected }) });
  }
}
