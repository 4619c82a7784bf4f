// Types of cache-folder.js.
export function cacheRoot(env?: NodeJS.ProcessEnv, platform?: NodeJS.Platform, home?: string): string;
export function userHome(read?: () => string): string;
