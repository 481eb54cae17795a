import { type FaultSpec, RefusedError } from '../model.ts';

/** A parameter in base units (bytes, milliseconds, plain numbers); undefined where it is not given. */
export function amount(spec: FaultSpec, name: string): number | undefined {
  const value = spec.parameters[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new RefusedError(`fault ${spec.name}: ${name} is ${JSON.stringify(value)}; expected a number`);
}

/** As `amount`, of what must be given. */
export function givenAmount(spec: FaultSpec, name: string): number {
  const value = amount(spec, name);
  if (value === undefined) throw new RefusedError(`fault ${spec.name}: ${name} is not given`);
  return value;
}

export function givenText(spec: FaultSpec, name: string): string {
  const value = spec.parameters[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new RefusedError(`fault ${spec.name}: ${name} is not given`);
}

export const inMiB = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
