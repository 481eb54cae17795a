import type { Random } from './random.ts';

/** Documents that are small to write and large to read. */
export const bombs: readonly ((random: Random) => string)[] = [
  // "A billion laughs": each alias stands for several of the former.
  (random) => {
    const depth = 5 + random.below(30);
    const width = 2 + random.below(9);
    const lines = ['a0: &a0 [lol]'];
    for (let level = 1; level < depth; level += 1)
      lines.push(`a${level}: &a${level} [${Array.from({ length: width }, () => `*a${level - 1}`).join(', ')}]`);
    return `${lines.join('\n')}\n`;
  },
  (random) => {
    const depth = 5 + random.below(30);
    const lines = ['m0: &m0 { k: v }'];
    for (let level = 1; level < depth; level += 1)
      lines.push(
        `m${level}: &m${level} { <<: [*m${level - 1}, *m${level - 1}], x: *m${level - 1}, y: *m${level - 1} }`,
      );
    return `${lines.join('\n')}\n`;
  },
  (random) => `deep: ${'['.repeat(10 ** (1 + random.below(5)))}\n`,
  (random) => {
    const depth = 10 ** (1 + random.below(4));
    return `deep: ${'['.repeat(depth)}1${']'.repeat(depth)}\n`;
  },
  (random) => {
    const depth = 10 ** (1 + random.below(4));
    return `deep: ${'{ a: '.repeat(depth)}1${' }'.repeat(depth)}\n`;
  },
  (random) => Array.from({ length: 10 + random.below(600) }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
  (random) => `${'- '.repeat(10 ** (1 + random.below(4)))}x\n`,
  (random) => `${'? '.repeat(10 ** (1 + random.below(4)))}x\n`,
  (random) => Array.from({ length: 10 ** (1 + random.below(4)) }, (_, key) => `key${key}: ${key}`).join('\n'),
  (random) => 'again: 1\n'.repeat(1 + random.below(3000)),
  (random) => `list: [${'1, '.repeat(10 ** (1 + random.below(5)))}]\n`,
  (random) => `${'# comment\n'.repeat(1 + random.below(5000))}`,
  (random) => `x: "${'\\u0041'.repeat(1 + random.below(20_000))}"\n`,
  (random) => '*a '.repeat(1 + random.below(5000)),
  (random) => '&a '.repeat(1 + random.below(5000)),
  (random) => '!!'.repeat(1 + random.below(5000)),
];
