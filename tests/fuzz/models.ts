// The readers of model folders, each with inputs that are nearly right.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RandomStream } from '../../packages/tsumugi/src/base/index.ts';
import { preset, publishedConfig, readModelConfig, tensorShapes } from '../../packages/tsumugi/src/lm/index.ts';
import {
  Artefact,
  GgufFile,
  openSafetensors,
  readGguf,
  writeSafetensors,
} from '../../packages/tsumugi/src/store/index.ts';
import {
  byteText,
  type Piece,
  readTokenizerFiles,
  SPECIAL_NAMES,
  Tokenizer,
  writeTokenizer,
} from '../../packages/tsumugi/src/text/index.ts';
import { scope, zeros } from '../../packages/tsumugi/src/torch/index.ts';
import { damage, pick, type Target } from './fuzz.ts';
import { strangeGguf } from './gguf.ts';
import { strangeJson } from './json.ts';

const config = publishedConfig(preset('mini', { num_hidden_layers: 2, vocab_size: 300 }));
const generation = { bos_token_id: 1, eos_token_id: [2, 4], pad_token_id: 3, temperature: 0.7 };
const tokenizerConfig = {
  add_bos_token: true,
  add_eos_token: false,
  bos_token: '<|plamo:bos|>',
  eos_token: { content: '<|plamo:eos|>', lstrip: false },
  pad_token: '<|plamo:pad|>',
  unk_token: '<|plamo:unk|>',
  tokenizer_class: 'PlamoTokenizer',
};
const index = {
  metadata: { total_size: 12 },
  weight_map: { a: '1.safetensors', b: '1.safetensors', c: '2.safetensors' },
};
const sizes: Readonly<Record<string, number>> = { I64: 8, F64: 8, F32: 4, BF16: 2, F16: 2, I8: 1, U8: 1, BOOL: 1 };

const pieces: Piece[] = [
  ...[SPECIAL_NAMES.unk, SPECIAL_NAMES.bos, SPECIAL_NAMES.eos, SPECIAL_NAMES.pad].map(
    (text, id): Piece => ({ text, score: 0, type: id === 0 ? 'UNKNOWN' : 'CONTROL' }),
  ),
  ...Array.from({ length: 256 }, (_, byte): Piece => ({ text: byteText(byte), score: 0, type: 'BYTE' })),
];

/** A safetensors file: a header whose tensors follow each other, changed like any JSON, and a length that may lie. */
function strangeSafetensors(random: RandomStream): Buffer {
  let end = 0;
  const tensors = Array.from({ length: random.below(4) }, (_, i) => {
    const dtype = pick(random, ...Object.keys(sizes));
    const shape = Array.from({ length: random.below(4) }, () => pick(random, 0, 1, 2, 3));
    const begin = end;
    end += shape.reduce((a, b) => a * b, sizes[dtype]!);
    return [`t${i}`, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const header = strangeJson(random, { __metadata__: { format: 'pt' }, ...Object.fromEntries(tensors) });
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(
    random.below(20) === 0 ? pick(random, 0n, 1n, 100_000_001n, 1n << 63n) : BigInt(header.length),
  );
  const file = Buffer.concat([field, header, Buffer.alloc(random.below(20) === 0 ? random.below(40) : end)]);
  return random.below(20) === 0 ? damage(random, file) : file;
}

const rows = pieces.map(({ text, score, type }) => [text, score, type, null, null]);

/** A tokenizer.jsonl of which a few lines are strange, doubled, missing or elsewhere. */
function strangePieces(random: RandomStream): Buffer {
  const lines: Buffer[] = rows.map((row) => Buffer.from(JSON.stringify(row)));
  // What most files have: pieces of text, which come and go without harm.
  for (let more = random.below(4); more > 0; more--)
    lines.push(Buffer.from(`["魚${more}", -1.5, "NORMAL", null, null]`));
  for (let times = random.below(3); times > 0; times--) {
    const at = random.below(lines.length);
    switch (random.below(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(random.below(lines.length), 0, lines[at]!);
        break;
      case 2:
        lines.splice(at, 0, Buffer.from(pick(random, '', ' ', '[]', 'null', '\ufeff', '["a", 1e400, "NORMAL"]')));
        break;
      default:
        lines[at] = strangeJson(
          random,
          pick(random, rows[at % rows.length]!, ['魚', -1, 'NORMAL'], ['<0x41>', 0, 'BYTE']),
        );
    }
  }
  const file = Buffer.concat(
    lines.flatMap((line) => [line, Buffer.from(pick(random, '\n', '\n', '\n', '\n', '\r\n'))]),
  );
  return random.below(10) === 0 ? damage(random, file) : file;
}

/** The targets, in a folder of their own that goes when they are disposed. */
export class ModelReaders implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), 'tsumugi-fuzz-'));
  readonly targets: readonly Target[];

  constructor() {
    const at = (...names: string[]) => join(this.#home, ...names);
    mkdirSync(at('shards'));
    scope(() => {
      writeSafetensors(
        at('shards', '1.safetensors'),
        ['a', 'b'].map((name) => [name, zeros([1])] as const),
      );
      writeSafetensors(at('shards', '2.safetensors'), [['c', zeros([1])]]);
    });
    const folder = (name: string) => {
      writeTokenizer(at(name), pieces);
      writeFileSync(at(name, 'config.json'), JSON.stringify(config));
      return at(name);
    };
    const one = at('one.safetensors');
    this.targets = [
      {
        name: 'safetensors',
        attempt(random) {
          writeFileSync(one, strangeSafetensors(random));
          using file = openSafetensors(one);
          // Mapping a file takes longer than all else, and needs no million attempts.
          const taken = random.below(20) === 0 ? file.names : [];
          scope(() => {
            for (const name of taken) file.tensor(name);
          });
        },
      },
      {
        name: 'safetensors index',
        attempt(random) {
          writeFileSync(at('shards', 'model.safetensors.index.json'), strangeJson(random, index));
          using file = openSafetensors(at('shards'));
          for (const name of file.names) file.info(name);
        },
      },
      {
        name: 'GGUF',
        attempt(random) {
          writeFileSync(at('one.gguf'), strangeGguf(random));
          readGguf(at('one.gguf'));
          using file = new GgufFile(at('one.gguf'));
          for (const name of file.tensors.keys()) scope(() => void file.tensor(name));
        },
      },
      jsonTarget(folder('a'), 'config.json', config, (place) => tensorShapes(readModelConfig(new Artefact(place)))),
      jsonTarget(folder('b'), 'generation_config.json', generation, (place) => readModelConfig(new Artefact(place))),
      jsonTarget(folder('c'), 'tokenizer_config.json', tokenizerConfig, readTokenizerFiles),
      {
        name: 'tokenizer.jsonl',
        attempt(random) {
          writeFileSync(at('tokenizer.jsonl'), strangePieces(random));
          const tokenizer = Tokenizer.load(at('tokenizer.jsonl'));
          // Whatever is read can be used: no text is lost on the way.
          const text = '魚と<0x41>\u0000𩸽 ';
          const back = tokenizer.decode(tokenizer.encode(text));
          if (back !== text) throw new Error(`${JSON.stringify(text)} comes back as ${JSON.stringify(back)}`);
        },
      },
    ];
  }

  [Symbol.dispose](): void {
    rmSync(this.#home, { recursive: true });
  }
}

/** A file of a model folder whose others are sound. */
function jsonTarget(folder: string, name: string, sound: object, read: (folder: string) => unknown): Target {
  return {
    name,
    attempt(random) {
      writeFileSync(join(folder, name), strangeJson(random, sound));
      read(folder);
    },
  };
}
