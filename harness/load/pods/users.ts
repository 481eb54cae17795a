import type { Sum } from '../points.ts';

interface Pod {
  /** What is not summed up yet, by second since 1970. */
  readonly seconds: Map<number, { readonly wall: number; readonly users: number }>;
  /** In the second summed up last. */
  users: number;
  first?: number;
  last?: number;
  /** The second in which it ended. */
  end?: number;
}

/**
 * The virtual users of all pods together, second by second. A second is told when every pod has gone beyond it or has ended: a sum of
 * some would look like a load that grew or shrank. A pod that says nothing in a second has as many as before, one that has ended none.
 */
export class Users {
  readonly #pods: readonly Pod[];
  #next: number | undefined;

  constructor(pods: number) {
    this.#pods = Array.from({ length: pods }, () => ({ seconds: new Map(), users: 0 }));
  }

  add(index: number, { wall, last: users }: Sum): void {
    const pod = this.#pods[index];
    const second = secondOf(wall);
    if (!pod || second < (this.#next ?? second)) return;
    pod.seconds.set(second, { wall, users });
    pod.first = Math.min(pod.first ?? second, second);
    pod.last = Math.max(pod.last ?? second, second);
  }

  end(index: number, wall: number): void {
    const pod = this.#pods[index];
    if (pod) pod.end = secondOf(wall);
  }

  /** The sums that were not told yet; `rest`: those too that some pods have not gone beyond. */
  sums(rest: boolean): readonly Sum[] {
    const living = this.#pods.filter(({ end }) => end === undefined);
    if (!rest && living.some(({ last }) => last === undefined)) return [];
    const firsts = this.#pods.flatMap(({ first }) => first ?? []);
    const from = Math.max(...firsts);
    const last = Math.max(...this.#pods.flatMap((pod) => pod.last ?? []));
    const until = rest ? last : Math.min(last, ...living.flatMap((pod) => pod.last ?? []).map((second) => second - 1));
    let second = this.#next ?? Math.min(...firsts);
    const found: Sum[] = [];
    for (; second <= until; second += 1) {
      const sum = this.#sum(second);
      if (second >= from) found.push(sum);
    }
    if (firsts.length > 0) this.#next = second;
    return found;
  }

  #sum(second: number): Sum {
    let wall = 1000 * second;
    for (const pod of this.#pods) {
      const own = pod.seconds.get(second);
      pod.seconds.delete(second);
      if (own) pod.users = own.users;
      else if (pod.end !== undefined && pod.end <= second) pod.users = 0;
      wall = Math.max(wall, own?.wall ?? 0);
    }
    const all = this.#pods.reduce((sum, { users }) => sum + users, 0);
    return { metric: 'vus', tags: {}, wall, count: 1, sum: all, last: all };
  }
}

const secondOf = (wall: number): number => Math.floor(wall / 1000);
