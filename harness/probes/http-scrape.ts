import { ClusterError } from '../model.ts';

/** No component says as much of itself. */
const most = 32 * 2 ** 20;

/**
 * GET of a plain port of this machine, within 5 s, without redirects and up to 32 MiB. Throws ClusterError with the HTTP status or a system
 * error code, and what the aborted signal says.
 */
export async function scrapeHttp(url: URL, signal: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(5_000);
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, timeout]), redirect: 'manual' });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new ClusterError(`GET ${url}`, answer.status, answer.statusText);
    }
    return await text(answer, url);
  } catch (error) {
    if (error instanceof ClusterError || signal.aborted) throw error;
    if (timeout.aborted) throw new ClusterError(`GET ${url}`, 'ETIMEDOUT', 'no answer in 5 s', { cause: error });
    const { code = 'EUNKNOWN', message = String(error) } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
    throw new ClusterError(`GET ${url}`, code, message, { cause: error });
  }
}

async function text({ body }: Response, url: URL): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > most) throw new ClusterError(`GET ${url}`, 'EFBIG', `more than ${most} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
