// A folder of one's own pictures as a data set. Sub-folders are classes.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import {
  ConfigError,
  checkOptions,
  contentHash,
  DataError,
  type OptionNames,
  sha256,
  type WalkedFile,
  walkFiles,
} from '../base/index.ts';
import { defaultDataFolder, type ImageSet, type OpenOptions } from './image-set.ts';
import { PACKED_VERSION, packedSet } from './packed-set.ts';
import { decodePicture } from './picture.ts';
import { toSquare } from './square.ts';

export interface FolderOptions extends OpenOptions {
  /** Height and width of the images: the middle square of every file, resized. */
  size: number;
  /** 3 (red, green, blue) or 1 (grey). Default 3. */
  channels?: 1 | 3 | undefined;
}

export const folderOptions: OptionNames<FolderOptions> = { folder: true, report: true, size: true, channels: true };

const ENDINGS = ['.png', '.jpg', '.jpeg', '.jfif', '.webp', '.gif'];
const REPORT_MILLISECONDS = 5000;
/** Files that an error or a report names; of more it says how many there are. */
const NAMED = 10;

/** The first ten of many, and how many more there are. */
const some = (lines: readonly string[]): string =>
  [...lines.slice(0, NAMED), ...(lines.length > NAMED ? [`and ${lines.length - NAMED} more`] : [])].join('\n  ');

/** Every picture below the folder, by path; what is passed over is reported. @throws DataError when there is none */
function list(folder: string, path: string, report: (line: string) => void): WalkedFile[] {
  const walk = walkFiles(folder);
  const isPicture = ({ name }: WalkedFile) => ENDINGS.includes(extname(name).toLowerCase());
  const files = walk.files.filter(isPicture);
  const others = walk.files.filter((file) => !isPicture(file));
  const passed = [
    ...walk.leftOut.map((each) => `${each.path}: ${each.why}`),
    ...others.map(({ name }) => `${join(path, name)}: its name does not end in ${ENDINGS.join(', ')}`),
  ];
  if (files.length === 0)
    throw new DataError(
      'no-images',
      `${path} holds no pictures${passed.length > 0 ? `; passed over:\n  ${some(passed)}` : ''}`,
      {
        remedy: `Name a folder of ${ENDINGS.join(', ')} files, or of sub-folders of them; convert other pictures to PNG.`,
        fields: { path, passed: passed.length },
      },
    );
  if (passed.length > 0) report(`${path}: ${passed.length} files are passed over\n  ${some(passed)}`);
  return files;
}

/** The first part of each path: the class. Undefined when the images lie in the folder itself. @throws DataError for both */
function classesOf(files: readonly WalkedFile[], path: string): string[] | undefined {
  const loose = files.filter(({ name }) => !name.includes('/'));
  if (loose.length === files.length) return undefined;
  if (loose.length > 0)
    throw new DataError(
      'mixed-folder',
      `${path} holds images (${loose[0]!.name}) beside sub-folders with images; sub-folders are classes, so each image needs one`,
      { remedy: 'Put every image into a sub-folder, or none.', fields: { folder: path, file: loose[0]!.name } },
    );
  return [...new Set(files.map(classOf))].sort();
}

const classOf = ({ name }: WalkedFile): string => name.slice(0, name.indexOf('/'));

/** All pictures as bytes [N, channels, size, size]. @throws DataError that names the files which cannot be decoded, all at once */
async function decodeAll(files: readonly WalkedFile[], path: string, options: FolderOptions): Promise<Uint8Array> {
  const { size, channels = 3, report = () => {} } = options;
  const image = channels * size * size;
  const pixels = new Uint8Array(files.length * image);
  const faults: DataError[] = [];
  let reported = performance.now();
  for (const [index, file] of files.entries()) {
    try {
      const picture = await decodePicture(readFileSync(file.path), file.path);
      pixels.set(toSquare(picture, size, channels), index * image);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      faults.push(error);
    }
    if (performance.now() - reported < REPORT_MILLISECONDS) continue;
    reported = performance.now();
    report(`decoding ${path}: ${index + 1} of ${files.length} images`);
  }
  if (faults.length === 0) return pixels;
  if (faults.length === 1) throw faults[0];
  const lines = faults.map(({ message }) => message.split('\n')[0]!);
  throw new DataError(
    'damaged-pictures',
    `${faults.length} of ${files.length} files cannot be read:\n  ${some(lines)}`,
    {
      remedy: 'Correct, convert (to PNG) or remove them: none is left out silently.',
      fields: { folder: path, files: faults.map(({ fields }) => fields['file']) },
    },
  );
}

/**
 * The PNG, JPEG, WebP and GIF files below a folder, as bytes [N, C, size, size]: the middle square of each, resized with a triangle
 * filter that counts every pixel; what is transparent lies on white. Sub-folders are classes, in the order of their names; without
 * them there are no labels. Decoded once, and again when the files hold something else.
 *
 * @throws DataError for a folder without images, and for files that cannot be decoded, by name: none is left out silently
 */
export async function openImageFolder(path: string, options: FolderOptions): Promise<ImageSet> {
  checkOptions('openImageFolder', options, folderOptions);
  const { size, channels = 3, report = () => {} } = options;
  if (!(Number.isInteger(size) && size >= 1))
    throw new ConfigError('image-size', `the size of images should be a whole number from 1 and is ${size}`, {
      remedy: 'Give the height and width in pixels, for example 32.',
    });
  const folder = resolve(path);
  const files = list(folder, path, report);
  const classNames = classesOf(files, path);
  if (files.length * channels * size * size > totalmem())
    throw new DataError(
      'too-many-images',
      `${files.length} images of ${channels}×${size}×${size} are more than the memory of this machine`,
      { remedy: 'Ask for a smaller size, or use fewer images.', fields: { count: files.length, size, channels } },
    );
  const contents: [name: string, hash: string][] = [];
  for (const file of files) contents.push([file.name, await contentHash(file.path, { report })]);
  const key = sha256(JSON.stringify([folder, size, channels, contents])).slice(0, 16);
  const place = join(options.folder ?? defaultDataFolder(), 'folders');
  return packedSet(join(place, `${basename(folder)}-${size}-${key}.v${PACKED_VERSION}.safetensors`), async () => {
    const pixels = await decodeAll(files, path, options);
    const numbers = new Map(classNames?.map((name, number) => [name, number]));
    return {
      name: basename(folder),
      split: 'all',
      count: files.length,
      channels,
      height: size,
      width: size,
      pixels,
      ...(classNames && { classNames, labels: Int32Array.from(files, (file) => numbers.get(classOf(file))!) }),
      source: folder,
      licence: 'unknown: your own files',
    };
  });
}
