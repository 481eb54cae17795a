import { type ChildProcess, spawn } from 'node:child_process';
import type { Cluster, LoadSpec, Millis, Run } from '../model.ts';

/** The flags of every run of k6: samples only; no judging, no reports home. */
export const k6Flags: readonly string[] = [
  'run',
  '--no-thresholds',
  '--summary-mode=disabled',
  '--no-usage-report',
  '--quiet',
  '--no-color',
  '--log-format=json',
  '--system-tags=name,status,error_code',
];

const flags: readonly string[] = [
  ...k6Flags,
  // No REST port.
  '--address=',
  // The third descriptor is the pipe for the samples. Unlike standard output, k6 does not buffer it until its end.
  '--out=json=/dev/fd/3',
];

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Starts k6 in a process group of its own (Ctrl-C on the terminal is not for it), its samples into `samples`.
 * The token is in its environment only. Its home is the run's folder, so that nobody's k6 configuration changes the load.
 */
export function startK6(
  k6: string,
  spec: LoadSpec,
  cluster: Pick<Cluster, 'connect' | 'servers'>,
  run: Run,
  duration: Millis,
  samples: number,
): { readonly child: ChildProcess; readonly exit: Promise<Exit> } {
  const connection = cluster.connect(spec.as);
  const child = spawn(k6, [...flags, spec.script], {
    cwd: run.folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', samples],
    env: {
      HOME: run.folder,
      TZ: 'UTC',
      SSL_CERT_FILE: connection.caFile,
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      K6_NO_USAGE_REPORT: 'true',
      ...(spec.from !== undefined && { K6_LOCAL_IPS: spec.from }),
      ORDEAL_MARK: run.mark,
      ORDEAL_SERVER: connection.server,
      ORDEAL_TOKEN: connection.token,
      ORDEAL_SERVERS: JSON.stringify(cluster.servers ?? {}),
      // No other name server is asked (k6/resolver/config.go), whatever this machine's resolv.conf says.
      ORDEAL_DNS_ONLY: Object.values(cluster.servers ?? {})
        .flatMap((ports) => Object.values(ports))
        .join(),
      ORDEAL_PARAMETERS: JSON.stringify(spec.parameters),
      ORDEAL_DURATION: String(duration / 1000),
    },
  });
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', reject);
  });
  return { child, exit };
}

/** Signals k6 and whatever it started. Nothing happens once k6 has ended: its number may be a stranger's by then. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
