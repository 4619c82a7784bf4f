// Other defaults for a schema of settings.
import { expect, it } from 'vitest';
import { z } from 'zod';
import { withDefaults } from './index.ts';

const schema = z.strictObject({
  steps: z.int().default(10).describe('how long'),
  rate: z.number(),
  inner: z.strictObject({ a: z.number().default(1), b: z.number().default(2) }).prefault({}),
  name: z.string().optional(),
});

it('changes single defaults, also inside, and leaves every setting to be set', () => {
  const changed = withDefaults(schema, { steps: 5, rate: 0.1, inner: { b: 3 } });
  expect(changed.parse(undefined)).toEqual({ steps: 5, rate: 0.1, inner: { a: 1, b: 3 } });
  expect(changed.parse({ steps: 7, inner: { a: 9 } })).toEqual({ steps: 7, rate: 0.1, inner: { a: 9, b: 3 } });
  expect(changed.unwrap().shape.steps.description).toBe('how long');
  expect(() => changed.parse({ stepz: 1 })).toThrow(/stepz/);
  expect(() => withDefaults(schema, { stepz: 1 } as never)).toThrow(/no setting "stepz"/);
  expect(schema.parse({ rate: 1 }).steps).toBe(10);
});
