import { ClusterError } from '../model.ts';

/** GET of a plain port of this machine, within 5 s. Throws ClusterError with the HTTP status or a system error code, and what the aborted signal says. */
export async function scrapeHttp(url: URL, signal: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(5_000);
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, timeout]) });
    const text = await answer.text();
    if (!answer.ok) throw new ClusterError(`GET ${url}`, answer.status, answer.statusText);
    return text;
  } catch (error) {
    if (error instanceof ClusterError || signal.aborted) throw error;
    if (timeout.aborted) throw new ClusterError(`GET ${url}`, 'ETIMEDOUT', 'no answer in 5 s', { cause: error });
    const { code = 'EUNKNOWN', message = String(error) } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
    throw new ClusterError(`GET ${url}`, code, message, { cause: error });
  }
}
