// Finished episodes to learn from again, as segments with what their actions were drawn from. They are drawn uniformly, or as PCL has
// it in ChainerRL: with a priority of exp(return) that stays as it is, but for a share of the draws, which is uniform.
import { checkNumber, type RandomStream } from '../../base/index.ts';
import type { Segment } from './segment.ts';

/** Episodes of a higher return are drawn more often. */
export interface ByReturn {
  /** Share of the draws that are uniform all the same. */
  uniformRatio: number;
}

const returnOf = ({ rewards }: Segment) => rewards.reduce((sum, reward) => sum + reward, 0);

/** The part of a line, cut in these shares, in which the point `x` of [0, 1) lies. */
function placeOf(x: number, shares: readonly number[]): number {
  let rest = x * shares.reduce((sum, share) => sum + share, 0);
  for (let place = 0; place < shares.length; place++) {
    rest -= shares[place]!;
    if (rest < 0) return place;
  }
  // Rounding took the point past the end.
  return shares.findLastIndex((share) => share > 0);
}

/** @throws ConfigError where replay never holds what the first update from it waits for */
export function requireRoom(
  owner: string,
  { capacity, replayStart, replayUpdates }: { capacity: number; replayStart: number; replayUpdates: number },
): void {
  if (replayUpdates > 0) checkNumber(owner, 'replayStart', replayStart, { max: capacity });
}

export class EpisodeReplay {
  readonly capacity: number;
  readonly #stream: RandomStream;
  readonly #byReturn: ByReturn | undefined;
  #episodes: Segment[] = [];
  /** Of each episode. */
  #returns: number[] = [];
  #length = 0;

  /** @param capacity steps; what is above it goes, oldest episodes first @param byReturn uniform draws when left out */
  constructor(capacity: number, stream: RandomStream, byReturn?: ByReturn) {
    this.capacity = checkNumber('EpisodeReplay', 'capacity', capacity, { min: 1, whole: true });
    if (byReturn) checkNumber('EpisodeReplay', 'uniformRatio', byReturn.uniformRatio, { min: 0, max: 1 });
    this.#stream = stream;
    this.#byReturn = byReturn;
  }

  /** It has so many steps, or no room for another of its longest episodes. */
  hasEnough(steps: number): boolean {
    if (this.#length >= steps || this.#episodes.length === 0) return this.#length >= steps;
    return this.#length + Math.max(...this.#episodes.map(({ length }) => length)) > this.capacity;
  }

  /** Steps of all episodes. */
  get length(): number {
    return this.#length;
  }

  get episodes(): readonly Segment[] {
    return this.#episodes;
  }

  set episodes(episodes: readonly Segment[]) {
    this.#episodes = [...episodes];
    this.#returns = episodes.map(returnOf);
    this.#length = episodes.reduce((sum, { length }) => sum + length, 0);
  }

  add(episode: Segment): void {
    this.#episodes.push(episode);
    this.#returns.push(returnOf(episode));
    this.#length += episode.length;
    while (this.#length > this.capacity && this.#episodes.length > 1) {
      this.#length -= this.#episodes.shift()!.length;
      this.#returns.shift();
    }
  }

  /** Of an episode that is drawn a stretch of at most `longest` steps, at a place that is drawn, too. */
  sample(longest: number): Segment {
    return this.sampleEach(1, longest)[0]!;
  }

  /** The same of so many episodes, each at most once; of all of them where there are not so many. */
  sampleEach(count: number, longest: number): Segment[] {
    const size = Math.min(count, this.#episodes.length);
    const drawn = this.#byReturn ? this.#drawByReturn(size, this.#byReturn.uniformRatio) : this.#drawUniformly(size);
    return drawn.map((place) => {
      const episode = this.#episodes[place]!;
      if (episode.length <= longest) return episode;
      return episode.window(this.#stream.below(episode.length - longest + 1), longest);
    });
  }

  #drawUniformly(size: number): number[] {
    const drawn = new Set<number>();
    while (drawn.size < size) drawn.add(this.#stream.below(this.#episodes.length));
    return [...drawn];
  }

  #drawByReturn(size: number, uniformRatio: number): number[] {
    let uniform = 0;
    for (let i = 0; i < size; i++) if (this.#stream.next() < uniformRatio) uniform++;
    const left = this.#episodes.map((_, place) => place);
    const take = (at: number) => left.splice(at, 1)[0]!;
    const drawn = Array.from({ length: uniform }, () => take(this.#stream.below(left.length)));
    while (drawn.length < size) {
      // Less the highest, which changes no share: a return of some hundreds has no exponential.
      const highest = left.reduce((most, place) => Math.max(most, this.#returns[place]!), -Infinity);
      const priorities = left.map((place) => Math.exp(this.#returns[place]! - highest));
      drawn.push(take(placeOf(this.#stream.next(), priorities)));
    }
    return drawn;
  }
}
