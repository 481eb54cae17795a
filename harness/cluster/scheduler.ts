import { KubeClient } from '../kube/client.ts';
import type { ClusterSpec, Connection, Json } from '../model.ts';
import type { Files, Ports } from './kwokctl.ts';

type Config = Readonly<Record<string, Json>>;

export const schedulerConfig = (spec: ClusterSpec): Config | undefined => spec.components['kube-scheduler']?.config;

/** What stands in the file behind `--config`: beside it the flag --kubeconfig is ignored, --leader-elect is not. */
export function schedulerFile(config: Config, { kubeconfig }: Files): string {
  const connection = config['clientConnection'];
  const whole = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    ...config,
    clientConnection: { ...(isMap(connection) && connection), kubeconfig: kubeconfig('kube-scheduler') },
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/** Its own port, and the certificate that it makes itself at its start. */
export const schedulerEndpoint = ({ schedulerTls }: Files, ports: Ports) => ({
  server: `https://127.0.0.1:${ports['kube-scheduler']}`,
  caFile: `${schedulerTls}/kube-scheduler.crt`,
});

/** One line for each value that the running scheduler does not have as asked. Throws `ClusterError` when it does not say. */
export async function schedulerDifferences(
  config: Config | undefined,
  connection: Connection,
  signal: AbortSignal,
): Promise<string[]> {
  if (!config) return [];
  await using client = new KubeClient(connection, { signal });
  const { componentconfig: actual } = await client.get<{ componentconfig?: Json }>('/configz');
  return configDifferences(config, actual, 'config').map((difference) => `kube-scheduler: ${difference}`);
}

/** One line for each value of `wanted` that is not so in `actual`. Defaults may stand beside them; of named things each is compared with its like. */
export function configDifferences(wanted: Json, actual: Json | undefined, path: string): string[] {
  if (isMap(wanted) && isMap(actual))
    return Object.entries(wanted).flatMap(([name, value]) => configDifferences(value, actual[name], `${path}.${name}`));
  if (isList(wanted) && isList(actual)) {
    const named = wanted.length > 0 && wanted.every((one) => nameOf(one) !== undefined);
    if (named || wanted.length === actual.length)
      return wanted.flatMap((one, index) => {
        const like = named ? actual.find((other) => nameOf(other) === nameOf(one)) : actual[index];
        return configDifferences(one, like, `${path}[${nameOf(one) ?? index}]`);
      });
  }
  if (wanted === actual) return [];
  return [`${path} ${JSON.stringify(wanted)} was asked for, /configz has ${JSON.stringify(actual) ?? 'none'}`];
}

function nameOf(value: Json): string | undefined {
  if (!isMap(value)) return undefined;
  const name = value['schedulerName'] ?? value['name'];
  return typeof name === 'string' ? name : undefined;
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);
const isMap = (value: Json | undefined): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
