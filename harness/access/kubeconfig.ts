import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { z } from 'zod';
import { RefusedError, ScenarioError } from '../model.ts';
import { tooDeepAt } from '../yaml.ts';

/** How an API server is reached as whoever a kubeconfig names. All but the server's address are PEM or a token; secrets are among them. */
export interface Access {
  readonly server: string;
  readonly ca: string;
  readonly token?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

const text = z.string().min(1);
const file = z
  .object({
    contexts: z.array(z.object({ name: text, context: z.object({ cluster: text, user: text }).loose() })),
    clusters: z.array(z.object({ name: text, cluster: z.record(z.string(), z.unknown()) })),
    users: z.array(z.object({ name: text, user: z.record(z.string(), z.unknown()) })),
  })
  .loose();
const cluster = z.strictObject({
  server: z.string().regex(/^https:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/, 'expected https://…'),
  'certificate-authority': text.optional(),
  'certificate-authority-data': z.base64().optional(),
  extensions: z.unknown().optional(),
});
const user = z.strictObject({
  token: text.optional(),
  tokenFile: text.optional(),
  'client-certificate': text.optional(),
  'client-certificate-data': z.base64().optional(),
  'client-key': text.optional(),
  'client-key-data': z.base64().optional(),
  extensions: z.unknown().optional(),
});

/** What is not taken, and why. */
const untaken: Readonly<Record<string, string>> = {
  exec: 'an exec plugin gives its credentials, and ordeal runs no such program; name a kubeconfig with a token or a client certificate',
  'auth-provider':
    'an auth-provider gives its credentials, which Kubernetes itself has removed; name a kubeconfig with a token or a client certificate',
  'insecure-skip-tls-verify': 'nobody would know whom it talks to; give the certificate authority',
  'proxy-url': 'ordeal talks to API servers without a proxy',
};

/**
 * What a context of a kubeconfig says, never the current one. Throws a located `ScenarioError` for what is no kubeconfig, a `RefusedError`
 * for what is not taken. No message holds a secret.
 */
export async function readAccess(path: string, context: string): Promise<Access> {
  const all = checked(file, contentOf(await textOf(path), path), path, '');
  const named = only(all.contexts, 'context', context, path).context;
  const said = checked(cluster, only(all.clusters, 'cluster', named.cluster, path).cluster, path, 'cluster');
  const who = checked(user, only(all.users, 'user', named.user, path).user, path, 'user');
  const read = async (of: Readonly<Record<string, unknown>>, field: string): Promise<string | undefined> => {
    const [data, name] = [of[`${field}-data`], of[field]];
    if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
    return typeof name === 'string' ? textOf(resolve(dirname(path), name)) : undefined;
  };
  const cert = await read(who, 'client-certificate');
  const key = await read(who, 'client-key');
  if ((cert === undefined) !== (key === undefined))
    throw new RefusedError(`${path}: user ${named.user} has a client certificate or its key, not both`);
  const token = (who.token ?? (who.tokenFile && (await textOf(resolve(dirname(path), who.tokenFile)))))?.trim();
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new RefusedError(`${path}: the token of user ${named.user} holds what no token holds`);
  if (!URL.canParse(said.server))
    throw new RefusedError(`${path}: the server of cluster ${named.cluster} is no address`);
  if (token === undefined && cert === undefined)
    throw new RefusedError(`${path}: user ${named.user} has neither a token nor a client certificate`);
  return {
    server: said.server.replace(/\/$/, ''),
    ca: (await read(said, 'certificate-authority')) ?? rootCertificates.join('\n'),
    ...(token !== undefined && { token }),
    ...(cert !== undefined && key !== undefined && { certificate: { cert, key } }),
  };
}

/** In characters: of a hundred clusters it has half of that. */
const MOST = 2 ** 20;

/** The parser's own messages show the line, which may hold a key. */
function contentOf(source: string, path: string): unknown {
  if (source.length > MOST) throw new RefusedError(`${path} is larger than ${MOST} characters: name a smaller one`);
  const lines = new LineCounter();
  const wrong = (at: number, what: string) => {
    const { line, col } = lines.linePos(at);
    return new ScenarioError([`${path}:${line}:${col}: ${what}; expected a kubeconfig`]);
  };
  if (tooDeepAt(source) !== undefined)
    throw new ScenarioError([`${path}: it is nested too deeply; expected a kubeconfig`]);
  try {
    // It would compare each key with each other one, and make a picture of each mistake.
    const document = parseDocument(source, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    const [error] = document.errors;
    if (error !== undefined) throw wrong(error.pos[0], `no YAML (${error.code})`);
    visit(document, {
      Map(_, { items }) {
        const seen = new Set<unknown>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          if (seen.has(key.value)) throw wrong(key.range?.[0] ?? 0, 'a key that is there twice');
          seen.add(key.value);
        }
      },
    });
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof ScenarioError) throw error;
    // An alias of nothing, too many of them, or more levels than the parser's stack has.
    const why = error instanceof RangeError ? 'it is nested too deeply' : 'its aliases lead nowhere';
    throw new ScenarioError([`${path}: ${why}; expected a kubeconfig`], { cause: error });
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new RefusedError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}

function only<T extends { readonly name: string }>(all: readonly T[], what: string, name: string, path: string): T {
  const found = all.filter((one) => one.name === name);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  if (found.length > 1) throw new RefusedError(`${path} has ${found.length} of the ${what} "${name}"`);
  throw new RefusedError(`${path} has no ${what} "${name}"; it has ${all.map((one) => one.name).join(', ') || 'none'}`);
}

function checked<T extends z.ZodType>(schema: T, value: unknown, path: string, where: string): z.output<T> {
  const keys = typeof value === 'object' && value !== null && where !== '' ? Object.keys(value) : [];
  const refused = keys.find((key) => Object.hasOwn(untaken, key) && (value as Record<string, unknown>)[key] !== false);
  if (refused !== undefined) throw new RefusedError(`${path}: ${where} has ${refused}: ${untaken[refused]}`);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const told = result.error.issues.map(({ path: at, message }) => {
    return `${path}: ${[where, ...at].filter((part) => part !== '').join('.') || 'the file'}: ${message}`;
  });
  throw new ScenarioError(told);
}
