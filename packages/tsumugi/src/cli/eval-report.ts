// What `tsumugi eval` shows: the tasks there are, the forecast of one, the table of results.
import { heatmapText } from '../draw/index.ts';
import {
  type EvaluationProgress,
  type EvaluationReport,
  type listTasks,
  sayCounts,
  type TaskReport,
} from '../eval/index.ts';
import { displayWidth, formatCount, formatInteger, padEnd, padStart } from '../run/index.ts';

type Task = Awaited<ReturnType<typeof listTasks>>[number];
type Interval = TaskReport['metrics'][string];

/** Groups of a task are shown up to this number; --json has them all. */
const SHOWN_GROUPS = 16;

/** Columns as wide as their widest cell; `right` says which are aligned to the right. */
function columns(rows: readonly (readonly string[])[], right: readonly boolean[]): string {
  const widths = right.map((_, c) => Math.max(...rows.map((row) => displayWidth(row[c] ?? ''))));
  const cell = (text: string, c: number) => (right[c] ? padStart : padEnd)(text, widths[c]!);
  return rows.map((row) => `${row.map(cell).join('  ').trimEnd()}\n`).join('');
}

/** Four decimals; percentages, correlations and bits alike. */
const number = (value: number | null) => (value === null ? '–' : value.toFixed(Math.abs(value) < 1000 ? 4 : 1));
const interval = ({ low, high }: Interval) => (low === null ? '' : `${number(low)} … ${number(high)}`);

/** The results as a table, the metric to look at first on top of each task. */
export function formatResults({ tasks }: EvaluationReport): string {
  const rows: string[][] = [['task', 'metric', 'value', '95 % interval', 'n', 'asked', 'cached']];
  for (const report of tasks) {
    const { task, metric, metrics, groups, n, asked, cached, lowerIsBetter } = report;
    const others = Object.keys(metrics).filter((name) => name !== metric);
    for (const [i, name] of [metric, ...others].entries()) {
      const found = metrics[name];
      if (!found) continue;
      const counts = i === 0 ? [n, asked, cached].map(formatInteger) : [];
      const label = i === 0 && lowerIsBetter ? `${name} (lower is better)` : name;
      rows.push([i === 0 ? task : '', label, number(found.value), interval(found), ...counts]);
    }
    const all = Object.entries(groups);
    for (const [group, { n: members, metrics: own }] of all.length <= SHOWN_GROUPS ? all : []) {
      const found = own[metric];
      if (found) rows.push(['', `  ${group}`, number(found.value), interval(found), formatInteger(members)]);
    }
    if (all.length > SHOWN_GROUPS) rows.push(['', `  ${all.length} groups: see --json`]);
  }
  const heatmaps = tasks.flatMap(({ heatmap }) => (heatmap ? [`\n${heatmapText(heatmap)}\n`] : []));
  const notes = tasks.flatMap(notesOf).map((note) => `${note}\n`);
  return columns(rows, [false, false, true, false, true, true, true]) + notes.join('') + heatmaps.join('');
}

/** What a metric alone does not tell. */
function notesOf({ task, metrics, answers, judgeAnswers }: TaskReport): string[] {
  const undefinedOnes = Object.keys(metrics).filter((name) => metrics[name]!.value === null);
  const said = answers && sayCounts(answers);
  const judged = judgeAnswers && sayCounts(judgeAnswers);
  return [
    ...(said ? [`${task}: ${said}`] : []),
    ...(judged ? [`${task}, the judge: ${judged}`] : []),
    ...(undefinedOnes.length > 0
      ? [`${task}: ${undefinedOnes.join(', ')} undefined over these samples (–), not 0`]
      : []),
  ];
}

const plural = (count: number, one: string) => `${formatInteger(count)} ${one}${count === 1 ? '' : 's'}`;

/** What a task is about to ask. */
export function formatForecast({ task, requests, cached, tokens }: EvaluationProgress): string {
  const known = `${plural(cached, 'answer')} ${cached === 1 ? 'is' : 'are'} known`;
  if (requests === cached) return `${task}: nothing to ask, ${known}`;
  return [
    `${task}: ${plural(requests - cached, 'request')}`,
    ...(cached > 0 ? [known] : []),
    ...(tokens ? [`${formatCount(tokens.read)} tokens to read`] : []),
    ...(tokens && tokens.write > 0 ? [`${formatCount(tokens.write)} to write at most`] : []),
  ].join(', ');
}

/** The tasks with what they need. */
export function formatTasks(tasks: readonly Task[]): string {
  return tasks
    .map(({ name, summary, metric, data, options }) => {
      const lines = [
        name,
        `  ${summary}; ${metric}`,
        ...(data ? [`  data: ${fileList(data.files)} from ${data.origin} (${data.licence})`] : []),
        ...Object.entries(options ?? {}).map(([option, help]) => `  --set ${option}=…  ${help}`),
      ];
      return `${lines.join('\n')}\n`;
    })
    .join('');
}

function fileList(files: readonly string[]): string {
  return files.length <= 3 ? files.join(', ') : `${files.slice(0, 2).join(', ')} and ${files.length - 2} more`;
}

/** The tasks for a program. */
export function tasksAsJson(tasks: readonly Task[]): object[] {
  return tasks.map(({ name, version, summary, metric, lowerIsBetter = false, kind, data, options }) => ({
    name,
    version,
    summary,
    metric,
    lowerIsBetter,
    kind,
    ...(data && { data }),
    ...(options && { options }),
  }));
}
