// The prompts of a run of GRPO, read and encoded with the model's chat template, and what is held out of them.
import { DataError } from '../../base/index.ts';
import { formatInteger } from '../../run/index.ts';
import { atSource, type ExampleSource, encodePrompt, listRowFiles, readPrompts } from '../../text/index.ts';
import { openTuningData, type TuningData } from '../chat-data.ts';
import type { GrpoConfig } from '../grpo-config.ts';
import type { AnswerScorer, AnswerToScore } from './answer-scorer.ts';

/** A prompt as the model is given it, and as the scorer is. */
export interface PromptToLearn extends Omit<AnswerToScore, 'answer'> {
  readonly ids: Int32Array;
  readonly source: ExampleSource;
}

type Settings = Pick<
  GrpoConfig,
  'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'maxTokens' | 'tooLong'
>;

/** @throws DataError naming file, row and field of what is not understood, does not fit or cannot be scored; ConfigError for a template that is not there */
export const openPromptData = (settings: Settings, scorer: AnswerScorer): Promise<TuningData<PromptToLearn>> =>
  openTuningData({
    ...settings,
    what: 'prompts',
    async read(files, { template, tokenizer }) {
      const { sequenceLength, maxTokens, tooLong } = settings;
      const longest = sequenceLength - maxTokens;
      const examples: PromptToLearn[] = [];
      const long: PromptToLearn[] = [];
      for await (const { prompt, values, source } of readPrompts(files, scorer.columns)) {
        const ids = atSource(source, () => {
          scorer.check?.(values);
          return typeof prompt === 'string'
            ? tokenizer.encode(prompt, { addBos: true, safe: true })
            : encodePrompt(template, tokenizer, prompt);
        });
        const asked = typeof prompt === 'string' ? prompt : prompt.messages;
        const example = { ids: Int32Array.from(ids), prompt: asked, row: values, source };
        (example.ids.length > longest ? long : examples).push(example);
      }
      if (long.length > 0 && tooLong === 'refuse') throw tooLongPrompt(long, settings);
      if (examples.length === 0)
        throw new DataError('no-examples', `no prompt is left of ${files.join(', ')}`, {
          remedy: 'Check the files and sequenceLength.',
          fields: { files, sequenceLength },
        });
      const mean = examples.reduce((sum, { ids }) => sum + ids.length, 0) / examples.length;
      const dropped = long.length > 0 ? `, ${formatInteger(long.length)} dropped as too long` : '';
      return {
        examples,
        report: [
          ...listRowFiles(files).map(({ path }) => `data: ${path}`),
          `${formatInteger(examples.length)} prompts of ${mean.toFixed(1)} tokens on average${dropped}`,
        ],
      };
    },
    tokensOf: ({ ids }) => ids,
  });

function tooLongPrompt(long: readonly PromptToLearn[], { sequenceLength, maxTokens }: Settings): DataError {
  const { ids, source } = long[0]!;
  const others = long.length > 1 ? `; so are ${formatInteger(long.length - 1)} more` : '';
  const most = Math.max(...long.map((each) => each.ids.length));
  return new DataError(
    'too-long',
    `${source.file}, row ${source.row}: a prompt of ${formatInteger(ids.length)} tokens and an answer of ${formatInteger(maxTokens)} are longer than a row of ${formatInteger(sequenceLength)}${others}`,
    {
      remedy: `Set sequenceLength=${most + maxTokens}, or tooLong=drop.`,
      fields: { ...source, tokens: ids.length, sequenceLength },
    },
  );
}
