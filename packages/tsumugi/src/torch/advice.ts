// What to write instead: remedies for calls as PyTorch or plain JavaScript would have them.
import { UserError } from '../base/index.ts';
import { hasOperator, operatorNames, operatorSchema } from './lookup.ts';
import type { Schema } from './schema.ts';
import { isTensor } from './scope.ts';

const camel = (name: string) => name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const baseOf = (operator: string) => operator.replace(/^aten::/, '').replace(/\..*/, '');

/** Arguments that a JavaScript caller gives. */
const given = ({ arguments: all }: Schema) =>
  all
    .filter(({ name }, i) => name !== 'pin_memory' && !(i === 0 && name === 'self'))
    .filter(({ base }) => base !== 'Layout' && base !== 'MemoryFormat');

/** How an operator is called here: `mean(dim, keepdim, { dtype })`. */
function usage(schema: Schema): string {
  const name = ({ name, base }: Schema['arguments'][number]) => (base === 'Generator' ? 'rng' : camel(name));
  const positions = given(schema).filter((argument) => !argument.keywordOnly);
  const keywords = given(schema).filter((argument) => argument.keywordOnly);
  const options = keywords.length > 0 ? [`{ ${keywords.map(name).join(', ')} }`] : [];
  return `${camel(baseOf(schema.name))}(${[...positions.map(name), ...options].join(', ')})`;
}

/** The overload of an operator that has an argument of this name, by position. */
function overloadWith(operator: string, argument: string): Schema | undefined {
  const base = operator.replace(/\..*/, '');
  return operatorNames()
    .filter((name) => name === base || name.startsWith(`${base}.`))
    .map(operatorSchema)
    .filter(({ text }) => !/\bDimname\b|\bTensor\(a!\) out\b/.test(text))
    .find((schema) => given(schema).some(({ name, keywordOnly }) => !keywordOnly && camel(name) === argument));
}

/** Checks the names in an operator's options. Called only where options are given. */
export function checkKeywords(operator: string, options: object | undefined, ...known: readonly string[]): void {
  for (const name in options) if (!known.includes(name)) refuseKeyword(operator, name, known);
}

function refuseKeyword(operator: string, name: string, known: readonly string[]): never {
  const schema = overloadWith(operator, name);
  throw new UserError('unknown-option', `${camel(baseOf(operator))}: there is no option "${name}"`, {
    remedy: schema ? `It comes by position: ${usage(schema)}.` : `Known: ${known.join(', ')}.`,
    fields: { operator, option: name },
  });
}

const isOptions = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isTensor(value);

const asIds = "Numbers are float32 unless you say otherwise: tensor([0, 1], { dtype: 'int64' }), or ids.long().";

/** What to do about a complaint of the addon or of libtorch. */
export function advice(
  operator: string,
  code: string,
  message: string,
  values: readonly unknown[],
): string | undefined {
  // In the words of libtorch 1.13 to 2.13.
  const index =
    /Expected dtype int(32( or |\/)int)?64 for index|scalar types: Long|tensors used as indices must be long/;
  if (index.test(message)) return asIds;
  const dtypes = /expected scalar type \w+ but found \w+|(to|must) have (the )?same dtype/.test(message);
  if (dtypes) return 'Bring both to one dtype, with b.to(a.dtype) or b.float().';
  if (/elements? cannot be converted to Scalar/.test(message)) return 'Take all with tolist() or data().';
  if (/\.map is not a function/.test(message)) return `Give tensors as an array: ${camel(baseOf(operator))}([a, b]).`;
  if (code !== 'bad-argument' || !hasOperator(operator)) return undefined;
  const call = usage(operatorSchema(operator));
  if (values.some(isOptions)) return `Arguments come by position: ${call}.`;
  const place = Number(/^argument (\d+)/.exec(message)?.[1]);
  const wantsTensor = operatorSchema(operator).arguments[place - 1]?.base === 'Tensor';
  if (wantsTensor && values.some(Array.isArray)) return `Make tensors of arrays, with tensor([…]): ${call}.`;
  return `It is called as ${call}.`;
}
