// The record of a stage's artefact, `stage.json` in its folder: what it was made from, and, once it is complete, what it
// holds. It is written when the stage begins and replaced, whole, when everything else is on the disk.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { contentHash, FormatError, filesHash } from '../base/index.ts';
import { RECORD_FILE } from '../run/index.ts';
import { type Json, LINEAGE_FILE, readJson, writeJson } from '../store/index.ts';
import { heatmapSchema, metricSchema, tableSchema } from './results.ts';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const fileSchema = z.strictObject({ bytes: z.int().nonnegative(), sha256: sha256Schema });

const inputSchema = z.strictObject({
  /** The stage that made it, or null for what comes from outside. */
  stage: z.string().nullable(),
  /** The stage's address, or the hash of the files' content. */
  address: sha256Schema,
  /** Hash of the artefact that was taken; null for what comes from outside, and while it is not made. */
  sha256: sha256Schema.nullable(),
  /** The files from outside, as they were named, with the hash of each. */
  files: z.array(z.strictObject({ path: z.string(), sha256: sha256Schema })),
  /** How they are read. */
  settings: z.json(),
});

const recordSchema = z.strictObject({
  format: z.literal('tsumugi-stage'),
  version: z.literal(1),
  name: z.string(),
  /** The name that `defineStage` gave it, e.g. "pretrain". */
  definition: z.string(),
  definitionVersion: z.int(),
  /** Versions and hashes of other code and data it used. */
  uses: z.record(z.string(), z.union([z.string(), z.int()])),
  address: sha256Schema,
  config: z.json(),
  inputs: z.record(z.string(), z.array(inputSchema)),
  /** Of the code, where it is known. */
  commit: z.string().nullable(),
  /** When the last attempt began, ISO 8601. */
  begun: z.iso.datetime(),
  /** Seconds that attempts before it took. */
  secondsBefore: z.number(),
  /** What was made; null while it is not complete. */
  result: z
    .strictObject({
      finished: z.iso.datetime(),
      /** All attempts together. */
      seconds: z.number(),
      /** Hash over names and contents of the artefact's files: equal hashes mean equal artefacts. */
      sha256: sha256Schema,
      files: z.record(z.string(), fileSchema),
      metrics: z.array(metricSchema),
      tables: z.array(tableSchema),
      heatmaps: z.array(heatmapSchema),
    })
    .nullable(),
});

export type StageRecord = z.output<typeof recordSchema>;
export type StageResult = NonNullable<StageRecord['result']>;
export type RecordedInput = z.output<typeof inputSchema>;
export type RecordedInputs = Readonly<Record<string, readonly RecordedInput[]>>;

export const artefactsIn = (out: string): string => join(out, 'artefacts');

/** The folder of a stage's artefact. */
export const artefactFolder = (out: string, stage: string, address: string): string =>
  join(artefactsIn(out), `${stage}-${address.slice(0, 12)}`);

/** The record in a folder; undefined when there is none, or none that this version understands. */
export function readRecord(folder: string): StageRecord | undefined {
  const path = join(folder, RECORD_FILE);
  if (!statSync(path, { throwIfNoEntry: false })) return undefined;
  try {
    return readJson(path, recordSchema);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** All records in `out`, each with its folder. */
export function recordsIn(out: string): { folder: string; record: StageRecord }[] {
  const home = artefactsIn(out);
  if (!existsSync(home)) return [];
  return readdirSync(home).flatMap((name) => {
    const folder = join(home, name);
    const record = readRecord(folder);
    return record ? [{ folder, record }] : [];
  });
}

export function writeRecord(folder: string, record: Omit<StageRecord, 'format' | 'version'>): StageRecord {
  const complete: StageRecord = { format: 'tsumugi-stage', version: 1, ...record };
  writeJson(join(folder, RECORD_FILE), complete as Json);
  return complete;
}

/**
 * The files of an artefact, by path inside it, and the hash over all of them. `lineage.json`, also that of a single file
 * (`model.gguf.lineage.json`), holds times and paths: it stays apart, as in the hash of a model folder.
 */
export async function hashArtefact(place: string): Promise<Pick<StageResult, 'files' | 'sha256'>> {
  const files: StageResult['files'] = {};
  for (const name of artefactFiles(place)) {
    const path = join(place, name);
    files[name] = { bytes: statSync(path).size, sha256: await contentHash(path) };
  }
  return { files, sha256: filesHash(Object.entries(files).map(([name, file]) => [name, file.sha256])) };
}

const bookkeeping = new Set([RECORD_FILE, LINEAGE_FILE, 'events.jsonl', 'run.json', 'run.lock']);

function artefactFiles(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !bookkeeping.has(entry.name) && !entry.name.endsWith(`.${LINEAGE_FILE}`))
    .map((entry) => join(entry.parentPath, entry.name).slice(place.length + 1))
    .sort();
}

/** What is wrong with a complete artefact: a file that is gone, was changed or was added; undefined when nothing is. */
export async function damageOf(place: string, { files }: StageResult): Promise<string | undefined> {
  for (const [name, { bytes, sha256: hash }] of Object.entries(files)) {
    const path = join(place, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return `${name} is missing`;
    if (found.size !== bytes || (await contentHash(path)) !== hash) return `${name} was changed`;
  }
  const added = artefactFiles(place).find((name) => !Object.hasOwn(files, name));
  return added === undefined ? undefined : `${added} was added`;
}
