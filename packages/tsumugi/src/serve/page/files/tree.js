// A conversation is a tree of turns: an edited or repeated turn stands beside the one it was made from, and one path from the
// root is shown. Turns are known by their place in `turns`; the root is -1.

/** @returns {Conversation} */
export const begin = () => ({
  id: Date.now().toString(36) + Math.random().toString(36).slice(2, 6),
  turns: [],
  shown: {},
});

export function path({ shown }) {
  const turns = [];
  for (let at = shown[-1]; at !== undefined; at = shown[at]) turns.push(at);
  return turns;
}

/** The turns that stand in one place. */
export const alternatives = ({ turns }, at) => [...turns.keys()].filter((i) => turns[i].parent === turns[at].parent);

/** Puts a turn below another and shows it. */
export function add({ turns, shown }, parent, role, text) {
  shown[parent] = turns.length;
  return turns.push({ parent, role, text }) - 1;
}

/** The turns from the root to above this one. @returns {Turn[]} */
export function above({ turns }, at) {
  const { parent } = turns[at];
  return parent < 0 ? [] : [...above({ turns }, parent), turns[parent]];
}

/** What is sent: an answer that never came is left out, and what one side says in two turns becomes one. */
export function messages(turns) {
  const sent = [];
  for (const { role, text } of turns) {
    const last = sent.at(-1);
    if (text !== '' && last?.role === role) last.content += `\n\n${text}`;
    else if (text !== '') sent.push({ role, content: text });
  }
  return sent;
}
