// What the HTTP thread knows of a model: how its prompts are encoded, and what its texts are written by where nobody says.
import type { Plamo2Config } from '../lm/index.ts';
import type { ChatTemplate, Tokenizer } from '../text/index.ts';
import type { CallSampling } from './answer/call.ts';
import type { ModelPlace } from './engine-thread/protocol.ts';

export interface ServedDraft {
  readonly folder: string;
  readonly config: Plamo2Config;
}

export interface ServedModel {
  readonly name: string;
  readonly place: Omit<ModelPlace, 'draft'>;
  /** What guesses how its texts go on. */
  readonly draft?: ServedDraft | undefined;
  readonly config: Plamo2Config;
  readonly tokenizer: Tokenizer;
  /** A base model has none. */
  readonly template: ChatTemplate | undefined;
  /** Tokens of a prompt and its answer together. */
  readonly contextTokens: number;
  /** What generation_config.json says of sampling. */
  readonly sampling: CallSampling;
  /** Ids that end its texts: of the tokenizer, the config and the template. */
  readonly endIds: readonly number[];
  /** Seconds since 1970, of its config.json. */
  readonly created: number;
}
