import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { KubeObject } from '../../kube/client.ts';
import type { LoadSpec, Millis } from '../../model.ts';
import { segmentArguments, segmentEnvironment } from './samples.ts';

/** Each pod has a network of its own. */
const address = '127.0.0.1:6565';
const container = 'k6';
const folder = '/load';

export interface JobOptions {
  readonly namespace: string;
  readonly mark: string;
  readonly pods: number;
  /** Of the image that holds nothing but k6 with our extensions; it must be on the nodes. */
  readonly image: string;
  /** Text of the script: one file. */
  readonly script: string;
  /** PEM of the API server's certificate authority. */
  readonly ca: string;
  readonly token: string;
  readonly key: string;
  /** The moment at which all begin, in milliseconds since 1970. */
  readonly begin: number;
  readonly duration: Millis;
  /** The kubelets end the pods after this, whoever lives. */
  readonly deadline: Millis;
}

/**
 * A namespace of its own, and in it a Job of which each pod offers its segment of the load. A pod that fails is not made again: its
 * segment of that time is lost. Pods are told everything by a Secret, whose values Kubernetes does not expand.
 */
export function jobObjects(spec: LoadSpec, options: JobOptions): readonly KubeObject[] {
  const { namespace, mark, pods, image, token, key, begin, duration, deadline } = options;
  const labels = { 'app.kubernetes.io/managed-by': 'ordeal', 'ordeal.mark': mark };
  const named = (name: string) => ({ name, namespace, labels });
  const file = `load${basename(spec.script).endsWith('.js') ? '.js' : '.ts'}`;
  const environment = {
    ...segmentEnvironment(spec, pods, { key, begin, address }),
    HOME: '/tmp',
    SSL_CERT_FILE: `${folder}/ca.crt`,
    ORDEAL_MARK: mark,
    ORDEAL_TOKEN: token,
    ORDEAL_SERVERS: '{}',
    ORDEAL_PARAMETERS: JSON.stringify(spec.parameters),
    ORDEAL_DURATION: String(duration / 1000),
  };
  const pod = {
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.ceil(deadline / 1000),
    terminationGracePeriodSeconds: 5,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 },
    // Over the nodes as evenly as they let it.
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { 'ordeal.mark': mark } },
      },
    ],
    containers: [
      {
        name: container,
        image,
        imagePullPolicy: 'Never',
        args: segmentArguments(`${folder}/${file}`, address),
        envFrom: [{ secretRef: { name: 'load' } }],
        env: [
          // The API server as pods reach it, without asking a name server that may be the victim.
          { name: 'ORDEAL_SERVER', value: 'https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)' },
          { name: 'ORDEAL_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
        ],
        // Where the node's CPUs are all busy, who asked for none comes last; what offers the load must not. All pods of one ask for a CPU at most.
        resources: { requests: { cpu: `${Math.max(10, Math.min(250, Math.floor(1000 / pods)))}m` } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'load', mountPath: folder, readOnly: true }],
      },
    ],
    volumes: [{ name: 'load', configMap: { name: 'load' } }],
  };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: named('load'),
      data: { [file]: options.script, 'ca.crt': options.ca },
    },
    { apiVersion: 'v1', kind: 'Secret', metadata: named('load'), stringData: environment },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: named('load'),
      spec: {
        completions: pods,
        parallelism: pods,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 0,
        template: { metadata: { labels }, spec: pod },
      },
    },
  ];
}

export const podsIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
export const logOf = (namespace: string, pod: string): string => `${podsIn(namespace)}/${pod}/log`;

/** A name for the namespace of a load, with the mark in it; that of another load never, however long both names are. */
export function namespaceOf(load: string, mark: string): string {
  const name = `ordeal-${mark}-${load}`;
  if (name.length <= 63 && !name.endsWith('-')) return name;
  return `${name.slice(0, 54)}-${createHash('sha256').update(load).digest('hex').slice(0, 8)}`;
}
