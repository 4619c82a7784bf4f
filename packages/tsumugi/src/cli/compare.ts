// `tsumugi compare`: runs beside each other.
import { ConfigError, writeFileAtomic } from '../base/index.ts';
import { compareRuns, comparisonJson, comparisonPage, comparisonText, readRun } from '../compare/index.ts';
import { defineCommand } from './command.ts';
import { exportCurves, exportOptions } from './curve-export.ts';
import { write } from './io.ts';

export const run = defineCommand(
  {
    command: 'tsumugi compare',
    summary: 'runs beside each other: settings that differ, curves, metrics',
    positionals: ['RUN…'],
    options: {
      by: { type: 'choice', choices: ['step', 'tokens', 'minutes'], default: 'step', help: 'what the curves go over' },
      html: { type: 'string', value: 'FILE', help: 'also write a page' },
      ...exportOptions,
      json: { type: 'boolean', help: 'print the comparison as JSON' },
    },
    details:
      'RUN is the --out of a training or of a recipe. Runs that differ in nothing but their seed are one column, with the mean,\n' +
      'the range and the 95 % interval of the mean; their curves are one line, with a band. See docs/comparing.md.',
  },
  async (options, io, paths) => {
    if (paths.length < 2)
      throw new ConfigError('missing-argument', `tsumugi compare needs two runs or more, not ${paths.length}`, {
        remedy: paths.length === 1 ? `For one, use tsumugi report ${paths[0]}.` : 'Name their folders.',
      });
    const comparison = compareRuns(paths.map(readRun), options.by);
    if (options.by === 'tokens' && comparison.curves.length === 0)
      throw new ConfigError('no-tokens', 'these runs see no tokens', { remedy: 'Use --by step or --by minutes.' });
    if (options.html !== undefined) writeFileAtomic(options.html, comparisonPage(comparison));
    const exported = exportCurves(comparison.runs, options);
    if (options.json) return write(io.stdout, `${JSON.stringify(comparisonJson(comparison))}\n`);
    const written = [...(options.html === undefined ? [] : [`report: ${options.html}`]), ...exported];
    return write(
      io.stdout,
      `${[comparisonText(comparison), ...(written.length > 0 ? ['', ...written] : [])].join('\n')}\n`,
    );
  },
);
