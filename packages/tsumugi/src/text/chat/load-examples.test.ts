// Reading data for fine-tuning: every format, every mistake with one, and the report.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { temporaryFolder } from '../fixtures/toy.testing.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { builtInTemplate } from './built-in.ts';
import type { Example } from './example.ts';
import { cutExample, type LoadOptions, loadExamples, loadPairs, loadRated } from './load-examples.ts';
import { describeReport } from './report.ts';
import { showExample } from './show.ts';
import { jinjaTemplate } from './template.ts';

const tokenizer = Tokenizer.load(golden('tokenizer/tokenizer.jsonl'));
const template = builtInTemplate('chatml')!;
const options = { template, tokenizer };
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const parquet = fileURLToPath(new URL('../fixtures/messages.parquet', import.meta.url));

const lines = (name: string, ...rows: unknown[]): string => {
  writeFileSync(folder.at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return folder.at(name);
};
/** What is learned stands in brackets. */
const shown = (example: Example) => showExample(example, tokenizer, { colour: false });
const load = async (path: string, more: Partial<LoadOptions> = {}) => loadExamples([path], { ...options, ...more });
const read = async (...rows: unknown[]) => (await load(lines('rows.jsonl', ...rows))).examples.map(shown);

const turn = (role: string, said: string) => `<|im_start|>${role}⏎\n${said}<|im_end|>⏎\n`;
const learned = (said: string) => `<|im_start|>assistant⏎\n⟦${said}<|im_end|>⏎\n⟧`;
const bos = '‹<|plamo:bos|>›';
const wanted = `${bos}${turn('user', '猫は？')}${learned('にゃあ')}`;

describe('a row', () => {
  const [question, answer] = ['猫は？', 'にゃあ'];
  const messages = [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];

  it.each<[string, object]>([
    ['messages', { messages }],
    ['conversations', { conversations: messages, other: 1 }],
    ['a text of JSON', { messages: JSON.stringify(messages) }],
    [
      'parts of text',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: '猫' },
              { type: 'text', text: 'は？' },
            ],
          },
          messages[1],
        ],
      },
    ],
    [
      'ShareGPT',
      {
        conversations: [
          { from: 'human', value: question },
          { from: 'gpt', value: answer },
        ],
      },
    ],
    ['instruction and output', { instruction: question, input: '', output: answer }],
    ['instruction and response', { instruction: question, context: null, response: answer }],
    ['prompt and completion of messages', { prompt: messages.slice(0, 1), completion: messages.slice(1) }],
    ['a completion in words', { prompt: messages.slice(0, 1), completion: answer }],
  ])('is %s', async (_, row) => {
    expect(await read(row)).toEqual([wanted]);
  });

  it('has a system', async () => {
    const system = turn('system', '短く');
    const expected = [`${bos}${system}${turn('user', '猫は？')}${learned('にゃあ')}`];
    expect(
      await read({
        conversations: [
          { from: 'system', value: '短く' },
          { from: 'human', value: question },
          { from: 'gpt', value: answer },
        ],
      }),
    ).toEqual(expected);
    expect(await read({ messages, system: '短く' })).toEqual(expected);
    expect(await read({ instruction: question, output: answer, system: '短く' })).toEqual(expected);
    expect(await read({ messages, system: '' })).toEqual([wanted]);
  });

  it('has an input, and earlier turns', async () => {
    expect(await read({ instruction: '訳せ', input: 'cat', output: '猫', history: [['a', 'b']] })).toEqual([
      `${bos}${turn('user', 'a')}${learned('b')}${turn('user', '訳せ⏎\n⏎\ncat')}${learned('猫')}`,
    ]);
  });

  it('says what is not to be learned', async () => {
    const more = [
      { role: 'user', content: 'c' },
      { role: 'assistant', content: 'd' },
    ];
    const [first, second] = messages as [object, object];
    const expected = [
      `${bos}${turn('user', '猫は？')}${turn('assistant', 'にゃあ')}${turn('user', 'c')}${learned('d')}`,
    ];
    expect(await read({ messages: [first, { ...second, train: false }, ...more] })).toEqual(expected);
    expect(await read({ messages: [first, { ...second, weight: 0 }, ...more] })).toEqual(expected);
    expect(await read({ prompt: [first, second, more[0]], completion: [more[1]] })).toEqual(expected);
  });

  it('of texts is no conversation: between BOS and EOS, without a template', async () => {
    expect(await read({ prompt: '1+1=', completion: '2' })).toEqual([`${bos}1+1=⟦2‹<|plamo:eos|>›⟧`]);
    expect(await read({ prompt: 'a', completion: '<|plamo:eos|>' })).toEqual([`${bos}a⟦<|plamo:eos|>‹<|plamo:eos|>›⟧`]);
  });
});

describe('a file', () => {
  const row = {
    messages: [
      { role: 'user', content: '猫は？' },
      { role: 'assistant', content: 'にゃあ' },
    ],
  };

  it('is JSON lines, a list of JSON, or Parquet; plain or packed', async () => {
    const text = `\ufeff${JSON.stringify(row)}\n\n${JSON.stringify(row)}`;
    const files: Record<string, string | Buffer> = {
      '日本 語.jsonl': text,
      'a.ndjson': text,
      'a.jsonl.gz': gzipSync(text),
      'a.jsonl.zst': zstdCompressSync(text),
      'a.json': JSON.stringify([row, row], null, 2),
      'a.json.gz': gzipSync(JSON.stringify([row, row])),
    };
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(folder.at(name), content);
      expect((await load(folder.at(name))).examples.map(shown), name).toEqual([wanted, wanted]);
    }
    const { examples, report } = await load(parquet);
    expect(examples.map(shown)).toEqual([
      `${bos}${turn('system', '短く。')}${turn('user', '猫は？')}${turn('assistant', 'にゃあ')}${turn('user', '犬は？')}${learned('わん')}`,
      `${bos}${turn('user', '')}${learned('はい😀')}`,
    ]);
    expect(examples.map(({ source }) => source)).toEqual([
      { file: parquet, row: 1 },
      { file: parquet, row: 2 },
    ]);
    expect(report.files).toEqual([{ path: parquet, format: 'messages', rows: 2, notRead: [] }]);
  });

  it('has its own format; several are read in order, and their rows count from 1', async () => {
    const a = lines('1.jsonl', { instruction: 'x', output: 'y' });
    const b = lines('2.jsonl', row, row);
    const { examples, report } = await loadExamples([b, a], options);
    expect(examples.map(({ source }) => `${source.file} ${source.row}`)).toEqual([`${b} 1`, `${b} 2`, `${a} 1`]);
    expect(report.files.map(({ format, rows }) => `${format} ${rows}`)).toEqual(['messages 2', 'instruction 1']);
    expect(report).toMatchObject({ rows: 3, examples: 3, roles: { user: 3, assistant: 3 }, duplicates: 1 });
  });
});

describe('a mistake', () => {
  const ok = { role: 'assistant', content: 'b' };
  const user = { role: 'user', content: 'a' };
  const refused = async (rows: unknown[], message: string, more = {}) => {
    const path = lines('bad.jsonl', ...rows);
    await expect(load(path, more)).rejects.toThrow(message.replace('FILE', path));
  };

  it.each<[string, unknown[], string]>([
    [
      'an unknown role',
      [{ messages: [user, { role: 'bott', content: 'b' }] }],
      'FILE, row 1: messages[1].role should be one of system, user, assistant, tool, human,',
    ],
    [
      'an unknown speaker',
      [{ conversations: [{ from: 'x', value: 'b' }] }],
      'FILE, row 1: conversations[0].from should be one of',
    ],
    ['no role', [{ messages: [{ content: 'b' }] }], 'FILE, row 1: messages[0].role should be one of'],
    [
      'content that is null',
      [{ messages: [user, { role: 'assistant', content: null }] }],
      'FILE, row 1: messages[1].content should be a text but is not there',
    ],
    [
      'content that is a number',
      [{ messages: [user, ok] }, { messages: [{ role: 'user', content: 5 }, ok] }],
      'FILE, row 2: messages[0].content should be a text but is 5',
    ],
    [
      'a picture',
      [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }, ok] }],
      'messages[0].content[0] should be a part of text but is {"type":"image_url"}',
    ],
    ['no messages', [{ messages: [] }], 'FILE, row 1: messages should be a list of messages but is []'],
    ['a message that is a text', [{ messages: ['a'] }], 'FILE, row 1: messages[0] should be a message but is "a"'],
    [
      'a weight between',
      [{ messages: [user, { ...ok, weight: 0.5 }] }],
      'messages[1].weight should be 0 (not learned) or 1 but is 0.5',
    ],
    [
      'a train that is no flag',
      [{ messages: [user, { ...ok, train: 'no' }] }],
      'messages[1].train should be true or false but is "no"',
    ],
    ['no answer', [{ messages: [user] }], 'FILE, row 1: no message is of the role assistant'],
    [
      'an instruction that is no text',
      [{ instruction: ['a'], output: 'b' }],
      'FILE, row 1: instruction should be a text but is ["a"]',
    ],
    [
      'history that is none',
      [{ instruction: 'a', output: 'b', history: ['x'] }],
      'history[0] should be a question and an answer but is "x"',
    ],
    [
      'a completion of another kind',
      [{ prompt: 'a', completion: [ok] }],
      'FILE, row 1: completion should be a text, as the prompt is',
    ],
    [
      'another format in the middle',
      [{ messages: [user, ok] }, { instruction: 'a', output: 'b' }],
      'FILE, row 2 has "instruction", "output", but the file is of the format messages (messages or conversations or conversation)',
    ],
    ['plain text', [{ text: 'a' }], 'Plain text is for "tsumugi pretrain".'],
    [
      'pairs',
      [{ prompt: 'a', chosen: 'b', rejected: 'c' }],
      'is preference (chosen, rejected)\n  → It is data for "tsumugi dpo".',
    ],
    ['rated answers', [{ prompt: 'a', completion: 'b', label: true }], 'is rated (prompt, completion, label)'],
    ['no object', ['a'], 'FILE, row 1 should be a JSON object but is "a"'],
  ])('%s', async (_, rows, message) => {
    await refused(rows, message);
  });

  it('in what was asked for', async () => {
    await refused([{ messages: [user, ok] }], 'there is no format "alpaca" here', { format: 'alpaca' });
    await refused([{ messages: [user, ok] }], 'there is no format "preference" here', { format: 'preference' });
    await refused([{ messages: [user, ok] }], 'FILE, row 1 has "messages", but the file is of the format instruction', {
      format: 'instruction',
    });
    await refused([{ messages: [user, ok] }], 'no example is left: 1 of 1 rows are longer than 3 tokens', {
      maxTokens: 3,
    });
    await refused([], 'no example is left: there are no rows');
    writeFileSync(folder.at('b.json'), '{"a": 1}');
    await expect(load(folder.at('b.json'))).rejects.toThrow('b.json should be a list of objects but is {"a":1}');
    writeFileSync(folder.at('b.json'), '[{"a": 1}, 2]');
    await expect(load(folder.at('b.json'), { format: 'rated' })).rejects.toThrow('there is no format "rated"');
    writeFileSync(folder.at('c.jsonl'), '{"messages": [');
    await expect(load(folder.at('c.jsonl'))).rejects.toThrow('c.jsonl, row 1 is not JSON');
    await expect(load(folder.at('nowhere.jsonl'))).rejects.toMatchObject({ code: 'missing-path' });
    await expect(load('-')).rejects.toThrow(
      /^standard input \(-\) is a pipe, which gives its text only once, .* also when a run goes on\n.*into a file first/,
    );
    await expect(load(folder.at('a.csv'))).rejects.toThrow('there is no file or folder');
    await expect(loadPairs([parquet], options)).rejects.toThrow(
      'is messages (messages or conversations or conversation)\n  → It is data for "tsumugi sft".',
    );
    await expect(load(lines('both.jsonl', { messages: [user, ok], chosen: 'a', rejected: 'b' }))).rejects.toThrow(
      'is preference',
    );
    expect((await load(folder.at('both.jsonl'), { format: 'messages' })).examples).toHaveLength(1);
  });
});

describe('pairs and rated answers', () => {
  const [user, good, bad] = ['a', 'よい', '悪い'].map((content, i) => ({ role: i ? 'assistant' : 'user', content }));
  const text = (ids: Int32Array) => tokenizer.decode(ids);
  const expected = [
    '<|plamo:bos|><|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n',
    'よい<|im_end|>\n',
    '悪い<|im_end|>\n',
  ];

  it.each<[string, object]>([
    ['messages', { prompt: [user], chosen: [good], rejected: [bad] }],
    ['answers in words', { prompt: [user], chosen: 'よい', rejected: '悪い' }],
    ['a prompt in words', { prompt: 'a', chosen: [good], rejected: [bad] }],
    ['whole conversations', { chosen: [user, good], rejected: [user, bad] }],
    ['whole conversations beside a prompt', { prompt: 'a', chosen: [user, good], rejected: [user, bad] }],
  ])('are %s', async (_, row) => {
    const { examples, report } = await loadPairs([lines('pairs.jsonl', row)], options);
    expect(examples.map(({ prompt, chosen, rejected }) => [prompt, chosen, rejected].map(text))).toEqual([expected]);
    expect(report).toMatchObject({
      roles: { user: 1, assistant: 2 },
      tokens: { max: examples[0]!.prompt.length + Math.max(examples[0]!.chosen.length, examples[0]!.rejected.length) },
    });
  });

  it('are texts', async () => {
    const { examples } = await loadPairs([lines('pairs.jsonl', { prompt: 'a', chosen: 'b', rejected: 'c' })], options);
    expect(examples.map(({ prompt, chosen, rejected }) => [prompt, chosen, rejected].map(text))).toEqual([
      ['<|plamo:bos|>a', 'b<|plamo:eos|>', 'c<|plamo:eos|>'],
    ]);
  });

  it('are rated', async () => {
    const rows = [
      { prompt: [user], completion: [good], label: true },
      { prompt: 'a', completion: 'b', label: 0 },
    ];
    const { examples } = await loadRated([lines('rated.jsonl', ...rows)], options);
    expect(examples.map(({ prompt, completion, desirable }) => [text(prompt), text(completion), desirable])).toEqual([
      [expected[0], expected[1], true],
      ['<|plamo:bos|>a', 'b<|plamo:eos|>', false],
    ]);
    await expect(
      loadRated([lines('rated.jsonl', { prompt: 'a', completion: 'b', label: 2 })], options),
    ).rejects.toThrow('row 1: label should be true or false but is 2');
  });

  it('are left out where nothing is wanted, and stay where nothing is rejected', async () => {
    const nothing = { role: 'assistant', content: ' ' };
    const rows = [
      { prompt: [user], chosen: [nothing], rejected: [bad] },
      { prompt: 'a', chosen: '', rejected: 'b' },
      { prompt: [user], chosen: [good], rejected: [nothing] },
      { prompt: 'a', chosen: 'b', rejected: '' },
    ];
    const path = lines('pairs.jsonl', ...rows);
    const { examples, report } = await loadPairs([path], options);
    expect(examples.map(({ source }) => source.row)).toEqual([3, 4]);
    expect(report).toMatchObject({ emptyAnswers: 2, nothingLearned: 2, roles: { user: 2, assistant: 4 } });
    expect((await loadRated([path], options)).examples.map(({ source }) => source.row)).toEqual([3, 3, 4, 4]);
    const rated = [true, false].map((label) => ({ prompt: 'a', completion: '', label }));
    expect((await loadRated([lines('rated.jsonl', ...rated)], options)).examples).toMatchObject([{ desirable: false }]);
  });

  it('are rated answers, two of each pair, beside rows of their own', async () => {
    const files = [
      lines('pairs.jsonl', { prompt: [user], chosen: [good], rejected: [bad] }),
      lines('rated.jsonl', { prompt: 'a', completion: 'b', label: false }),
    ];
    const { examples, report } = await loadRated(files, options);
    expect(
      examples.map(({ prompt, completion, desirable, source }) => [
        ...[text(prompt), text(completion), desirable, source.row],
      ]),
    ).toEqual([
      [expected[0], expected[1], true, 1],
      [expected[0], expected[2], false, 1],
      ['<|plamo:bos|>a', 'b<|plamo:eos|>', false, 1],
    ]);
    expect(report).toMatchObject({ rows: 2, examples: 3 });
    const { completion } = examples[0]!;
    const maxTokens = examples[0]!.prompt.length + completion.length - 1;
    expect((await loadRated(files, { ...options, maxTokens })).report.tooLong.dropped).toBeGreaterThan(0);
    await expect(loadPairs([files[1]!], options)).rejects.toThrow('"tsumugi dpo" with --set loss=kto');
    const same = lines('same.jsonl', { prompt: 'x', chosen: 'a', rejected: 'a' });
    await expect(loadRated([same], options)).rejects.toThrow('row 1: the chosen and the rejected answer are the same');
  });

  it.each<[object, string]>([
    [{ chosen: 'a', rejected: 'b' }, 'row 1: prompt should be a text but is not there'],
    [{ prompt: 'x', chosen: 'a', rejected: 'a' }, 'row 1: the chosen and the rejected answer are the same'],
    [
      { chosen: [user, good, user, good], rejected: [user, bad, user, good] },
      'row 1: chosen should be one answer of the assistant to the prompt that both have',
    ],
    [{ chosen: [user, good], rejected: [user, user] }, 'row 1: rejected should be one answer of the assistant'],
    [{ chosen: [good], rejected: [bad] }, 'row 1: prompt should be messages or a text but is not there'],
    [
      { prompt: 'a', chosen: [user, good], rejected: [{ ...user, content: 'b' }, bad] },
      'row 1: rejected should be a conversation that begins as chosen does but is [{"role":"user","content":"b"}',
    ],
    [
      { prompt: [user, good], chosen: '。', rejected: '、' },
      'row 1: prompt should be messages of which the last waits for an answer',
    ],
    [
      { chosen: [user, good, good], rejected: [user, good, bad] },
      'row 1: prompt should be messages of which the last waits for an answer',
    ],
    [{ prompt: 'x', chosen: ' ', rejected: 'a' }, 'no example is left: nothing in them is to be learned'],
    [{ prompt: 'a', chosen: 'b' }, 'row 1 has "prompt", "chosen", which is no format that is read'],
  ])('are refused: %j', async (row, message) => {
    await expect(loadPairs([lines('pairs.jsonl', row)], options)).rejects.toThrow(message);
  });
});

describe('an example that is too long', () => {
  const turns = ['a', 'b', 'c'].flatMap((said) => [
    { role: 'user', content: said },
    { role: 'assistant', content: said.repeat(4) },
  ]);

  it('is left out, or cut after its last whole answer', async () => {
    const path = lines('long.jsonl', { messages: turns }, { messages: turns.slice(0, 2) });
    const [whole, short] = (await load(path)).examples as [Example, Example];
    const maxTokens = whole.ids.length - 1;
    const dropped = await load(path, { maxTokens });
    expect(dropped.examples.map(({ source }) => source.row)).toEqual([2]);
    expect(dropped.report.tooLong).toEqual({ maxTokens, dropped: 1, cut: 0, first: { file: path, row: 1 } });
    const cut = await load(path, { maxTokens, tooLong: 'cut' });
    const [twoTurns] = (await load(lines('two.jsonl', { messages: turns.slice(0, 4) }))).examples;
    expect(cut.examples[0]).toEqual({ ...twoTurns, source: { file: path, row: 1 } });
    expect(cut.report).toMatchObject({ examples: 2, tooLong: { dropped: 0, cut: 1 } });
    expect(cutExample(whole, short.ids.length)!.ids).toEqual(short.ids);
    expect(cutExample(whole, short.ids.length - 1)).toBeUndefined();
  });
});

it('reports what was read', async () => {
  const say = (...said: string[]) => ({
    messages: said.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content })),
  });
  const path = lines(
    'report.jsonl',
    say('a', 'b'),
    say('a', 'b'),
    say('a', ''),
    say('a', 'b', 'c'),
    say('a', '猫'.repeat(50)),
  );
  const { length } = (await load(path)).examples[0]!.ids;
  const maxTokens = length + 5;
  const { report, examples } = await load(path, { maxTokens });
  const answer = examples[0]!.learned.reduce((sum, each) => sum + each, 0);
  expect(describeReport(report)).toEqual([
    `${path}: messages, 5 rows`,
    '5 rows, 3 examples; messages: user 6, assistant 5',
    `${3 * length} tokens, ${((100 * answer) / length).toFixed(1)} % of them learned; an example has ${length} to ${length}, ${length} in the mean`,
    `1 longer than ${maxTokens} tokens and left out, the first is ${path}, row 5`,
    '1 answers without a word, which are not learned',
    '1 rows in which nothing is to be learned, left out',
    '1 conversations that go on after the last answer, which is left out',
    '2 examples that were there before, token for token; they stay',
  ]);
});

it('counts conversations that are cut by turns', async () => {
  const source =
    "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}…{% else %}{{ m.content }}{% endif %}|{% endfor %}{% if add_generation_prompt %}{% endif %}";
  const cutting = jinjaTemplate({ name: 'cutting', source });
  const messages = ['a', 'b', 'c', 'd'].map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content }));
  const { report, examples } = await load(lines('turns.jsonl', { messages }), { template: cutting });
  expect(examples.map(shown)).toEqual([`${bos}a|⟦b|⟧`, `${bos}a|…|c|⟦d|⟧`]);
  expect(report.perTurn).toBe(1);
});

describe('the picture', () => {
  it('shows what is learned, special pieces and line breaks, and lets nothing move the cursor', () => {
    const ids = Int32Array.from([
      tokenizer.bosId,
      ...tokenizer.encode('猫\n'),
      ...tokenizer.encode('👍🏽\u001b[2J'),
      tokenizer.eosId,
    ]);
    const from = 1 + tokenizer.encode('猫\n').length;
    const example = { ids, learned: Uint8Array.from(ids, (_, i) => Number(i >= from)), source: { file: 'x', row: 1 } };
    expect(showExample(example, tokenizer, { colour: false })).toBe('‹<|plamo:bos|>›猫⏎\n⟦👍🏽␛[2J‹<|plamo:eos|>›⟧');
    const painted = showExample(example, tokenizer, { colour: true });
    expect(painted).toBe(
      '\u001b[7;2m<|plamo:bos|>\u001b[0m\u001b[2m猫⏎\u001b[0m\n\u001b[32m👍🏽␛[2J\u001b[0m\u001b[1;7;32m<|plamo:eos|>\u001b[0m',
    );
  });
});
