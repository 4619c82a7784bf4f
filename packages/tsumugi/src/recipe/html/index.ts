// The report as one HTML page.
import {
  escapeText,
  heatmap,
  htmlCharts,
  htmlMetrics,
  htmlPage,
  htmlPictures,
  htmlRows,
  htmlSection,
  htmlSettings,
  htmlTable,
  meanCharts,
} from '../../draw/index.ts';
import { formatBytes, formatDuration, formatTime } from '../../run/index.ts';
import type { Json } from '../../store/index.ts';
import type { RecipeReport, ReportStage } from '../report.ts';
import { type SweepReport, sweepTable } from '../sweep-report.ts';
import { renderLineage } from './lineage.ts';

export function renderReport(report: RecipeReport): string {
  const { recipe, summary, written, commit, machine, stages, sweeps = [] } = report;
  const seconds = stages.reduce((sum, stage) => sum + (stage.seconds ?? 0), 0);
  const facts = [
    `written ${formatTime(written)}`,
    `${formatDuration(seconds)} of work`,
    `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}`,
    `Node ${machine.node}`,
    ...(commit === null ? [] : [`commit ${commit.slice(0, 10)}${commit.endsWith('+') ? ' with changes' : ''}`]),
  ];
  const lineage = `<section>
<div class="head"><h2>Lineage</h2><span class="soft small">what was made from what; each address follows from settings, inputs and code version</span></div>
<figure>${renderLineage(report)}</figure>
</section>`;
  const settings = `<details><summary>Settings of the recipe</summary>${htmlSettings(report.config)}</details>`;
  return htmlPage({
    title: recipe,
    summary,
    facts,
    sections: [lineage, ...sweeps.map(renderSweep), ...stages.map(renderStage)],
    footer: settings,
  });
}

function renderSweep(sweep: SweepReport): string {
  const found = `${htmlTable(sweepTable(sweep))}${htmlPictures(meanCharts(sweep.curves))}`;
  return htmlSection(sweep.name, 'a sweep: the bands reach from the least to the greatest seed', found);
}

function renderStage(stage: ReportStage): string {
  const { name, state, why, address, sha256, place, kind, definition, definitionVersion, seconds, finished } = stage;
  const when = finished === null ? '' : `${formatDuration(seconds ?? 0)}, ${formatTime(finished)}`;
  const about: [string, Json][] = [
    ['stage', `${definition}, version ${definitionVersion}`],
    ...Object.entries(stage.uses).map(([name, version]): [string, Json] => [`uses ${name}`, version]),
    ['artefact', `${kind} in ${place}`],
    ['address', address],
    ...(sha256 === null ? [] : [['content (SHA-256)', sha256] satisfies [string, Json]]),
    ...Object.entries(stage.inputs).flatMap(([input, list]) =>
      list.map(({ stage: from, address: of, files }): [string, Json] => [
        `input ${input}`,
        from === null ? files.map(({ path }) => path).join(', ') : `${from} (${of.slice(0, 12)})`,
      ]),
    ),
  ];
  return `<section id="stage-${escapeText(name)}">
<div class="head"><h2>${escapeText(name)}</h2><span class="state ${state}">${state}</span><span class="soft small">${escapeText(why)}</span><span class="soft small right">${escapeText(when)}</span></div>
${htmlMetrics(stage.metrics)}
${htmlCharts(stage.curves)}
${stage.tables.map(htmlTable).join('\n')}
${htmlPictures(stage.heatmaps.map(heatmap))}
<details><summary>Settings and origin</summary>${htmlRows(about)}${htmlSettings(stage.config)}</details>
</section>`;
}
