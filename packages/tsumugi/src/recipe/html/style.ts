// The look of the report: one style sheet, light and dark, without anything from the network.

export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f5f2; --card: #ffffff; --text: #1f2328; --soft: #66707b; --line: #dcdad4; --grid: #ebe9e4;
  --accent: #2563b8; --second: #c2570c; --third: #1a7f6b; --fourth: #8b4fb3; --good: #1a7f4b; --busy: #9a6700; --bad: #c0292b; --idle: #8a929b;
  --heat-low: #f4efe6; --heat-high: #1f5aa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2126; --text: #e4e7ea; --soft: #98a2ad; --line: #343a42; --grid: #2a2f36;
    --accent: #6ba6f2; --second: #f0965a; --third: #4fc4ad; --fourth: #c79af0; --good: #4cc38a; --busy: #e0b040; --bad: #ff7a76; --idle: #7d8791;
    --heat-low: #262b31; --heat-high: #6ba6f2;
  }
}
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
.figures { display: grid; align-items: end; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 14px 20px; margin-top: 18px; }
.figures dt { color: var(--soft); font-size: 13px; line-height: 1.35; }
.figures dd { margin: 2px 0 0; font-size: 20px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.25; }
.figures dd small { font-size: 13px; font-weight: 400; color: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 8px 28px; margin-top: 8px; }
figure { margin: 16px 0 0; min-width: 0; }
figcaption { font-size: 14px; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 0 14px; color: var(--soft); font-size: 13px; margin-bottom: 4px; }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: 5px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-size: 13px; font-weight: 600; color: var(--soft); white-space: nowrap; }
td.number, th.number { text-align: right; padding: 6px 0 6px 16px; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
details { margin-top: 18px; border-top: 1px solid var(--line); padding-top: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
details table { margin-top: 8px; font-size: 13px; }
details td:first-child { color: var(--soft); white-space: nowrap; width: 1%; }
details td { overflow-wrap: anywhere; }
footer { margin-top: 28px; }
.box { fill: var(--page); stroke: var(--line); }
.lineage text { fill: var(--text); font-size: 13px; }
.lineage .name { font-size: 15px; font-weight: 600; }
.lineage .quiet { fill: var(--soft); font-size: 12px; }
.lineage .mono { font-size: 12px; fill: var(--soft); }
.lineage a:hover .box { stroke: var(--accent); }
.edge { fill: none; stroke: var(--idle); stroke-width: 1.5; }
.arrow { fill: var(--idle); }
.dot { fill: currentColor; }
.cell text { font-size: 12px; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
`;
