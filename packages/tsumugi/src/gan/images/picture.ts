// Pictures from files: what a file is follows from its first bytes, not from its name.
import { DataError } from '../../base/index.ts';
import { decodeJpeg } from './jpeg.ts';
import { decodePng, type Picture } from './png.ts';

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const JPEG_SIGNATURE = Buffer.from([0xff, 0xd8]);

const begins = (bytes: Buffer, signature: Buffer) => bytes.subarray(0, signature.length).equals(signature);

/** Decodes the bytes of a PNG or JPEG file, called `name` in errors. @throws DataError when they are neither, or damaged */
export function decodePicture(bytes: Buffer, name: string): Picture {
  if (begins(bytes, PNG_SIGNATURE)) return decodePng(bytes, name);
  if (begins(bytes, JPEG_SIGNATURE)) return decodeJpeg(bytes, name);
  throw new DataError('not-a-picture', `${name} is neither a PNG nor a JPEG file, judging by its first bytes`, {
    remedy: 'Convert or remove the file.',
    fields: { file: name },
  });
}
