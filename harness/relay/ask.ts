import { closeSync, constants, openSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClusterError, type Millis } from '../model.ts';
import { type Request, type Status, socketFile } from './words.ts';

/** The relay's own program. */
export const relayProgram = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'serve.ts' : 'serve.js', import.meta.url),
);

/** A busy machine has its time; a relay that stands still has not. */
const patience: Millis = 10_000;

export interface Asked {
  /** Of its control socket, absolute. */
  readonly folder: string;
  readonly mark: string;
}

/** Asks a relay. Throws `ClusterError`: ENOENT or ECONNREFUSED when there is none, ETIMEDOUT when it is silent, `refused` when it says no. */
export async function askRelay({ folder, mark }: Asked, request: Request, within = patience): Promise<Status> {
  const what = `link ${basename(folder)}`;
  try {
    const text = await exchange(folder, `${JSON.stringify({ ...request, mark })}\n`, within);
    const said = JSON.parse(text) as Status & { readonly error?: string };
    if (said.error !== undefined) throw new ClusterError(what, 'refused', said.error);
    return said;
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    const { code = 'unreadable', message } = error as NodeJS.ErrnoException;
    const reason = ['ENOENT', 'ECONNREFUSED'].includes(code) ? 'its relay is gone' : message;
    throw new ClusterError(what, code, reason, { cause: error });
  }
}

async function exchange(folder: string, line: string, within: Millis): Promise<string> {
  // The path of a socket may have 107 bytes: it is reached by way of its folder, opened.
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return await new Promise<string>((resolve, reject) => {
      const socket = createConnection(`/proc/self/fd/${handle}/${socketFile}`);
      const late = setTimeout(() => {
        socket.destroy(Object.assign(new Error(`no answer within ${within} ms`), { code: 'ETIMEDOUT' }));
      }, within);
      let text = '';
      socket.setEncoding('utf8');
      socket.on('data', (data: string) => {
        text += data;
      });
      socket.once('error', reject).once('close', () => {
        clearTimeout(late);
        if (text.endsWith('\n')) resolve(text);
        else reject(Object.assign(new Error('it hung up'), { code: 'ECONNRESET' }));
      });
      socket.write(line);
    });
  } finally {
    closeSync(handle);
  }
}
