// Observations in snapshots, which are JSON: numbers as they are, arrays as their bytes, so that every bit comes back.
import { isObject, UserError } from '../base/index.ts';
import type { Observation } from './environment.ts';

const kinds = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array } as const;

export function observationToJson(observation: Observation): unknown {
  if (typeof observation === 'number') return observation;
  const dtype = Object.entries(kinds).find(([, Kind]) => observation instanceof Kind)![0];
  const { buffer, byteOffset, byteLength } = observation;
  return { dtype, bytes: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

/** @throws UserError for what `observationToJson` did not make */
export function observationFromJson(json: unknown): Observation {
  if (typeof json === 'number') return json;
  if (isObject(json) && typeof json['bytes'] === 'string' && Object.hasOwn(kinds, String(json['dtype']))) {
    const bytes = Uint8Array.from(Buffer.from(json['bytes'], 'base64'));
    return new kinds[json['dtype'] as keyof typeof kinds](bytes.buffer);
  }
  throw new UserError('bad-snapshot', 'an observation of the snapshot is neither a number nor an array');
}
