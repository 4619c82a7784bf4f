// A folder of one's own PNG and JPEG files as a data set. Sub-folders are classes.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, extname, join, resolve, sep } from 'node:path';
import { ConfigError, DataError, sha256 } from '../../base/index.ts';
import { decodePicture } from '../images/picture.ts';
import { toSquare } from '../images/square.ts';
import { defaultDataFolder, type ImageSet, type OpenOptions } from './image-set.ts';
import { PACKED_VERSION, packedSet } from './packed-set.ts';

export interface FolderOptions extends OpenOptions {
  /** Height and width of the images: the middle square of every file, resized. */
  size: number;
  /** 3 (red, green, blue) or 1 (grey). Default 3. */
  channels?: 1 | 3 | undefined;
}

const ENDINGS = ['.png', '.jpg', '.jpeg'];
const REPORT_MILLISECONDS = 5000;

interface ImageFile {
  /** Below the folder, with `/`. */
  path: string;
  bytes: number;
  changed: number;
}

/** Every image below the folder, by path in code-unit order; and how many other files there are. Hidden ones do not count. */
function list(folder: string): { files: ImageFile[]; others: number } {
  const files: ImageFile[] = [];
  let others = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = entry.split(sep).join('/');
    if (/(^|\/)\./.test(path)) continue;
    const status = statSync(join(folder, entry));
    if (!status.isFile()) continue;
    if (ENDINGS.includes(extname(path).toLowerCase()))
      files.push({ path, bytes: status.size, changed: status.mtimeMs });
    else others++;
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), others };
}

/** The first part of each path: the class. Undefined when the images lie in the folder itself. @throws DataError for both */
function classesOf(files: readonly ImageFile[], folder: string): string[] | undefined {
  const loose = files.filter(({ path }) => !path.includes('/'));
  if (loose.length === files.length) return undefined;
  if (loose.length > 0)
    throw new DataError(
      'mixed-folder',
      `${folder} holds images (${loose[0]!.path}) beside sub-folders with images; sub-folders are classes, so each image needs one`,
      { remedy: 'Put every image into a sub-folder, or none.', fields: { folder, file: loose[0]!.path } },
    );
  return [...new Set(files.map(({ path }) => path.slice(0, path.indexOf('/'))))].sort();
}

/**
 * The PNG and JPEG files below a folder, as bytes [N, C, size, size]: the middle square of each, resized with a triangle filter
 * that counts every pixel; what is transparent lies on white. Sub-folders are classes, in the order of their names; without
 * them there are no labels. Decoded once, and again when a file is added, removed or changed.
 *
 * @throws DataError for a folder without images, and for a file that cannot be decoded, by name: none is left out silently
 */
export function openImageFolder(path: string, options: FolderOptions): ImageSet {
  const { size, channels = 3, report = () => {} } = options;
  if (!(Number.isInteger(size) && size >= 1))
    throw new ConfigError('image-size', `the size of images should be a whole number from 1 and is ${size}`);
  const folder = resolve(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new DataError('no-such-folder', `${path} is not a folder`, { remedy: 'Check the path.', fields: { path } });
  const { files, others } = list(folder);
  if (files.length === 0)
    throw new DataError('no-images', `${path} holds no PNG or JPEG file${others ? ` (${others} others)` : ''}`, {
      remedy: 'Name a folder of .png, .jpg or .jpeg files, or of sub-folders of them.',
      fields: { path, others },
    });
  if (others > 0) report(`${path}: ${others} files do not end in ${ENDINGS.join(', ')} and are passed over`);
  const classNames = classesOf(files, folder);
  const image = channels * size * size;
  if (files.length * image > totalmem())
    throw new DataError(
      'too-many-images',
      `${files.length} images of ${channels}×${size}×${size} are more than the memory of this machine`,
      { remedy: 'Ask for a smaller size, or use fewer images.', fields: { count: files.length, size, channels } },
    );
  const key = sha256(JSON.stringify([folder, size, channels, files])).slice(0, 16);
  const place = join(options.folder ?? defaultDataFolder(), 'folders');
  return packedSet(join(place, `${basename(folder)}-${size}-${key}.v${PACKED_VERSION}.safetensors`), () => {
    const pixels = new Uint8Array(files.length * image);
    let reported = performance.now();
    for (const [index, file] of files.entries()) {
      const from = join(folder, file.path);
      pixels.set(toSquare(decodePicture(readFileSync(from), from), size, channels), index * image);
      if (performance.now() - reported < REPORT_MILLISECONDS) continue;
      reported = performance.now();
      report(`decoding ${path}: ${index + 1} of ${files.length} images`);
    }
    const numbers = new Map(classNames?.map((name, number) => [name, number]));
    const labelOf = ({ path: file }: ImageFile) => numbers.get(file.slice(0, file.indexOf('/')))!;
    return {
      ...{ name: basename(folder), split: 'all', count: files.length, channels, height: size, width: size, pixels },
      ...(classNames && { classNames, labels: Int32Array.from(files, labelOf) }),
      ...{ source: folder, licence: 'unknown: your own files' },
    };
  });
}
