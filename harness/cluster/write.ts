import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterSpec } from '../model.ts';
import { credentialOf } from './certificates.ts';
import { ADMIN, CONTROLLERS, type Identities, NODES, SCHEDULER } from './identities.ts';
import { AUDIT_POLICY, componentsOf, configuration, type Files, type Ports, PROGRAM } from './kwokctl.ts';
import { launcher } from './launcher.ts';
import type { Links } from './links.ts';
import type { Memory } from './memory.ts';
import { schedulerConfig, schedulerFile } from './scheduler.ts';

/** Absolute path of a real program; a version where a certain one is asked for. */
export type Tools = (name: string, version?: string) => string;

export interface Plan {
  readonly made: Files;
  readonly spec: ClusterSpec;
  readonly ports: Ports;
  readonly links: Pick<Links, 'portFor'>;
  readonly identities: Identities;
  readonly memory: ReadonlyMap<string, Memory>;
  readonly tools: Tools;
  readonly mark: string;
}

const SECRET = { mode: 0o600 };
const PROGRAM_MODE = { mode: 0o700 };
const USERS = {
  admin: ADMIN,
  'kube-controller-manager': CONTROLLERS,
  'kube-scheduler': SCHEDULER,
  'kwok-controller': NODES,
} as const;

/** Writes everything that kwokctl and the components read: tokens, kubeconfigs, audit policy, launchers, kwokctl's configuration. */
export async function writeFiles({ made, spec, ports, links, identities, memory, tools, mark }: Plan): Promise<void> {
  await writeFile(made.tokens, identities.csv(), SECRET);
  await writeFile(made.auditPolicy, JSON.stringify(AUDIT_POLICY));
  const scheduler = schedulerConfig(spec);
  if (scheduler) await writeFile(made.schedulerConfig, schedulerFile(scheduler, made), SECRET);
  await writeFile(made.config, JSON.stringify(configuration(spec, ports, made), undefined, 2));
  for (const [component, user] of Object.entries(USERS) as [keyof typeof USERS, string][]) {
    const server = `https://127.0.0.1:${links.portFor(component, 'kube-apiserver')}`;
    const certificate = component === 'kwok-controller' ? spec.certificates?.['node-agents'] : undefined;
    const credential = certificate && credentialOf(certificate, made);
    await writeFile(made.kubeconfig(component), identities.kubeconfig(user, server, made.ca, credential), SECRET);
  }
  for (const component of componentsOf(spec)) {
    const program = tools(PROGRAM[component], spec.components[component]?.version);
    const group = memory.get(component)?.group;
    const gates: Readonly<Record<string, string | undefined>> = {
      etcd: undefined,
      'kube-apiserver': spec.certificates?.['api-server'] && made.certificate('api-server', 'crt'),
    };
    const gate = component in gates ? gates[component] : made.gate;
    const options = { component, program, folder: made.state, mark, ...(group && { group }) };
    const script = launcher({ ...options, ...(gate && { gate }) });
    await writeFile(join(made.bin, component), script, PROGRAM_MODE);
  }
  // kwokctl asks it only whether the API server answers; that is for us to find out.
  await writeFile(join(made.bin, 'kubectl'), '#!/bin/sh\nexit 0\n', PROGRAM_MODE);
}
