// The chat template of a merge.
import { expect, it } from 'vitest';
import { chatTemplate } from './chat-template.ts';

const models = (...templates: (string | undefined)[]) =>
  templates.map((chat_template) => (chat_template === undefined ? undefined : { chat_template }));

it('is that of most models, and of equally many the first', () => {
  expect(chatTemplate('auto', models('x', 'y', 'y'), '')).toBe('y');
  expect(chatTemplate('auto', models(undefined, 'x', 'y', 'y', 'x', 'z'), '')).toBe('x');
  expect(chatTemplate('auto', models(undefined), '')).toBeUndefined();
});

it('is a named one, or one in Jinja', () => {
  expect(chatTemplate('chatml', models('x'), '')).toContain("'<|im_start|>' + message['role']");
  expect(chatTemplate('{{ messages }}', models('x'), '')).toBe('{{ messages }}');
  expect(() => chatTemplate('chatlm', models('x'), 'merge.yml:4')).toThrow(
    /merge\.yml:4: .*"chatlm"\n.*auto, instruction-ja, chatml/,
  );
});
