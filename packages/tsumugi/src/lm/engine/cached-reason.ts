// Why not more of a prompt came from the prefix cache.

/** Each in a sentence for people. */
export const cachedReasons = {
  whole: 'All of the prompt came from the cache.',
  'rest-is-new': 'All that was read before came from the cache; the rest is new.',
  'nothing-known': 'No prompt with this beginning was read before, with the same salt and boundaries.',
  'state-missing': 'More of this beginning was read before, but no state was kept there.',
  evicted: 'More of this beginning was kept, but had to make room.',
  'last-piece': 'The whole prompt is kept as a beginning; its last piece is read again for what comes next.',
  disabled: 'The engine has no prefix cache.',
} as const;

export type CachedReason = keyof typeof cachedReasons;
