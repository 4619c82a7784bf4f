// Reading tfjs layers models, plain and wrapped in scripts, without running a script.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError } from '../../base/index.ts';
import { scope } from '../../torch/index.ts';
import { exportedLiteral } from './js-literal.ts';
import { readTfjsLayers } from './tfjs-layers.ts';

describe('exportedLiteral', () => {
  const read = (text: string) => exportedLiteral(`!function(a){a.exports=${text}}()`, 'x.js');

  it('reads what a minifier writes', () => {
    expect(read('{a:1,"b c":[!0,!1,null],$d:-.5,e:1e-3,f:{},g:"x"}')).toEqual({
      a: 1,
      'b c': [true, false, null],
      $d: -0.5,
      e: 0.001,
      f: {},
      g: 'x',
    });
    expect(read('[ 1 , [] ]')).toEqual([1, []]);
    expect(read(String.raw`"a\"b\\"`)).toBe('a"b\\');
    expect(read(`"${'A'.repeat(6_000_000)}"`)).toHaveLength(6_000_000);
  });

  it('runs nothing', () => {
    expect(() => read('{a:process.exit()}')).toThrow(/x\.js: expected data at character 26, found "process\.exit/);
    expect(() => read('[1 2]')).toThrow(FormatError);
    expect(() => read('['.repeat(1e6))).toThrow(FormatError);
    expect(Object.getPrototypeOf(read('{"__proto__":{"a":1}}'))).toBe(Object.prototype);
    expect(() => read('"abc')).toThrow(FormatError);
    expect(() => exportedLiteral('module.exports=f()', 'x.js')).toThrow(/x\.js exports no data/);
  });
});

describe('readTfjsLayers', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'tsumugi-tfjs-'));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const model = (dtype = 'uint8') => ({
    modelTopology: { model_config: { config: { layers: [] } } },
    weightsManifest: [
      {
        paths: ['shard1', 'shard2'],
        weights: [
          { name: 'a/kernel', shape: [2, 2], dtype: 'float32', quantization: { dtype, scale: 0.5, min: -1 } },
          { name: 'a/wide', shape: [1], dtype: 'float32', quantization: { dtype: 'uint16', scale: 1, min: 0.25 } },
          { name: 'a/bias', shape: [1], dtype: 'float32' },
        ],
      },
    ],
  });
  // 0, 1, 2, 255 | 40,000 (little-endian, cut between the shards) | 1.5
  const shards = [Buffer.of(0, 1, 2, 255, 0x40), Buffer.of(0x9c, 0, 0, 0xc0, 0x3f)];
  const script = (value: string) => `!function(x){}({1:[function(a,n,i){n.exports=${value}},{}]},{},[1])(1);`;

  function write(form: 'plain' | 'bin' | 'script', content: object = model()): string {
    const folder = join(home, form);
    mkdirSync(folder, { recursive: true });
    const text = JSON.stringify(content);
    if (form === 'script') writeFileSync(join(folder, 'model.min.js'), script(text.replaceAll(/"(\w+)":/g, '$1:')));
    else writeFileSync(join(folder, 'model.json'), text);
    for (const [i, bytes] of shards.entries()) {
      const name = join(folder, `shard${i + 1}`);
      if (form === 'script') writeFileSync(`${name}.min.js`, script(`"${bytes.toString('base64')}"`));
      else writeFileSync(form === 'bin' ? `${name}.bin` : name, bytes);
    }
    return folder;
  }

  it.each(['plain', 'bin', 'script'] as const)('gives q · scale + min: %s', (form) => {
    const read = readTfjsLayers(write(form));
    scope(() => {
      expect(read.weight('a/kernel').tolist()).toEqual([[-1, -0.5], [0, 126.5]]); // biome-ignore format: rows
      expect(read.weight('a/wide').tolist()).toEqual([40_000.25]);
      expect(read.weight('a/bias').tolist()).toEqual([1.5]);
    });
    expect(read.has('a/gamma')).toBe(false);
    expect(() => read.weight('a/kernal')).toThrow(/Did you mean "a\/kernel"/);
    expect(read.hash).toBe(readTfjsLayers(write('plain')).hash);
  });

  it('keeps to its folder, and believes no size that the files do not have', () => {
    const secret = join(home, 'secret.txt');
    writeFileSync(secret, Buffer.alloc(10));
    const naming = (...paths: string[]) => {
      const content = model();
      content.weightsManifest[0]!.paths = paths;
      return write('plain', content);
    };
    for (const name of ['../secret.txt', '..', 'a/../../secret.txt', secret, 'shard1/../../secret.txt', 'shard1\0'])
      expect(() => readTfjsLayers(naming(name)), name).toThrow(
        /names the weights .*outside the folder\n.*do not use this model/,
      );
    for (const name of ['', '.', 'constructor', '__proto__'])
      expect(() => readTfjsLayers(naming(name)), name).toThrow(/lacks the weights/);
    const folder = naming('linked');
    symlinkSync(secret, join(folder, 'linked'));
    expect(() => readTfjsLayers(folder)).toThrow(/is a link that leads out of/);
    mkdirSync(join(folder, 'inner'));
    writeFileSync(join(folder, 'inner', 'all'), Buffer.concat(shards));
    symlinkSync(join('inner', 'all'), join(folder, 'within'));
    for (const name of ['inner/all', 'within']) expect(readTfjsLayers(naming(name)).has('a/bias')).toBe(true);

    const wrong = (changes: object) => {
      const content = model();
      Object.assign(content.weightsManifest[0]!.weights[0]!, changes);
      return write('plain', content);
    };
    const huge = { shape: [2 ** 31, 2 ** 31] };
    expect(() => readTfjsLayers(wrong(huge))).toThrow(/"a\/kernel" cannot have the shape \[2147483648, 2147483648\]/);
    expect(() => readTfjsLayers(wrong({ shape: [2 ** 20, 2 ** 20] }))).toThrow(
      /hold 10 bytes, the weights need 1099511627782/,
    );
    expect(() => readTfjsLayers(wrong({ shape: [1] }))).toThrow(/hold 10 bytes, the weights need 7/);
    expect(() => readTfjsLayers(wrong({ shape: [0] }))).toThrow(/need 6/);
    expect(() => readTfjsLayers(wrong({ name: 'a/bias' }))).toThrow(/holds the weight "a\/bias" twice/);
    for (const dtype of ['constructor', 'toString', '__proto__'])
      expect(() => readTfjsLayers(wrong({ quantization: { dtype, scale: 1, min: 0 } })), dtype).toThrow(/is stored as/);
    const large = write('plain');
    truncateSync(join(large, 'shard1'), 2 ** 33);
    expect(() => readTfjsLayers(large)).toThrow(/shard1 has 8589934592 bytes, more than its weights need/);
    truncateSync(join(large, 'model.json'), 2 ** 33);
    expect(() => readTfjsLayers(large)).toThrow(/model\.json has 8589934592 bytes, and at most 67108864 are read/);
  });

  it('says what is wrong with the files', () => {
    expect(() => readTfjsLayers(home)).toThrow(/holds no tfjs layers model/);
    expect(() => readTfjsLayers(write('plain', { format: 'graph-model' }))).toThrow(/no layers model: "modelTopology"/);
    expect(() => readTfjsLayers(write('plain', model('int4')))).toThrow(/"a\/kernel" is stored as int4/);
    const folder = write('plain');
    writeFileSync(join(folder, 'shard2'), Buffer.of(0x9c, 0, 0));
    expect(() => readTfjsLayers(folder)).toThrow(/hold 8 bytes, the weights need 10/);
    rmSync(join(folder, 'shard2'));
    expect(() => readTfjsLayers(folder)).toThrow(/lacks the weights "shard2"/);
  });
});
