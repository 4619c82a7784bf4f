// The examples of a run of fine-tuning, read and encoded with the model's chat template, and what is held out of them.
import { contentHash } from '../base/index.ts';
import { formatInteger, inputAt, type RunInput, type RunInputs } from '../run/index.ts';
import {
  builtInTemplate,
  type ChatTemplate,
  checkExamples,
  describeReport,
  type Example,
  findTemplate,
  loadExamples,
  openTokenizer,
  type Tokenizer,
  templateHash,
  templateTokens,
} from '../text/index.ts';
import { holdOut } from './hold-out.ts';
import type { SftConfig } from './sft-config.ts';

/** What a model learns to answer in when it has no template and none is named. */
const DEFAULT_TEMPLATE = 'instruction-ja';

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
  const { tokenizer } = openTokenizer(model);
  const template =
    findTemplate(model, tokenizer, asked) ?? builtInTemplate(DEFAULT_TEMPLATE, templateTokens(tokenizer))!;
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
    : holdOut(all.examples, heldOut as number, seed);
  const { tokenizer, template } = all;
  const learned = formatInteger(split.examples.length);
  return {
    tokenizer,
    template,
    ...split,
    inputs: {
      ...(await inputsOf('data', data)),
      ...(own && (await inputsOf('heldOut', heldOut as string[]))),
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

const inputsOf = async (name: string, files: readonly string[]): Promise<RunInputs> =>
  Object.fromEntries(
    await Promise.all(files.map(async (file, i) => [`${name}.${i}`, inputAt(file, await contentHash(file))] as const)),
  );

const templateInput = (template: ChatTemplate): RunInput => ({
  path: template.name,
  sha256: templateHash(template),
  bytes: Buffer.byteLength(template.source),
  written: null,
});
