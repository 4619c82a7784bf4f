// JSON from outside is counted before it is parsed (base/json-text.ts): JSON.parse itself stands only where the text is ours.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../packages/tsumugi/src/', import.meta.url));

/** File → why the text needs no counting. */
const own: Readonly<Record<string, string>> = {
  'base/json-text.ts': 'counts',
  'base/read-file.ts': 'counts',
  'store/safetensors/header.ts': 'counts',
  'store/safetensors/duplicate-keys.ts': 'one text in quotes, of a header that was counted',
  'gan/scores/js-literal.ts': 'one text in quotes',
  'images/sets/npm-pack.ts': 'what npm printed',
  'base/own-files.ts': 'package.json of tsumugi',
  'cli/settings.ts': 'a value of the command line',
  'run/open-run.ts': 'what was made a moment before',
  'mesh/exchange.ts': 'what another process of the same program made a moment before',
  'recipe/dry-run.ts': 'what was made a moment before',
  'rl/check/check-environment.ts': 'what was made a moment before',
  'compress/quantize/quantize-model.ts': 'what was made a moment before',
  'store/hub/hub-client.ts': 'counts',
  'serve/engine-thread/plain-error.ts': 'what was made a moment before',
  'serve/anthropic/reply.ts': 'arguments of a call that the parser of calls has read',
  'text/chat/tools/tool-call-parser.ts': 'a text that a model wrote, as long as its tokens allow',
  'eval/tasks/m-ifeval/format.ts': 'a text that a model wrote, which is judged and not kept',
  'eval/tasks/pfgen/table-cache.ts': 'an archive with a checksum that tsumugi wrote',
};

it('parses JSON of others only where it is counted', () => {
  const files = globSync('**/*.ts', { cwd: src }).filter((file) => !/\.(test|testing)\.ts$/.test(file));
  const parsing = files.filter((file) => /\bJSON\.parse\(/.test(readFileSync(src + file, 'utf8')));
  expect(parsing.toSorted()).toEqual(Object.keys(own).toSorted());
});
