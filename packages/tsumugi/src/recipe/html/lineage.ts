// The lineage picture: what was made from what, top to bottom. Cards stand in rows by depth; an edge to the next row goes
// straight there, a longer one through a lane at the left of all cards, so that no edge crosses a card.
import { basename } from 'node:path';
import { escapeText, px, svgElement } from '../../draw/index.ts';
import { displayWidth, fitWidth, formatDuration, formatMetric } from '../../run/index.ts';
import type { RecipeReport, ReportStage } from '../report.ts';

const card = { width: 330, height: 84 };
const source = { width: 290, height: 44 };
const gap = { x: 36, y: 46 };
const laneWidth = 18;
/** Columns of text in a card. */
const columns = 52;

interface Node {
  key: string;
  row: number;
  stage?: ReportStage;
  /** What is written on a source. */
  label?: string;
  hash: string;
  parents: string[];
  x: number;
  y: number;
}

const sizeOf = (node: Node) => (node.stage ? card : source);

/** Stages and sources as nodes, each in the row below the lowest of its inputs; a source right above its first user. */
export function lineageNodes({ stages }: Pick<RecipeReport, 'stages'>): Node[] {
  const nodes = new Map<string, Node>();
  const sources = new Map<string, Node>();
  for (const stage of stages) {
    const inputs = Object.values(stage.inputs).flat();
    for (const input of inputs) {
      if (input.stage !== null || sources.has(input.address)) continue;
      const names = input.files.map(({ path }) => basename(path));
      const label = names.length > 2 ? `${names[0]} and ${names.length - 1} more` : names.join(', ');
      const node = { key: `outside ${input.address}`, row: -1, label, hash: input.address, parents: [], x: 0, y: 0 };
      sources.set(input.address, node);
    }
    const parents = inputs.map(({ stage: name, address }) =>
      name === null ? sources.get(address)! : nodes.get(name)!,
    );
    const row = 1 + Math.max(0, ...parents.map((parent) => parent.row));
    nodes.set(stage.name, {
      key: stage.name,
      row,
      stage,
      hash: stage.address,
      parents: [...new Set(parents.map(({ key }) => key))],
      x: 0,
      y: 0,
    });
    for (const parent of parents) if (parent.row < 0) parent.row = row - 1;
  }
  return [...sources.values(), ...nodes.values()];
}

export function renderLineage(report: RecipeReport): string {
  const nodes = lineageNodes(report);
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const rows = Array.from({ length: 1 + Math.max(...nodes.map(({ row }) => row)) }, (_, row) =>
    nodes.filter((node) => node.row === row),
  );
  const edges = nodes.flatMap((node) => node.parents.map((key) => ({ from: byKey.get(key)!, to: node })));
  const long = edges.filter(({ from, to }) => to.row > from.row + 1);
  const lanes = assignLanes(long.map(({ from, to }) => [from.row, to.row]));
  const left = (Math.max(-1, ...lanes) + 1) * laneWidth + (long.length > 0 ? 12 : 0);

  const rowWidth = (row: Node[]) => row.reduce((sum, node) => sum + sizeOf(node).width, gap.x * (row.length - 1));
  const inner = Math.max(...rows.map(rowWidth));
  let y = 2;
  for (const row of rows) {
    let x = left + (inner - rowWidth(row)) / 2;
    const height = Math.max(...row.map((node) => sizeOf(node).height));
    for (const node of row) {
      node.x = x;
      node.y = y + (height - sizeOf(node).height) / 2;
      x += sizeOf(node).width + gap.x;
    }
    y += height + gap.y;
  }
  const width = left + inner + 2;
  const height = y - gap.y + 2;

  const paths = edges.map(({ from, to }) => {
    const lane = long.findIndex((edge) => edge.from === from && edge.to === to);
    const outs = edges.filter((edge) => edge.from === from);
    const start = {
      x: port(
        from,
        outs.findIndex((edge) => edge.to === to),
        outs.length,
      ),
      y: from.y + sizeOf(from).height,
    };
    const end = { x: port(to, to.parents.indexOf(from.key), to.parents.length), y: to.y - 6 };
    const path = lane < 0 ? direct(start, end) : around(start, end, left - 12 - lanes[lane]! * laneWidth, lanes[lane]!);
    const name = (node: Node) => node.stage?.name ?? node.label ?? '';
    return `<path class="edge" d="${path}" marker-end="url(#arrow)"><title>${escapeText(name(from))} → ${escapeText(name(to))}</title></path>`;
  });
  const body = `<g class="lineage"><defs><marker id="arrow" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>
${paths.join('\n')}
${nodes.map((node) => (node.stage ? renderCard(node, node.stage) : renderSource(node))).join('\n')}</g>`;
  return `<div class="scroll">${svgElement({ title: 'lineage', width, height, body })}</div>`;
}

/** Intervals of rows that overlap get different lanes; the shortest are nearest to the cards. */
export function assignLanes(spans: readonly (readonly [number, number])[]): number[] {
  const lanes: number[] = new Array(spans.length).fill(0);
  const order = spans
    .map((_, i) => i)
    .sort((a, b) => spans[a]![1] - spans[a]![0] - (spans[b]![1] - spans[b]![0]) || a - b);
  const taken: (readonly [number, number])[][] = [];
  for (const i of order) {
    const [from, to] = spans[i]!;
    let lane = taken.findIndex((used) => used.every(([a, b]) => b <= from || to <= a));
    if (lane < 0) lane = taken.push([]) - 1;
    taken[lane]!.push(spans[i]!);
    lanes[i] = lane;
  }
  return lanes;
}

interface Point {
  x: number;
  y: number;
}

/** Where the k-th of n edges meets a card's edge. */
const port = (node: Node, k: number, n: number): number =>
  node.x + sizeOf(node).width / 2 + (k - (n - 1) / 2) * Math.min(28, sizeOf(node).width / (n + 1));

function direct(start: Point, end: Point): string {
  const middle = (start.y + end.y) / 2;
  return `M${px(start.x)} ${px(start.y)}C${px(start.x)} ${px(middle)} ${px(end.x)} ${px(middle)} ${px(end.x)} ${px(end.y)}`;
}

/** Down into the gap, left to the lane, down the lane, right, and down to the card; corners are rounded. */
function around(start: Point, end: Point, laneX: number, lane: number): string {
  const r = 7;
  const out = start.y + 12 + lane * 5;
  const into = end.y - 12 - lane * 5;
  return [
    `M${px(start.x)} ${px(start.y)}V${px(out - r)}q0 ${r} ${-r} ${r}`,
    `H${px(laneX + r)}q${-r} 0 ${-r} ${r}`,
    `V${px(into - r)}q0 ${r} ${r} ${r}`,
    `H${px(end.x - r)}q${r} 0 ${r} ${r}V${px(end.y)}`,
  ].join('');
}

function renderCard({ x, y, hash }: Node, stage: ReportStage): string {
  const line = (dy: number, kind: string, text: string) =>
    `<text class="${kind}" x="${px(x + 16)}" y="${px(y + dy)}">${escapeText(text)}</text>`;
  const took = stage.seconds === null ? '' : ` · ${formatDuration(stage.seconds)}`;
  const [first = stage.why, second] = stage.metrics.map((metric) => `${metric.name} ${formatMetric(metric)}`);
  const both = `${first} · ${second}`;
  const metrics = second !== undefined && displayWidth(both) <= columns ? both : first;
  const version = `version ${stage.definitionVersion}`;
  const definition = stage.definition === stage.name ? version : `${stage.definition}, ${version}`;
  return `<a href="#stage-${escapeText(stage.name)}"><rect class="box" x="${px(x)}" y="${px(y)}" width="${card.width}" height="${card.height}" rx="10"/>
${line(25, 'name', fitWidth(stage.name, 32))}<g class="${stage.state}"><circle class="dot" cx="${px(x + card.width - 18)}" cy="${px(y + 20)}" r="5"><title>${stage.state}</title></circle></g>
${line(46, 'mono', `${hash.slice(0, 12)}${took} · ${definition}`)}
${line(67, 'quiet', fitWidth(metrics, columns))}</a>`;
}

function renderSource({ x, y, hash, label = '' }: Node): string {
  return `<rect class="box" x="${px(x)}" y="${px(y)}" width="${source.width}" height="${source.height}" rx="22" stroke-dasharray="4 3"/>
<text x="${px(x + source.width / 2)}" y="${px(y + 19)}" text-anchor="middle">${escapeText(fitWidth(label, 38))}</text>
<text class="mono" x="${px(x + source.width / 2)}" y="${px(y + 35)}" text-anchor="middle">${hash.slice(0, 12)}</text>`;
}
