import { expect } from 'chai';
import { type Kill, playKilled } from '../kill-matrix/cell.ts';
import { nameOf, plays, textOf } from '../kill-matrix/plays.ts';

/** A few cells of `npm run kill-matrix`: at the first debts, and in the middle of a fault. */
describe('a harness that is killed', function () {
  this.timeout('5m');

  const kills: Record<string, readonly Kill[]> = {
    'quick sound (embedded)': [
      { line: 1, when: 'after', whom: 'harness' },
      { line: 4, when: 'before', whom: 'both' },
      { line: 'end-processes', when: 'after', whom: 'harness' },
    ],
    'pdb-gridlock one-at-a-time (embedded)': [
      { line: 'uncordon-node', when: 'before', whom: 'harness' },
      { line: 'uncordon-node', when: 'after', whom: 'harness' },
      { line: 'uncordon-node', when: 'after', whom: 'both' },
    ],
  };
  for (const play of plays) {
    for (const kill of kills[nameOf(play)] ?? []) {
      it(`leaves nothing behind: ${nameOf(play)}, ${textOf(kill)}`, async () => {
        expect(await playKilled(play, kill)).to.deep.include({ killed: true, residue: [] });
      });
    }
  }
});
