// Where our Jinja is not Python's, as docs/sft.md says: what Jinja2 3.1.6 gives in Transformers' settings was written down from it.
import { expect, it } from 'vitest';
import { compileTemplate, runTemplate } from './jinja.ts';
import { jinjaTemplate } from './template.ts';

const run = (source: string) => runTemplate(compileTemplate(source, 'it'), {});

it.each([
  ["{{ ['a', 1] }}", "['a', 1]", '["a", 1]'],
  ["{{ {'a': 1} }}", "{'a': 1}", '{"a": 1}'],
  ['{{ True }} {{ None }}', 'True None', 'true '],
  ["{{ 'x' in 'xyz' }}", 'True', 'true'],
  ["{{ '😀猫'|length }}", '2', '3'],
  ["{{ '猫😀'[:2] }}", '猫😀', '猫😀'],
  ['{{ -5 % 3 }}', '1', '-2'],
  ['{{ 9007199254740993 }}', '9007199254740993', '9007199254740992'],
])('%s: Jinja2 %s, here %s', (source, _python, ours) => {
  expect(run(source)).toBe(ours);
});

it('is empty where Jinja2 fails: a field of what is not there', () => {
  expect(run('{{ missing.x.y }}|')).toBe('|');
});

it.each([
  '{% raw %}{{ x }}{% endraw %}',
  '{{ [1, 2]|sum }}',
  '{{ 3.14|round(1) }}',
  "{{ '<'|e }}",
  "{{ 'a b'|wordcount }}",
  "{{ 'ab'|first }}",
  "{{ '{}'.format(1) }}",
  "{{ 'a'.splitlines() }}",
  "{{ 'a'.center(5) }}",
  "{{ 'a'.join(['b', 'c']) }}",
  "{{ '%s' % 'a' }}",
  "{{ 'ab' * 2 }}",
  "{{ 'a' < 'b' }}",
  '{{ (1, 2) }}',
  '{{ 1e3 }}',
  '{{ 1_000 }}',
])('%s is refused, which Jinja2 takes', (source) => {
  expect(() => run(source)).toThrow();
});

it('a template that cuts a character in two is refused', () => {
  const template = jinjaTemplate({ name: 'own', source: '{{ messages[0].content }}{{ messages[0].content[0] }}' });
  const render = (content: string) => template.render([{ role: 'user', content }], { addGenerationPrompt: true });
  expect(render('猫である')).toBe('猫である猫');
  expect(() => render('😀猫')).toThrow('cuts a character in two');
});
