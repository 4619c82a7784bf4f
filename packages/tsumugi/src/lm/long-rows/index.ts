// Rows that lie over the ranks of a mesh (sequence parallelism): each rank has a part of every row, and the results are those of one process.
export { lossOfPart } from './loss.ts';
export { RowOverRanks } from './memory.ts';
