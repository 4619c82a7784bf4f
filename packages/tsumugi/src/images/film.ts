// Pictures one after the other: as an animated GIF or WebP file, and as PNG files in a folder.
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ConfigError, DataError, makeFolder, writeFileAtomic } from '../base/index.ts';
import { openSharp } from './picture.ts';
import { writePng } from './png.ts';

/** [height, width, 3], red, green, blue, 0 to 255. */
export interface FilmFrame {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Frames of one size. */
export interface Film {
  frames: readonly FilmFrame[];
  framesPerSecond: number;
}

const kinds = ['.gif', '.webp'];

/** @throws ConfigError for a name that ends in another kind of file */
export function requireFilmPath(path: string): void {
  const ending = extname(path).toLowerCase();
  if (kinds.includes(ending)) return;
  throw new ConfigError('not-a-film', `${path} ends in "${ending}", but films are written as ${kinds.join(' or ')}`, {
    remedy: `Write ${path.slice(0, path.length - ending.length)}.webp.`,
    fields: { path },
  });
}

/**
 * Writes a film that repeats for ever; what it is follows from the ending of `path`. A WebP file has every pixel as it was, a GIF file
 * 256 colours and times in hundredths of a second.
 */
export async function writeFilm(path: string, { frames, framesPerSecond }: Film): Promise<void> {
  requireFilmPath(path);
  const { width, height } = requireFrames(frames);
  const data = Buffer.concat(frames.map((frame) => frame.data));
  const sharp = await openSharp();
  const raw = { width, height: height * frames.length, channels: 3, pageHeight: height } as const;
  const film = sharp(data, { raw, limitInputPixels: false });
  const timing = { delay: frames.map(() => Math.round(1000 / framesPerSecond)), loop: 0 };
  const made = extname(path).toLowerCase() === '.gif' ? film.gif(timing) : film.webp({ ...timing, lossless: true });
  writeFileAtomic(path, await made.toBuffer());
}

/** Writes each frame as a PNG file into a folder that is empty or not there: 000000.png, 000001.png, … */
export function writeFrames(folder: string, frames: readonly FilmFrame[]): void {
  requireFrames(frames);
  makeFolder(folder);
  const [other] = readdirSync(folder);
  if (other !== undefined)
    throw new DataError('place-taken', `${folder} holds something already (${other})`, {
      remedy: 'Name a new folder for the frames.',
      fields: { folder },
    });
  for (const [i, { width, height, data }] of frames.entries())
    writePng(join(folder, `${String(i).padStart(6, '0')}.png`), data, { width, height, channels: 3 });
}

function requireFrames(frames: readonly FilmFrame[]): FilmFrame {
  const [first] = frames;
  if (first === undefined) throw new DataError('no-frames', 'a film has at least one frame');
  const other = frames.find(({ width, height }) => width !== first.width || height !== first.height);
  if (other)
    throw new DataError(
      'frames-differ',
      `the frames of a film have one size: ${first.width} × ${first.height}, and one is ${other.width} × ${other.height}`,
    );
  return first;
}
