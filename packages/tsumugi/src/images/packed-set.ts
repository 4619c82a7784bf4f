// Data sets that are slow to decode are decoded once and kept as bytes: a safetensors file with `pixels` [N, C, H, W] and, where
// there are classes, `labels` [N].
import { existsSync } from 'node:fs';
import { FormatError, parseJson, TsumugiError } from '../base/index.ts';
import { openSafetensors, writeSafetensors } from '../store/index.ts';
import { scope, tensor } from '../torch/index.ts';
import { type ImageSet, imagesHash, type Split } from './image-set.ts';

/** Raised when what the decoders make of the same files changes: packed files of other versions are not looked at. */
export const PACKED_VERSION = 3;

function write(path: string, set: ImageSet): void {
  const { name, split, count, channels, height, width, pixels, labels, classNames, source, licence } = set;
  scope(() =>
    writeSafetensors(
      path,
      [
        ['pixels', tensor(pixels, { shape: [count, channels, height, width] })],
        ...(labels ? [['labels', tensor(labels)] as const] : []),
      ],
      {
        name,
        split,
        source,
        licence,
        content: imagesHash(set),
        ...(classNames && { classNames: JSON.stringify(classNames) }),
      },
    ),
  );
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** The names in the metadata. @throws FormatError when they are no list of texts */
function namesIn(path: string, json: string): string[] {
  try {
    const names = parseJson(json);
    if (isTexts(names)) return names;
  } catch {
    // No JSON.
  }
  throw new FormatError('packed-content', `${path} does not hold what was written to it: its classes have no names`);
}

function read(path: string): ImageSet {
  using file = openSafetensors(path);
  const { name, split, source, licence, classNames, content } = file.metadata;
  const [count, channels, height, width] = file.info('pixels').shape as [number, number, number, number];
  const set: ImageSet = scope(() => ({
    name: name!,
    split: split as Split,
    source: source!,
    licence: licence!,
    count,
    channels,
    height,
    width,
    pixels: file.tensor('pixels').bytes(),
    ...(file.has('labels') && { labels: file.tensor('labels').data() as Int32Array }),
    ...(classNames !== undefined && { classNames: namesIn(path, classNames) }),
  }));
  if (imagesHash(set) === content) return set;
  throw new FormatError('packed-content', `${path} does not hold what was written to it`);
}

/** The set at `path`; made by `decode` and kept there if there is none, or a damaged one. */
export async function packedSet(path: string, decode: () => Promise<ImageSet>): Promise<ImageSet> {
  if (existsSync(path)) {
    try {
      return read(path);
    } catch (error) {
      if (!(error instanceof TsumugiError)) throw error;
    }
  }
  const set = await decode();
  try {
    write(path, set);
  } catch (error) {
    // A full disk costs time at the next start, not the data of this one.
    if (!(error instanceof TsumugiError)) throw error;
  }
  return set;
}
