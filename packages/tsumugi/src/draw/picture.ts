// A picture: its size and its elements; as a file of its own, or as a part of a page.
import { pictureStyle } from './colours.ts';
import { escapeText, px } from './escape.ts';

export interface Picture {
  /** For screen readers. */
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** SVG elements. */
  readonly body: string;
}

const attributesOf = ({ title, width, height }: Picture) =>
  `class="drawing" viewBox="0 0 ${px(width)} ${px(height)}" role="img" aria-label="${escapeText(title)}"`;

/** A file of its own: light or dark as the reader's system is, with a background, and with nothing from a network. */
export function svgFile(picture: Picture): string {
  const size = `width="${px(picture.width)}" height="${px(picture.height)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${attributesOf(picture)}>
<title>${escapeText(picture.title)}</title><style>${escapeText(pictureStyle).replaceAll('&quot;', '"')}</style><rect class="back" ${size}/>
${picture.body}
</svg>
`;
}

/** An element of a page that has `pictureStyle`. A wide picture keeps a readable width, and its page scrolls. */
export function svgElement(picture: Picture): string {
  const { width } = picture;
  const size = `max-width:${px(width)}px;min-width:${px(Math.min(width, Math.max(420, 0.6 * width)))}px`;
  return `<svg ${attributesOf(picture)} style="${size}">\n${picture.body}\n</svg>`;
}

/** Pictures beside each other, in rows of `columns`, each row as high as its highest. */
export function beside(pictures: readonly Picture[], columns: number): Picture {
  const width = Math.max(0, ...pictures.map((picture) => picture.width));
  const placed: string[] = [];
  let y = 0;
  for (let first = 0; first < pictures.length; first += columns) {
    const row = pictures.slice(first, first + columns);
    placed.push(...row.map(({ body }, i) => `<g transform="translate(${px(i * width)} ${px(y)})">\n${body}\n</g>`));
    y += Math.max(...row.map(({ height }) => height));
  }
  const title = pictures.map((picture) => picture.title).join('; ');
  return { title, width: width * Math.min(columns, pictures.length), height: y, body: placed.join('\n') };
}

export type Anchor = 'start' | 'middle' | 'end';

export const text = (x: number, y: number, content: string | number, anchor: Anchor = 'start', classes = '') =>
  `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${classes && ` class="${classes}"`}>${escapeText(content)}</text>`;

/** Pixels of one column (`displayWidth`) in a text of 12 pixels; a little more than the average letter takes. */
export const COLUMN = 6.6;
