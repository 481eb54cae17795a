import type { Unit } from './model.ts';

/** `times`: how often the base of a ratio. */
export type Measured = Unit | 'per-second' | 'times';

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

const shown = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 15, maximumFractionDigits: 20 });

/** Three digits that matter, no trailing zeros, thousands set apart: `1.49`, `23.7`, `12,345`. */
function digits(value: number): string {
  const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return shown.format(rounded);
}

function bytes(value: number): string {
  let size = value;
  let step = 0;
  while (Math.abs(size) >= 999.5 && step < SIZES.length - 1) {
    size /= 1000;
    step++;
  }
  return `${digits(size)} ${SIZES[step]}`;
}

function seconds(value: number): string {
  if (value === 0) return '0 s';
  return Math.abs(value) < 0.9995 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
}

/** A value in base units as people read it: `1.49 GB`, `8.6 s`, `13 ms`, `23.7x`, `187/s`, `50%`, `12,345`. */
export function format(value: number, unit: Measured): string {
  switch (unit) {
    case 'bytes':
      return bytes(value);
    case 'seconds':
      return seconds(value);
    case 'ratio':
      return `${digits(value * 100)}%`;
    case 'per-second':
      return `${digits(value)}/s`;
    case 'times':
      return `${digits(value)}x`;
    case 'count':
      return digits(value);
  }
}
