// A comparison of runs: as a page, as text, as JSON.
import {
  escapeText,
  htmlPage,
  htmlPictures,
  htmlSection,
  htmlTable,
  meanCharts,
  type PageTable,
  sparkline,
} from '../draw/index.ts';
import {
  curveTitle,
  fitWidth,
  formatCells,
  formatNumber,
  formatSpread,
  formatTime,
  settingText,
} from '../run/index.ts';
import type { Comparison } from './comparison.ts';

/** With more settings than these, settings are the rows, and runs the columns. */
const maxSettingColumns = 6;

function differencesTable({ runs, differences }: Comparison): PageTable {
  const withState = runs.some((run) => run.state !== 'done');
  if (differences.length <= maxSettingColumns)
    return {
      title: 'Settings that differ',
      columns: ['run', ...(withState ? ['state'] : []), ...differences.map(({ setting }) => setting)],
      rows: runs.map((run, i) => [
        run.name,
        ...(withState ? [run.state] : []),
        ...differences.map(({ values }) => settingText(values[i])),
      ]),
    };
  return {
    title: 'Settings that differ',
    columns: ['setting', ...runs.map(({ name }) => name)],
    rows: differences.map(({ setting, values }) => [setting, ...values.map(settingText)]),
  };
}

/** A row for each metric, a column for each group. */
function metricsTable({ groups, runs: all }: Comparison): PageTable {
  const seedOf = new Map(all.map(({ name, config }) => [name, config['seed']]));
  /** Called seeds only where each run has a seed of its own. */
  const countOf = (runs: readonly string[]) =>
    `${runs.length} ${new Set(runs.map((name) => seedOf.get(name))).size === runs.length ? 'seeds' : 'runs'}`;
  const names = [...new Set(groups.flatMap(({ metrics }) => metrics.map(({ name }) => name)))];
  const several = groups.some(({ runs }) => runs.length > 1);
  return {
    title: several ? 'Metrics: mean (range) ± half of the 95 % interval of the mean over the seeds' : 'Metrics',
    columns: ['', ...groups.map(({ name, runs }) => (runs.length > 1 ? `${name} (${countOf(runs)})` : name))],
    rows: names.map((name) => [
      name,
      ...groups.map(({ metrics }) => {
        const found = metrics.find((metric) => metric.name === name);
        return found ? formatSpread(found, { interval: true }) : '–';
      }),
    ]),
  };
}

export function comparisonPage(comparison: Comparison): string {
  const { runs, curves, axis } = comparison;
  return htmlPage({
    title: runs.length > 3 ? `${runs.length} runs` : runs.map(({ name }) => name).join(' · '),
    summary: 'runs beside each other',
    facts: [`written ${formatTime(new Date().toISOString())}`],
    sections: [
      htmlSection('Differences', 'inputs by the SHA-256 of what they hold', htmlTable(differencesTable(comparison))),
      htmlSection('Metrics', 'runs that differ only in their seed are one column', htmlTable(metricsTable(comparison))),
      htmlSection(
        'Curves',
        `by ${axis}; bands reach from the least to the greatest seed`,
        htmlPictures(meanCharts(curves, axis)),
      ),
    ],
    footer: runs.map(({ path }) => escapeText(path)).join('<br>'),
  });
}

export function comparisonText(comparison: Comparison): string {
  const tables = [differencesTable(comparison), metricsTable(comparison)].map(({ title, columns, rows }) => {
    const cells = [columns, ...rows].map((row) =>
      row.map((cell, column) => fitWidth(String(cell ?? ''), column === 0 ? 80 : 44)),
    );
    return `${title}\n${formatCells(cells, columns.length)}`;
  });
  const charts = Map.groupBy(comparison.curves, ({ chart, curve }) => curveTitle(chart, curve));
  const drawn = [...charts].map(([title, curves]) => {
    const values = curves.flatMap(({ points }) => points.flatMap(({ y }) => y ?? []));
    // One range for all of them: a lower block is a lower value.
    const ends = values.reduce(([low, high], y) => [Math.min(low!, y), Math.max(high!, y)], [Infinity, -Infinity]);
    const rows = curves.map(({ name, points }) => {
      const own = points.map(({ y }) => y ?? Number.NaN);
      return [
        fitWidth(name, 30),
        formatNumber(own[0]!),
        sparkline(own, { columns: 32, low: ends[0], high: ends[1] }),
        formatNumber(own.at(-1)!),
      ];
    });
    return `${title}, by ${comparison.axis}\n${formatCells(rows, 1)}`;
  });
  return [...tables, ...drawn].join('\n\n');
}

export const comparisonJson = ({ runs, ...rest }: Comparison): object => ({
  runs: runs.map(({ measurements: _, report: __, ...run }) => run),
  ...rest,
});
