// What kind of picture a file holds, by its first bytes.

/** The kinds that are read. */
export const readKinds: readonly string[] = ['PNG', 'JPEG', 'WebP', 'GIF'];

/** Kind, and what stands at which byte of such a file (in Latin-1). Kinds that are not read are here to be named when refused. */
const signatures: readonly (readonly [kind: string, ...marks: (readonly [at: number, text: string])[]])[] = [
  ['PNG', [0, '\x89PNG\r\n\x1a\n']],
  ['JPEG', [0, '\xff\xd8']],
  ['WebP', [0, 'RIFF'], [8, 'WEBP']],
  ['GIF', [0, 'GIF87a']],
  ['GIF', [0, 'GIF89a']],
  ['BMP', [0, 'BM'], [6, '\0\0\0\0']],
  ['TIFF', [0, 'II*\0']],
  ['TIFF', [0, 'MM\0*']],
  ['AVIF', [4, 'ftypavi']],
  ['HEIC', [4, 'ftyphe']],
  ['HEIC', [4, 'ftypmif1']],
  ['JPEG XL', [0, '\xff\x0a']],
  ['JPEG XL', [0, '\0\0\0\x0cJXL ']],
  ['JPEG 2000', [0, '\0\0\0\x0cjP  ']],
  ['Photoshop', [0, '8BPS']],
  ['PDF', [0, '%PDF']],
  ['SVG', [0, '<svg']],
  ['SVG', [0, '<?xml']],
  ['HTML', [0, '<!DOCTYPE html']],
  ['HTML', [0, '<html']],
];

/** The kind of file that begins like this; undefined when it is none that is known. */
export function kindOf(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  const fits = ([at, text]: readonly [number, string]) => start.startsWith(text, at);
  return signatures.find(([, ...marks]) => marks.every(fits))?.[0];
}
