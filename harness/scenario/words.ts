/** The words that a scenario is made of: each checks itself and complains in a whole phrase. */
import { z } from 'zod';
import { phrase } from './complaints.ts';
import { durationUnits, expectedDuration, expectedSize, parseDuration, parseSize, sizeUnits, unitIn } from './units.ts';

// Custom messages are whole complaints ("what; expected …"): checks.ts adds only the place.

interface Quantity {
  readonly name: string;
  readonly expected: string;
  readonly units: readonly string[];
  /** Why a value will not do. */
  wrong(value: number): string | undefined;
}

function quantity(parse: (text: string) => number | undefined, { name, expected, units, wrong }: Quantity) {
  return z.union([z.string(), z.number()]).transform((input, context) => {
    const value = typeof input === 'string' ? parse(input) : undefined;
    if (value !== undefined) {
      const within = wrong(value);
      if (within === undefined) return value;
      const what = `${name} "${String(input).slice(0, 40)}" is out of bounds`;
      context.addIssue({ code: 'custom', message: phrase({ what, expected: within }) });
      return z.NEVER;
    }
    const unit = unitIn(String(input));
    const what = typeof input === 'number' ? `${input} has no unit` : `bad ${name} "${input}"`;
    const message = phrase({ what, expected, ...(unit ? { word: unit, known: units } : {}) });
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

export function text(pattern: RegExp, expected: string) {
  return z.string().superRefine((value, context) => {
    if (!pattern.test(value))
      context.addIssue({ code: 'custom', message: phrase({ what: `bad value "${value}"`, expected }) });
  });
}

const DAY = 86_400_000;
export const duration = quantity(parseDuration, {
  name: 'duration',
  expected: expectedDuration,
  units: durationUnits,
  wrong: (value) => (value > 0 && value <= DAY ? undefined : 'more than 0s and at most 24h'),
});
export const size = quantity(parseSize, {
  name: 'size',
  expected: expectedSize,
  units: sizeUnits,
  wrong: (value) => (value >= 16 * 2 ** 20 && value <= 2 ** 50 ? undefined : 'at least 16MiB and at most 1024TiB'),
});
/** CPU time per time: 0.15, or as Kubernetes writes it, 150m. */
export const cpus = z.union([z.string(), z.number()]).transform((input, context) => {
  const [, thousandths] = /^(\d+)m$/.exec(String(input)) ?? [];
  const value = thousandths === undefined ? Number(input) : Number(thousandths) / 1000;
  if (value >= 0.01 && value <= 1_000) return value;
  const what = `bad CPU limit "${String(input).slice(0, 40)}"`;
  context.addIssue({ code: 'custom', message: phrase({ what, expected: '0.01 to 1000 CPUs, such as 0.15 or 150m' }) });
  return z.NEVER;
});
export const line = text(/\S/, 'some text');
export const version = text(/^v?\d+\.\d+(\.\d+)?(-[\w.]+)?$/, 'a version such as 3.5.12');
export const kubernetes = text(/^v?\d+\.\d+\.\d+(-[\w.]+)?$/, 'a version of three numbers such as 1.36.3');
export const name = text(/^[a-z][a-z0-9-]*$/, 'a name of lower-case letters, digits and -');
export const fileName = text(/^[A-Za-z0-9][\w.-]*$/, 'a file name of letters, digits, _ . and -');
export const path = text(/^\/\S*$/, 'a path such as /ready');
export const loopback = text(
  /^127(\.\d{1,3}){3}(-127(\.\d{1,3}){3})?$/,
  'a loopback address, or a range of them such as 127.0.1.1-127.0.1.5',
);
export const user = text(/^[a-z][a-z0-9:.-]*$/, 'a user of lower-case letters, digits, - : and .');
export const metricName = text(/^[A-Za-z][\w.-]*$/, 'a name of letters, digits, _ . and -');
export const parameterName = text(/^[A-Za-z][\w-]*$/, 'a name of letters, digits, _ and -');
export const scalar = z.union([z.string(), z.number(), z.boolean()]);
export const texts = z.record(z.string(), z.string());
export const flag = z.string().superRefine((value, context) => {
  if (/^[A-Za-z][\w.-]*$/.test(value)) return;
  const better = value.replace(/^-+/, '').replace(/=.*$/, '');
  const meant = /^[A-Za-z][\w.-]*$/.test(better) ? `; did you mean "${better}"?` : '';
  const message = `bad flag "${value}"; expected its name alone, without dashes before it${meant}`;
  context.addIssue({ code: 'custom', message });
});
export const envName = text(/^[A-Za-z_]\w*$/, 'a name of letters, digits and _, no digit first');
export const group = z.string().superRefine((value, context) => {
  if (/\S/.test(value) && value !== 'system:masters') return;
  const what =
    value === 'system:masters' ? `group "${value}" may do anything, whatever the rules say` : 'a group is empty';
  context.addIssue({ code: 'custom', message: phrase({ what, expected: 'another group, and rules' }) });
});
export const verb = z.enum(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', '*']);
export const unit = z.enum(['count', 'seconds', 'bytes', 'ratio']);
