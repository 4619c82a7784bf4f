// Every object of options of `text` refuses a name that nothing reads, before anything is read or written.
import { expect, it } from 'vitest';
import * as text from './index.ts';

// biome-ignore lint/suspicious/noExplicitAny: calls that the compiler would refuse
const t: any = text;
const [novel] = await Array.fromAsync(text.readDocuments(text.embeddedText()));
const pieces = text.trainTokenizer([novel!.text.slice(0, 3000)], { vocabSize: 420 });
const tokenizer: typeof t = text.Tokenizer.fromPieces(pieces);

it.each<[() => unknown, string]>([
  [() => t.trainTokenizer([], { vocabularySize: 400 }), 'trainTokenizer: there is no option "vocabularySize"'],
  [() => t.Tokenizer.fromPieces(pieces, { addBOS: true }), 'Did you mean "addBos"?'],
  [() => t.Tokenizer.load('nowhere', { addBos: true }), 'Tokenizer.load: there is no option "addBos"'],
  [() => tokenizer.encode('猫', { bos: true }), 'Write { addBos: true }.'],
  [() => tokenizer.encode('猫', true), 'encode: options are an object like { addBos: … }, got boolean true'],
  [() => tokenizer.decode([1], { skipSpecials: true }), 'Did you mean "skipSpecial"?'],
  [() => t.openCorpus(['nowhere'], { fields: 'text' }), 'Did you mean "field"?'],
  [() => t.readDocuments(['nowhere'], { enconding: 'x' }), 'Did you mean "encoding"?'],
  [() => t.TokenShards.open('nowhere', { tokeniserHash: '' }), 'Did you mean "tokenizerHash"?'],
  [() => new t.PackedBatches(undefined, { sequencelength: 8 }), 'Did you mean "sequenceLength"?'],
  [() => new t.LongBatches([], { batchsize: 8 }), 'Did you mean "batchSize"?'],
  [() => new t.ExampleBatches([], { sequencelength: 8 }), 'Did you mean "sequenceLength"?'],
  [() => new t.EvaluationBatches(undefined, { maxToken: 8 }), 'Did you mean "maxTokens"?'],
])('%s', (call, message) => {
  expect(call).toThrow(message);
});

it('refuses one of prepare', async () => {
  await expect(t.prepare({}, 'nowhere', { heldOut: 0.1 })).rejects.toThrow('prepare: there is no option "heldOut"');
});
