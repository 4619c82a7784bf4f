// Bits per character by position: how well a long text is predicted, in bins of token position. A model that uses its context
// gets better from bin to bin; one that cannot go beyond what it was trained on gets worse from there.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ConfigError, sha256 } from '../../../base/index.ts';
import { bitsPerCharacter } from '../../../text/index.ts';
import type { RollingAnswer, RollingRequest } from '../../request.ts';
import type { Grid, SampleRecord, Task, TaskContext } from '../../task.ts';
import { embeddedNovels, type Novel } from './novel.ts';
import { lengthLabel, lengthsOf, samplesOf } from './settings.ts';

const SAMPLES = 4;

interface Document {
  id: string;
  text: string;
}

/** Cuts at line ends into documents that hold `tokens` tokens at least: what is beyond the last bin is not looked at. */
function documentsOf({ name, text }: Novel, tokens: number, countTokens: TaskContext['countTokens']): Document[] {
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

function sources(options: TaskContext['options']): Novel[] {
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

function gridOf(documents: readonly Document[], edges: readonly number[], records: readonly SampleRecord[]): Grid {
  const row = (some: readonly SampleRecord[]) =>
    edges.map((_, bin) => {
      const value = bits([bin])(some);
      return Number.isFinite(value) ? value : null;
    });
  const values = [...records.map((record) => row([record])), row(records)];
  const finite = values.flat().filter((value) => value !== null);
  return {
    title: 'Bits per character by position',
    ...{ xLabel: 'position (tokens)', yLabel: 'text' },
    x: edges.map((_, bin) => binLabel(edges, bin, '–')),
    y: [...documents.map(({ id }) => id), 'all'],
    values,
    scale: { unit: 'bits per character', worst: Math.max(...finite), best: Math.min(...finite) },
  };
}

export const position: Task = {
  name: 'position',
  version: 1,
  summary: 'bits per character of long texts by token position',
  metric: 'bits_per_character',
  lowerIsBetter: true,
  asks: ['rolling'],
  options: {
    lengths: 'where bins of positions end (default 1K,2K,4K,8K,16K,32K)',
    samples: `texts (default ${SAMPLES})`,
    text: 'a text file of your own, such as one that was held out, instead of the embedded novels',
  },
  async run(context) {
    const { options, limit, keepTexts, countTokens } = context;
    const edges = lengthsOf(options);
    const last = edges.at(-1)!;
    const documents = interleaved(sources(options).map((source) => documentsOf(source, last, countTokens))).slice(
      0,
      Math.min(limit ?? Number.POSITIVE_INFINITY, samplesOf(options, SAMPLES)),
    );
    if (documents.length === 0)
      throw new ConfigError('text-too-short', `the text is shorter than ${last} tokens`, {
        remedy: 'Name a longer text with --set text=FILE, or shorter bins with --set lengths=….',
        fields: { tokens: last },
      });
    const requests = documents.map(({ text }): RollingRequest => ({ kind: 'rolling', text, edges }));
    const answers: RollingAnswer[] = await context.ask(requests);
    const records = documents.map(({ id }, i): SampleRecord => {
      const { nats, characters } = answers[i]!;
      const metrics = edges.flatMap((_, bin) => [
        [`nats ${bin}`, nats[bin]!] as const,
        [`characters ${bin}`, characters[bin]!] as const,
      ]);
      return {
        id,
        metrics: Object.fromEntries(metrics),
        ...(keepTexts && { prompt: requests[i], answer: answers[i] }),
      };
    });
    const everyBin = edges.map((_, bin) => bin);
    const byBin = everyBin.map((bin) => [`bits_${binLabel(edges, bin, '-')}`, bits([bin])] as const);
    return {
      records,
      aggregate: { bits_per_character: bits(everyBin), ...Object.fromEntries(byBin) },
      settings: { text: options?.['text'] ?? 'embedded novels', documents: documents.length, positions: last },
      promptHash: sha256(documents.map(({ text }) => text).join('\n')),
      grid: gridOf(documents, edges, records),
    };
  },
};
