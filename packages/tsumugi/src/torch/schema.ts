// Reads operator schemas as libtorch prints them, e.g. `aten::sum.dim_IntList(Tensor self, int[1]? dim, …) -> Tensor`.

export interface SchemaArgument {
  name: string;
  /** As printed, without alias marks: `int[2]`, `Tensor?`. */
  type: string;
  /** Without list and optional marks: `int`, `Tensor`. */
  base: string;
  list: boolean;
  /** Of a fixed-length list: a single number stands for that many. */
  length: number | undefined;
  optional: boolean;
  /** The default as printed, when there is one. */
  default: string | undefined;
  keywordOnly: boolean;
}

export interface Schema {
  text: string;
  /** With overload: `aten::add.Tensor`. */
  name: string;
  arguments: SchemaArgument[];
  /** Base type of each result. */
  returns: string[];
  /** Whether the operator writes to its first argument and returns it. */
  inPlace: boolean;
}

/** Splits at commas that are not inside brackets. */
function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '(' || c === '[') depth++;
    else if (c === ')' || c === ']') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  return last ? [...parts, last] : parts;
}

const withoutAliases = (text: string) => text.replace(/\([a-z](?: -> \*)?!?(?:\|[a-z]!?)*\)/g, '');

function parseArgument(text: string, keywordOnly: boolean): SchemaArgument {
  const [, rawType, name, fallback] = /^(\S+)\s+(\w+)(?:=(.*))?$/.exec(withoutAliases(text))!;
  const type = rawType!;
  const list = /\[(\d*)\]/.exec(type);
  return {
    name: name!,
    type,
    base: type.replace(/\?|\[\d*\]/g, ''),
    list: list !== null,
    length: list?.[1] ? Number(list[1]) : undefined,
    optional: type.endsWith('?'),
    default: fallback,
    keywordOnly,
  };
}

export function parseSchema(text: string): Schema {
  const open = text.indexOf('(');
  const arrow = text.lastIndexOf(' -> ');
  const list = splitTop(text.slice(open + 1, text.lastIndexOf(')', arrow)));
  const star = list.indexOf('*');
  const results = text.slice(arrow + 4).replace(/^\((.*)\)$/, '$1');
  return {
    text,
    name: text.slice(0, open),
    arguments: list
      .filter((part) => part !== '*')
      .map((part, index) => parseArgument(part, star >= 0 && index >= star)),
    returns: splitTop(withoutAliases(results)).map((part) => part.split(' ')[0]!.replace(/\?|\[\d*\]/g, '')),
    inPlace: /^\S+\(Tensor\(a!\)(\[\])? self/.test(text),
  };
}
