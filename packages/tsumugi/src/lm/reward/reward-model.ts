// A reward model as others use it: how good an answer is to a prompt, as a number.
import { UserError } from '../../base/index.ts';
import {
  type ChatTemplate,
  type Example,
  encodeCompletion,
  layOut,
  type Message,
  openTemplate,
  type Tokenizer,
} from '../../text/index.ts';
import { noGrad, scope, tensor } from '../../torch/index.ts';
import { loadTokenizer } from '../folder.ts';
import { type LoadRewardOptions, loadWithReward } from './folder.ts';
import { type Plamo2WithReward, rewardsAt } from './head.ts';

/** A prompt of messages, which the chat template renders, or a text, which is taken as it is. */
export type RewardPrompt = string | readonly Message[];

export interface PromptAndAnswer {
  prompt: RewardPrompt;
  answer: string;
}

/** Tokens of a forward pass, padding included, unless one text alone has more. */
const tokensAtOnce = 4096;

export class RewardModel implements Disposable {
  readonly model: Plamo2WithReward;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;

  constructor(model: Plamo2WithReward, tokenizer: Tokenizer, template: ChatTemplate) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.template = template;
  }

  /** The reward of an answer. Only differences between answers to one prompt mean something. */
  score(prompt: RewardPrompt, answer: string): number {
    return this.scores([{ prompt, answer }])[0]!;
  }

  /** The rewards of answers, several at a time. @throws UserError when one is not finite */
  scores(rows: readonly PromptAndAnswer[]): number[] {
    const examples = rows.map((row) => this.#encode(row));
    const found = new Array<number>(rows.length);
    const waiting = [...examples.keys()].sort((a, b) => examples[b]!.ids.length - examples[a]!.ids.length);
    while (waiting.length > 0) {
      const longest = examples[waiting[0]!]!.ids.length;
      const some = waiting.splice(0, Math.max(1, Math.floor(tokensAtOnce / longest)));
      const rewards = this.#forward(some.map((i) => examples[i]!));
      for (const [k, i] of some.entries()) found[i] = rewards[k]!;
    }
    const bad = found.findIndex((reward) => !Number.isFinite(reward));
    if (bad >= 0)
      throw new UserError('not-finite', `the reward of answer ${bad + 1} is ${found[bad]}`, {
        remedy: 'The weights of the reward model are damaged, or its training went astray: make it again.',
      });
    return found;
  }

  #encode({ prompt, answer }: PromptAndAnswer): Example {
    const source = { file: 'the answer', row: 1 };
    return encodeCompletion(
      this.template,
      this.tokenizer,
      typeof prompt === 'string'
        ? { kind: 'text', prompt, answers: [answer], source }
        : {
            kind: 'conversation',
            prompt: { messages: prompt },
            answers: [{ role: 'assistant', content: answer }],
            source,
          },
    );
  }

  #forward(examples: readonly Example[]): number[] {
    const longest = Math.max(...examples.map(({ ids }) => ids.length));
    const { tokens, rows, columns } = layOut(examples, { layout: 'padded', sequenceLength: longest });
    const ends = examples.map(({ ids }, row) => row * columns + ids.length - 1);
    return scope(() =>
      noGrad(() => {
        const ids = tensor(tokens, { shape: [rows, columns], dtype: 'int64', device: this.model.parameterDevice });
        return rewardsAt(this.model, this.model.forward(ids), ends).tolist() as number[];
      }),
    );
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}

/**
 * Opens the folder that `tsumugi reward` wrote.
 *
 * @throws ConfigError for a language model's folder, DataError, FormatError, CheckpointError as `loadModel`
 */
export function loadRewardModel(folder: string, options: LoadRewardOptions = {}): RewardModel {
  const model = loadWithReward(folder, options);
  try {
    model.eval();
    const tokenizer = loadTokenizer(folder, model.config);
    return new RewardModel(model, tokenizer, openTemplate(folder, tokenizer));
  } catch (error) {
    model[Symbol.dispose]();
    throw error;
  }
}
