// The colours of pages and pictures, light and dark: one table. Pages get them as variables, pictures as plain rules, since not only
// browsers open pictures.

export interface Colours {
  readonly page: string;
  readonly card: string;
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly grid: string;
  readonly good: string;
  readonly busy: string;
  readonly bad: string;
  readonly idle: string;
  /** Of curves, in their order; colour-blind people can tell them apart (Okabe & Ito 2008). */
  readonly series: readonly string[];
}

const light: Colours = {
  page: '#f6f5f2',
  card: '#ffffff',
  text: '#1f2328',
  soft: '#59636e',
  line: '#dcdad4',
  grid: '#e3e1dc',
  good: '#1a7f4b',
  busy: '#9a6700',
  bad: '#c0292b',
  idle: '#8a929b',
  series: ['#0072b2', '#d55e00', '#009e73', '#b8558f', '#e69f00', '#1f2328', '#56b4e9'],
};

const dark: Colours = {
  page: '#14171b',
  card: '#1d2126',
  text: '#e4e7ea',
  soft: '#98a2ad',
  line: '#343a42',
  grid: '#30363e',
  good: '#4cc38a',
  busy: '#e0b040',
  bad: '#ff7a76',
  idle: '#7d8791',
  series: ['#4da6e8', '#f2894a', '#2fc79a', '#e59ac6', '#f0c04d', '#e4e7ea', '#a5dcfb'],
};

/** How many curves there are colours for. */
export const seriesColours = light.series.length;

const both = (rules: (colours: Colours) => string): string =>
  `${rules(light)}\n@media (prefers-color-scheme: dark) {\n${rules(dark)}\n}`;

/** `--page`, `--card`, …, `--accent` (that of the first curve) for the style of a page. */
export const colourVariables = both(({ series, ...named }) => {
  const variables = Object.entries({ ...named, accent: series[0]! }).map(([name, value]) => `--${name}:${value}`);
  return `:root{color-scheme:light dark;${variables.join(';')}}`;
});

/** The style of pictures: `cN` is the colour of the N-th curve, taken by `currentColor`. */
export const pictureStyle = `.drawing text{font:12px system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans JP","Noto Sans CJK JP",sans-serif;font-variant-numeric:tabular-nums}
.drawing .title{font-size:15px;font-weight:600}.drawing .cell{font-size:13px;font-weight:500}.drawing .on-dark{fill:#fff}.drawing .on-light{fill:#1f2328}
${both(({ card, text, soft, grid, idle, series }) =>
  [
    `.drawing text{fill:${soft}}.drawing .strong{fill:${text}}.drawing .back{fill:${card}}`,
    `.drawing .grid{stroke:${grid}}.drawing .frame{stroke:${idle};fill:none}.drawing .none{fill:none;stroke:${idle};stroke-dasharray:3 3}`,
    ...series.map((colour, i) => `.drawing .c${i}{color:${colour}}`),
  ].join(''),
)}`;
