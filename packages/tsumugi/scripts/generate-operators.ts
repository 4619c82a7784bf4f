// Writes src/torch/operators.generated.ts: typed Tensor methods and functions from libtorch's own schemas.
// Run `npm run generate` after adding a row below. Rows are written against libtorch 1.13, the oldest supported: an
// operator found there keeps its leading arguments in every later release.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { operatorSchema } from '../src/torch/lookup.ts';
import type { Schema, SchemaArgument } from '../src/torch/schema.ts';

/** JavaScript name → overloads, tried in order: told apart by a number where a Tensor could be, or by a missing argument. */
const methods: Record<string, string[]> = {
  // arithmetic
  add: ['add.Tensor', 'add.Scalar'],
  add_: ['add_.Tensor', 'add_.Scalar'],
  sub: ['sub.Tensor', 'sub.Scalar'],
  sub_: ['sub_.Tensor', 'sub_.Scalar'],
  mul: ['mul.Tensor', 'mul.Scalar'],
  mul_: ['mul_.Tensor', 'mul_.Scalar'],
  div: ['div.Tensor', 'div.Scalar'],
  div_: ['div_.Tensor', 'div_.Scalar'],
  remainder: ['remainder.Tensor', 'remainder.Scalar'],
  pow: ['pow.Tensor_Tensor', 'pow.Tensor_Scalar'],
  addcmul: ['addcmul'],
  addcmul_: ['addcmul_'],
  addcdiv_: ['addcdiv_'],
  lerp_: ['lerp_.Tensor', 'lerp_.Scalar'],
  maximum: ['maximum'],
  minimum: ['minimum'],
  clamp: ['clamp'],
  clamp_: ['clamp_'],
  // elementwise
  abs: ['abs'],
  neg: ['neg'],
  exp: ['exp'],
  log: ['log'],
  log1p: ['log1p'],
  expm1: ['expm1'],
  sqrt: ['sqrt'],
  rsqrt: ['rsqrt'],
  square: ['square'],
  reciprocal: ['reciprocal'],
  sin: ['sin'],
  cos: ['cos'],
  tanh: ['tanh'],
  sigmoid: ['sigmoid'],
  relu: ['relu'],
  gelu: ['gelu'],
  silu: ['silu'],
  softplus: ['softplus'],
  logSigmoid: ['log_sigmoid'],
  leakyRelu: ['leaky_relu'],
  elu: ['elu'],
  floor: ['floor'],
  round: ['round'],
  sign: ['sign'],
  isnan: ['isnan'],
  isfinite: ['isfinite'],
  logicalNot: ['logical_not'],
  logicalAnd: ['logical_and'],
  logicalOr: ['logical_or'],
  // comparison
  eq: ['eq.Tensor', 'eq.Scalar'],
  ne: ['ne.Tensor', 'ne.Scalar'],
  lt: ['lt.Tensor', 'lt.Scalar'],
  le: ['le.Tensor', 'le.Scalar'],
  gt: ['gt.Tensor', 'gt.Scalar'],
  ge: ['ge.Tensor', 'ge.Scalar'],
  // reductions
  sum: ['sum.dim_IntList', 'sum'],
  mean: ['mean.dim', 'mean'],
  prod: ['prod.dim_int', 'prod'],
  amax: ['amax'],
  amin: ['amin'],
  max: ['max.dim', 'max'],
  min: ['min.dim', 'min'],
  argmax: ['argmax'],
  argmin: ['argmin'],
  any: ['any.dim', 'any'],
  all: ['all.dim', 'all'],
  cumsum: ['cumsum'],
  cumsum_: ['cumsum_'],
  logsumexp: ['logsumexp'],
  softmax: ['softmax.int'],
  logSoftmax: ['log_softmax.int'],
  std: ['std.dim', 'std'],
  var: ['var.dim', 'var'],
  norm: ['norm.ScalarOpt_dim', 'norm.Scalar'],
  topk: ['topk'],
  sort: ['sort'],
  argsort: ['argsort'],
  multinomial: ['multinomial'],
  // matrix products
  matmul: ['matmul'],
  mm: ['mm'],
  mv: ['mv'],
  bmm: ['bmm'],
  baddbmm: ['baddbmm'],
  addmm: ['addmm'],
  dot: ['dot'],
  outer: ['outer'],
  tril: ['tril'],
  triu: ['triu'],
  tril_: ['tril_'],
  triu_: ['triu_'],
  // shape
  reshape: ['reshape'],
  view: ['view'],
  transpose: ['transpose.int'],
  permute: ['permute'],
  t: ['t'],
  unsqueeze: ['unsqueeze'],
  squeeze: ['squeeze.dim', 'squeeze'],
  expand: ['expand'],
  flatten: ['flatten.using_ints'],
  unflatten: ['unflatten.int'],
  repeat: ['repeat'],
  repeatInterleave: ['repeat_interleave.self_int'],
  contiguous: ['contiguous'],
  clone: ['clone'],
  flip: ['flip'],
  roll: ['roll'],
  pad: ['constant_pad_nd'],
  narrow: ['narrow'],
  slice: ['slice.Tensor'],
  select: ['select.int'],
  split: ['split.Tensor'],
  splitWithSizes: ['split_with_sizes'],
  chunk: ['chunk'],
  unbind: ['unbind.int'],
  diagonal: ['diagonal'],
  // indexing
  indexSelect: ['index_select'],
  gather: ['gather'],
  scatter: ['scatter.src', 'scatter.value'],
  scatter_: ['scatter_.src', 'scatter_.value'],
  scatterAdd_: ['scatter_add_'],
  indexAdd_: ['index_add_'],
  indexCopy_: ['index_copy_'],
  index: ['index.Tensor'],
  indexPut_: ['index_put_'],
  maskedFill: ['masked_fill.Tensor', 'masked_fill.Scalar'],
  maskedFill_: ['masked_fill_.Tensor', 'masked_fill_.Scalar'],
  maskedSelect: ['masked_select'],
  nonzero: ['nonzero'],
  // in place
  zero_: ['zero_'],
  fill_: ['fill_.Tensor', 'fill_.Scalar'],
  copy_: ['copy_'],
  normal_: ['normal_'],
  uniform_: ['uniform_'],
  bernoulli_: ['bernoulli_.Tensor', 'bernoulli_.float'],
  random_: ['random_.from'],
  sqrt_: ['sqrt_'],
  exp_: ['exp_'],
  // conversion
  detach: ['detach'],
  detach_: ['detach_'],
  toLayout: ['to.dtype_layout'],
};

/** Functions whose first argument is not a Tensor method's receiver, or that read better as functions. */
const functions: Record<string, string[]> = {
  cat: ['cat'],
  stack: ['stack'],
  where: ['where.self', 'where.ScalarOther'],
  einsum: ['einsum'],
  linear: ['linear'],
  embedding: ['embedding'],
  conv1d: ['conv1d'],
  conv2d: ['conv2d'],
  convTranspose2d: ['conv_transpose2d.input'],
  batchNorm: ['batch_norm'],
  layerNorm: ['layer_norm'],
  avgPool2d: ['avg_pool2d'],
  maxPool2d: ['max_pool2d'],
  adaptiveAvgPool2d: ['adaptive_avg_pool2d'],
  upsampleNearest2d: ['upsample_nearest2d'],
  gruInput: ['gru.input'],
  lstmInput: ['lstm.input'],
  nllLoss: ['nll_loss'],
  mseLoss: ['mse_loss'],
  smoothL1Loss: ['smooth_l1_loss'],
  binaryCrossEntropyWithLogits: ['binary_cross_entropy_with_logits'],
  linalgVectorNorm: ['linalg_vector_norm'],
  linalgSvdvals: ['linalg_svdvals'],
  foreachAdd_: ['_foreach_add_.List', '_foreach_add_.Scalar'],
  foreachMul_: ['_foreach_mul_.List', '_foreach_mul_.Scalar'],
  foreachZero_: ['_foreach_zero_'],
  foreachNorm: ['_foreach_norm.Scalar'],
};

const camel = (name: string) => name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const reserved = new Set(['self', 'from', 'end', 'default', 'in', 'function', 'var', 'with', 'new']);
const parameterName = (argument: SchemaArgument) => {
  const name = argument.base === 'Generator' ? 'rng' : camel(argument.name);
  return reserved.has(argument.name) && argument.name !== 'self' && !['from', 'end'].includes(argument.name)
    ? `${name}Value`
    : name;
};

function tsType(argument: SchemaArgument): string {
  const scalar: Record<string, string> = {
    Tensor: 'Tensor',
    Scalar: 'number',
    int: 'number',
    SymInt: 'number',
    float: 'number',
    bool: 'boolean',
    str: 'string',
    ScalarType: 'DType',
    Device: 'Device',
    Generator: 'Rng',
    Layout: 'number',
    MemoryFormat: 'number',
  };
  const base = scalar[argument.base];
  if (!base) throw new Error(`no TypeScript type for ${argument.type}`);
  if (!argument.list) return argument.optional ? `${base} | null` : base;
  const element = argument.base === 'Tensor' && argument.type.startsWith('Tensor?[') ? `(${base} | null)` : base;
  const list = `readonly ${element}[]`;
  const type = argument.length !== undefined && base === 'number' ? `number | ${list}` : list;
  return argument.optional ? `${type} | null` : type;
}

/** The expression handed to the addon. */
function toNative(argument: SchemaArgument, expression: string): string {
  const missing = argument.optional || argument.default !== undefined;
  if (argument.base === 'Tensor' && argument.list)
    return argument.type.startsWith('Tensor?[')
      ? `${expression}.map((t) => t?.handle ?? null)`
      : `${expression}.map(handleOf)`;
  if (argument.base === 'Tensor') return missing ? `${expression}?.handle` : `${expression}.handle`;
  if (argument.base === 'ScalarType')
    return argument.optional ? `dtypeCode(${expression} ?? undefined)` : `dtypeCode(${expression})`;
  if (argument.base === 'Generator') return `nativeRng(${expression}, this)`;
  return expression;
}

// Settings of dispatch that JavaScript callers have no use for.
const hidden = new Set(['Layout', 'MemoryFormat']);
const isHidden = (argument: SchemaArgument) => hidden.has(argument.base) || argument.name === 'pin_memory';

/** Methods whose one argument is a list of sizes or dimensions: PyTorch takes them one by one, too. */
const spread = new Set(['reshape', 'view', 'permute', 'expand', 'repeat', 'flip']);

interface Emitted {
  text: string;
}

function returnType(schema: Schema, isMethod: boolean): string {
  if (schema.inPlace) return isMethod ? 'this' : 'void';
  const kinds = schema.returns;
  const one = (kind: string, list: boolean) =>
    kind === 'Tensor' ? `Tensor${list ? '[]' : ''}` : kind === 'bool' ? 'boolean' : 'number';
  if (kinds.length === 0) return 'void';
  if (kinds.length === 1) return one(kinds[0]!, /-> Tensor(\([^)]*\))?\[\]/.test(schema.text));
  return `[${kinds.map((kind) => one(kind, false)).join(', ')}]`;
}

function body(schema: Schema, isMethod: boolean, index: number): string {
  const visible: string[] = [];
  const values = schema.arguments.map((argument, position) => {
    if (isMethod && position === 0) {
      visible.push('this');
      return 'this.handle';
    }
    if (isHidden(argument)) return 'undefined';
    const name = parameterName(argument);
    const expression = argument.keywordOnly ? `options?.${name}` : name;
    visible.push(expression);
    return toNative(argument, expression);
  });
  while (values.at(-1) === 'undefined') values.pop();
  const keywords = schema.arguments
    .filter((argument) => argument.keywordOnly && !isHidden(argument))
    .map(parameterName);
  const check =
    keywords.length > 0
      ? `if (options !== undefined) checkKeywords(names[${index}]!, options, '${keywords.join("', '")}');\n`
      : '';
  const type = returnType(schema, isMethod);
  const call = `(id(${index}), ${values.join(', ')})`;
  const attempt =
    type === 'this'
      ? `native().run${call};\n return this;`
      : type === 'void'
        ? `native().run${call};\n return;`
        : type === 'Tensor'
          ? `return wrapHandle(native().call${call});`
          : type === 'Tensor[]' || type.startsWith('[')
            ? `return native().call${call}.map(wrapHandle);`
            : `return native().call${call};`;
  return `${check}try { ${attempt} } catch (error) { throw explain(error, names[${index}]!, [${visible.join(', ')}]); }`;
}

function parameters(schema: Schema, isMethod: boolean): string[] {
  const own = schema.arguments.slice(isMethod ? 1 : 0).filter((argument) => !isHidden(argument));
  const positional = own
    .filter((argument) => !argument.keywordOnly)
    .map((argument, index, all) => {
      const optional = all.slice(index).every((later) => later.default !== undefined || later.optional);
      return `${parameterName(argument)}${optional ? '?' : ''}: ${tsType(argument)}`;
    });
  const keywords = own.filter((argument) => argument.keywordOnly);
  if (keywords.length > 0)
    positional.push(
      `options?: { ${keywords.map((argument) => `${parameterName(argument)}?: ${tsType(argument)} | undefined`).join('; ')} }`,
    );
  return positional;
}

const names: string[] = [];

/** How a call is recognised as this overload: a test on its arguments, or undefined when it takes what is left. */
function discriminator(schema: Schema, other: Schema, isMethod: boolean): string {
  for (let i = isMethod ? 1 : 0; i < Math.max(schema.arguments.length, other.arguments.length); i++) {
    const mine = schema.arguments[i];
    const theirs = other.arguments[i];
    if (mine && (!theirs || theirs.keywordOnly) && !mine.keywordOnly) {
      const a = `args[${i - (isMethod ? 1 : 0)}]`;
      // An options object belongs to the other overload, where options are all there is.
      return theirs
        ? `${a} !== undefined && (${a} === null || typeof ${a} !== 'object' || Array.isArray(${a}))`
        : `${a} !== undefined`;
    }
    if (mine && theirs && mine.base === 'Tensor' && theirs.base !== 'Tensor')
      return `typeof args[${i - (isMethod ? 1 : 0)}] === 'object'`;
    if (mine && theirs && mine.list && !theirs.list) return `Array.isArray(args[${i - (isMethod ? 1 : 0)}])`;
    if (mine && theirs && mine.base !== theirs.base)
      throw new Error(`${schema.name}: cannot be told from ${other.name}`);
  }
  throw new Error(`${schema.name}: cannot be told from ${other.name}`);
}

/** A method of a list that may also be given one by one. */
function emitSpread(name: string, given: Schema, index: number): Emitted {
  const schema = { ...given, arguments: given.arguments.slice(0, 2) };
  const list = parameterName(schema.arguments[1]!);
  const type = returnType(schema, true);
  const text = body(schema, true, index).replaceAll(new RegExp(`(?<![\\w.'?])${list}\\b(?!')`, 'g'), 'list');
  return {
    text:
      `/** ${schema.text} */\n${name}(${list}: readonly number[]): ${type};\n` +
      `/** The same, one by one. */\n${name}(...${list}: number[]): ${type};\n` +
      `${name}(first: unknown, ...rest: number[]): ${type} {\n` +
      `const list = (typeof first === 'number' ? [first, ...rest] : first) as readonly number[];\n${text} }\n`,
  };
}

function emit(name: string, overloads: string[], isMethod: boolean): Emitted {
  const schemas = overloads.map((overload) => operatorSchema(`aten::${overload}`));
  const prefix = isMethod ? '' : 'export function ';
  const indices = schemas.map((schema) => names.push(schema.name) - 1);
  const doc = (schema: Schema) => `/** ${schema.text} */\n`;
  if (schemas.length === 1) {
    const schema = schemas[0]!;
    if (spread.has(name)) return emitSpread(name, schema, indices[0]!);
    return {
      text: `${doc(schema)}${prefix}${name}(${parameters(schema, isMethod).join(', ')}): ${returnType(schema, isMethod)} { ${body(schema, isMethod, indices[0]!)} }\n`,
    };
  }
  // Two overloads: typed signatures above one body that tells them apart.
  const [first, second] = schemas as [Schema, Schema];
  const signature = (schema: Schema) =>
    `${doc(schema)}${prefix}${name}(${parameters(schema, isMethod).join(', ')}): ${returnType(schema, isMethod)};\n`;
  const firstNames = parameters(first, isMethod);
  const secondNames = parameters(second, isMethod);
  const width = Math.max(firstNames.length, secondNames.length);
  const bare = (text: string) => text.split(/\??:/)[0]!;
  const declare = (list: string[]) =>
    list.map((text, i) => ({ name: bare(text), type: text.slice(text.indexOf(':') + 1).trim(), i }));
  const a = declare(firstNames);
  const b = declare(secondNames);
  // Positional parameters share a name when both overloads use the same; otherwise the implementation renames.
  const shared = Array.from({ length: width }, (_, i) => `a${i}`);
  const test = discriminator(first, second, isMethod).replace(/args\[(\d+)\]/g, (_, i: string) => shared[Number(i)]!);
  const rename = (schema: Schema, list: { name: string; type: string; i: number }[], index: number) => {
    let text = body(schema, isMethod, index);
    for (const { name: parameter, type, i } of list) {
      const optional = (schema === first ? firstNames : secondNames)[i]!.includes('?:');
      text = text.replaceAll(
        new RegExp(`(?<![\\w.'?])${parameter}\\b(?!')`, 'g'),
        `(${shared[i]} as ${type}${optional ? ' | undefined' : ''})`,
      );
    }
    return text;
  };
  return {
    text:
      signature(first) +
      signature(second) +
      `${prefix}${name}(${shared.map((p) => `${p}?: unknown`).join(', ')}): ${[...new Set([returnType(first, isMethod), returnType(second, isMethod)])].join(' | ')} {\n` +
      `if (${test}) { ${rename(first, a, indices[0]!)} }\n${rename(second, b, indices[1]!)} }\n`,
  };
}

const methodTexts = Object.entries(methods).map(([name, overloads]) => emit(name, overloads, true).text);
const functionTexts = Object.entries(functions).map(([name, overloads]) => emit(name, overloads, false).text);

const file = fileURLToPath(new URL('../src/torch/operators.generated.ts', import.meta.url));
writeFileSync(
  file,
  `// Generated by scripts/generate-operators.ts from libtorch's schemas. Do not edit: run \`npm run generate\`.
// Each method's comment is the operator's schema; shapes, broadcasting and results are PyTorch's.
import { type Device, type DType, dtypeCode } from './dtype.ts';
import { native } from './native.ts';
import { checkKeywords } from './advice.ts';
import { explain } from './explain.ts';
import { operatorId } from './lookup.ts';
import { wrapHandle } from './operator.ts';
import { nativeRng, type Rng } from './random.ts';
import type { Tensor } from './tensor.ts';

const names = ${JSON.stringify(names, null, 2)};

const ids = new Int32Array(names.length).fill(-1);

function id(index: number): number {
  const known = ids[index]!;
  if (known >= 0) return known;
  ids[index] = operatorId(names[index]!);
  return ids[index]!;
}

const handleOf = (tensor: Tensor) => tensor.handle;

export abstract class TensorOperators {
  abstract get handle(): number;
  abstract get device(): Device;
${methodTexts.join('\n')}
}

${functionTexts.join('\n')}
`,
);
execFileSync('biome', ['check', '--write', file], { stdio: 'inherit' });
