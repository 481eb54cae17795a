import { expect } from 'chai';
import type { Ask } from '../harness/access/ask.ts';
import { liftSwitch, seeSwitch, setSwitch } from '../harness/access/switch.ts';
import { ClusterError, type Json } from '../harness/model.ts';

const place = '/api/v1/namespaces/ordeal';

/** An API server that knows the namespace and the ConfigMap; `rounds`: so often the namespace is still on its way out. */
function server({
  there = true,
  rounds = 0,
  forbidden = '',
}: {
  there?: boolean;
  rounds?: number;
  forbidden?: string;
}) {
  const objects = new Map<string, Json>();
  if (there) objects.set(place, { metadata: { uid: '1' } });
  let left = rounds;
  const asked: string[] = [];
  const ask: Ask = async (method, path, body) => {
    asked.push(`${method} ${path}`);
    if (`${method} ${path}` === forbidden) throw new ClusterError(forbidden, 403, 'forbidden');
    const going = left > 0;
    if (method === 'GET' && path === place && going) {
      left -= 1;
      if (left === 0) objects.delete(place);
      return { metadata: { uid: '0', deletionTimestamp: 'now' } };
    }
    if (method === 'POST' && going) throw new ClusterError(path, path === '/api/v1/namespaces' ? 409 : 403, 'going');
    if (method === 'POST' && path.startsWith(place) && !objects.has(place)) return undefined;
    if (method !== 'POST') {
      const found = objects.get(path);
      if (method === 'DELETE') objects.delete(path);
      return found ?? (path.includes('?') ? { items: [] } : undefined);
    }
    const { name } = (body as { metadata: { name: string } }).metadata;
    if (objects.has(`${path}/${name}`)) throw new ClusterError(path, 409, 'exists');
    objects.set(`${path}/${name}`, { ...(body as object) } as Json);
    return body;
  };
  return { ask, asked, has: (path: string) => objects.has(path) };
}

describe('the switch in a cluster', () => {
  it('is set by who may create ConfigMaps and no namespaces', async () => {
    const { ask, asked } = server({ forbidden: 'POST /api/v1/namespaces' });
    await setSwitch(ask, 'alice');
    expect((await seeSwitch(ask))?.why).to.contain('set by alice at ');
    expect(asked).not.to.include('POST /api/v1/namespaces');
  });

  it('keeps who set it first', async () => {
    const { ask } = server({});
    for (const who of ['alice', 'bob']) await setSwitch(ask, who);
    expect((await seeSwitch(ask))?.by).to.equal('alice');
  });

  it('waits for a namespace that is on its way out, and stands in the next', async () => {
    const { ask, has } = server({ rounds: 3 });
    await setSwitch(ask, 'alice');
    expect(has(`${place}/configmaps/stop`)).to.equal(true);
  });

  it('makes the namespace where there is none, which goes when it is lifted', async () => {
    const { ask, has } = server({ there: false });
    await setSwitch(ask, 'alice');
    expect(has(place)).to.equal(true);
    expect(await liftSwitch(ask)).to.equal(true);
    expect(has(place)).to.equal(false);
    expect(await liftSwitch(ask)).to.equal(false);
  });

  it('is no answer where it may not be looked at', async () => {
    const { ask } = server({ forbidden: `GET ${place}/configmaps/stop` });
    expect(await seeSwitch(ask).catch((error: Error) => error.name)).to.equal('ClusterError');
  });
});
