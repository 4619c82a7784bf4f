// Parts of the user's own (an optimizer, a loss, a network) in the record of a run. A function cannot be written down: the settings
// hold `{ own: name }` in its place, and when the run goes on, only the names can be compared.

/** The user's own parts among recorded settings: what each is, and its name. */
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
