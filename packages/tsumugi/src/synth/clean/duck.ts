// DuckDB: rows of Parquet and JSON lines in and out, in the memory that it is given. An optional package, loaded on demand.
import { DataError, loadOptional, type OptionalPackages, UserError } from '../../base/index.ts';

export const duckPackage: OptionalPackages = {
  code: 'no-duckdb',
  purpose: 'corpora larger than memory are read and written by',
  versions: { '@duckdb/node-api': '1.5.6-r.1' },
};

type Connection = Awaited<ReturnType<Awaited<ReturnType<typeof loadDuck>>['connect']>>;

const loadLibrary = () => loadOptional(duckPackage, () => import('@duckdb/node-api'));

async function loadDuck(settings: Record<string, string>) {
  const { DuckDBInstance } = await loadLibrary();
  return DuckDBInstance.create(':memory:', settings);
}

export interface DuckSettings {
  /** MiB of its buffers; what does not fit goes to the folder. */
  memory: number;
  /** For what does not fit into memory: it is made when it is needed. */
  temporary: string;
}

/** A database of its own. One thread: the order of rows, and so the bytes that are written, are the same each time. */
export class Duck implements Disposable {
  readonly #connection: Connection;
  readonly #close: () => void;

  private constructor(connection: Connection, close: () => void) {
    this.#connection = connection;
    this.#close = close;
  }

  /** @throws UserError when the package is not installed, or the settings cannot be */
  static async open({ memory, temporary }: DuckSettings): Promise<Duck> {
    const instance = await loadDuck({
      memory_limit: `${memory}MiB`,
      temp_directory: temporary,
      threads: '1',
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    return new Duck(connection, () => instance.closeSync());
  }

  async run(sql: string): Promise<void> {
    await explained(() => this.#connection.run(sql));
  }

  /** All rows of a small result. */
  async rows(sql: string): Promise<unknown[][]> {
    return explained(async () => (await this.#connection.runAndReadAll(sql)).getRowsJson() as unknown[][]);
  }

  /** The values of the one column of a result, some at a time. */
  async *column(sql: string): AsyncGenerator<readonly unknown[]> {
    const result = await explained(() => this.#connection.stream(sql));
    for (;;) {
      const chunk = await explained(() => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk.getColumnValues(0);
    }
  }

  /** Fills a table of one column of booleans. */
  async flags(table: string, values: Iterable<boolean>): Promise<void> {
    await this.run(`CREATE TEMP TABLE ${table}(flag BOOLEAN)`);
    await explained(async () => {
      const appender = await this.#connection.createAppender(table, undefined, undefined);
      for (const value of values) {
        appender.appendBoolean(value);
        appender.endRow();
      }
      appender.closeSync();
    });
  }

  [Symbol.dispose](): void {
    this.#connection.closeSync();
    this.#close();
  }
}

/** A text as SQL has it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
/** A name as SQL has it. */
export const named = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** @throws UserError or DataError in DuckDB's words, with what to do */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const [first = ''] = String((cause as Error).message).split(/\n\n|\nLINE /, 1);
    const message = first.replaceAll(/\s+/g, ' ').trim();
    if (/^Out of Memory/i.test(message))
      throw new UserError('out-of-memory', `DuckDB has not enough memory: ${message}`, {
        remedy: 'Give it more with --memory.',
        cause,
      });
    if (/No space left|could not write/i.test(message))
      throw new UserError('cannot-write', `DuckDB cannot write: ${message}`, {
        remedy: 'Make room on the disk of --out: what does not fit into memory is put there too.',
        cause,
      });
    throw new DataError('unreadable-rows', `DuckDB cannot read the rows: ${message}`, {
      remedy: 'Mend the file or take it out; the ending of its name must say what it is.',
      cause,
    });
  }
}
