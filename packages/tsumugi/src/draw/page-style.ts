// The style sheet of pages, light and dark, with nothing from a network.
import { colourVariables, pictureStyle } from './colours.ts';

export const pageStyle = `
${colourVariables}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Hiragino Sans", "Yu Gothic UI", "Noto Sans JP", "Noto Sans CJK JP", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 0; }
h3 { font-size: 14px; font-weight: 600; margin: 24px 0 8px; }
p { margin: 0; }
code, .mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.88em; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
header { margin-bottom: 28px; }
header .facts { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 12px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px 24px; margin-top: 20px; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; }
.head .right { margin-left: auto; }
.state { font-size: 13px; font-weight: 600; white-space: nowrap; }
.state::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; background: currentColor; margin-right: 6px; }
.made, .unchanged { color: var(--good); } .running, .interrupted { color: var(--busy); } .failed { color: var(--bad); } .waiting { color: var(--idle); }
.metrics { display: grid; align-items: end; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 14px 20px; margin-top: 18px; }
.metrics dt { color: var(--soft); font-size: 13px; line-height: 1.35; }
.metrics dd { margin: 2px 0 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.25; }
.metrics dd .range { display: block; font-size: 13px; font-weight: 400; color: var(--soft); }
.metrics dd small { font-size: 13px; font-weight: 400; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 8px 28px; margin-top: 8px; }
figure { margin: 16px 0 0; min-width: 0; }
svg { display: block; width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-size: 13px; font-weight: 600; color: var(--soft); white-space: nowrap; }
td.number, th.number { text-align: right; padding: 6px 16px; white-space: nowrap; }
.scroll td { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
details { margin-top: 18px; border-top: 1px solid var(--line); padding-top: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
details table { margin-top: 8px; font-size: 13px; }
details td:first-child { color: var(--soft); white-space: nowrap; width: 1%; }
details td { overflow-wrap: anywhere; }
footer { margin-top: 28px; }
.lineage .box { fill: var(--page); stroke: var(--line); }
.lineage text { fill: var(--text); font-size: 13px; }
.lineage .name { font-size: 15px; font-weight: 600; }
.lineage .quiet { fill: var(--soft); font-size: 12px; }
.lineage .mono { font-size: 12px; fill: var(--soft); }
.lineage a:hover .box { stroke: var(--accent); }
.edge { fill: none; stroke: var(--idle); stroke-width: 1.5; }
.arrow { fill: var(--idle); }
.dot { fill: currentColor; }
${pictureStyle}
@media print { body { background: #fff; } section { break-inside: avoid; } }
`;
