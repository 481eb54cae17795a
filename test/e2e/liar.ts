import { existsSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { type Request, type Status, socketFile } from '../../harness/relay/words.ts';

/**
 * Stands between whoever commands a relay and the relay: what is to be broken is said to be, and is not: it forwards all the time.
 * All that it is asked besides is passed on.
 */
export async function liar(folder: string): Promise<AsyncDisposable> {
  const socket = join(folder, socketFile);
  // A path may be too long for a socket's address: theirs are used from within the folder.
  const handle = await open(folder);
  const within = (name: string) => `/proc/self/fd/${handle.fd}/${name}`;
  renameSync(socket, `${socket}.honest`);
  let broken: Status['fault'];
  const server = createServer({ allowHalfOpen: true }, (near) => {
    near.on('error', () => near.destroy());
    near.setEncoding('utf8').once('data', (line: string) => {
      const request = JSON.parse(line) as Request & { readonly mark: string };
      if (request.ask === 'break') broken = { id: request.id, what: request.order.fault };
      if (request.ask === 'restore') broken = undefined;
      const honest = createConnection(within(`${socketFile}.honest`));
      let text = '';
      honest.setEncoding('utf8').on('data', (data: string) => {
        text += data;
      });
      honest
        .on('error', () => near.destroy())
        .on('close', () => {
          const status = JSON.parse(text) as Status;
          near.end(`${JSON.stringify({ ...status, ...(broken && { fault: broken }) })}\n`);
        });
      honest.write(`${JSON.stringify({ ask: 'status', mark: request.mark })}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(within(socketFile), resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
      if (existsSync(`${socket}.honest`)) renameSync(`${socket}.honest`, socket);
      await handle.close();
    },
  };
}
