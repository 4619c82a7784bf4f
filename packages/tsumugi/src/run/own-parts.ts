// Parts of one's own (an optimizer, a loss, a network) in the record of a run. A function cannot be written down, so such a part
// stands among the settings as `{ own: name }`, and its name is all that a run which goes on can compare.

/** The parts of one's own among recorded settings: what each is, and its name. */
export const ownPartsOf = (settings: object): [part: string, name: string][] =>
  Object.entries(settings).flatMap(([part, value]): [string, string][] =>
    typeof value === 'object' && value !== null && typeof value.own === 'string' ? [[part, value.own]] : [],
  );

/** What is said where a run goes on with such parts; undefined without any. */
export function uncheckedParts(settings: object): string | undefined {
  const parts = ownPartsOf(settings).map(([part, name]) => `${part} "${name}"`);
  if (parts.length === 0) return undefined;
  return `known by name only: ${parts.join(', ')}; whether the code is the one that the run began with is not checked`;
}
