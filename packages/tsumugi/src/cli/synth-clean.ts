// `tsumugi synth clean`: a corpus without what filters drop, pieces of evaluation sets and near-duplicates.
import { ConfigError, signalExitCode, suggestion } from '../base/index.ts';
import { formatBytes, formatDuration, formatInteger } from '../run/index.ts';
import { CLEAN_FILTERS, cleanConfig, cleanCorpus, forecastClean, rowSource } from '../synth/index.ts';
import { defineCommand } from './command.ts';
import { settingsHelp } from './describe-settings.ts';
import { write } from './io.ts';
import { formatRows } from './options.ts';
import { ProgressLine } from './progress.ts';
import { applySettings, readSettingsFile, settingsOptions } from './settings.ts';
import { nothingWritten, stoppableWithoutTorch } from './stoppable.ts';

export const run = defineCommand(
  {
    command: 'tsumugi synth clean',
    summary: 'a corpus larger than memory without near-duplicates, pieces of evaluation sets, and what filters drop',
    options: {
      data: { type: 'list', value: 'PATH', required: true, help: 'Parquet, or JSON lines (also .gz, .zst)' },
      out: { type: 'string', value: 'DIR', required: true, help: 'folder for the rows that stay' },
      filter: { type: 'list', value: 'NAME', help: `filters with their defaults: ${CLEAN_FILTERS.join(', ')}` },
      against: { type: 'list', value: 'PATH', help: 'texts to keep away from, of evaluation sets as a rule' },
      format: { type: 'choice', choices: ['parquet', 'jsonl'], help: 'what is written (default parquet)' },
      memory: { type: 'integer', min: 128, help: 'MiB that DuckDB may take (default 1024)' },
      ...settingsOptions,
      plan: { type: 'boolean', help: 'print what it would take, and stop' },
      json: { type: 'boolean', help: 'print the counts as JSON' },
    },
    details: settingsHelp(cleanConfig),
  },
  async ({ data, out, filter, against, format, memory, config: file, set, plan, json }, io) => {
    const unknown = filter.find((name) => !CLEAN_FILTERS.includes(name as never));
    if (unknown !== undefined)
      throw new ConfigError('unknown-filter', `there is no filter "${unknown}"`, {
        remedy: suggestion(unknown, CLEAN_FILTERS),
        fields: { filter: unknown },
      });
    const asked = {
      ...Object.fromEntries(filter.map((name) => [name, {}])),
      ...readSettingsFile(file),
      ...(against.length > 0 && { against }),
      ...(format && { format }),
      ...(memory !== undefined && { memory }),
    };
    const config = applySettings(cleanConfig, asked, set, file, ['against', 'format', 'memory']);
    const forecast = forecastClean(config, rowSource(data).files);
    if (plan) {
      if (json) return write(io.stdout, `${JSON.stringify(forecast)}\n`);
      const { seconds, memoryBytes, diskBytes, rows } = forecast;
      const text = `about ${formatDuration(seconds)}, ${formatBytes(memoryBytes)} of memory, ${formatBytes(diskBytes)} of disk, for some ${formatInteger(rows)} rows\n`;
      return write(io.stdout, text);
    }
    using progress = new ProgressLine(io.stderr, 'cleaning');
    const report = await stoppableWithoutTorch(io, [progress], nothingWritten, (pause) =>
      cleanCorpus(config, {
        data,
        out,
        pause,
        onProgress: (rows, of) => progress.update((0.9 * rows) / of, `${formatInteger(rows)} rows`),
      }),
    );
    if (!report) return signalExitCode();
    if (json) return write(io.stdout, `${JSON.stringify(report)}\n`);
    const dropped = Object.entries(report.dropped).map(
      ([name, count]) => [`dropped: ${name}`, formatInteger(count)] as const,
    );
    const rows = [
      ['read', formatInteger(report.rows)],
      ...dropped,
      ['kept', `${formatInteger(report.kept)} in ${report.path}`],
    ] as const;
    await write(io.stdout, formatRows(rows));
  },
);
