// Pictures from files, through npm sharp (libvips with libjpeg-turbo, libpng, libwebp, libnsgif): the pixels that Pillow gives, to the
// last bit. What a file is follows from its first bytes, not from its name.
import { readFileSync } from 'node:fs';
import type { Sharp, SharpOptions } from 'sharp';
import { DataError, UserError } from '../base/index.ts';
import { kindOf, readKinds } from './picture-kind.ts';
import { pngFault } from './png-fault.ts';

/** A decoded picture, upright: `data` is [height, width, 4], red, green, blue, alpha, 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The largest picture that is decoded: 268 megapixels, of which every one takes four bytes. */
export const MAX_PIXELS = 2 ** 28;

type Decode = (bytes: Uint8Array, options?: SharpOptions) => Sharp;

let loading: Promise<Decode> | undefined;

/** sharp, loaded with the first picture: one thread, and no cache of what is decoded only once. */
export const openSharp = (): Promise<Decode> => (loading ??= loadSharp());

async function loadSharp(): Promise<Decode> {
  try {
    const { default: sharp } = await import('sharp');
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  } catch (cause) {
    throw new UserError(
      'no-sharp',
      `pictures are read and films written with npm sharp, which cannot be loaded: ${firstLine(cause)}`,
      {
        remedy: 'Run "npm install" without --omit=optional: it brings the build for this machine.',
        cause,
      },
    );
  }
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!;

/**
 * Decodes the bytes of a PNG, JPEG, WebP or GIF file (of several pictures the first), called `name` in errors, turned as its Exif
 * block says. Colour profiles and gamma are not looked at; 16-bit numbers lose their lower half.
 *
 * @throws DataError when they are none, are damaged or cut short, or hold more pixels than `MAX_PIXELS`
 */
export async function decodePicture(bytes: Uint8Array, name: string): Promise<Picture> {
  const kind = kindOf(bytes);
  if (kind === undefined || !readKinds.includes(kind))
    throw new DataError(
      'not-a-picture',
      `${name} is ${kind ? `a ${kind} file` : 'no picture'}, judging by its first bytes`,
      {
        remedy: `${readKinds.join(', ')} files are read. Convert or remove it.`,
        fields: { file: name },
      },
    );
  const sharp = await openSharp();
  try {
    const { width, height, space } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height > MAX_PIXELS) throw tooLarge(name, width, height);
    return space === 'cmyk' ? await decodeInks(sharp, bytes) : await decodeColours(sharp, bytes);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const reason = (kind === 'PNG' && pngFault(bytes)) || reasonOf(cause);
    throw new DataError('damaged-picture', `${name} cannot be read as a ${kind} file: ${reason}`, {
      remedy: 'Remove the file, or put a whole copy in its place.',
      fields: { file: name },
      cause,
    });
  }
}

function tooLarge(name: string, width: number, height: number): DataError {
  return new DataError('too-large-picture', `${name} says that it has ${width} × ${height} pixels`, {
    remedy: `Pictures of up to ${Math.round(MAX_PIXELS / 1e6)} million pixels are read: make it smaller, or remove it.`,
    fields: { file: name, width, height },
  });
}

/** What libjpeg warns of although every pixel is there. */
const harmless = /^(Corrupt JPEG data: \d+ extraneous bytes before marker 0x|Warning: unknown JFIF revision)/;

const complaints = (error: unknown): string[] => [
  ...new Set(
    (error as Error).message.split('\n').map((line) => line.replace(/^(Vips|vips|Input)[\w ]*: ?/, '').trim()),
  ),
];

function reasonOf(error: unknown): string {
  const lines = complaints(error).filter((line) => line !== '');
  if (lines.some((line) => /premature end of JPEG image|missing SOS/.test(line))) return 'it ends too early';
  return lines.join('; ') || 'its header is damaged';
}

type Steps = (picture: Sharp) => Sharp;

/** Runs a pipeline to bytes; anything that may have cost a pixel is an error. */
async function pixels(sharp: Decode, bytes: Uint8Array, steps: Steps): Promise<Picture> {
  const run = async (failOn: 'warning' | 'error') => {
    const picture = sharp(bytes, { failOn, limitInputPixels: MAX_PIXELS, ignoreIcc: true }).autoOrient();
    const { data, info } = await steps(picture).raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data };
  };
  try {
    return await run('warning');
  } catch (error) {
    if (!complaints(error).every((line) => harmless.test(line))) throw error;
    return run('error');
  }
}

const decodeColours = (sharp: Decode, bytes: Uint8Array): Promise<Picture> =>
  pixels(sharp, bytes, (picture) => picture.toColourspace('srgb').ensureAlpha());

/** Cyan, magenta, yellow, black → red, green, blue as Pillow has it: 255 − K − C · (255 − K) / 255, without a profile. */
async function decodeInks(sharp: Decode, bytes: Uint8Array): Promise<Picture> {
  const picture = await pixels(sharp, bytes, (inks) => inks.pipelineColourspace('cmyk').toColourspace('cmyk'));
  const { data } = picture;
  for (let at = 0; at < data.length; at += 4) {
    const light = 255 - data[at + 3]!;
    for (let c = at; c < at + 3; c++) data[c] = Math.max(0, light - Math.round((data[c]! * light) / 255));
    data[at + 3] = 255;
  }
  return picture;
}

/** @throws DataError as `decodePicture` */
export const readPicture = (path: string): Promise<Picture> => decodePicture(readFileSync(path), path);
