// The progress line on a terminal and off it, and its rate.
import { describe, expect, it } from 'vitest';
import { Progress, Rate } from './index.ts';

function terminal(isTTY: boolean, columns = 120) {
  // "Clear to the end of the line" is shown as ⌫.
  const screen = {
    text: '',
    isTTY,
    columns,
    write(text: string) {
      screen.text += text.replaceAll('\x1b[K', '⌫');
    },
  };
  return screen;
}

describe('rate', () => {
  it('is exact for a steady pace and follows a change', () => {
    const rate = new Rate(10);
    expect(rate.perSecond).toBeNaN();
    for (let i = 0; i < 50; i++) rate.add(1, 0.5);
    expect(rate.perSecond).toBeCloseTo(2, 10);
    for (let i = 0; i < 100; i++) rate.add(1, 1);
    expect(rate.perSecond).toBeCloseTo(1, 3);
    rate.add(1, 100); // a pause: not more than a fifth of the past is forgotten at once
    expect(rate.perSecond).toBeGreaterThan(0.05);
  });
});

describe('progress', () => {
  it('redraws one line on a terminal', () => {
    let time = 0;
    const stream = terminal(true);
    const progress = new Progress({ label: 'pretrain', total: 200, stream, now: () => time });
    for (let step = 1; step <= 100; step++) {
      time += 50;
      progress.update({ step, loss: 9 - step / 20, tokensPerSecond: 12345, memoryBytes: 3 * 2 ** 29 });
    }
    expect(progress.secondsLeft).toBeCloseTo(5, 6);
    expect(stream.text.split('\r').length - 1).toBe(50); // every 100 ms
    expect(stream.text).not.toContain('\n');
    const last = stream.text.split('\r').at(-1)!;
    expect(last).toBe(
      'pretrain  ━━━━━━━━━━━─────────────  49 %  99/200  ETA 5.0 s  loss 4.050  12.3K tok/s  1.50 GiB⌫',
    );
    stream.text = '';
    progress.print('吾輩は猫である');
    expect(stream.text).toMatch(/^\r⌫吾輩は猫である\n\rpretrain .*⌫$/);
    stream.text = '';
    progress.end();
    progress.end();
    expect(stream.text).toMatch(/^\r⌫pretrain .* 50 % .* 5\.0 s\n$/);
  });

  it('never exceeds the terminal', () => {
    const stream = terminal(true, 40);
    using progress = new Progress({ label: '事前学習', total: 10, stream, now: () => 0 });
    progress.update({ step: 1, loss: 3, tokensPerSecond: 10, note: 'x'.repeat(100) });
    // Four characters take two columns, "⌫" none.
    for (const line of stream.text.split('\r')) expect(line.replace('⌫', '').length + 4).toBeLessThan(40);
  });

  it('prints a plain line now and then when there is no terminal, and counts only its own steps in the rate', () => {
    let time = 0;
    const stream = terminal(false);
    const progress = new Progress({ label: 'sft', total: 100, start: 40, stream, interval: 10, now: () => time });
    for (let step = 41; step <= 70; step++) {
      time += 1000;
      progress.update({ step, loss: 2, memoryBytes: 2 ** 30 });
    }
    progress.print('a warning');
    progress.end();
    expect(stream.text.split('\n')).toEqual([
      'sft  41 %  41/100  ETA 59.0 s  loss 2.000  1.00 GiB',
      'sft  51 %  51/100  ETA 49.0 s  loss 2.000  1.00 GiB',
      'sft  61 %  61/100  ETA 39.0 s  loss 2.000  1.00 GiB',
      'a warning',
      'sft  70 %  70/100  loss 2.000  1.00 GiB  30.0 s',
      '',
    ]);
  });
});
