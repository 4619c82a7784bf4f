// Where a GGUF file comes from: `FILE.lineage.json` beside it says what a model folder's lineage.json says.
import { basename } from 'node:path';
import { given } from '../../../base/index.ts';
import { hashedData, type Json, type Lineage, lineageOf, type WrittenFile, writeJson } from '../../../store/index.ts';
import { listSourceFiles } from '../../../text/index.ts';
import type { GateReport } from '../../gate/index.ts';
import type { ExportGgufConfig } from './config.ts';

interface GgufOrigin {
  written: WrittenFile;
  /** Hash of the model folder. */
  parent: string;
  data: Lineage['data'];
  gate: GateReport | null;
  recipe: string | null;
  commit: string | null;
}

/** What the weights were rounded with: the texts, or the matrix that was measured elsewhere. */
export async function dataOf({ imatrix, text }: ExportGgufConfig): Promise<Lineage['data']> {
  const texts = text.length > 0 ? listSourceFiles(text).map(({ path }) => path) : [];
  return await hashedData(imatrix === undefined ? texts : [imatrix]);
}

export function writeGgufLineage(config: ExportGgufConfig, { written, parent, gate, ...by }: GgufOrigin): void {
  const { model, out, type, context, imatrix, text, calibrationTokens } = config;
  const { meanKl, maxKl, top1Agreement, positions, loadedBy } = gate ?? {};
  const settings = given<unknown>({
    format: 'gguf',
    ...{ type, context, imatrix },
    ...(text.length > 0 && { text, calibrationTokens }),
    gate: gate ? { meanKl, maxKl, top1Agreement, positions, loadedBy } : 'skipped',
  }) as Lineage['config'];
  const { bytes, sha256 } = written;
  const provenance = { stage: 'export', ...by, config: settings, parents: [{ name: model, sha256: parent }] };
  writeJson(`${out}.lineage.json`, lineageOf(provenance, { [basename(out)]: { bytes, sha256 } }) as unknown as Json);
}
