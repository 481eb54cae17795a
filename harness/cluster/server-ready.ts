import { createConnection } from 'node:net';
import { request } from 'undici';

/** Whether the port takes a connection or, with a path, GET of it is answered with 2xx. Throws the signal's reason. */
export async function answers(address: string, path: string | undefined, signal: AbortSignal): Promise<boolean> {
  if (path === undefined) return connects(address);
  const asked = { signal, headersTimeout: 5_000, bodyTimeout: 5_000 };
  return request(`http://${address}${path}`, asked)
    .then(async ({ statusCode, body }) => {
      await body.dump();
      return statusCode >= 200 && statusCode < 300;
    })
    .catch(() => {
      signal.throwIfAborted();
      return false;
    });
}

function connects(address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port) });
    socket.setTimeout(1_000, () => socket.destroy(new Error('no answer')));
    socket.once('connect', () => socket.destroy() && resolve(true)).once('error', () => resolve(false));
  });
}
