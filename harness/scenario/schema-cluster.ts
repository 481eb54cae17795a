import { z } from 'zod';
import { checkScheduler, json, schedulerConfig } from './schema-scheduler.ts';
import {
  cpus,
  duration,
  envName,
  fileName,
  flag,
  group,
  kubernetes,
  line,
  name,
  path,
  size,
  user,
  verb,
  version,
} from './words.ts';

export const values = z.record(z.string(), json);

const kind = z.strictObject({
  shape: name,
  kubelet: values.default({}),
  'worker-memory': size.optional(),
  images: z.array(name).default([]),
});

const component = z.strictObject({
  version: version.optional(),
  flags: z.record(flag, z.string()).default({}),
  env: z.record(envName, z.string()).default({}),
  memory: size.optional(),
});

const scheduler = component.extend({ config: schedulerConfig.optional() }).superRefine(checkScheduler);

const server = z.strictObject({
  program: z.enum(['coredns', 'nginx', 'workload', 'karpenter-kwok']),
  ports: z.array(name).min(1),
  files: z.record(fileName, line).default({}),
  args: z.array(z.string()).default([]),
  env: z.record(envName, z.string()).default({}),
  as: line.optional(),
  ready: z.strictObject({ port: line, path: path.optional() }),
  memory: size.optional(),
  cpus: cpus.optional(),
});

const certificate = z.strictObject({ lifetime: duration, 'renew-before': duration.optional() });

export const cluster = z.strictObject({
  kubernetes: kubernetes.optional(),
  nodes: z.int().min(0).max(10_000).default(0),
  kind: kind.optional(),
  'leader-election': z.boolean().default(false),
  components: z
    .strictObject({
      etcd: component.optional(),
      'kube-apiserver': component.optional(),
      'kube-controller-manager': component.optional(),
      'kube-scheduler': scheduler.optional(),
      'kwok-controller': component.optional(),
    })
    .default({}),
  identities: z
    .array(
      z.strictObject({
        user,
        groups: z.array(group).default([]),
        rules: z
          .array(
            z.strictObject({
              apiGroups: z.array(z.string()).default(['']),
              resources: z.array(z.string()).min(1),
              verbs: z.array(verb).min(1),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
  servers: z.record(name, server).default({}),
  links: z
    .record(
      name,
      z.strictObject({
        from: z.enum(['kwok-controller', 'kube-controller-manager', 'kube-scheduler', 'kube-apiserver']),
        to: z.enum(['kube-apiserver', 'etcd']),
      }),
    )
    .default({}),
  certificates: z
    .strictObject({ 'node-agents': certificate.optional(), 'api-server': certificate.optional() })
    .default({}),
});
