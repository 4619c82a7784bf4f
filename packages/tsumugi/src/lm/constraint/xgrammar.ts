// XGrammar, which computes the tokens that may follow in a grammar: the part of it that is used here, and how it is loaded. Source: the
// declarations of @mlc-ai/web-xgrammar 0.1.27, and the names that its bundle binds.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import { invariant } from '../../base/index.ts';

interface Handle {
  delete(): void;
}

export interface Matcher extends Handle {
  AcceptToken(id: number, verbose: boolean): boolean;
  /** Bits of the ids that may follow, 32 in a number. */
  GetNextTokenBitmask(vocabularySize: number): Handle;
}

export interface XGrammar {
  readonly Grammar: { FromEBNF(text: string, root: string): Handle };
  readonly TokenizerInfo: new (
    pieces: Handle,
    kind: 'RAW',
    vocabularySize: number,
    stopIds: Handle,
    prependsSpace: boolean,
  ) => Handle;
  readonly GrammarCompiler: new (
    info: Handle,
    threads: 1,
    cached: boolean,
  ) => Handle & { CompileGrammar(grammar: Handle): Handle };
  readonly GrammarMatcher: new (compiled: Handle, stopIds: undefined, endsByItself: false, rollback: -1) => Matcher;
  vecStringFromJSArray(pieces: readonly (string | Uint8Array)[]): Handle;
  vecIntFromJSArray(numbers: readonly number[]): Handle;
  vecIntToView(vector: Handle): Int32Array;
}

type Start = (options: { print(line: string): void; printErr(line: string): void }) => Promise<XGrammar>;

/** What the bundle lacks: it is CommonJS in a package that says it is ESM, imports a module of Node, and gives out promises alone. */
const edits = [
  ['{createRequire:createRequire}=await import', '{createRequire:createRequire}=require'],
  ["Object.defineProperty(exports, '__esModule', { value: true });", 'exports.start = Module;'],
] as const;

let loaded: Start | undefined;

/**
 * An instance of its own. A text that is no grammar ends it: it aborts with a line to `told`, and is not to be used any more.
 */
export function startXGrammar(told: (line: string) => void): Promise<XGrammar> {
  loaded ??= load();
  return loaded({ print: told, printErr: told });
}

function load(): Start {
  const require = createRequire(import.meta.url);
  const file = require.resolve('@mlc-ai/web-xgrammar');
  let source = readFileSync(file, 'utf8');
  for (const [from, to] of edits) {
    invariant(source.includes(from), 'the bundle of XGrammar is the one that this was made for');
    source = source.replace(from, () => to);
  }
  const exports: { start?: Start } = {};
  const parameters = ['exports', 'module', 'require', '__filename'];
  compileFunction(source, parameters, { filename: file })(exports, { exports }, createRequire(file), file);
  return exports.start!;
}
