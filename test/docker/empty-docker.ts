import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** A docker daemon that has nothing, on a socket of this host: what one finds who follows another DOCKER_HOST. */
export async function startEmptyDocker(socket: string) {
  const id = randomUUID();
  const server = createServer(({ url = '' }, response) => {
    const path = url.replace(/^\/v[\d.]+/, '').replace(/\?.*$/, '');
    const answer: Record<string, unknown> = {
      '/_ping': 'OK',
      '/info': { ID: id },
      '/containers/json': [],
      '/networks': [],
    };
    const body = answer[path] ?? { message: `No such container: ${path}` };
    response.writeHead(path in answer ? 200 : 404, { 'content-type': 'application/json', 'api-version': '1.41' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    id,
    host: `unix://${socket}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
