import type { SystemName } from './system.ts';

/** An image of one program, alone or with ballast: real images are large, and what is pulled is unpacked. */
export interface WorkloadImage {
  readonly reference: string;
  /** A tool; the workload program when absent. */
  readonly program?: 'k6-ordeal';
  /** A program of this host's own packages that lies beside it, with its libraries. */
  readonly system?: SystemName;
  /** Bytes that no compression makes smaller. */
  readonly ballast: number;
}

const mebibyte = 2 ** 20;

const ballast: Readonly<Record<string, number>> = {
  workload: 0,
  alertmanager: 25,
  'config-reloader': 10,
  grafana: 60,
  'kube-state-metrics': 15,
  'node-exporter': 10,
  operator: 15,
  prometheus: 60,
};

/** What a load that is spread over pods runs there; it brings the image by itself. */
export const loadImage = 'k6';

export const workloadTable: ReadonlyMap<string, WorkloadImage> = new Map<string, WorkloadImage>([
  ...Object.entries(ballast).map(
    ([name, size]) => [name, { reference: `localhost/ordeal/${name}:1`, ballast: size * mebibyte }] as const,
  ),
  [loadImage, { reference: 'localhost/ordeal/k6:1', program: 'k6-ordeal', ballast: 0 }] as const,
  ['nginx', { reference: 'localhost/ordeal/nginx:1', system: 'nginx', ballast: 0 }] as const,
]);

/** What `cluster.kind.images` of a scenario may name. */
export const workloadNames: readonly string[] = [...workloadTable.keys()];
