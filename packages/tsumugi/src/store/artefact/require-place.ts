// Where a model will be written, looked at before the work begins.
import { DataError, requireRoom, StagedFolder, samePlace } from '../../base/index.ts';
import { isArtefact } from './artefact.ts';

/**
 * @param sources folders that are read
 * @param bytes that will be written
 * @throws DataError `into-source` when `out` is one of them, `place-taken` when it holds something else; UserError `disk-full`
 */
export function requirePlace(out: string, sources: readonly string[], bytes: number, diskRemedy?: string): void {
  if (sources.some((source) => samePlace(source, out)))
    throw new DataError('into-source', `${out} is a model that is read`, {
      remedy: 'Name another folder to write to.',
      fields: { path: out },
    });
  new StagedFolder(out, isArtefact)[Symbol.dispose]();
  requireRoom(out, bytes, diskRemedy);
}
