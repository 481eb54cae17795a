import type { MetricKind, MetricSpec, Unit } from '../model.ts';

export function metric(name: string, unit: Unit, kind: MetricKind, help: string, ...labels: string[]): MetricSpec {
  return { name, unit, kind, help, ...(labels.length > 0 && { labels }) };
}
