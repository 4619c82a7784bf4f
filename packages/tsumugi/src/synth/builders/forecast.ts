// What building rows takes, from the sizes of files. Measured 2026 on one core of two, on the two novels, 326,396 pairs of sentences
// and 16,118 paragraphs of descriptions.
import type { Builder } from './question.ts';

/** Bytes of rows to a byte of text, and bytes of a row. */
const kinds = {
  text: { growth: 2, row: 450, seconds: 4e-7 },
  translations: { growth: 1.6, row: 320, seconds: 3e-7 },
  descriptions: { growth: 1.1, row: 800, seconds: 1e-7 },
} as const;

/** A byte of a file in .xz, .zst or .gz is so many of text. */
const PACKED = 6;

/** @param files sizes on the disk */
export function forecastBuild({ reads }: Pick<Builder, 'reads'>, files: readonly { path: string; bytes: number }[]) {
  const text = files.reduce((sum, { path, bytes }) => sum + bytes * (/\.(xz|zst|gz)$/i.test(path) ? PACKED : 1), 0);
  const { growth, row, seconds } = kinds[reads];
  const bytes = Math.ceil(growth * text);
  const examples = Math.ceil(bytes / row);
  // A digest for each question; one document, and what is not yet written.
  return { seconds: 0.3 + seconds * text, memoryBytes: 100 * 2 ** 20 + 64 * examples, diskBytes: bytes, examples };
}
