// What a process takes before it has any data.

/** `mebibytes` were measured in 2026 with libtorch 1.13 on Linux. */
export const runtimeMemory = (mebibytes: number) => ({ what: 'Node and libtorch', bytes: mebibytes * 2 ** 20 });
