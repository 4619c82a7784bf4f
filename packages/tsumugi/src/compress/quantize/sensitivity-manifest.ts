// The file in which what quantizing single matrices costs is kept, so that another target needs no second measurement, and one that
// was cut off goes on after the layers that were done.
import { z } from 'zod';
import { cacheFolder, sha256 } from '../../base/index.ts';
import { canonicalJson, type Json, readJsonIfSound, writeJson } from '../../store/index.ts';

const fileSchema = z.strictObject({
  format: z.literal('tsumugi-sensitivity'),
  version: z.literal(1),
  /** Hash of the model's files, hash of the text's tokens, and how matrices are rounded. */
  measured: z.strictObject({ model: z.string(), text: z.string(), rounding: z.string() }),
  /** Of each layer that is done: nats by the last parts of a matrix's path, and by bits. */
  layers: z.array(z.record(z.string(), z.record(z.string(), z.number()))),
});

type File = z.output<typeof fileSchema>;

/** What was measured with. */
export type Measured = File['measured'];
/** Nats by path and bits. */
export type LayerCosts = File['layers'][number];

const pathOf = (measured: Measured): string =>
  cacheFolder('sensitivity', `${sha256(canonicalJson(measured)).slice(0, 32)}.json`);

/** Layers that were measured; none when nothing was kept, or not for this; a damaged file is as none. */
export function keptSensitivity(measured: Measured): LayerCosts[] {
  const kept = readJsonIfSound(pathOf(measured), fileSchema);
  return kept && canonicalJson(kept.measured) === canonicalJson(measured) ? kept.layers : [];
}

export function keepSensitivity(measured: Measured, layers: LayerCosts[]): void {
  const file: File = { format: 'tsumugi-sensitivity', version: 1, measured, layers };
  writeJson(pathOf(measured), file as unknown as Json);
}
