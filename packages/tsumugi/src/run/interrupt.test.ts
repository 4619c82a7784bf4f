// Ctrl-C in a real process: once saves, twice ends at once, even when no JavaScript can run.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Interrupt } from './interrupt.ts';

const loop = fileURLToPath(new URL('interrupted-loop.testing.ts', import.meta.url));

/** Runs the loop; sends each signal when its text is printed. Resolves with what was printed and how it ended. */
function run(mode: string, signals: Record<string, NodeJS.Signals>): Promise<[string, string, number | string | null]> {
  const child = spawn(process.execPath, [loop, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve) => {
    let output = '';
    let errors = '';
    const react = (data: Buffer) => {
      for (const [text, signal] of Object.entries(signals)) if (data.toString().includes(text)) child.kill(signal);
    };
    child.stderr.on('data', (data: Buffer) => {
      errors += data;
      react(data);
    });
    child.stdout.on('data', (data: Buffer) => {
      output += data;
      react(data);
    });
    child.on('close', (status, signal) => resolve([output, errors, signal ?? status]));
  });
}

it('asks the loop to save and end', async () => {
  const [output, errors, status] = await run('polite', { ready: 'SIGINT' });
  expect([output, status]).toEqual(['ready\nSIGINT\nsaved\n', 0]);
  expect(errors).toContain('saving and ending');
});

it('does so for SIGTERM', async () => {
  const [output, , status] = await run('polite', { ready: 'SIGTERM' });
  expect([output, status]).toEqual(['ready\nSIGTERM\nsaved\n', 0]);
});

it('ends at once the second time, though the loop is blocked', async () => {
  const [output, , status] = await run('blocked', { ready: 'SIGINT', 'SIGINT\n': 'SIGINT' });
  expect([output, status]).toEqual(['ready\nSIGINT\n', 'SIGINT']); // a shell shows 130
});

it('ends at once the second time, though the loop never heard of the first', async () => {
  const [output, errors, status] = await run('deaf', { ready: 'SIGINT', 'Ctrl-C again': 'SIGINT' });
  expect([output, errors.trim(), status]).toEqual(['ready\n', 'Ctrl-C again ends at once, without saving', 'SIGINT']);
});

it('tells a loop that begins later of a signal that came before', async () => {
  const [told, toldInside]: [string[], string[]] = [[], []];
  using outer = new Interrupt((message) => told.push(message));
  {
    using inner = new Interrupt((message) => toldInside.push(message));
    process.emit('SIGINT', 'SIGINT');
    expect([outer.interrupted, inner.interrupted]).toEqual([true, true]);
  }
  // Only the innermost speaks.
  expect([told.length, toldInside.length]).toEqual([0, 1]);
  using later = new Interrupt();
  expect(await later.poll()).toBe(true);
  expect(process.listenerCount('SIGINT')).toBe(0);
});
