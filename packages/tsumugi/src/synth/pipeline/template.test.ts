// Templates: fields by name, nothing else.
import { expect, it } from 'vitest';
import { ConfigError } from '../../base/index.ts';
import { fieldOrTemplate, parseTemplate } from './template.ts';

const render = (source: string, fields: Record<string, string>) =>
  parseTemplate(source, 'prompt').render((name) => fields[name]!);

it('puts fields in, in any script, and leaves other braces alone', () => {
  expect(render('{{a}}と{{ 質問 }}、{"json": {"x": 1}} {b}', { a: '猫', 質問: '何？' })).toBe(
    '猫と何？、{"json": {"x": 1}} {b}',
  );
  expect(parseTemplate('{{b}}{{a}}{{b}}', 'prompt').variables).toEqual(['b', 'a']);
});

it('does not look into what it put in', () => {
  expect(render('{{a}}{{b}}', { a: '{{b}}', b: '$&$1' })).toBe('{{b}}$&$1');
});

it('refuses what is no name, and says where', () => {
  for (const source of ['{{a b}}', '{{}}', '{{1a}}', '{{a|upper}}'])
    expect(() => parseTemplate(source, 'step 2: prompt'), source).toThrow(ConfigError);
  expect(() => parseTemplate('{{a b}}', 'step 2: prompt')).toThrow(
    /^step 2: prompt: \{\{a b\}\} is no name of a field/,
  );
});

it('takes the name of a field alone as one', () => {
  expect(fieldOrTemplate('answer', 'output.user').variables).toEqual(['answer']);
  expect(fieldOrTemplate('問：{{q}}', 'output.user').variables).toEqual(['q']);
});
