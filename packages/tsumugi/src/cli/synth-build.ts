// `tsumugi synth build`: rows to learn from out of data, without a model.
import { ConfigError, signalExitCode, suggestion } from '../base/index.ts';
import { formatBytes, formatDuration, formatInteger } from '../run/index.ts';
import { BUILDER_NAMES, BUILDERS, buildExamples, checkBuilder, forecastBuild } from '../synth/index.ts';
import { HELD_OUT_FRACTION, listSourceFiles } from '../text/index.ts';
import { defineCommand } from './command.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { nothingWritten, stoppableWithoutTorch } from './stoppable.ts';
import { textOptions } from './text-options.ts';

const { encoding, documentCharacters } = textOptions;

export const run = defineCommand(
  {
    command: 'tsumugi synth build',
    summary: 'rows to learn from out of texts, translations or descriptions, without a model',
    positionals: ['BUILDER'],
    options: {
      data: { type: 'list', value: 'PATH', required: true, help: 'texts, or rows of translations or descriptions' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for DIR/examples and DIR/held-out' },
      rows: {
        type: 'choice',
        choices: ['answers', 'pairs'],
        help: 'answers to learn (for sft), or pairs (for dpo); answers unless the builder makes pairs alone',
      },
      form: {
        type: 'choice',
        choices: ['chat', 'task'],
        default: 'chat',
        help: 'how it is asked: as people ask, or as the evaluation task of the same kind does',
      },
      heldOut: {
        type: 'number',
        min: 0,
        max: 0.99,
        default: HELD_OUT_FRACTION,
        help: 'share of the documents or packages that are held out',
      },
      share: { type: 'number', min: 0, max: 1, default: 1, help: 'share of the rows that are made, drawn' },
      seed: { type: 'integer', min: 0, default: 0, help: 'decides what is held out, asked, and worse' },
      field: { type: 'string', value: 'NAME', help: 'field or column that holds the text (default text)' },
      group: {
        type: 'string',
        value: 'NAME',
        help: 'field or column held out as one (default: source; of texts the document)',
      },
      encoding,
      documentCharacters,
      plan: { type: 'boolean', help: 'print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the counts as JSON' },
    },
    details: `Builders:\n${formatRows(BUILDERS.map(({ name, summary, reads }) => [name, `${summary}; of ${reads}`]))}`,
  },
  async (options, io, [name]) => {
    const builder = BUILDERS.find((each) => each.name === name);
    if (!builder)
      throw new ConfigError('unknown-builder', `there is no builder "${name}"`, {
        remedy: suggestion(name!, BUILDER_NAMES),
        fields: { builder: name },
      });
    const { data, out, form, heldOut: heldOutFraction, share, seed, json, plan } = options;
    const rows = options.rows ?? builder.rows[0]!;
    checkBuilder(builder, rows, form);
    const forecast = forecastBuild(builder, listSourceFiles(data, '--data'));
    if (plan) {
      const { seconds, memoryBytes, diskBytes, examples } = forecast;
      if (json) return write(io.stdout, `${JSON.stringify(forecast)}\n`);
      const text = `about ${formatDuration(seconds)}, ${formatBytes(memoryBytes)} of memory, ${formatBytes(diskBytes)} of disk, ${formatInteger(examples)} rows\n`;
      return write(io.stdout, text);
    }
    const { field, group, encoding, documentCharacters } = options;
    using progress = new ProgressLine(io.stderr, 'building');
    const counts = await stoppableWithoutTorch(io, [progress], nothingWritten, (pause) =>
      buildExamples(builder.name, data, out, {
        rows,
        form,
        heldOutFraction,
        share,
        seed,
        reading: { field, group, encoding, documentCharacters },
        pause,
        onProgress: ({ train, heldOut }) =>
          progress.update((train + heldOut) / forecast.examples, `${formatInteger(train + heldOut)} rows`),
      }),
    );
    if (!counts) return signalExitCode();
    const { train, heldOut, dropped } = counts;
    if (json) return write(io.stdout, `${JSON.stringify({ train, heldOut, dropped: Object.fromEntries(dropped) })}\n`);
    const left = [...dropped].map(([why, count]) => [`left out: ${why}`, formatInteger(count)] as const);
    await write(
      io.stdout,
      formatRows([['to learn from', formatInteger(train)], ['held out', formatInteger(heldOut)], ...left]),
    );
  },
);
