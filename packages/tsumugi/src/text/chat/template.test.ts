// Chat templates: what Jinja2 makes of them, what is refused, and what they may not do.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { builtInTemplate, plainTemplate, TEMPLATES, TRANSLATION_LANGUAGES } from './built-in.ts';
import type { Message } from './message.ts';
import { type ChatTemplate, jinjaTemplate, templateHash } from './template.ts';

interface Case {
  template: string;
  messages: Message[];
  tools?: Record<string, unknown>[];
  addGenerationPrompt: boolean;
  text?: string;
  error?: string;
}

const { templates, cases } = JSON.parse(readFileSync(golden('chat/renderings.json'), 'utf8')) as {
  templates: Record<string, string>;
  cases: Case[];
};
const user = (content: string): Message => ({ role: 'user', content });
const made = (source: string) => jinjaTemplate({ name: 'made', source });
const ask = { addGenerationPrompt: true };

describe('what Jinja2 makes of a template', () => {
  const opened: Record<string, ChatTemplate> = {
    ...Object.fromEntries(TEMPLATES.map((name) => [name, builtInTemplate(name)!])),
    plain: plainTemplate,
  };

  it.each(Object.keys(templates))('%s', (name) => {
    const template = opened[name] ?? made(templates[name]!);
    expect(template.source).toBe(templates[name]);
    const own = cases.filter((each) => each.template === name);
    expect(own.length).toBeGreaterThan(4);
    for (const { messages, tools, addGenerationPrompt, text, error } of own) {
      const render = () => template.render(messages, { addGenerationPrompt, tools });
      // Ours goes further than Jinja2: words that do not come into the text are refused.
      if (name === 'leaves-out' && messages[0]!.role === 'system')
        expect(render).toThrow('leaves out message 1, of the role system');
      else if (error !== undefined) expect(render).toThrow(error);
      else expect(render()).toBe(text);
    }
  });
});

it('is the published prompt for translations, word for word', () => {
  const template = builtInTemplate('plamo-translate')!;
  const prompt = template.render([{ ...user('Hello'), from: 'English', to: 'Japanese' }], ask);
  expect(prompt).toBe(
    '<|plamo:op|>dataset\ntranslation\n<|plamo:op|>input lang=English\nHello\n<|plamo:op|>output lang=Japanese\n',
  );
  expect(template.stop).toEqual(['<|plamo:op|>']);
  expect(TRANSLATION_LANGUAGES).toHaveLength(16);
});

it('finds out where an answer ends', () => {
  const stops = Object.entries(templates).map(([name, source]) => [name, made(source).stop, made(source).marksEnd]);
  expect(Object.fromEntries(stops.map(([name, ...rest]) => [name, rest]))).toEqual({
    plain: [['### 指示:'], false],
    'instruction-ja': [['<|plamo:eos|>'], true],
    chatml: [['<|im_end|>'], true],
    'alpaca-ja': [['<|plamo:eos|>'], true],
    'plamo-translate': [['<|plamo:op|>'], true],
    trims: [['<|e|>'], true],
    alternates: [['<end_of_turn>'], true],
    thinks: [['<|im_end|>'], true],
    'leaves-out': [['[user]'], false],
  });
});

describe('a template that is not Jinja', () => {
  it.each([
    ["{% for m in messages %}\n{{ m['content'] }}", 'line 2, column 19: it ends too early'],
    ["a\n{{ 'x }}", 'line 2, column 9: it ends too early'],
    ['a\n b {{ x $ y }}', 'line 2, column 9: Unexpected character: $'],
    ['x\n\n  {% endif %}', 'line 3, column 6: Unknown statement type: endif'],
    ["{# é #}\n{% set a = 'b\\'c' %}\n{{ a ] }}", 'line 3, column 6: Expected closing expression'],
    ["{% generation %}x{% endgeneration %}\n{{ 'q' ]}}", 'line 2, column 8: Expected closing expression'],
    ["{{ '\\q' }}", 'line 1, column 6: Unexpected escaped character: q'],
  ])('%j', (source, message) => {
    expect(() => made(source)).toThrow(`the chat template made is not Jinja: ${message}`);
  });

  it('is refused for its size', () => {
    expect(() => made('x'.repeat(2 ** 18 + 1))).toThrow('has 262145 characters');
    expect(() => made(`a${' '.repeat(1000)}b`)).toThrow('has 1000 blanks in a row');
  });
});

describe('a template that never ends or grows without end', () => {
  it.each([
    ['{% for i in range(100000000) %}x{% endfor %}', /range\(\) of 100000000 numbers/],
    ['{% for i in range(9999) %}{% for k in range(9999) %}{% endfor %}{% endfor %}', /more than 500000 steps/],
    ["{% set n = namespace(x='aa') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}", /takes too much/],
    ["{% set n = namespace(x=['a']) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}", /a list of \d+/],
    [
      "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|tojson }}",
      /a list of/,
    ],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /fails|takes too much/],
    ["{{ 'x'|indent(500000000, true) }}", /takes too much/],
    ["{{ 'x'|indent(900000000, true) }}", /takes too much/],
  ])('%s', (source, message) => {
    expect(() => made(source).render([user('')], ask)).toThrow(message);
  });

  it('cannot hide what it holds in namespaces that are filled later', () => {
    const links = Array.from(
      { length: 40 },
      (_, i) => `{% set n${i + 1} = namespace(x='') %}{{ n${i + 1}.x }}{% set n${i + 1}.x = [n${i}, n${i}] %}`,
    );
    const source = `{% set n0 = namespace(x='a') %}${links.join('')}{{ n40 | tojson }}`;
    expect(() => made(source).render([user('')], ask)).toThrow('takes too much to render');
  });

  it('may be long where the conversation is', () => {
    const messages = Array.from(
      { length: 800 },
      (_, i): Message => ({ role: i % 2 ? 'assistant' : 'user', content: `${i}` }),
    );
    expect(made(templates['thinks']!).render(messages, ask)).toContain('799<|im_end|>');
  });
});

it('reaches no clock, no file and nothing of the program', () => {
  const today = "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}no date{% endif %}";
  expect(made(today).render([user('')], ask)).toBe('no date');
  expect(() => made("{{ strftime_now('%Y') }}").render([user('')], ask)).toThrow('asks for the date');
  for (const name of ['process', 'require', 'globalThis', 'import', 'constructor', '__proto__'])
    expect(made(`{{ ${name} is defined }}`).render([user('')], ask)).toBe('false');
  expect(made("{{ messages.constructor is defined }}{{ ''.constructor is defined }}").render([user('')], ask)).toBe(
    'falsefalse',
  );
});

it('is told when there are no tools, as Transformers tells it', () => {
  const source = '{% if tools is not none %}tools{% else %}none{% endif %}{{ messages[0].content }}';
  expect(made(source).render([user('x')], ask)).toBe('nonex');
  expect(made(source).render([user('x')], { ...ask, tools: [] })).toBe('nonex');
  expect(made(source).render([user('x')], { ...ask, tools: [{ name: 'f' }] })).toBe('toolsx');
});

it('refuses what it would leave out', () => {
  const chatml = builtInTemplate('chatml')!;
  expect(() => chatml.render([user('x')], { ...ask, tools: [{ name: 'f' }] })).toThrow('has no place for tools');
  const calls: Message = { role: 'assistant', content: '', tool_calls: [{ function: { name: 'f' } }] };
  expect(() => chatml.render([user('x'), calls], ask)).toThrow('has no place for the tool calls of message 2');
  expect(() => made('{% for m in messages %}{{ m.role }}{% endfor %}').render([user('猫')], ask)).toThrow(
    'leaves out message 1, of the role user',
  );
  const tool: Message = { role: 'tool', content: '{"degrees": 21}' };
  const roles = (of: string) => made(`{% for m in messages %}{% if ${of} %}{{ m.content }}{% endif %}{% endfor %}`);
  expect(() => roles("m.role in ['user', 'assistant']").render([user('x'), tool], ask)).toThrow(
    'leaves out message 2, of the role tool',
  );
  expect(roles('true').render([user('x'), tool], ask)).toBe('x{"degrees": 21}');
  // A template that knows of tools may write what they gave back in its own way.
  const own = made("{% for m in messages %}{{ 'tool: 21' if m.role == 'tool' else m.content }}{% endfor %}");
  expect(own.render([user('x'), tool], ask)).toBe('xtool: 21');
});

it('is told from a template that says something else, anywhere', () => {
  const source = '{% for m in messages %}{{ m.role + m.content }}{% endfor %}';
  const other = `${source}{% if messages|length > 99 %}x{% endif %}`;
  const hashes = [made(source), made(other), { ...made(source), stop: [] }, jinjaTemplate({ name: 'b', source })].map(
    templateHash,
  );
  expect(new Set(hashes.slice(0, 3)).size).toBe(3);
  expect(hashes[3]).toBe(hashes[0]); // the name does not count
});
