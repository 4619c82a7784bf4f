// One's own folder of images: classes from sub-folders, every file accounted for, decoded once.
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePng } from '../images/png.ts';
import { openImageFolder } from './image-folder.ts';
import { openImages } from './open-images.ts';
import { temporaryFolder } from './testing.ts';

/** A PNG file of one grey, 4 wide and 2 high. */
function write(path: string, value: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writePng(path, new Uint8Array(8).fill(value), { width: 4, height: 2, channels: 1 });
}

describe('openImageFolder', () => {
  it('takes sub-folders for classes, however deep the images lie', () => {
    using folder = temporaryFolder();
    write(folder.at('in', 'dog', 'b.png'), 30);
    write(folder.at('in', 'dog', 'more', 'a.PNG'), 40);
    write(folder.at('in', 'cat', 'z.png'), 10);
    writeFileSync(folder.at('in', 'dog', 'notes.txt'), '');
    writeFileSync(folder.at('in', '.hidden.png'), '');
    const lines: string[] = [];
    const set = openImageFolder(folder.at('in'), { size: 2, folder: folder.at('kept'), report: (l) => lines.push(l) });
    expect({ ...set, pixels: [...set.pixels], labels: [...set.labels!] }).toEqual({
      ...{ name: 'in', split: 'all', count: 3, channels: 3, height: 2, width: 2, classNames: ['cat', 'dog'] },
      ...{ labels: [0, 1, 1], pixels: [10, 30, 40].flatMap((value) => Array(12).fill(value)) },
      ...{ source: folder.at('in'), licence: 'unknown: your own files' },
    });
    expect(lines).toEqual([expect.stringMatching(/1 files do not end in \.png, \.jpg, \.jpeg and are passed over/)]);
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

  it('decodes once, and again when a file has changed', () => {
    using folder = temporaryFolder();
    const file = folder.at('in', 'a.png');
    /** Writes something else that looks the same from outside: size and time. */
    const disguise = () => {
      writeFileSync(file, Buffer.alloc(statSync(file).size));
      utimesSync(file, 1, 1);
    };
    write(file, 1);
    utimesSync(file, 1, 1);
    const open = () => openImageFolder(folder.at('in'), { size: 1, channels: 1, folder: folder.path });
    expect([...open().pixels]).toEqual([1]);
    disguise();
    expect([...open().pixels]).toEqual([1]);
    write(file, 2);
    expect([...open().pixels]).toEqual([2]);
    expect(readdirSync(folder.at('folders'))).toHaveLength(2);
  });

  it('names what it cannot use', () => {
    using folder = temporaryFolder();
    const open = (path: string) => openImageFolder(folder.at(path), { size: 2, folder: folder.at('kept') });
    expect(() => open('none')).toThrow(/none is not a folder/);
    mkdirSync(folder.at('in'));
    writeFileSync(folder.at('in', 'notes.txt'), '');
    expect(() => open('in')).toThrow(/holds no PNG or JPEG file \(1 others\)/);
    write(folder.at('in', 'a.png'), 1);
    writeFileSync(folder.at('in', 'b.jpg'), 'not a picture');
    expect(() => open('in')).toThrow(/in\/b\.jpg is neither a PNG nor a JPEG file/);
    write(folder.at('in', 'cat', 'c.png'), 1);
    expect(() => open('in')).toThrow(/holds images \(a\.png\) beside sub-folders with images/);
  });
});
