// Finds a key that occurs twice in one object of a JSON text. JSON.parse would silently keep the last one, and two
// readers of the same file could then see two different tensors.

/**
 * The first duplicate key of a text that `JSON.parse` accepts, as the path of keys that leads to it; undefined when there
 * is none.
 */
export function duplicateKey(json: string): string[] | undefined {
  // One entry per open object (a set of its keys) or array (undefined); `path` holds the current key of each object.
  const open: (Set<string> | undefined)[] = [];
  const path: string[] = [];
  let expectsKey = false;
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case '{':
        open.push(new Set());
        path.push('');
        expectsKey = true;
        break;
      case '[':
        open.push(undefined);
        expectsKey = false;
        break;
      case '}':
        path.pop();
        open.pop();
        expectsKey = false;
        break;
      case ']':
        open.pop();
        break;
      case ',':
        expectsKey = open.at(-1) !== undefined;
        break;
      case '"': {
        const start = i;
        let escaped = false;
        for (i++; json[i] !== '"'; i++) {
          if (json[i] !== '\\') continue;
          escaped = true;
          i++;
        }
        if (!expectsKey) break;
        expectsKey = false;
        const key = escaped ? (JSON.parse(json.slice(start, i + 1)) as string) : json.slice(start + 1, i);
        path[path.length - 1] = key;
        const keys = open.at(-1)!;
        if (keys.has(key)) return path;
        keys.add(key);
      }
    }
  }
  return undefined;
}
