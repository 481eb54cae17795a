/** Why a proxy answered as it did. */
export const causes = [
  'ok',
  // Its own limits of connections and of requests.
  'limit-conn',
  'limit-req',
  // The backend said so itself.
  'backend',
  // The backend said nothing in time.
  'timeout',
  // No backend took the connection, or it was cut off.
  'unreachable',
  // The client did not wait.
  'client-left',
  // Its worker ended before there was an answer.
  'cut-off',
  // The request was wrong, or the proxy is in trouble itself.
  'proxy',
] as const;
export type Cause = (typeof causes)[number];

export interface Answer {
  /** When it ended, milliseconds since 1970. */
  readonly wall: number;
  /** Who asked, as the configuration of the proxy calls it. */
  readonly client: string;
  readonly status: number;
  readonly cause: Cause;
  /** Of the worker that answered: how many configurations it is from the first. */
  readonly generation: number;
}

/**
 * Reads a line that nginx wrote with `escape=json`: numbers `at` ($msec) and `generation`; texts `status`, `client`, `limit_conn`
 * ($limit_conn_status), `limit_req`, `upstream` ($upstream_status) and `header` ($upstream_header_time). Throws on any other line.
 */
export function answerOf(line: string): Answer {
  const read = fieldsOf(line);
  const [at, generation] = ['at', 'generation'].map((name) => read[name]);
  const texts = ['status', 'client', 'limit_conn', 'limit_req', 'upstream', 'header'].map((name) => read[name]);
  const [status, client, limitConn, limitReq, upstream, header] = texts;
  const whole = [at, generation].every(Number.isFinite) && texts.every((one) => typeof one === 'string');
  if (!whole || !/^\d{3}$/.test(String(status)))
    throw new Error(`the proxy's log has a line that is none of ours: ${JSON.stringify(line.slice(0, 200))}`);
  const cause = causeOf(Number(status), { limitConn, limitReq, upstream: String(upstream), header: String(header) });
  return {
    wall: Number(at) * 1000,
    client: String(client),
    status: Number(status),
    cause,
    generation: Number(generation),
  };
}

function fieldsOf(line: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === 'object' && read !== null ? { ...read } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

interface Signs {
  readonly limitConn: unknown;
  readonly limitReq: unknown;
  /** One a backend that was tried: `504, 503`. */
  readonly upstream: string;
  /** Likewise; `-` where it sent no header. */
  readonly header: string;
}

function causeOf(status: number, { limitConn, limitReq, upstream, header }: Signs): Cause {
  if (limitConn === 'REJECTED') return 'limit-conn';
  if (limitReq === 'REJECTED') return 'limit-req';
  if (status === 499) return 'client-left';
  if (status === 0) return 'cut-off';
  if (status < 400) return 'ok';
  const answered = /(^|[ ,:])\d+\.\d+$/.test(header.trim());
  if (answered && upstream.trim().endsWith(String(status))) return 'backend';
  if (status === 504) return 'timeout';
  return status === 502 ? 'unreachable' : 'proxy';
}

/**
 * Knows old workers from current ones by the log alone: who answers by an earlier configuration than another has answered by before
 * is old.
 */
export class Generations {
  #newest = 0;

  of(generation: number): 'current' | 'old' {
    this.#newest = Math.max(this.#newest, generation);
    return generation < this.#newest ? 'old' : 'current';
  }
}
