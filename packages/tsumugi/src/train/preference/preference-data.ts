// The pairs of a run of preference training, read and encoded with the model's chat template, and what is held out of them.
import { DataError } from '../../base/index.ts';
import { formatInteger, type RunInputs } from '../../run/index.ts';
import {
  type ChatTemplate,
  describeReport,
  loadPairs,
  type PreferenceExample,
  type Tokenizer,
} from '../../text/index.ts';
import { fileInputs, openChat, templateInput } from '../chat-data.ts';
import type { DpoConfig } from '../dpo-config.ts';
import { holdOut } from '../hold-out.ts';

export interface PreferenceData {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  pairs: readonly PreferenceExample[];
  heldOut: readonly PreferenceExample[];
  /** The files and the template, by hash. */
  inputs: RunInputs;
  /** What a person is told of them. */
  lines: readonly string[];
}

type Settings = Pick<DpoConfig, 'model' | 'data' | 'heldOut' | 'template' | 'seed' | 'sequenceLength' | 'tooLong'>;

/** @throws DataError naming file, row and field of what is not understood or does not fit; ConfigError for a template that is not there */
export async function openPreferenceData(settings: Settings): Promise<PreferenceData> {
  const { model, data, heldOut, template: asked, seed, sequenceLength, tooLong } = settings;
  const { tokenizer, template } = openChat(model, asked);
  const most = tooLong === 'refuse' ? {} : { maxTokens: sequenceLength };
  const read = async (files: readonly string[]) => {
    const { examples, report } = await loadPairs(files, { template, tokenizer, ...most });
    requireFit(examples, sequenceLength);
    return { pairs: examples, lines: describeReport(report) };
  };
  const all = await read(data);
  const own = typeof heldOut === 'number' ? undefined : await read(heldOut);
  // Pairs of one prompt stay on one side.
  const split = own ?? holdOut(all.pairs, heldOut as number, seed, ({ prompt }) => prompt);
  const [pairs, measured] = 'pairs' in split ? [all.pairs, split.pairs] : [split.examples, split.heldOut];
  return {
    tokenizer,
    template,
    pairs,
    heldOut: measured,
    inputs: {
      ...(await fileInputs('data', data)),
      ...(own && (await fileInputs('heldOut', heldOut as string[]))),
      template: templateInput(template),
    },
    lines: [
      `chat template: ${template.name}`,
      ...all.lines,
      ...(own?.lines ?? []),
      `learned from: ${formatInteger(pairs.length)} pairs, held out: ${formatInteger(measured.length)}`,
    ],
  };
}

const lengthOf = ({ prompt, chosen, rejected }: PreferenceExample) =>
  prompt.length + Math.max(chosen.length, rejected.length);

function requireFit(pairs: readonly PreferenceExample[], sequenceLength: number): void {
  const long = pairs.filter((pair) => lengthOf(pair) > sequenceLength);
  const [first] = long;
  if (!first) return;
  const { file, row } = first.source;
  const others = long.length > 1 ? `; so are ${formatInteger(long.length - 1)} more` : '';
  throw new DataError(
    'too-long',
    `${file}, row ${row}: a pair of ${formatInteger(lengthOf(first))} tokens is longer than a row of ${formatInteger(sequenceLength)}${others}`,
    {
      remedy: `Set sequenceLength=${Math.max(...long.map(lengthOf))}, or tooLong=drop.`,
      fields: { file, row, tokens: lengthOf(first), sequenceLength },
    },
  );
}
