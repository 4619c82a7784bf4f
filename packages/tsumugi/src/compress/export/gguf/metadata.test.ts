// What a file says of the tokenizer: the ids in their roles, and the chat template.
import { afterAll, expect, it } from 'vitest';
import { type Plamo2Config, readModelConfig } from '../../../lm/index.ts';
import { Artefact, type JsonObject } from '../../../store/index.ts';
import { readTokenizerFiles } from '../../../text/index.ts';
import { ExportHome } from './gguf.testing.ts';
import { metadataOf } from './metadata.ts';

const home = new ExportHome();
afterAll(() => home[Symbol.dispose]());
const artefact = new Artefact(home.model('model'));
const said = (changes: Partial<Plamo2Config>, tokenizerConfig?: JsonObject) => {
  const config = { ...readModelConfig(artefact), ...changes };
  const tokenizer = readTokenizerFiles(artefact.tokenizerPath);
  return metadataOf({ name: 'model', config, tokenizer, tokenizerConfig, context: 300, type: 'F32' });
};

it("names the model's BOS and the first of its EOS ids, and the tokenizer's where it has none", () => {
  const ids = (changes: Partial<Plamo2Config>) =>
    ['bos', 'eos'].map((role) => said(changes)[`tokenizer.ggml.${role}_token_id`]);
  expect(ids({ bos_token_id: 3, eos_token_id: [4, 2] })).toEqual([{ u32: 3 }, { u32: 4 }]);
  expect(ids({ bos_token_id: null, eos_token_id: null })).toEqual([{ u32: 1 }, { u32: 2 }]);
});

it('asks for BOS before every text, and for neither EOS nor a blank', () => {
  const all = said({});
  expect(['bos_token', 'eos_token', 'space_prefix'].map((key) => all[`tokenizer.ggml.add_${key}`])).toEqual([
    { bool: true },
    { bool: false },
    { bool: false },
  ]);
});

it('holds the chat template: a text, or the default one of several', () => {
  const template = (chat_template: JsonObject[string]) => said({}, { chat_template })['tokenizer.chat_template'];
  const named = (name: string) => ({ name, template: `{{ ${name} }}` });
  expect(template('{{ x }}')).toEqual({ string: '{{ x }}' });
  expect(template([named('tool_use'), named('default')])).toEqual({ string: '{{ default }}' });
  expect(template([named('tool_use'), named('rag')])).toBeUndefined();
  expect(template([named('tool_use')])).toEqual({ string: '{{ tool_use }}' }); // the only one
  expect('tokenizer.chat_template' in said({}, {})).toBe(false);
});
