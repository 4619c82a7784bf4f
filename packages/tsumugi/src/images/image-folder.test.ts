// One's own folder of images: classes from sub-folders, every file accounted for, decoded once.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DataError } from '../base/index.ts';
import { openImageFolder } from './image-folder.ts';
import { temporaryFolder } from './images.testing.ts';
import { openImages } from './open-images.ts';
import { writePng } from './png.ts';

/** A PNG file of one grey, 4 wide and 2 high. */
function write(path: string, value: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writePng(path, new Uint8Array(8).fill(value), { width: 4, height: 2, channels: 1 });
}

describe('openImageFolder', () => {
  it('takes sub-folders for classes, however deep the images lie', async () => {
    using folder = temporaryFolder();
    write(folder.at('in', 'dog', 'b.png'), 30);
    write(folder.at('in', 'dog', 'more', 'a.PNG'), 40);
    write(folder.at('in', 'cat', 'z.png'), 10);
    writeFileSync(folder.at('in', 'dog', 'notes.txt'), '');
    writeFileSync(folder.at('in', '.hidden.png'), '');
    const lines: string[] = [];
    const report = (line: string) => lines.push(line);
    const set = await openImageFolder(folder.at('in'), { size: 2, folder: folder.at('kept'), report });
    expect({ ...set, pixels: [...set.pixels], labels: [...set.labels!] }).toEqual({
      name: 'in',
      split: 'all',
      count: 3,
      channels: 3,
      height: 2,
      width: 2,
      classNames: ['cat', 'dog'],
      labels: [0, 1, 1],
      pixels: [10, 30, 40].flatMap((value) => Array(12).fill(value)),
      source: folder.at('in'),
      licence: 'unknown: your own files',
    });
    expect(lines).toEqual([
      expect.stringMatching(/: 1 files are passed over\n.*dog\/notes\.txt: its name does not end in \.png, \.jpg/),
    ]);
  });

  it('has no labels without sub-folders; a name is looked up, a path is opened', async () => {
    using folder = temporaryFolder();
    write(folder.at('in', 'a.png'), 1);
    const set = await openImages(folder.at('in'), 'train', { size: 1, channels: 1, folder: folder.at('kept') });
    expect([set.count, set.labels, [...set.pixels]]).toEqual([1, undefined, [1]]);
    await expect(openImages('mnits', 'train', { size: 32 })).rejects.toThrow(
      /no data set "mnits"\n.*"mnist"\?.*\.\/mnits/,
    );
    await expect(openImages('cifar-10', 'train', { size: 64 })).rejects.toThrow(/CIFAR-10 has images of 32×32/);
  });

  it('decodes once, and again when a file holds something else, however it looks from outside', async () => {
    using folder = temporaryFolder();
    const file = folder.at('in', 'a.png');
    const open = () => openImageFolder(folder.at('in'), { size: 1, channels: 1, folder: folder.path });
    const kept = () => readdirSync(folder.at('folders'));
    write(file, 1);
    const { size, mtime } = statSync(file);
    expect([...(await open()).pixels]).toEqual([1]);
    const [first] = kept();
    const { ino } = statSync(folder.at('folders', first!));
    expect([...(await open()).pixels]).toEqual([1]);
    expect(statSync(folder.at('folders', first!)).ino).toBe(ino);
    write(file, 2);
    utimesSync(file, mtime, mtime);
    expect(statSync(file).size).toBe(size);
    expect([...(await open()).pixels]).toEqual([2]);
    expect(kept()).toHaveLength(2);
    // Asked for otherwise: other bytes.
    const more = (options: { size: number; channels: 1 | 3 }) =>
      openImageFolder(folder.at('in'), { ...options, folder: folder.path });
    expect((await more({ size: 2, channels: 1 })).pixels).toHaveLength(4);
    expect((await more({ size: 1, channels: 3 })).pixels).toHaveLength(3);
    expect((await open()).pixels).toHaveLength(1);
  });

  it('says what it passes over: links to nothing, names that are not UTF-8, other kinds; macOS shadows silently', async () => {
    using folder = temporaryFolder();
    write(folder.at('in', 'a.png'), 1);
    writeFileSync(folder.at('in', '._a.png'), 'resource fork');
    writeFileSync(folder.at('in', 'b.bmp'), '');
    symlinkSync(folder.at('gone.png'), folder.at('in', 'link.png'));
    writeFileSync(Buffer.concat([Buffer.from(`${folder.at('in')}/`), Buffer.of(0x94, 0x4c), Buffer.from('.png')]), '');
    const lines: string[] = [];
    const report = (line: string) => lines.push(line);
    expect((await openImageFolder(folder.at('in'), { size: 1, folder: folder.at('kept'), report })).count).toBe(1);
    expect(lines[0]).toMatch(/: 3 files are passed over\n/);
    expect(lines[0]).toMatch(/\\x94L\.png: its name is not UTF-8/);
    expect(lines[0]).toMatch(/link\.png: it is a link to something that is not there/);
    expect(lines[0]).toMatch(/b\.bmp: its name does not end in/);
  });

  it('names all files that cannot be read at once, ten of them by name', async () => {
    using folder = temporaryFolder();
    write(folder.at('in', 'a.png'), 1);
    for (let i = 0; i < 12; i++)
      writeFileSync(folder.at('in', `b${i}.png`), readFileSync(folder.at('in', 'a.png')).subarray(0, 50));
    const open = () => openImageFolder(folder.at('in'), { size: 1, folder: folder.at('kept') });
    const error: DataError = await open().catch((caught) => caught);
    expect(error.message).toMatch(
      /^12 of 13 files cannot be read:\n {2}.*b0\.png cannot be read as a PNG file: it ends too early/,
    );
    expect(error.message.match(/b\d+\.png/g)).toHaveLength(10);
    expect(error.message).toMatch(/\n {2}and 2 more\n/);
    expect(error.fields['files']).toHaveLength(12);
    // The remedy, followed to the letter.
    for (const file of error.fields['files'] as string[]) rmSync(file);
    expect((await open()).count).toBe(1);
  });

  it('names what it cannot use', async () => {
    using folder = temporaryFolder();
    const open = (path: string) => openImageFolder(folder.at(path), { size: 2, folder: folder.at('kept') });
    await expect(open('none')).rejects.toThrow(/the folder .*none does not exist\n.*Check the path/);
    mkdirSync(folder.at('in'));
    writeFileSync(folder.at('in', 'notes.txt'), '');
    await expect(open('in')).rejects.toThrow(/holds no pictures; passed over:\n.*notes\.txt/);
    write(folder.at('in', 'a.png'), 1);
    writeFileSync(folder.at('in', 'b.jpg'), 'not a picture');
    await expect(open('in')).rejects.toThrow(/in\/b\.jpg is no picture/);
    write(folder.at('in', 'cat', 'c.png'), 1);
    await expect(open('in')).rejects.toThrow(/holds images \(a\.png\) beside sub-folders with images/);
    await expect(openImageFolder(folder.at('in'), { size: 0.5 })).rejects.toThrow(/whole number from 1 and is 0\.5/);
  });
});
