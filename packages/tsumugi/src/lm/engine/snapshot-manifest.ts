// The list of snapshots in a folder: what is in which file, for which model, with checksums.
import { z } from 'zod';

const file = z.strictObject({
  file: z.string().regex(/^\d{6}\.safetensors$/),
  sha256: z.string(),
  /** Tokens that the state has taken in. */
  length: z.int().positive(),
  place: z.union([
    z.strictObject({ key: z.string() }),
    z.strictObject({ tenant: z.string(), ids: z.array(z.int().nonnegative()).readonly() }),
  ]),
});

export const snapshotManifest = z.strictObject({
  format: z.literal('tsumugi-snapshots-1'),
  modelHash: z.string(),
  /** Of the list of files. */
  sha256: z.string(),
  /** The most recently used first. */
  files: z.array(file),
});

export type SnapshotFile = z.infer<typeof file>;
