// What outlives a reload: settings and conversations in the browser's store, the API key and the draft in the tab's. A browser
// may refuse to store; then the page works without.

const prefix = 'tsumugi.chat.';

function tried(access, otherwise) {
  try {
    return access();
  } catch {
    return otherwise;
  }
}

export const load = (name) => tried(() => JSON.parse(localStorage.getItem(name) ?? 'null'), null);
/** Says whether there was room. */
export const save = (name, value) => tried(() => localStorage.setItem(name, JSON.stringify(value)) ?? true, false);
export const loadTab = (name) => tried(() => sessionStorage.getItem(name) ?? '', '');
export const saveTab = (name, value) => tried(() => sessionStorage.setItem(name, value), undefined);

/** @returns {Conversation | undefined} */
export function loadConversation(id) {
  const kept = load(prefix + id);
  return kept?.turns?.length > 0 ? kept : undefined;
}
export const saveConversation = (conversation) => save(prefix + conversation.id, conversation);
export const removeConversation = (id) => localStorage.removeItem(prefix + id);

/** The newest first: ids begin with the time. */
export const conversations = () =>
  tried(() => Object.keys(localStorage), [])
    .filter((name) => name.startsWith(prefix))
    .sort()
    .reverse()
    .flatMap((name) => loadConversation(name.slice(prefix.length)) ?? []);
