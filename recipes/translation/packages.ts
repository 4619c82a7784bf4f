// Packages by name: which are versions of one another, and which of two is the newer one.

const number = /\d+(?:\.\d+)*/g;

/** The name without its numbers: packages of one family are versions of one another, `wesnoth-1.16-httt` and `wesnoth-1.18-httt`. */
export const familyOf = (name: string): string => name.replaceAll(number, '#');

const numbersOf = (name: string): number[] => (name.match(number) ?? []).flatMap((text) => text.split('.').map(Number));

/**
 * Below 0 where `a` is the older of two packages of one family, above 0 where it is the newer; 0 where nobody can say: they are of two
 * families, or of one version.
 */
export function compareVersions(a: string, b: string): number {
  if (familyOf(a) !== familyOf(b)) return 0;
  const [ours, theirs] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const difference = (ours[i] ?? 0) - (theirs[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
