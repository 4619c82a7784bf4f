// Decontamination against a plain twin, and verdicts with their places by hand.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { ContaminationIndex, type ContaminationOptions } from './contamination.ts';

const letters = 'いろはにほへとちりぬるを';
const randomText = (length: number, random: RandomStream) =>
  Array.from({ length }, () => letters[random.below(12)]).join('');

it('finds where a text was taken from', () => {
  const index = new ContaminationIndex({ ngram: 3, share: 0.5, run: 6 });
  index.add('甲', ['', 'あいうえお']);
  index.add('乙', ['かきくけこさしすせそ', 'うえおか']);
  // Distinct 3-grams: 3, 8, and of うえおか only えおか is new.
  expect(index.size).toBe(12);
  expect(index.judge('たちつかきくけてと')).toEqual({
    contaminated: false,
    share: 2 / 7,
    run: 4,
    place: { at: 3, set: '乙', row: 0 },
  });
  expect(index.judge('たちつてとなにぬねの ＋ ｷｷかきくけこさ')).toMatchObject({ contaminated: true, run: 6 });
  expect(index.judge('あ い う')).toEqual({ contaminated: false, share: 0, run: 0 });
  expect(index.judge('えおか')).toEqual({
    contaminated: true,
    share: 1,
    run: 3,
    place: { at: 0, set: '乙', row: 1 },
  });
  expect(index.judge('')).toEqual({ contaminated: false, share: 0, run: 0 });
});

it('takes texts shorter than an n-gram whole', () => {
  const index = new ContaminationIndex();
  index.add('短い', ['はい']);
  expect(index.judge(' はい\n')).toMatchObject({ contaminated: true, share: 1, run: 2 });
  expect(index.judge('はいはい').share).toBe(0);
});

it('has the shares and runs of a plain twin, through growth', () => {
  const random = new RandomStream(1);
  const n = 4;
  const set = Array.from({ length: 60 }, () => randomText(100, random));
  const grams = (text: string) => Array.from({ length: text.length - n + 1 }, (_, i) => text.slice(i, i + n));
  const known = new Set(set.flatMap(grams));
  const index = new ContaminationIndex({ ngram: n });
  index.add('set', set);
  expect(index.size).toBe(known.size);
  expect(known.size).toBeGreaterThan(2000);
  for (let i = 0; i < 200; i++) {
    const text = randomText(50, random);
    const hits = grams(text).map((gram) => known.has(gram));
    const longest = Math.max(...hits.map((_, from) => hits.slice(from).concat(false).indexOf(false)));
    const { share, run, place } = index.judge(text);
    expect([share, run]).toEqual([hits.filter(Boolean).length / hits.length, longest > 0 ? longest + n - 1 : 0]);
    if (place) expect(set[place.row]).toContain(text.slice(place.at, place.at + n));
  }
});

it('has bounds, and takes settings that make sense', () => {
  const small = new ContaminationIndex({ most: 10 });
  expect(() => small.add('大きい', [letters.repeat(3)])).toThrow('evaluation set 大きい brings more than 10 n-grams');
  const wrong: [ContaminationOptions, string][] = [
    [{ ngram: 0 }, 'ngram must be'],
    [{ share: 0 }, 'share must be'],
    [{ run: 5 }, 'run (5) is less than ngram (13)'],
    [{ most: 0 }, 'most must be'],
    [{ n: 13 } as ContaminationOptions, 'no option "n"'],
  ];
  for (const [options, message] of wrong) expect(() => new ContaminationIndex(options)).toThrow(message);
});

it('takes an n-gram longer than the run that is set by default', () => {
  const index = new ContaminationIndex({ ngram: 60, share: 1 });
  const long = Array.from({ length: 60 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
  index.add('long', [long]);
  expect(index.judge(`別の文。${long}`)).toMatchObject({ contaminated: true, run: 60 });
  expect(index.judge(`別の文。${long.slice(1)}`)).toMatchObject({ contaminated: false, run: 0 });
});
