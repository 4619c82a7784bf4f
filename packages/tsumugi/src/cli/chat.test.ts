// Chatting: turns, commands, breaking off, piped input.
import { PassThrough, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { generateText } from '../lm/index.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { chat } from './chat.ts';
import { runCli, testIo } from './cli.testing.ts';
import type { Io } from './io.ts';
import { RunningText } from './running-text.ts';
import { Terminal } from './terminal.ts';

const tiny = tinyModelOfFile();

/** Runs `body` with a text, a fresh one for each call. */
function withText<T>(body: (text: RunningText, again: RunningText) => T): T {
  using model = tiny.load();
  const tokenizer = tiny.loadTokenizer();
  using text = new RunningText(model, tokenizer);
  using again = new RunningText(model, tokenizer);
  return body(text, again);
}

describe('RunningText', () => {
  const join = (pieces: Iterable<string>) => [...pieces].join('');

  it('goes on after a turn as if there had been none', () => {
    withText((text, again) => {
      text.append('吾輩は');
      const first = join(text.continue({ maxTokens: 5 }));
      const second = join(text.continue({ maxTokens: 7 }));
      again.append('吾輩は');
      expect(first + second).toBe(join(again.continue({ maxTokens: 12 })));
      expect(text.length).toBe(again.length);
    });
  });

  it('reads what a person adds between turns', () => {
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    using text = new RunningText(model, tokenizer);
    const ids = tokenizer.encode('吾輩は猫', { addBos: true });
    text.append('吾輩は');
    text.append('猫');
    for (const _ of text.continue({ maxTokens: 4, onId: (id) => ids.push(id) }));
    text.append('、犬');
    ids.push(...tokenizer.encode('、犬'));
    expect(text.length).toBe(ids.length);
    expect(join(text.continue({ maxTokens: 6 }))).toBe(join(generateText(model, tokenizer, ids, { maxTokens: 6 })));
  });

  it('keeps what was written when the loop is left early', () => {
    withText((text, again) => {
      let kept = '';
      for (const piece of text.continue({ maxTokens: 50 })) {
        kept += piece;
        if (kept.length >= 4) break;
      }
      const rest = join(text.continue({ maxTokens: 10 }));
      expect(join(again.continue({ maxTokens: text.length - 1 }))).toBe(kept + rest);
    });
  });

  it('forgets a stop string that ended a turn', () => {
    withText((text, again) => {
      again.append('猫');
      const whole = join(again.continue({ maxTokens: 12, temperature: 1, seed: 5 }));
      const stop = [...whole].slice(4, 6).join('');
      text.append('猫');
      const shown = join(text.continue({ maxTokens: 12, temperature: 1, seed: 5, stop: [stop] }));
      expect(shown).toBe(whole.slice(0, whole.indexOf(stop)));
      again.reset();
      again.append(`猫${shown}`);
      expect(text.length).toBe(again.length);
      expect(join(text.continue({ maxTokens: 8 }))).toBe(join(again.continue({ maxTokens: 8 })));
    });
  });
});

describe('chat through pipes', () => {
  const talk = (lines: string[], ...flags: string[]) =>
    runCli(
      ['chat', '--model', tiny.folder, '--max-tokens', '6', ...flags],
      lines.map((line) => `${line}\n`),
    );

  it('answers each line, greedily like generate, and ends with the input', async () => {
    const flags = ['--temperature', '0', '--repetition-penalty', '1'];
    const { code, stdout, stderr } = await talk(['吾輩は'], ...flags);
    expect([code, stderr]).toEqual([0, '']);
    const args = ['--model', tiny.folder, '--prompt', '吾輩は', '--max-tokens', '6'];
    expect(stdout).toBe((await runCli(['generate', ...args])).stdout);
    expect(stdout).not.toContain('\u001b');
  });

  it('begins anew after /reset, and leaves at /exit', async () => {
    const flags = ['--temperature', '0'];
    const once = (await talk(['猫'], ...flags)).stdout;
    expect((await talk(['猫', '/reset', '猫', '/exit', '猫'], ...flags)).stdout).toBe(once + once);
  });

  it('joins lines that end with a backslash', async () => {
    const flags = ['--temperature', '0'];
    const { stdout } = await talk(['猫\\', '犬'], ...flags);
    using model = tiny.load();
    using text = new RunningText(model, tiny.loadTokenizer());
    text.append('猫\n犬');
    expect(stdout).toBe(`${[...text.continue({ maxTokens: 6, repetitionPenalty: 1.1 })].join('')}\n`);
  });

  it('changes settings, and explains mistakes without ending', async () => {
    const { code, stderr } = await talk([
      ...[
        '/set temperature=0.5 top-k=3',
        '/set temprature=1',
        '/set top-p=2',
        '/set top-p=0',
        '/set top-p',
        '/rset',
        '/help',
      ],
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('temperature=0.5 top-k=3');
    expect(stderr).toContain('there is no setting "temprature"\n  → Did you mean "temperature"?');
    expect(stderr).toContain('top-p: expected a number from 0 to 1, got "2"');
    expect(stderr).toContain('top-p=0 ');
    expect(stderr).toContain('/set top-p needs a value');
    expect(stderr).toContain('there is no command /rset; did you mean /reset?');
    expect(stderr).toContain('/reset');
  });
});

/** A terminal: what is typed goes in, what is shown comes out. */
function fakeTerminal(): { io: Io; keyboard: PassThrough; shown: () => string } {
  let text = '';
  const keyboard = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const screen = () =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          text += chunk;
          done();
        },
      }),
      { isTTY: true, columns: 80 },
    );
  return { io: { stdin: keyboard, stdout: screen(), stderr: screen() }, keyboard, shown: () => text };
}

describe('Terminal', () => {
  it('asks, keeps pasted lines for later, and ends at Ctrl-D', async () => {
    const { io, keyboard, shown } = fakeTerminal();
    using terminal = new Terminal(io);
    const first = terminal.ask('> ');
    keyboard.write('吾輩\r二\r三\r');
    expect(await first).toBe('吾輩');
    await setImmediate();
    expect(await terminal.ask('> ')).toBe('二');
    expect(await terminal.ask('> ')).toBe('三');
    const last = terminal.ask('> ');
    keyboard.write('\u0004');
    expect(await last).toBeUndefined();
    expect(await terminal.ask('> ')).toBeUndefined();
    expect(shown()).toContain('> ');
  });

  it('hears Ctrl-C while something is written, without showing what is typed meanwhile', async () => {
    const { io, keyboard, shown } = fakeTerminal();
    using terminal = new Terminal(io);
    const first = terminal.ask('> ');
    keyboard.write('a\r');
    await first;
    let interrupted = 0;
    terminal.onInterrupt(() => interrupted++);
    const before = shown();
    keyboard.write('typed\u0003');
    await setImmediate();
    expect([interrupted, shown()]).toEqual([1, before]);
    const second = terminal.ask('> ');
    keyboard.write('\u0003');
    expect(await second).toBeUndefined();
    expect(interrupted).toBe(1);
  });
});

describe('chat at a terminal', () => {
  it('stops the model at Ctrl-C, and leaves at the second one', async () => {
    const { io, keyboard, shown } = fakeTerminal();
    using model = tiny.load();
    const talking = chat(model, tiny.loadTokenizer(), { io, sampling: { maxTokens: 100_000, temperature: 1 } });
    keyboard.write('猫\r');
    while (!shown().includes('猫\r\n') || shown().split('猫\r\n')[1]!.length < 3) await setImmediate();
    keyboard.write('\u0003');
    while (!shown().includes('stopped')) await setImmediate();
    keyboard.write('\u0003');
    await talking;
    expect(shown()).toMatch(/\d+ tokens, [\d.]+ tokens\/s; stopped/);
  });

  it('says when the text has ended', async () => {
    using model = tiny.load();
    const tokenizer = tiny.loadTokenizer();
    const { io, keyboard, shown } = fakeTerminal();
    const talking = chat(model, tokenizer, {
      io,
      sampling: { maxTokens: 5_000, temperature: 2, repetitionPenalty: 1, topP: 1 },
    });
    keyboard.write('猫\r');
    while (!shown().includes('tokens/s')) await setImmediate();
    keyboard.write('/exit\r');
    await talking;
    expect(shown()).toContain('the text has ended, what you write begins a new one');
  });

  it('is an ordinary pipe when only one side is a terminal', async () => {
    using model = tiny.load();
    const io = testIo(['猫\n']);
    await chat(model, tiny.loadTokenizer(), { io, sampling: { maxTokens: 3 } });
    expect(io.written.stdout.endsWith('\n')).toBe(true);
    expect(io.written.stdout).not.toContain('/help');
  });
});
