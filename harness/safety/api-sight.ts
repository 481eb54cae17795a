import type { KubeClient } from '../kube/client.ts';
import { ClusterError } from '../model.ts';
import { discover, type Resource } from './discovery.ts';
import { type Digest, type Item, nameOf, thingOf } from './object-facts.ts';
import type { Sight, Thing } from './snapshot.ts';

const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
/** Lists at a time, and items of each answer: a cluster that somebody uses has other work. */
const atOnce = 4;
const chunk = 500;
/** Of one kind. What has more is not compared, and that is said. */
const most = 20_000;

interface Page {
  readonly items?: readonly Item[] | null;
  readonly metadata?: { readonly continue?: string };
}

/** Lists everything that can be listed. What may not or cannot be read is named. Throws `ClusterError` when the server does not say what there is. */
export async function seeApi(client: Pick<KubeClient, 'get'>, digest: Digest): Promise<Sight> {
  const { resources, unread: groups } = await discover(client);
  const things: Record<string, Record<string, Thing>> = {};
  const unread: Record<string, string> = { ...groups };
  const waiting = [...resources];
  const work = async () => {
    for (let resource = waiting.shift(); resource; resource = waiting.shift()) {
      try {
        things[resource.kind] = await listed(client, resource, digest);
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error;
        // Its kind was taken away while we looked.
        if (error.code === 404) continue;
        unread[resource.kind] = `${error.code} ${error.reason}`;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { things, unread };
}

async function listed(client: Pick<KubeClient, 'get'>, { kind, path, whole }: Resource, digest: Digest) {
  const things: Record<string, Thing> = {};
  let next: string | undefined;
  let count = 0;
  do {
    const query = { limit: chunk, continue: next };
    const { items, metadata } = await client.get<Page>(path, query, whole ? undefined : metadataOnly);
    for (const item of items ?? []) things[nameOf(item)] = thingOf(kind, item, whole, digest);
    count += items?.length ?? 0;
    next = metadata?.continue;
    if (count > most) throw new ClusterError(path, 'ETOOMANY', `more than ${most} objects are not compared`);
  } while (next);
  return things;
}
