// What building rows takes, from the sizes of files. Measured 2026 on one core of two, on the two novels, technical documents, 326,396 pairs
// of sentences and 16,118 paragraphs of descriptions.
import type { Builder } from './question.ts';

/** Bytes of rows to a byte of text, and bytes of a row. */
const kinds = {
  text: { growth: 2, row: 450, seconds: 4e-7 },
  translations: { growth: 1.6, row: 320, seconds: 3e-7 },
  descriptions: { growth: 0.6, row: 800, seconds: 1e-7 },
} as const;

/** Of builders that make something of a small part of what they read; how much that is depends on the text. */
const rare: Readonly<Record<string, { growth: number; row: number }>> = {
  faq: { growth: 0.012, row: 600 }, // a row to 24 KB of novels, to 66 KB of documents
  'newer-translation': { growth: 0.0156, row: 524 }, // texts that were translated anew, of packages with a version
};

/** A byte of a file in .xz, .zst or .gz is so many of text. */
const PACKED = 6;

/** @param files sizes on the disk */
export function forecastBuild(
  { name, reads }: Pick<Builder, 'name' | 'reads'>,
  files: readonly { path: string; bytes: number }[],
) {
  const text = files.reduce((sum, { path, bytes }) => sum + bytes * (/\.(xz|zst|gz)$/i.test(path) ? PACKED : 1), 0);
  const { growth, row, seconds } = { ...kinds[reads], ...rare[name] };
  const bytes = Math.ceil(growth * text);
  const examples = Math.ceil(bytes / row);
  // A digest for each question; one document, and what is not yet written.
  return { seconds: 0.3 + seconds * text, memoryBytes: 100 * 2 ** 20 + 64 * examples, diskBytes: bytes, examples };
}
