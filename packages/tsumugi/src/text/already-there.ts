// What a folder already holds of what is to be made there: it is used again, or made anew where it is damaged.
import { DataError, FormatError, unlessBroken } from '../base/index.ts';

/** What is to be made in a folder. */
export interface Wanted<M> {
  /** As a person calls it, e.g. "text". */
  what: string;
  /** What one does with it, e.g. "prepare it". */
  make: string;
  read(folder: string): M | undefined;
  /** What it was made otherwise from, as words; none when it is the same. */
  differences(there: M): readonly string[];
  /** @throws FormatError when its files are not what it says */
  verify(folder: string, there: M): Promise<void>;
}

/** What is there of the same and sound, or what is wrong with it. @throws DataError when something else is there */
export async function alreadyThere<M>(
  folder: string,
  { what, make, read, differences, verify }: Wanted<M>,
): Promise<{ manifest?: M; damage: string | undefined }> {
  const there = unlessBroken(() => read(folder));
  if (there === undefined) return { damage: undefined };
  const others = differences(there);
  if (others.length > 0)
    throw new DataError('other-data', `${folder} holds ${what} that was prepared otherwise: ${others.join(', ')}`, {
      remedy: `Choose another folder, or remove this one to ${make} anew.`,
      fields: { folder, differences: others },
    });
  try {
    await verify(folder, there);
    return { manifest: there, damage: undefined };
  } catch (error) {
    if (error instanceof FormatError) return { damage: error.fault };
    throw error;
  }
}
