// What is no task, or no field of one, is refused where it is given, in a program too: nothing passes on to be ignored or to break
// what comes later.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { fakeBackend } from './eval.testing.ts';
import { choiceTask, evaluate, generateTask, rollingTask, sampleContext } from './index.ts';

const good = {
  name: 'mine',
  version: 1,
  summary: 's',
  metric: 'exact',
  wording: 'w',
  decoding: { maxTokens: 3 },
  options: { samples: 'how many' },
  load: () => ({ samples: [] }),
  prompt: () => '',
  score: () => ({ exact: 1 }),
};
const make = (changes: object) => generateTask({ ...good, ...changes } as never);

it.each([
  [{ options: ['x'] }, '"options" is no object'],
  [{ options: 'x' }, '"options" is no object'],
  [{ options: null }, '"options" is no object'],
  [{ options: { samples: 3 } }, '"options" is no object of names and what they are, each a text'],
  [{ data: ['x'] }, '"data" is no object with "files"'],
  [{ data: null }, '"data" is no object with "files"'],
  [{ needs: { judge: true } }, '"needs" is no list'],
  [{ needs: 'judge' }, '"needs" is no list'],
  [{ shots: '3' }, '"shots" is no number'],
  [{ version: '1' }, '"version" is no number'],
  [{ name: ['x'] }, '"name" is no string'],
  [{ load: {} }, '"load" is an object, not a function'],
  [{ prompt: 'x' }, '"prompt" is a text, not a function'],
  [{ score: [] }, '"score" is an array, not a function'],
  [{ score: null }, '"score" is null, not a function'],
  [{ decoding: ['x'] }, '"decoding" is an array, not an object or a function'],
  [{ wording: ['x'] }, '"wording" is an array, not a text or a function'],
  [{ aggregate: [] }, '"aggregate" is an array'],
  [{ groups: [] }, '"groups" is an array'],
  [{ settings: {} }, '"settings" is an object'],
  [{ read: 'x' }, '"read" is a text'],
])('a task with %j', (changes, message) => {
  expect(() => make(changes)).toThrow(ConfigError);
  expect(() => make(changes)).toThrow(message);
});

it.each([undefined, null, 'x', ['x'], 3])('a task that is %j', async (spec) => {
  for (const maker of [generateTask, choiceTask, rollingTask] as ((spec: never) => unknown)[])
    expect(() => maker(spec as never)).toThrow(/Task takes an object of fields, got/);
  const backend = fakeBackend();
  for (const tasks of [spec, [spec]])
    await expect(evaluate({ tasks: tasks as never, backend })).rejects.toThrow('"tasks" is no list of tasks: it is');
});

it.each([[['x']], ['samples'], [{ samples: 3 }], [{ samples: ['3'] }], [{ samples: null }]])(
  'task options %j',
  (given) => {
    const task = make({});
    expect(() => sampleContext(task, { taskOptions: given as never })).toThrow(ConfigError);
    expect(sampleContext(task, { taskOptions: { samples: '3' } }).options).toEqual({ samples: '3' });
  },
);

it('options of an evaluation that are none', async () => {
  const none = (options: unknown) => expect(evaluate(options as never)).rejects;
  await none(undefined).toThrow('options are an object');
  await none([]).toThrow('options are an object');
  await none({ tasks: [make({})], backend: fakeBackend(), limits: 3 }).toThrow('there is no option "limits"');
  expect(() => sampleContext(make({}), { limits: 3 } as never)).toThrow('there is no option "limits"');
});
