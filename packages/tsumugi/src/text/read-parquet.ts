// Parquet is read in a thread of its own: a damaged file can send its reader (hyparquet) round for ever or have it fill the
// memory, which only a thread that can be ended survives. One row group at a time comes over.
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { DataError, moduleBeside } from '../base/index.ts';
import { PARQUET_MEMORY_MIB, parquetSeconds } from './limits.ts';
import type { ParquetAnswer } from './parquet-thread.ts';

/** The texts of a Parquet file. A null is an empty document. `onRows` is told the share of the rows that were read. */
export const readParquet = (
  file: string,
  field: string,
  onRows: (share: number) => void = () => {},
): AsyncGenerator<string> => readInThread(file, field, onRows) as AsyncGenerator<string>;

/** The rows of a Parquet file, with those of the columns that it has. */
export const readParquetRows = (file: string, columns: readonly string[]): AsyncGenerator<Record<string, unknown>> =>
  readInThread(file, columns, () => {}) as AsyncGenerator<Record<string, unknown>>;

/** @param wanted the column of texts, or the columns of rows */
async function* readInThread(
  file: string,
  wanted: string | readonly string[],
  onRows: (share: number) => void,
): AsyncGenerator<string | Record<string, unknown>> {
  const seconds = parquetSeconds(statSync(file).size);
  const thread = new Worker(moduleBeside('./parquet-thread', import.meta.url), {
    workerData: { file, wanted },
    execArgv: [], // Node's flags are the program's: --input-type, for one, would keep the thread from starting
    resourceLimits: { maxOldGenerationSizeMb: PARQUET_MEMORY_MIB },
  });
  try {
    for (;;) {
      const answer = await ask(thread, file, seconds);
      if ('done' in answer) return;
      if ('refused' in answer) {
        const { code, message, remedy, fields } = answer.refused;
        throw new DataError(code, message, { ...(remedy !== undefined && { remedy }), fields });
      }
      if ('failed' in answer) throw unreadable(file, answer.failed);
      yield* answer.rows;
      onRows(answer.share);
    }
  } finally {
    await thread.terminate();
  }
}

/** The next answer. @throws DataError when none comes in time, or the memory of the thread is full */
async function ask(thread: Worker, file: string, seconds: number): Promise<ParquetAnswer> {
  const signal = AbortSignal.timeout(1000 * seconds);
  try {
    const answer = once(thread, 'message', { signal });
    thread.postMessage('next');
    return (await answer)[0] as ParquetAnswer;
  } catch (error) {
    if (signal.aborted) throw unreadable(file, `a row group was not read within ${seconds} seconds`);
    const full = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
    throw full ? unreadable(file, `it takes more than ${PARQUET_MEMORY_MIB} MiB to read`) : error;
  }
}

function unreadable(file: string, reason: string): DataError {
  return new DataError('unreadable-parquet', `${file} is not a readable Parquet file: ${reason}`, {
    remedy: 'Check that the file is whole; write it again with smaller row groups if it is.',
    fields: { file },
  });
}
