// Observations in snapshots come back bit for bit.
import { expect, it } from 'vitest';
import { UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { ObservationInput } from './observation-input.ts';
import { observationFromJson, observationToJson } from './observation-json.ts';
import { Box } from './spaces/index.ts';

const through = (observation: Parameters<typeof observationToJson>[0]) =>
  observationFromJson(JSON.parse(JSON.stringify(observationToJson(observation))));

it.each([
  3,
  Float32Array.of(0.1, Number.NaN, -0, Infinity),
  Float64Array.of(0.1, -0),
  Uint8Array.of(0, 255),
  Float32Array.of(1, 2, 3, 4).subarray(1, 3),
  Uint8Array.of(1, 2, 3, 4).subarray(1, 3),
])('%o', (observation) => {
  expect(through(observation)).toStrictEqual(observation instanceof Uint8Array ? observation.slice() : observation);
});

it.each([
  null,
  '3',
  {},
  { dtype: 'int8', bytes: '' },
  { dtype: 'toString', bytes: '' },
  { dtype: 'float32', bytes: 3 },
])('refuses %j', (json) => {
  expect(thrown(UserError, () => observationFromJson(json)).code).toBe('bad-snapshot');
});

it('an observation of another length than the space says is refused, where it would run into the next one', () => {
  const input = new ObservationInput(new Box(-1, 1, [3]));
  expect(() => input.tensor([new Float32Array(3), new Float32Array(2)])).toThrow(/an observation of 3 elements/);
});
