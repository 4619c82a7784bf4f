// Settings of single tasks: reading them, and handing them out.
import { expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import type { Task } from './task.ts';
import { checkTaskOptions, optionsOf, parseTaskOptions } from './task-options.ts';

const taskWith = (name: string, options: Record<string, string>): Task => ({
  name,
  version: 1,
  summary: '',
  metric: 'accuracy',
  kind: 'judged',
  options,
  samples: () => Promise.reject(new Error('not read')),
  prompt: () => '',
  reference: () => undefined,
  run: () => Promise.reject(new Error('not run')),
});
const needle = taskWith('needle', { lengths: '', depths: '' });
const position = taskWith('position', { lengths: '', text: '' });

it('reads pairs; a value may hold "="', () => {
  expect(parseTaskOptions(['lengths=1K,2K', 'text=a=b'])).toEqual({ lengths: '1K,2K', text: 'a=b' });
  expect(() => parseTaskOptions(['lengths'])).toThrow(ConfigError);
});

it('gives each task what it knows, and refuses what none knows', () => {
  const options = { lengths: '1K', text: 'a.txt' };
  checkTaskOptions([needle, position], options);
  expect(optionsOf(needle, options)).toEqual({ lengths: '1K' });
  expect(optionsOf(position, options)).toEqual(options);
  expect(() => checkTaskOptions([needle], options)).toThrow('needle has no setting "text"');
  expect(() => checkTaskOptions([needle, position], { length: '1K' })).toThrow('Did you mean "lengths"');
});
