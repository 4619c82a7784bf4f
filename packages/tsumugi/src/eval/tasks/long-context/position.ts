// Bits per character by position: how well a long text is predicted, in bins of token position. A model that uses its context
// gets better from bin to bin; one that cannot go beyond what it was trained on gets worse from there.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ConfigError } from '../../../base/index.ts';
import type { Heatmap } from '../../../draw/index.ts';
import { bitsPerCharacter } from '../../../text/index.ts';
import { rollingTask } from '../../rolling-task.ts';
import type { SampleContext, SampleRecord } from '../../task.ts';
import { embeddedNovels, type Novel } from './novel.ts';
import { lengthLabel, lengthsOf, samplesOf } from './settings.ts';

const SAMPLES = 4;

export interface Document {
  id: string;
  text: string;
}

/** Cuts at line ends into documents that hold `tokens` tokens at least: what is beyond the last bin is not looked at. */
function documentsOf({ name, text }: Novel, tokens: number, countTokens: SampleContext['countTokens']): Document[] {
  // Without a tokenizer at hand: no common tokenizer makes tokens of more than four characters out of Japanese on average.
  const enough = countTokens ?? ((part: string) => part.length / 4);
  const documents: Document[] = [];
  let [part, length] = ['', 0];
  for (const line of text.split(/(?<=\n)/)) {
    part += line;
    length += enough(line);
    if (length < tokens * 1.02) continue;
    documents.push({ id: `${name}/${documents.length + 1}`, text: part });
    [part, length] = ['', 0];
  }
  return documents;
}

/** In turn from each text, so that few samples are not all of one. */
function interleaved(lists: readonly Document[][]): Document[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

function sources(options: SampleContext['options']): Novel[] {
  const file = options?.['text'];
  if (file === undefined) return embeddedNovels();
  try {
    return [{ name: basename(file), text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) }];
  } catch (cause) {
    throw new ConfigError('bad-option', `text: ${file} cannot be read as UTF-8: ${(cause as Error).message}`, {
      remedy: 'Name a text file with --set text=FILE.',
      fields: { option: 'text', value: file },
      cause,
    });
  }
}

const binLabel = (edges: readonly number[], bin: number, dash: string) =>
  `${bin === 0 ? '0' : lengthLabel(edges[bin - 1]!)}${dash}${lengthLabel(edges[bin]!)}`;

/** Bits per character over records, in one bin or in all. */
const bits = (bins: readonly number[]) => (records: readonly SampleRecord[]) => {
  const sum = (what: string) =>
    records.reduce((total, { metrics }) => total + bins.reduce((part, bin) => part + metrics[`${what} ${bin}`]!, 0), 0);
  return bitsPerCharacter(sum('nats'), sum('characters'));
};

function heatmapOf(
  documents: readonly Document[],
  edges: readonly number[],
  records: readonly SampleRecord[],
): Heatmap {
  const row = (some: readonly SampleRecord[]) =>
    edges.map((_, bin) => {
      const value = bits([bin])(some);
      return Number.isFinite(value) ? value : null;
    });
  const values = [...records.map((record) => row([record])), row(records)];
  const finite = values.flat().filter((value) => value !== null);
  return {
    title: 'Bits per character by position',
    xLabel: 'position (tokens)',
    yLabel: 'text',
    x: edges.map((_, bin) => binLabel(edges, bin, '–')),
    y: [...documents.map(({ id }) => id), 'all'],
    values,
    scale: { unit: 'bits per character', worst: Math.max(...finite), best: Math.min(...finite) },
  };
}

/** As many documents as there are to be: `samples`, and no more than the limit. */
function load({ options, limit, countTokens }: SampleContext) {
  const last = lengthsOf(options).at(-1)!;
  const documents = interleaved(sources(options).map((source) => documentsOf(source, last, countTokens))).slice(
    0,
    Math.min(limit ?? Number.POSITIVE_INFINITY, samplesOf(options, SAMPLES)),
  );
  if (documents.length > 0) return { samples: documents };
  throw new ConfigError('text-too-short', `the text is shorter than ${last} tokens`, {
    remedy: 'Name a longer text with --set text=FILE, or shorter bins with --set lengths=….',
    fields: { tokens: last },
  });
}

export const position = rollingTask<Document>({
  name: 'position',
  version: 1,
  summary: 'bits per character of long texts by token position',
  metric: 'bits_per_character',
  lowerIsBetter: true,
  options: {
    lengths: 'where bins of positions end (default 1K,2K,4K,8K,16K,32K)',
    samples: `texts (default ${SAMPLES})`,
    text: 'a text file of your own, such as one that was held out, instead of the embedded novels',
  },
  wording: (documents) => documents.map(({ text }) => text).join('\n'),
  load,
  text: ({ text }) => text,
  edges: ({ options }) => lengthsOf(options),
  score: (_document, { nats, characters }) =>
    Object.fromEntries(
      nats.flatMap((_, bin) => [
        [`nats ${bin}`, nats[bin]!],
        [`characters ${bin}`, characters[bin]!],
      ]),
    ),
  aggregate({ options }) {
    const edges = lengthsOf(options);
    const byBin = edges.map((_, bin) => [`bits_${binLabel(edges, bin, '-')}`, bits([bin])] as const);
    return { bits_per_character: bits(edges.map((_, bin) => bin)), ...Object.fromEntries(byBin) };
  },
  settings: ({ options }, documents) => ({
    text: options?.['text'] ?? 'embedded novels',
    documents: documents.length,
    positions: lengthsOf(options).at(-1)!,
  }),
  heatmap: (documents, records, { options }) => heatmapOf(documents, lengthsOf(options), records),
});
