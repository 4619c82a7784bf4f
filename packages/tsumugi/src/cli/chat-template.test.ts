// A model with a chat template: `chat`, evaluation and exports use the one that its folder carries.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSeed } from '../base/index.ts';
import { openEngine } from '../eval/index.ts';
import { generateText, saveModel } from '../lm/index.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { readGguf } from '../store/index.ts';
import {
  builtInTemplate,
  type ChatTemplate,
  encodePrompt,
  findTemplate,
  type Message,
  openTemplate,
  plainTemplate,
  templateHash,
  templateStopIds,
} from '../text/index.ts';
import { runCli } from './cli.testing.ts';
import { RunningConversation } from './running-conversation.ts';

const tiny = tinyModelOfFile();
const source =
  "{% for m in messages %}{{ '<|plamo:op|>' + m.role + '\\n' + m.content + '<|plamo:op|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|plamo:op|>assistant\\n' }}{% endif %}";
let home: string;
const at = (...names: string[]) => join(home, ...names);
const user = (content: string): Message => ({ role: 'user', content });

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-template-'));
  using model = tiny.load();
  saveModel(at('trained'), model, { tokenizerFolder: tiny.folder, chatTemplate: source });
});
afterAll(() => rmSync(home, { recursive: true }));

const tokenizer = () => tiny.loadTokenizer();
const templateIn = (folder: string, asked?: string) => findTemplate(folder, tokenizer(), asked);

describe('the template of a folder', () => {
  it('is in tokenizer_config.json, and goes on when the model is saved again', () => {
    expect(templateIn(at('trained'))).toMatchObject({ name: 'model', source, stop: ['<|plamo:op|>'], marksEnd: true });
    using model = tiny.load();
    saveModel(at('again'), model, { tokenizerFolder: at('trained') });
    expect(templateHash(templateIn(at('again'))!)).toBe(templateHash(templateIn(at('trained'))!));
    expect(templateStopIds(templateIn(at('again'))!, tokenizer())).toEqual([tokenizer().opId]);
  });

  it('may be a file of its own, which wins', () => {
    cpSync(at('trained'), at('file'), { recursive: true });
    const other = source.replaceAll('assistant', 'model');
    writeFileSync(at('file', 'chat_template.jinja'), other);
    expect(templateIn(at('file'))!.source).toBe(other);
    using model = tiny.load();
    saveModel(at('file-again'), model, { tokenizerFolder: at('file') });
    expect(templateIn(at('file-again'))!.source).toBe(other);
  });

  it('may be one of several; others can be named', () => {
    cpSync(at('trained'), at('several'), { recursive: true });
    const path = at('several', 'tokenizer_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    const write = (...names: string[]) =>
      writeFileSync(
        path,
        JSON.stringify({ ...config, chat_template: names.map((name) => ({ name, template: `${source}${name}` })) }),
      );
    write('tool_use', 'default');
    expect(templateIn(at('several'))!.source).toBe(`${source}default`);
    expect(templateIn(at('several'), 'tool_use')!.source).toBe(`${source}tool_use`);
    expect(templateIn(at('several'), 'chatml')!.source).toBe(builtInTemplate('chatml')!.source);
    expect(() => templateIn(at('several'), 'chatlm')).toThrow(
      'there is no chat template "chatlm"\n  → Write tool_use, default, instruction-ja, chatml, alpaca-ja, plamo-translate, or',
    );
    write('rag', 'tool_use');
    expect(() => templateIn(at('several'))).toThrow('has several chat templates and none called "default"');
    writeFileSync(at('own.jinja'), 'x{{ messages[0].content }}');
    expect(templateIn(at('several'), at('own.jinja'))!.source).toBe('x{{ messages[0].content }}');
    expect(() => templateIn(at('several'), at('nowhere.jinja'))).toThrow('there is no chat template');
    writeFileSync(path, JSON.stringify({ ...config, chat_template: '{% for %}' }));
    expect(() => templateIn(at('several'))).toThrow(/several \(tokenizer_config.json\) is not Jinja: line 1, column 8/);
  });

  it('is none in a base model, which is asked plainly', () => {
    expect(templateIn(tiny.folder)).toBeUndefined();
    expect(openTemplate(tiny.folder, tokenizer())).toBe(plainTemplate);
  });
});

describe('chat', () => {
  const flags = ['--max-tokens', '40', '--temperature', '1', '--top-p', '1', '--repetition-penalty', '1', '--json'];
  const talk = async (model: string, lines: string[], ...more: string[]) => {
    const { code, stdout, stderr } = await runCli(
      ['chat', '--model', model, ...flags, ...more],
      lines.map((line) => `${line}\n`),
    );
    const answers = stdout.split('\n').filter((line) => line !== '');
    return { code, stderr, texts: answers.map((line) => JSON.parse(line).text as string) };
  };
  /** What the engine writes when it is asked as in training. */
  const answers = (template: ChatTemplate, said: string[], system?: string, turn = 0) => {
    using model = tiny.load();
    const messages: Message[] = system === undefined ? [] : [{ role: 'system', content: system }];
    return said.map((text, i) => {
      messages.push(user(text));
      const prompt = encodePrompt(template, tokenizer(), { messages });
      const sampling = { maxTokens: 40, temperature: 1, seed: deriveSeed(0, turn + i), stop: template.stop };
      const content = [...generateText(model, tokenizer(), prompt, sampling)].join('');
      messages.push({ role: 'assistant', content: content.trimEnd() });
      return content;
    });
  };

  it('gives each turn to the model by the template, and goes on after an answer', async () => {
    const template = templateIn(at('trained'))!;
    const { code, stderr, texts } = await talk(at('trained'), ['猫<|plamo:op|>', '犬は', '/reset', '猫<|plamo:op|>']);
    expect([code, stderr]).toEqual([0, 'a new text begins\n']);
    const expected = answers(template, ['猫<|plamo:op|>', '犬は']);
    expect(texts).toEqual([...expected, ...answers(template, ['猫<|plamo:op|>'], undefined, 2)]);
    expect(texts).not.toEqual((await talk(tiny.folder, ['猫<|plamo:op|>', '犬は', '/reset', '猫<|plamo:op|>'])).texts);
  });

  it('goes on with an answer that was cut, when nothing is written to it', () => {
    using model = tiny.load();
    const talkTo = (...turns: readonly (readonly [said: string, maxTokens: number])[]) => {
      using text = new RunningConversation(model, tokenizer(), templateIn(at('trained'))!);
      return turns.map(([said, maxTokens]) => {
        text.append(said);
        return [...text.continue({ maxTokens })].join('');
      });
    };
    const [first, second, after] = talkTo(['猫', 6], ['', 6], ['犬', 12]);
    expect([`${first}${second}`, after]).toEqual(talkTo(['猫', 12], ['犬', 12]));
    expect(second).not.toBe(first);
  });

  it('takes another template, and the words of a system', async () => {
    const chatml = builtInTemplate('chatml')!;
    expect((await talk(at('trained'), ['猫'], '--template', 'chatml')).texts).toEqual(answers(chatml, ['猫']));
    writeFileSync(at('short.jinja'), '{% for m in messages %}{{ m.content }}{% endfor %}');
    const short = templateIn(at('trained'), at('short.jinja'))!;
    const said = ['吾輩は', '犬', '山', '鳥'];
    const { texts } = await talk(at('trained'), said, '--system', '山', '--template', at('short.jinja'));
    expect(texts).toEqual(answers(short, said, '山'));
    expect(texts).not.toEqual(answers(short, said));
    const refused = await talk(tiny.folder, ['猫'], '--system', '山');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('the model has no chat template that could tell it what --system says');
  });
});

describe('generate --chat', () => {
  const flags = ['--max-tokens', '40', '--temperature', '1', '--seed', '4', '--json'];
  const ask = async (model: string, ...more: string[]) => {
    const { code, stdout, stderr } = await runCli([
      'generate',
      '--model',
      model,
      '--prompt',
      '猫<|plamo:op|>',
      ...flags,
      ...more,
    ]);
    return { code, stderr, ...(code === 0 && (JSON.parse(stdout) as { text: string; promptTokens: number })) };
  };
  const answered = (template: ChatTemplate) => {
    using model = tiny.load();
    const prompt = encodePrompt(template, tokenizer(), { messages: [user('猫<|plamo:op|>')] });
    const sampling = { maxTokens: 40, temperature: 1, seed: 4, stop: template.stop };
    return { text: [...generateText(model, tokenizer(), prompt, sampling)].join(''), promptTokens: prompt.length };
  };

  it('gives the prompt to the model as what a user says, by its template or the one that is named', async () => {
    expect(await ask(at('trained'), '--chat')).toMatchObject(answered(templateIn(at('trained'))!));
    expect(await ask(at('trained'), '--chat', '--template', 'chatml')).toMatchObject(
      answered(builtInTemplate('chatml')!),
    );
    expect(await ask(tiny.folder, '--chat', '--template', 'chatml')).toMatchObject(
      answered(builtInTemplate('chatml')!),
    );
    expect((await ask(at('trained'))).promptTokens).toBeLessThan(answered(templateIn(at('trained'))!).promptTokens);
  });

  it('is refused where it can have no effect, or there is no template', async () => {
    for (const [more, words] of [
      [['--chat'], 'has no chat template'],
      [['--chat', '--special'], '--special has no effect: with --chat'],
      [['--template', 'chatml'], '--template has no effect: it is for --chat'],
      [['--chat', '--template', 'chatlm'], 'there is no chat template "chatlm"'],
    ] as const) {
      const { code, stderr } = await ask(tiny.folder, ...more);
      expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    }
  });
});

it('is the one that evaluation asks with', async () => {
  await using named = await openEngine(at('trained'), { template: 'chatml' });
  expect(named.settings).toMatchObject({ template: 'chatml', templateHash: templateHash(builtInTemplate('chatml')!) });
  await expect(openEngine(at('trained'), { template: 'chatlm' })).rejects.toThrow('there is no chat template "chatlm"');
  await using engine = await openEngine(at('trained'));
  expect(engine.settings).toMatchObject({ template: 'model', templateHash: templateHash(templateIn(at('trained'))!) });
  const prompt = [user('猫'), { role: 'assistant', content: '犬' }, user('山')] as const;
  const request = { kind: 'generate', prompt, maxTokens: 1, temperature: 0, topP: 1, seed: 0, stop: [] } as const;
  const ids = encodePrompt(templateIn(at('trained'))!, tokenizer(), { messages: prompt });
  expect(engine.weigh!(request)).toEqual({ read: ids.length, write: 1 });
});

describe('exports', () => {
  it('for the hub', async () => {
    const { code, stderr } = await runCli(['export', '--model', at('trained'), '--format', 'hf', '--out', at('hf')]);
    expect([code, stderr.slice(0, 200)]).toMatchObject([0, expect.any(String)]);
    expect(templateHash(templateIn(at('hf'))!)).toBe(templateHash(templateIn(at('trained'))!));
    expect(JSON.parse(readFileSync(at('hf', 'tokenizer_config.json'), 'utf8')).chat_template).toBe(source);
  });

  it('as GGUF, and back', async () => {
    const out = at('model.gguf');
    const { code, stderr } = await runCli(['export', '--model', at('file'), '--format', 'gguf', '--out', out]);
    expect(code, stderr).toBe(0);
    const inFolder = templateIn(at('file'))!.source; // of chat_template.jinja
    expect(readGguf(out).metadata.get('tokenizer.chat_template')).toBe(inFolder);
  });
});
