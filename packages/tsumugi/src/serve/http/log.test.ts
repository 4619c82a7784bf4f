// Lines of the log, whatever stands in a request.
import { expect, it } from 'vitest';
import { makeLog } from './log.ts';

it('is one line an event, in JSON too, and no longer than can be read', () => {
  const lines: string[] = [];
  const nasty = 'a\u2028b\u202ec\u0085\u001b';
  for (const asJson of [false, true]) makeLog((line) => lines.push(line), asJson)({ nasty, long: 'x'.repeat(5000) });
  for (const line of lines) {
    expect(line.endsWith('\n')).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u0085\u2028\u202e]/);
  }
  expect(JSON.parse(lines[1]!).nasty).toBe(nasty);
  expect(lines[0]!.length).toBeLessThan(500);
});
