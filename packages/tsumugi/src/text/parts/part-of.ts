// Which files are whose, when several machines prepare a corpus: contiguous runs of the list of files, of about equal size.
import { ConfigError, sha256 } from '../../base/index.ts';
import type { SourceFile } from '../source-files.ts';

export interface WantedPart {
  /** From 1. */
  index: number;
  of: number;
  /** The list names this machine's files alone, and all are its part. Otherwise all machines are given the same list. */
  ownFiles?: boolean;
}

/** A part as it is recorded: parts fit together when `of` and `list` are the same. */
export interface Part {
  index: number;
  of: number;
  /** Hash of the whole list, by the sizes and formats of its files; null when each machine has a list of its own. */
  list: string | null;
  /** Numbers of the files in the list. */
  from: number;
  to: number;
}

/** "2/4" → 2 of 4. @throws ConfigError */
export function parsePart(text: string): { index: number; of: number } {
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim()) ?? [];
  if (index !== undefined && Number(index) >= 1 && Number(index) <= Number(of))
    return { index: Number(index), of: Number(of) };
  throw new ConfigError('bad-option', `--part: expected a part and how many there are, such as 2/4, got "${text}"`, {
    fields: { option: '--part', received: text },
  });
}

/** @throws ConfigError when there are fewer files than parts */
export function partOf(files: readonly SourceFile[], { index, of, ownFiles = false }: WantedPart): Part {
  if (ownFiles) return { index, of, list: null, from: 0, to: files.length };
  if (files.length < of)
    throw new ConfigError('too-many-parts', `${files.length} files cannot be cut into ${of} parts`, {
      remedy: 'Ask for no more parts than there are files, or write the text into more files.',
      fields: { files: files.length, parts: of },
    });
  const list = sha256(JSON.stringify(files.map(({ bytes, format }) => [bytes, format])));
  const begins = beginnings(files, of);
  return { index, of, list, from: begins[index - 1]!, to: begins[index]! };
}

/** Where each part begins, and the end: a file belongs to the part in which its middle lies, and no part is without one. */
function beginnings(files: readonly SourceFile[], parts: number): number[] {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const begins = [0];
  let [file, before] = [0, 0];
  for (let part = 1; part < parts; part++) {
    const wanted = (part * total) / parts;
    while (file < files.length && before + files[file]!.bytes / 2 < wanted) before += files[file++]!.bytes;
    const least = begins.at(-1)! + 1;
    begins.push(Math.min(Math.max(file, least), files.length - (parts - part)));
  }
  return [...begins, files.length];
}
