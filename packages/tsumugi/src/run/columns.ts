// Text in the columns of a terminal, where a Japanese character takes two.

const wide =
  /[\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Han}\p{scx=Hangul}\p{Emoji_Presentation}\uff01-\uff60\u3000-\u303f]/u;

/** How many columns a terminal takes for a text: two for Japanese characters, none for combining marks. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** As `padEnd` and `padStart` of a string, in columns of the terminal. */
export const padEnd = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;

/** A text cut to `columns`, with an ellipsis where it is cut. */
export function fitWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let result = '';
  let width = 1; // for the ellipsis
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns) break;
    result += character;
  }
  return `${result}…`;
}

/** Rows of cells as aligned columns, indented; columns from `rightFrom` on are flush right. */
export function formatCells(rows: readonly (readonly string[])[], rightFrom: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column]!))));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => (column >= rightFrom ? padStart : padEnd)(cell, widths[column]!));
      return `  ${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}
