// The examples of a run of fine-tuning, read and encoded with the model's chat template, and what is held out of them.
import { formatInteger, type RunInputs } from '../run/index.ts';
import {
  type ChatTemplate,
  checkExamples,
  describeReport,
  type Example,
  loadExamples,
  type Tokenizer,
} from '../text/index.ts';
import { fileInputs, openChat, templateInput } from './chat-data.ts';
import { holdOut } from './hold-out.ts';
import type { SftConfig } from './sft-config.ts';

export interface SftData {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  examples: readonly Example[];
  heldOut: readonly Example[];
  /** The files and the template, by hash. */
  inputs: RunInputs;
  /** What a person is told of them. */
  lines: readonly string[];
}

type Settings = Pick<SftConfig, 'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'tooLong'>;

/** What is read of `files`, with the template that will be trained on. What is too long for `refuse` is among it. */
export async function readSftExamples(
  { model, template: asked, sequenceLength, tooLong }: Settings,
  files: readonly string[],
) {
  const { tokenizer, template } = openChat(model, asked);
  const most = tooLong === 'refuse' ? {} : { maxTokens: sequenceLength, tooLong };
  return { tokenizer, template, ...(await loadExamples(files, { template, tokenizer, ...most })) };
}

/** @throws DataError naming file, row and field of what is not understood or does not fit; ConfigError for a template that is not there */
export async function openSftData(settings: Settings): Promise<SftData> {
  const { data, heldOut, seed, sequenceLength } = settings;
  const read = async (files: readonly string[]) => {
    const found = await readSftExamples(settings, files);
    checkExamples(found.examples, sequenceLength);
    return { ...found, lines: describeReport(found.report) };
  };
  const all = await read(data);
  const own = typeof heldOut === 'number' ? undefined : await read(heldOut);
  const split = own
    ? { examples: all.examples, heldOut: own.examples }
    : holdOut(all.examples, heldOut as number, seed, ({ ids }) => ids);
  const { tokenizer, template } = all;
  const learned = formatInteger(split.examples.length);
  return {
    tokenizer,
    template,
    ...split,
    inputs: {
      ...(await fileInputs('data', data)),
      ...(own && (await fileInputs('heldOut', heldOut as string[]))),
      template: templateInput(template),
    },
    lines: [
      `chat template: ${template.name}`,
      ...all.lines,
      ...(own?.lines ?? []),
      `learned from: ${learned} examples, held out: ${formatInteger(split.heldOut.length)}`,
    ],
  };
}
