// What distilling will take: as training the student takes, and the teacher beside it where nobody has kept what it says.
import { expect, it, vi } from 'vitest';
import { preset } from '../lm/index.ts';
import { teacherFactor, teacherMemory } from '../train/index.ts';
import { distill } from './index.ts';
import { given } from './stages.testing.ts';
import { trainingForecast } from './training-forecast.ts';

vi.mock('./training-forecast.ts', async (original) => ({
  ...(await original<typeof import('./training-forecast.ts')>()),
  // The real one measures this machine.
  trainingForecast: vi.fn(() => ({ seconds: 100, memory: [{ what: 'training', bytes: 7 }], diskBytes: 9 })),
}));

const [student, teacher] = [preset('mini', { num_hidden_layers: 2 }), preset('mini')];
const input = (about?: object, metrics = {}) => ({ ...given('/nowhere', metrics), about });

it('adds the teacher, unless its logits are there', async () => {
  const config = distill.config.parse({ steps: 4, evaluateTokens: 500, evaluateEvery: 2 });
  const inputs = {
    teacher: input({ ...teacher }),
    model: input({ ...student }),
    data: input(undefined, { 'held-out tokens': 800 }),
  };
  const forecast = (logits: object[]) => distill.forecast({ config, inputs: { ...inputs, logits } } as never);
  const factor = teacherFactor(student, teacher, config);
  expect(factor).toBeGreaterThan(1.3);
  expect(await forecast([])).toMatchObject({
    seconds: 100 * factor,
    memory: [{ what: 'training', bytes: 7 }, ...teacherMemory(teacher, config)],
    diskBytes: 9,
  });
  expect(await forecast([input()])).toMatchObject({ seconds: 100, memory: [{ what: 'training', bytes: 7 }] });
  expect(trainingForecast).toHaveBeenCalledWith(
    expect.objectContaining({ num_hidden_layers: 2 }),
    [config],
    expect.objectContaining({ heldOutTokens: 500, evaluateTokens: 500, evaluateEvery: 2 }),
  );
});
