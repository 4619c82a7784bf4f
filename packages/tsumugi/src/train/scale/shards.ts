// The ways of cutting a training's state over ranks (ranks.ts says what each cuts).
export const shards = ['none', 'zero1', 'zero2', 'zero3'] as const;
export type Shard = (typeof shards)[number];
