/** An image of the workload program, alone or with ballast: real images are large, and what is pulled is unpacked. */
export interface WorkloadImage {
  readonly reference: string;
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

export const workloadTable: ReadonlyMap<string, WorkloadImage> = new Map(
  Object.entries(ballast).map(([name, size]) => [
    name,
    { reference: `localhost/ordeal/${name}:1`, ballast: size * mebibyte },
  ]),
);

/** What `cluster.kind.images` of a scenario may name. */
export const workloadNames: readonly string[] = [...workloadTable.keys()];
