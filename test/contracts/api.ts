import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { signCertificate } from '../../harness/cluster/x509.ts';
import type { Cluster, Run } from '../../harness/model.ts';
import { send, serve } from '../api-server.ts';
import { Fuse, type Ground, otherMark } from './ground.ts';

const admission = '/apis/admissionregistration.k8s.io/v1';
const policies = `${admission}/validatingadmissionpolicies`;

/**
 * What stands for the API server of a run's own embedded cluster, with the kubeconfig and the certificate authority that such a
 * cluster leaves in the run's folder; and another run's, whose nodes have the same names and uids.
 */
export async function startApi({ folder }: Run): Promise<Ground> {
  const fuse = new Fuse();
  const [ours, theirs] = [new Objects(), new Objects(['node-0', 'node-1', 'node-2'])];
  const identity = selfSigned();
  const api = await serveObjects(ours, identity, fuse);
  const other = await serveObjects(theirs, selfSigned(), new Fuse());
  const path = join(folder, 'cluster');
  const caFile = join(path, 'ca.crt');
  mkdirSync(path);
  writeFileSync(caFile, identity.cert);
  const lead = (server: string) => {
    const clusters = [{ cluster: { server, 'certificate-authority': caFile } }];
    writeFileSync(
      join(path, 'admin.kubeconfig'),
      JSON.stringify({ clusters, users: [{ user: { token: api.connection.token } }] }),
    );
  };
  lead(api.connection.server);
  return {
    cluster: { provider: 'embedded', connect: () => ({ ...api.connection, caFile }) } as unknown as Cluster,
    world: () => [...ours.lines('ours'), ...theirs.lines('theirs')].join('\n'),
    get deeds() {
      return fuse.deeds;
    },
    cut: (at, edge) => fuse.cut(at, edge),
    revive: () => fuse.revive(),
    giveAway: () => lead(other.connection.server),
    async [Symbol.asyncDispose]() {
      await Promise.all([api[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
    },
  };
}

/** What stands for the API server of a cluster that somebody has, and another one to which its kubeconfig may lead later. */
export async function startTheirApi({ folder }: Run): Promise<Ground> {
  const fuse = new Fuse();
  const uid = 'aaaa-bbbb-cccc';
  const [ours, theirs] = [new Objects([], uid), new Objects(['node-0', 'node-1'], 'dddd-eeee-ffff')];
  const identity = selfSigned();
  const api = await serveObjects(ours, identity, fuse);
  const other = await serveObjects(theirs, identity, new Fuse());
  const caFile = join(folder, 'their-ca.crt');
  writeFileSync(caFile, identity.cert);
  const kubeconfig = join(folder, 'their.kubeconfig');
  const lead = (server: string) => {
    const name = 'mine';
    const config = {
      contexts: [{ name, context: { cluster: name, user: name } }],
      clusters: [{ name, cluster: { server, 'certificate-authority': caFile } }],
      users: [{ name, user: { token: api.connection.token } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
  };
  lead(api.connection.server);
  const cluster = {
    provider: 'kubeconfig',
    theirs: { kubeconfig, context: 'mine', uid },
    connect: () => ({ ...api.connection, caFile }),
  };
  return {
    cluster: cluster as unknown as Cluster,
    world: () => [...ours.lines('ours'), ...theirs.lines('theirs')].join('\n'),
    get deeds() {
      return fuse.deeds;
    },
    cut: (at, edge) => fuse.cut(at, edge),
    revive: () => fuse.revive(),
    giveAway: () => lead(other.connection.server),
    async [Symbol.asyncDispose]() {
      await Promise.all([api[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
    },
  };
}

function serveObjects(objects: Objects, identity: { readonly key: string; readonly cert: string }, fuse: Fuse) {
  return serve((request, response, body) => {
    if (fuse.dead) {
      request.socket.destroy();
      return;
    }
    const { pathname, searchParams } = new URL(request.url, 'https://here');
    const on = searchParams.get('fieldSelector')?.replace('spec.nodeName=', '');
    const { value, change } = objects.answer(`${request.method} ${pathname}`, on, body ? JSON.parse(body) : {});
    if (change && fuse.burn()) change();
    if (fuse.dead) request.socket.destroy();
    else send(response, value.code ?? 200, value);
  }, identity);
}

interface Answer {
  readonly value: object & { readonly code?: number };
  /** Where it is one. */
  readonly change?: () => void;
}

interface Body {
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly spec?: { readonly unschedulable?: boolean | null };
}

/** Nodes, of which the second one is empty and the last one somebody else's; pods that may not go; policies, one of them another run's. */
class Objects {
  readonly #nodes: Map<string, { metadata: Body['metadata']; spec: { unschedulable?: boolean }; status: object }>;
  readonly #others = new Set([`${policies}/ordeal-${otherMark}-x`]);
  readonly #uid: string;

  constructor(cordoned: readonly string[] = [], uid = '') {
    this.#uid = uid;
    const status = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' };
    this.#nodes = new Map(
      ['node-0', 'node-1', 'node-2', 'node-9'].map((name) => {
        const spec = name === 'node-9' || cordoned.includes(name) ? { unschedulable: true } : {};
        return [`/api/v1/nodes/${name}`, { metadata: { name, uid: `${name}-uid` }, spec, status }];
      }),
    );
  }

  lines(whose: string): string[] {
    const nodes = [...this.#nodes.values()].map(({ metadata, spec }) =>
      [metadata.name, JSON.stringify(spec), annotated(metadata)].join(' '),
    );
    return [...nodes, ...[...this.#others].sort()].map((line) => `${whose}: ${line}`);
  }

  answer(asked: string, on: string | undefined, body: Body): Answer {
    const [method, path = ''] = asked.split(' ');
    const list = (items: readonly object[]) => ({ value: { items, metadata: { resourceVersion: '1' } } });
    const status = (code: number, message: string) => ({ value: { code, status: 'Failure', message } });
    const node = this.#nodes.get(path);
    if (node && method === 'GET') return { value: node };
    if (node && method === 'PATCH') {
      if (body.metadata.uid !== node.metadata.uid) return status(409, 'the UID in the precondition does not match');
      const { unschedulable } = body.spec ?? {};
      const change = () => {
        node.spec = unschedulable ? { unschedulable } : {};
        const annotations = { ...node.metadata.annotations, ...body.metadata.annotations };
        node.metadata = { ...node.metadata, annotations };
      };
      return { value: node, change };
    }
    if (asked === 'GET /api/v1/nodes') return list([...this.#nodes.values()]);
    if (asked === 'GET /api/v1/pods') return list(on === 'node-1' ? [] : [podOn(on ?? '')]);
    if (asked === 'GET /api/v1/namespaces/kube-system') return { value: kubeSystem(this.#uid) };
    if (asked === 'GET /api/v1/namespaces') return list([{ metadata: { name: 'default' } }]);
    if (asked === 'GET /api/v1/namespaces/default/pods') return list(['node-0', 'node-2'].map(podOn));
    // The books: what is written there is no part of what must be put back.
    if (method === 'PATCH' && path.includes('/configmaps/')) return { value: {}, change: () => undefined };
    if (path.endsWith('/eviction')) return status(429, "it would violate the pod's disruption budget");
    if (path.endsWith('/leases')) return list([]);
    if (path.startsWith(admission) && method === 'POST')
      return { value: body, change: () => void this.#others.add(`${path}/${body.metadata.name}`) };
    if (path.startsWith(admission) && method === 'DELETE') {
      if (!this.#others.has(path)) return status(404, 'not found');
      return { value: {}, change: () => void this.#others.delete(path) };
    }
    return status(500, `${asked} is not known here`);
  }
}

const kubeSystem = (uid: string): object => ({ metadata: { name: 'kube-system', uid } });

const annotated = ({ annotations = {} }: Body['metadata']) =>
  JSON.stringify(Object.entries(annotations).filter(([, value]) => value !== null));

const podOn = (node: string) => ({
  metadata: { name: `pod-of-${node}`, namespace: 'default', uid: `pod-of-${node}-uid` },
  spec: { nodeName: node },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

/** For 127.0.0.1, and an authority only for itself. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const hour = 3_600_000;
  const from = (caCert: string) =>
    signCertificate({
      ...{ commonName: 'the server', usage: 'server', names: ['127.0.0.1'], key, caCert, caKey: key },
      ...{ notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) },
    });
  // The first one is there for its name only, which the second one has for its issuer's.
  return { key, cert: from(from(rootCertificates[0] ?? '')) };
}
