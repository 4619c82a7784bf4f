// Finished episodes to learn from again, as segments with what their actions were drawn from.
import { checkNumber, type RandomStream } from '../../base/index.ts';
import type { Segment } from './segment.ts';

export class EpisodeReplay {
  readonly capacity: number;
  readonly #stream: RandomStream;
  #episodes: Segment[] = [];
  #length = 0;

  /** @param capacity steps; what is above it goes, oldest episodes first */
  constructor(capacity: number, stream: RandomStream) {
    this.capacity = checkNumber('EpisodeReplay', 'capacity', capacity, { min: 1, whole: true });
    this.#stream = stream;
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
    this.#length = episodes.reduce((sum, { length }) => sum + length, 0);
  }

  add(episode: Segment): void {
    this.#episodes.push(episode);
    this.#length += episode.length;
    while (this.#length > this.capacity && this.#episodes.length > 1) this.#length -= this.#episodes.shift()!.length;
  }

  /** Of an episode that is drawn a stretch of at most `longest` steps, at a place that is drawn, too. */
  sample(longest: number): Segment {
    const episode = this.#episodes[this.#stream.below(this.#episodes.length)]!;
    if (episode.length <= longest) return episode;
    return episode.window(this.#stream.below(episode.length - longest + 1), longest);
  }
}
