// The panel's fields: what a request is made with. All but the key is kept in the browser; the key stays in this tab.
import { load, loadTab, save, saveTab } from './keep.js';
import { say } from './words.js';

/** @returns {any} */
export const find = (id) => document.getElementById(id);
const value = (id) => find(id).value.trim();
/** They are called what the server calls them. An empty one is left to the server. */
const numbers = ['temperature', 'top_p', 'max_tokens', 'seed'];
const kept = ['mode', 'system', ...numbers];
/** Model → whether it has a chat template. */
const known = new Map();

export const key = () => value('key');
export const system = () => value('system');
export const hasModel = () => known.size > 0;
/** Whether the model writes on, rather than answers: chosen, or because it has no chat template. */
export const writesOn = () => value('mode') === 'text' || known.get(value('model')) === false;
export const parameters = () => ({
  model: value('model'),
  ...Object.fromEntries(numbers.filter(value).map((id) => [id, Number(value(id))])),
});

export function openPanel(id) {
  if (!find('panel').open) find('panel').showModal();
  if (id) find(id).focus();
}

/** Whether every field holds what it may; if not, the browser shows which does not. */
export function areValid() {
  if (find('settings').checkValidity()) return true;
  openPanel();
  return find('settings').reportValidity();
}

/** @param {Model[]} models */
export function setModels(models) {
  const wanted = value('model') || load('tsumugi.model');
  known.clear();
  for (const { id, chat_template } of models) known.set(id, chat_template !== false);
  find('model').replaceChildren(...models.map(({ id }) => new Option(id, id, false, id === wanted)));
  find('model').hidden = !hasModel();
  keep();
}

/** Keeps the fields, and shows those that matter. */
function keep() {
  save('tsumugi.settings', Object.fromEntries(kept.map((id) => [id, find(id).value])));
  if (hasModel()) save('tsumugi.model', value('model'));
  saveTab('tsumugi.key', key());
  find('mode').disabled = known.get(value('model')) === false;
  find('system-label').hidden = writesOn();
  find('message').placeholder = find('message').ariaLabel = say(writesOn() ? 'begin' : 'hint');
}

/** Fills the fields from what was kept. @param {() => void} changed */
export function openSettings(changed) {
  for (const [id, text] of Object.entries(load('tsumugi.settings') ?? {})) if (kept.includes(id)) find(id).value = text;
  find('key').value = loadTab('tsumugi.key');
  keep();
  // An event of the list of models, which stands outside the form, comes by here, too.
  document.addEventListener('input', ({ target }) => {
    if (target === find('message')) return;
    keep();
    changed();
  });
}
