import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

type Answer = (request: IncomingMessage & { url: string }, response: ServerResponse, body: string) => void;

/** An API server that answers as told, by TLS when it has an identity; says how many connections it saw. */
export async function serve(answer: Answer, tls?: { readonly key: string; readonly cert: string }) {
  const hear = (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => answer(request as IncomingMessage & { url: string }, response, body));
  };
  const server = tls ? createSecureServer(tls, hear) : createServer(hear);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    connection: { server: url, caFile: '/dev/null', user: 'tester', token: 'secret' },
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const send = (response: ServerResponse, code: number, value: unknown) => {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};
