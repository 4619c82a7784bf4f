// `tsumugi report`: what a run came to, as text, page, JSON; its curves as CSV and for TensorBoard.
import { join } from 'node:path';
import { writeFileAtomic } from '../base/index.ts';
import { readRun, runJson, runPage, runText } from '../compare/index.ts';
import { defineCommand } from './command.ts';
import { exportCurves, exportOptions } from './curve-export.ts';
import { write } from './io.ts';

export const run = defineCommand(
  {
    command: 'tsumugi report',
    summary: 'what a run came to: metrics, curves, settings',
    positionals: ['RUN'],
    options: {
      html: { type: 'string', value: 'FILE', help: 'where the page goes (default RUN/report.html)' },
      ...exportOptions,
      json: { type: 'boolean', help: 'print the report as JSON; the page is written only with --html' },
    },
    details:
      'RUN is the --out of any training (pretrain, extend, distill, gan train) or of a recipe, also while it runs.\n' +
      'The page is one file that needs no other. See docs/comparing.md.',
  },
  async (options, io, [path]) => {
    const found = readRun(path!);
    const page = options.html ?? (options.json ? undefined : join(path!, 'report.html'));
    if (page !== undefined) writeFileAtomic(page, runPage(found));
    const exported = exportCurves([found], options);
    if (options.json) return write(io.stdout, `${JSON.stringify(runJson(found))}\n`);
    const written = [`report: ${page}`, ...exported].join('\n');
    return write(io.stdout, `${runText(found, io.stdout.columns)}\n\n${written}\n`);
  },
);
