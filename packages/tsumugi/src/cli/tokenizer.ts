// `tsumugi tokenizer`: trains one, encodes and decodes with one, describes one. Other programs measure with `encode`: its output must
// not change.
import { StagedFolder } from '../base/index.ts';
import { formatInteger } from '../run/index.ts';
import { openCorpus, openTokenizer, TrainingText, trainTokenizer, writeTokenizer } from '../text/index.ts';
import { defineCommand, defineGroup } from './command.ts';
import { write } from './io.ts';
import { answerLines, integersField, stringField } from './json-lines.ts';
import { ProgressLine } from './progress.ts';
import { readOptions, reportMended, reportPassedOver, textOptions } from './text-options.ts';
import { tokenizerOption } from './tokenizer-option.ts';
import { withoutEffect } from './without-effect.ts';

const train = defineCommand(
  {
    command: 'tsumugi tokenizer train',
    summary: 'train a Unigram tokenizer with byte fallback on text',
    options: {
      ...textOptions,
      vocabularySize: { type: 'integer', min: 1, required: true, help: 'number of pieces' },
      out: {
        type: 'string',
        value: 'DIR',
        required: true,
        help: 'folder for tokenizer.jsonl and tokenizer_config.json, new or empty',
      },
      json: { type: 'boolean', help: 'print the result as JSON' },
    },
  },
  async (options, io) => {
    const start = performance.now();
    // First of all: a place that cannot be written to, or that holds something, is refused before any work.
    using staged = new StagedFolder(options.out);
    const corpus = openCorpus(options.text, readOptions(options));
    reportPassedOver(io.stderr, corpus.passedOver);
    const text = new TrainingText();
    let characters = 0;
    {
      using progress = new ProgressLine(io.stderr, 'reading');
      for await (const document of corpus.documents()) {
        text.add(document.text);
        characters += document.text.length;
        progress.update(corpus.bytesRead / corpus.bytesTotal);
      }
    }
    reportMended(io.stderr, corpus.mended);
    using progress = new ProgressLine(io.stderr, 'training');
    const pieces = trainTokenizer(text, {
      vocabSize: options.vocabularySize,
      onProgress: ({ fraction, note }) => progress.update(fraction, note),
    });
    progress[Symbol.dispose]();
    writeTokenizer(staged.path, pieces);
    staged.commit();
    const seconds = (performance.now() - start) / 1000;
    const result = { out: options.out, vocabularySize: pieces.length, characters, seconds };
    await write(
      io.stdout,
      options.json
        ? `${JSON.stringify(result)}\n`
        : `${pieces.length} pieces from ${formatInteger(characters)} characters in ${seconds.toFixed(1)} s → ${options.out}\n`,
    );
  },
);

const encode = defineCommand(
  {
    command: 'tsumugi tokenizer encode',
    summary: 'token ids of texts',
    options: {
      tokenizer: tokenizerOption,
      bos: { type: 'boolean', help: 'put the id of <|plamo:bos|> first' },
      safe: { type: 'boolean', help: 'control pieces spelled in a text do not match' },
      json: { type: 'boolean', help: 'no difference: the output is JSON lines anyway' },
    },
    details: 'Reads JSON lines {"text": "…"} from standard input, writes {"ids": […]} for each to standard output.',
  },
  async ({ tokenizer: path, bos, safe }, io) => {
    const { tokenizer } = openTokenizer(path);
    await answerLines(io, '{"text": "…"}', (record) => {
      const ids = tokenizer.encode(stringField(record, 'text'), { addBos: bos, safe });
      return `{"ids":[${ids.join(',')}]}`;
    });
  },
);

const decode = defineCommand(
  {
    command: 'tsumugi tokenizer decode',
    summary: 'texts of token ids',
    options: {
      tokenizer: tokenizerOption,
      skipSpecial: { type: 'boolean', help: 'leave out control pieces' },
      json: { type: 'boolean', help: 'no difference: the output is JSON lines anyway' },
    },
    details: 'Reads JSON lines {"ids": […]} from standard input, writes {"text": "…"} for each to standard output.',
  },
  async ({ tokenizer: path, skipSpecial }, io) => {
    const { tokenizer } = openTokenizer(path);
    await answerLines(io, '{"ids": […]}', (record) =>
      JSON.stringify({ text: tokenizer.decode(integersField(record, 'ids'), { skipSpecial }) }),
    );
  },
);

const info = defineCommand(
  {
    command: 'tsumugi tokenizer info',
    summary: 'what a tokenizer holds, and how densely it packs a text',
    options: {
      tokenizer: tokenizerOption,
      ...textOptions,
      text: { type: 'list', value: 'PATH', help: 'text to measure the density on' },
      field: {
        type: 'string',
        value: 'NAME',
        help: `${textOptions.field.help} (default ${textOptions.field.default})`,
      },
      json: { type: 'boolean', help: 'print as JSON' },
    },
  },
  async ({ text, field, encoding, documentCharacters, ...options }, io) => {
    if (text.length === 0) withoutEffect('without --text, no text is read', { field, encoding, documentCharacters });
    const { tokenizer, path, sha256 } = openTokenizer(options.tokenizer);
    const types: Record<string, number> = {};
    for (const { type } of tokenizer.vocabulary.pieces) types[type] = (types[type] ?? 0) + 1;
    const { bosId, eosId, padId, unkId, addBos, addEos } = tokenizer;
    const special = { bosId, eosId, padId, unkId, opId: tokenizer.opId ?? null };
    const texts: string[] = [];
    if (text.length > 0) {
      const corpus = openCorpus(
        text,
        readOptions({ field: field ?? textOptions.field.default, encoding, documentCharacters }),
      );
      reportPassedOver(io.stderr, corpus.passedOver);
      for await (const document of corpus.documents()) texts.push(document.text);
      reportMended(io.stderr, corpus.mended);
    }
    const density = texts.length > 0 ? tokenizer.density(texts) : undefined;
    if (options.json) {
      const facts = { path, sha256, vocabularySize: tokenizer.vocabSize, types, ...special, addBos, addEos };
      await write(io.stdout, `${JSON.stringify({ ...facts, ...density })}\n`);
      return;
    }
    const lines = [
      path,
      `pieces   ${tokenizer.vocabSize}: ${Object.entries(types)
        .map(([type, count]) => `${count} ${type}`)
        .join(', ')}`,
      `special  bos ${bosId}, eos ${eosId}, pad ${padId}, unk ${unkId}`,
      `SHA-256  ${sha256}`,
    ];
    if (density) {
      const { tokens, characters, charactersPerToken, bytesPerToken } = density;
      lines.push(
        `density  ${charactersPerToken.toFixed(3)} characters or ${bytesPerToken.toFixed(3)} bytes per token (${characters} characters, ${tokens} tokens)`,
      );
    }
    await write(io.stdout, `${lines.join('\n')}\n`);
  },
);

export const run = defineGroup('tsumugi tokenizer', 'train a tokenizer, encode and decode with one', {
  train: { summary: 'train one on text', run: train },
  encode: { summary: 'JSON lines {"text"} → {"ids"}', run: encode },
  decode: { summary: 'JSON lines {"ids"} → {"text"}', run: decode },
  info: { summary: 'what it holds, and how densely it packs a text', run: info },
});
