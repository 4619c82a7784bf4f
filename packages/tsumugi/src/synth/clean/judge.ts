// One text after the other: filters, evaluation sets, near-duplicates. What stays is known at the end.
import { readDocuments } from '../../text/index.ts';
import { ContaminationIndex, type ContaminationOptions } from '../contamination/index.ts';
import {
  characterFilter,
  endingFilter,
  FilterPipeline,
  japaneseFilter,
  lengthFilter,
  repetitionFilter,
} from '../filters/index.ts';
import { type NearDuplicateOptions, NearDuplicates } from '../near/index.ts';
import { CLEAN_FILTERS, type CleanConfig } from './clean-config.ts';

const filters = {
  length: lengthFilter,
  japanese: japaneseFilter,
  characters: characterFilter,
  ending: endingFilter,
  repetition: repetitionFilter,
} as const;

export class CorpusJudge {
  readonly #filters: FilterPipeline;
  readonly #tests: ContaminationIndex | undefined;
  readonly #near: NearDuplicates | undefined;
  /** A bit for each text: whether it came to the near-duplicates. */
  #passed = new Uint8Array(1024);
  #count = 0;
  #empty = 0;
  #contaminated = 0;

  private constructor(config: CleanConfig, tests: ContaminationIndex | undefined) {
    const chosen = CLEAN_FILTERS.filter((name) => config[name] !== undefined);
    this.#filters = new FilterPipeline(chosen.map((name) => filters[name](config[name] as never)));
    this.#tests = tests;
    this.#near = config.nearDuplicates ? new NearDuplicates(config.near as NearDuplicateOptions) : undefined;
  }

  /** Reads the texts to keep away from. */
  static async open(config: CleanConfig): Promise<CorpusJudge> {
    if (config.against.length === 0) return new CorpusJudge(config, undefined);
    const tests = new ContaminationIndex(config.decontaminate as ContaminationOptions);
    for (const path of config.against) {
      const texts: string[] = [];
      for await (const { text } of readDocuments([path], { documentCharacters: Infinity })) texts.push(text);
      tests.add(path, texts);
    }
    return new CorpusJudge(config, tests);
  }

  /** Takes the next text. */
  add(text: string | null): void {
    const at = this.#count++;
    if (at >> 3 >= this.#passed.length) {
      const larger = new Uint8Array(2 * this.#passed.length);
      larger.set(this.#passed);
      this.#passed = larger;
    }
    if (text === null || text.trim() === '') this.#empty++;
    else if (!this.#filters.judge(text).keep) return;
    else if (this.#tests?.judge(text).contaminated) this.#contaminated++;
    else {
      this.#near?.add(text);
      this.#passed[at >> 3]! |= 1 << (at & 7);
    }
  }

  /** Of each text, in their order, whether it stays. */
  *kept(): Generator<boolean> {
    let number = 0;
    for (let i = 0; i < this.#count; i++) {
      const passed = ((this.#passed[i >> 3]! >> (i & 7)) & 1) === 1;
      yield passed && (this.#near?.isKept(number++) ?? true);
    }
  }

  /** What was dropped, by what dropped it; of near-duplicates all but the first of each group. */
  get dropped(): Record<string, number> {
    const near = this.#near;
    let alike = 0;
    for (let i = 0; i < (near?.size ?? 0); i++) if (!near!.isKept(i)) alike++;
    return {
      empty: this.#empty,
      ...Object.fromEntries(this.#filters.counts.map(({ name, dropped }) => [name, dropped])),
      ...(this.#tests && { contaminated: this.#contaminated }),
      ...(near && { 'near-duplicates': alike }),
    };
  }

  get texts(): number {
    return this.#count;
  }
}
