// Where a GGUF file comes from: `FILE.lineage.json` beside it says what a model folder's lineage.json says.
import { basename } from 'node:path';
import { contentHash } from '../../../base/index.ts';
import { hubNameOfFolder, type Json, type Lineage, type WrittenFile, writeJson } from '../../../store/index.ts';
import { listSourceFiles } from '../../../text/index.ts';
import type { GateReport } from '../../gate/index.ts';
import type { ExportGgufConfig } from './config.ts';

export const lineageOf = (file: string): string => `${file}.lineage.json`;

export interface GgufOrigin {
  written: WrittenFile;
  /** Hash of the model folder. */
  parent: string;
  data: Lineage['data'];
  gate: GateReport | null;
  commit: string | null;
}

/** What the weights were rounded with: the texts, or the matrix that was measured elsewhere. */
export async function dataOf({ imatrix, text }: ExportGgufConfig): Promise<Lineage['data']> {
  const texts = text.length > 0 ? listSourceFiles(text).map(({ path }) => path) : [];
  const paths = imatrix === undefined ? texts : [imatrix];
  return await Promise.all(paths.map(async (path) => ({ name: path, sha256: await contentHash(path) })));
}

export function writeGgufLineage(config: ExportGgufConfig, { written, parent, data, gate, commit }: GgufOrigin): void {
  const { model, out, type, context, imatrix, text, calibrationTokens } = config;
  const { meanKl, maxKl, top1Agreement, positions, loadedBy } = gate ?? {};
  const lineage: Lineage = {
    format: 'tsumugi-lineage',
    version: 1,
    stage: 'export',
    recipe: null,
    config: {
      format: 'gguf',
      type,
      ...(context !== undefined && { context }),
      ...(imatrix !== undefined && { imatrix }),
      ...(text.length > 0 && { text, calibrationTokens }),
      gate: gate ? { meanKl, maxKl, top1Agreement, positions, loadedBy } : 'skipped',
    } as Lineage['config'],
    seed: null,
    commit,
    created: new Date().toISOString(),
    parents: [{ name: hubNameOfFolder(model), sha256: parent }],
    data,
    files: { [basename(out)]: { bytes: written.bytes, sha256: written.sha256 } },
  };
  writeJson(lineageOf(out), lineage as unknown as Json);
}
