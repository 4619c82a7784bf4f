// The examples of a run of fine-tuning, read and encoded with the model's chat template, and what is held out of them.
import { type ChatTemplate, checkExamples, type Example, loadExamples, type Tokenizer } from '../text/index.ts';
import { openChat, openTuningData, type TuningData } from './chat-data.ts';
import type { SftConfig } from './sft-config.ts';

type Settings = Pick<SftConfig, 'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'tooLong'>;

const load = (
  { sequenceLength, tooLong }: Settings,
  files: readonly string[],
  chat: { tokenizer: Tokenizer; template: ChatTemplate },
) => loadExamples(files, { ...chat, ...(tooLong !== 'refuse' && { maxTokens: sequenceLength, tooLong }) });

/** What is read of `files`, with the template that will be trained on. What is too long for `refuse` is among it. */
export async function readSftExamples(settings: Settings, files: readonly string[]) {
  const chat = openChat(settings.model, settings.template);
  return { ...chat, ...(await load(settings, files, chat)) };
}

/** @throws DataError naming file, row and field of what is not understood or does not fit; ConfigError for a template that is not there */
export const openSftData = (settings: Settings): Promise<TuningData<Example>> =>
  openTuningData({
    ...settings,
    what: 'examples',
    async read(files, chat) {
      const found = await load(settings, files, chat);
      checkExamples(found.examples, settings.sequenceLength);
      return found;
    },
    tokensOf: ({ ids }) => ids,
  });
