// Films: what is written comes back frame by frame, through the decoder of everybody.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FilmFrame, writeFilm, writeFrames } from './film.ts';
import { temporaryFolder } from './images.testing.ts';
import { decodePicture, openSharp } from './picture.ts';

const home = temporaryFolder();
afterAll(() => home[Symbol.dispose]());

/** A white bar that moves to the right on black. */
const frames: FilmFrame[] = [0, 1, 2].map((at) => {
  const data = new Uint8Array(6 * 4 * 3);
  for (let y = 0; y < 4; y++) data.fill(255, (y * 6 + at) * 3, (y * 6 + at + 1) * 3);
  return { width: 6, height: 4, data };
});

let sharp: Awaited<ReturnType<typeof openSharp>>;
beforeAll(async () => {
  sharp = await openSharp();
});

it.each(['film.gif', 'film.webp'])('%s holds every frame and how long it stays', async (name) => {
  await writeFilm(home.at(name), { frames, framesPerSecond: 20 });
  const { pages, delay, loop } = await sharp(readFileSync(home.at(name)), { pages: -1 }).metadata();
  expect({ pages, delay, loop }).toEqual({ pages: 3, delay: [50, 50, 50], loop: 0 });
  for (const [page, { data }] of frames.entries()) {
    const pixels = await sharp(readFileSync(home.at(name)), { page })
      .removeAlpha()
      .raw()
      .toBuffer();
    expect([...pixels]).toEqual([...data]);
  }
});

it('writes frames as pictures, into a folder of their own', async () => {
  writeFrames(home.at('frames'), frames);
  expect(readdirSync(home.at('frames'))).toEqual(['000000.png', '000001.png', '000002.png']);
  const { data } = await decodePicture(readFileSync(home.at('frames', '000001.png')), 'it');
  expect([...data].filter((_, i) => i % 4 === 0)).toEqual([...frames[1]!.data].filter((_, i) => i % 3 === 0));
  writeFileSync(home.at('frames', 'mine.txt'), '');
  expect(() => writeFrames(home.at('frames'), frames)).toThrow('holds something already');
});

it('refuses other kinds of files, nothing, and frames of several sizes', async () => {
  const film = (path: string, some = frames) => writeFilm(home.at(path), { frames: some, framesPerSecond: 10 });
  await expect(film('film.mp4')).rejects.toThrow(/films are written as \.gif or \.webp\n.*film\.webp/);
  await expect(film('none.gif', [])).rejects.toThrow('at least one frame');
  await expect(film('odd.gif', [frames[0]!, { ...frames[1]!, width: 4, height: 6 }])).rejects.toThrow('6 × 4');
});
