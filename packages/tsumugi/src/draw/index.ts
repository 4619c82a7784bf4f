// Pictures and pages: charts, heatmaps, sparklines, reports as HTML; light and dark, without anything from a network.
export { curveCharts } from './curves.ts';
export { type DotChart, type DotSeries, dotChart, median } from './dot-chart.ts';
export { escapeText, px } from './escape.ts';
export type { Heatmap } from './heat.ts';
export { heatmap } from './heatmap.ts';
export { heatmapText } from './heatmap-text.ts';
export { type LineChart, lineChart, type Series } from './line-chart.ts';
export { meanCharts, meanCurves, type RunGroup, type SpreadCurve } from './mean-curves.ts';
export {
  flatSettings,
  htmlCharts,
  htmlMetrics,
  htmlPage,
  htmlPictures,
  htmlRows,
  htmlSection,
  htmlSettings,
  htmlTable,
  type Page,
  type PageTable,
} from './page.ts';
export { beside, type Picture, svgElement, svgFile } from './picture.ts';
export type { Point } from './points.ts';
export type { Axis } from './scale.ts';
export { type SparklineOptions, sparkline } from './sparkline.ts';
