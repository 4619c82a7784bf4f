// The chat page: joins the conversation, its view, the settings and the server.
import { answer, models, Trouble } from './api.js';
import * as kept from './keep.js';
import {
  areValid,
  find,
  hasModel,
  key,
  openPanel,
  openSettings,
  parameters,
  setModels,
  system,
  writesOn,
} from './settings.js';
import { above, add, alternatives, begin, messages, path } from './tree.js';
import { button, draw, update } from './view.js';
import { say, sayAll, sayNote } from './words.js';

const page = document.documentElement;
const log = find('log');
const message = find('message');
/** @type {Conversation} */
let conversation = begin();
/** @type {AbortController | undefined} stops the answer that is on its way */
let writing;
/** Its turn. */
let written = 0;
/** @type {number | undefined} the turn that the message is to stand beside */
let editing;

/** @param {Note} [note] */
function tell(note) {
  find('trouble').replaceChildren(...(note ? [sayNote(note), hasModel() ? '' : button('retry')] : []));
}

function redraw() {
  draw(log, conversation, writesOn(), conversation.turns.length > 0 ? [] : kept.conversations());
  find('send').hidden = writing !== undefined;
  find('stop').hidden = writing === undefined;
  find('editing').hidden = editing === undefined;
  for (const button of log.querySelectorAll('button')) button.disabled = writing !== undefined;
  if (writing) showWritten();
}

function keep(which) {
  if (which.turns.length > 0 && !kept.saveConversation(which)) tell({ key: 'full' });
}

const toEnd = () => scrollTo(0, page.scrollHeight);

/** Who was reading the end of the page sees its end after a change, too. */
function following(change) {
  const follows = innerHeight + scrollY >= page.scrollHeight - 60;
  change();
  if (follows) toEnd();
}

/** The address that writes a turn, and what it is asked. */
function request(at) {
  const before = above(conversation, at);
  const prompt = before.map(({ text }) => text).join('');
  if (writesOn()) return ['v1/completions', { ...parameters(), prompt }];
  const instruction = system() ? [{ role: 'system', content: system() }] : [];
  return ['v1/chat/completions', { ...parameters(), messages: [...instruction, ...messages(before)] }];
}

/** Shows what there is of the answer that is on its way. */
function showWritten() {
  const article = log.querySelector(`[data-turn="${written}"]`);
  article?.classList.add('writing');
  if (article) update(article, { ...conversation.turns[written], note: undefined }, writesOn());
}

/** Has a turn written by the model. */
async function write(at) {
  const which = conversation;
  const turn = which.turns[at];
  const mine = new AbortController();
  writing = mine;
  written = at;
  turn.note = { key: 'stopped' }; // what a reload in the middle finds
  tell();
  redraw();
  toEnd();
  find('status').textContent = say('writing');
  let frame = 0;
  let first;
  let last;
  let reason;
  let usage;
  try {
    const [address, body] = request(at);
    for await (const piece of answer(address, body, key(), mine.signal)) {
      const choice = piece.choices?.[0];
      const text = choice?.delta?.content ?? choice?.text;
      reason = choice?.finish_reason ?? reason;
      usage = piece.usage ?? usage;
      if (!text) continue;
      turn.text += text;
      last = performance.now();
      first ??= last;
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => following(showWritten));
    }
    turn.note = reason === 'length' ? { key: 'length' } : turn.text === '' ? { key: 'empty' } : undefined;
  } catch (error) {
    if (!mine.signal.aborted) turn.note = error instanceof Trouble ? error.note : { key: 'broken', detail: `${error}` };
  }
  cancelAnimationFrame(frame);
  if (usage) turn.facts = factsOf(usage, (last - first) / 1000);
  keep(which);
  if (writing !== mine) return;
  writing = undefined;
  following(redraw);
  find('status').textContent = `${say('answer')}: ${turn.text} ${turn.note ? sayNote(turn.note) : ''}`;
  if (turn.note?.key === 'noKey') openPanel('key');
}

/** @param {Usage} usage @param {number} seconds from the first piece to the last @returns {Facts} */
function factsOf(
  { completion_tokens: tokens = 0, prompt_tokens: prompt = 0, prompt_tokens_details: details },
  seconds,
) {
  const perSecond = seconds > 0 ? (tokens - 1) / seconds : 0;
  return { tokens, perSecond, prompt, cached: details?.cached_tokens ?? 0, reason: details?.cached_reason };
}

async function send() {
  const text = writesOn() ? message.value : message.value.trim();
  // A text can be written on with nothing added; a conversation cannot.
  const isEmpty = text.trim() === '' && (editing !== undefined || !writesOn() || conversation.turns.length === 0);
  if (writing || isEmpty || !areValid() || !(hasModel() || (await findModels()))) return;
  const { parent, role } = conversation.turns[editing ?? -1] ?? {
    parent: path(conversation).at(-1) ?? -1,
    role: 'user',
  };
  message.value = '';
  kept.saveTab('tsumugi.draft', '');
  editing = undefined;
  write(add(conversation, text ? add(conversation, parent, role, text) : parent, 'assistant', ''));
}

/** @param {number} [at] the turn to edit in the message's field; without one, the draft comes back */
function edit(at) {
  editing = at;
  message.value = at === undefined ? kept.loadTab('tsumugi.draft') : conversation.turns[at].text;
  redraw();
  message.focus();
}

log.addEventListener('click', ({ target }) => {
  const { act } = target.dataset;
  const { turn: place, id } = target.closest('[data-turn], [data-id]')?.dataset ?? {};
  const at = Number(place);
  const turn = conversation.turns[at];
  if (act && editing !== undefined) edit();
  if (act === 'open') open(kept.loadConversation(id) ?? begin());
  if (act === 'remove' && confirm(say('sure', target.previousSibling.textContent))) {
    kept.removeConversation(id);
    redraw();
  }
  if (act === 'earlier' || act === 'later') {
    const versions = alternatives(conversation, at);
    const next = versions.indexOf(at) + (act === 'later' ? 1 : -1);
    conversation.shown[turn.parent] = versions.at(next % versions.length);
    keep(conversation);
    redraw();
  }
  if (act === 'edit') edit(at);
  if (act === 'retry' && areValid()) write(at);
  if (act === 'again' && areValid()) write(add(conversation, turn.parent, 'assistant', ''));
});

/** @param {Conversation} next */
function open(next) {
  writing?.abort();
  writing = undefined;
  conversation = next;
  kept.save('tsumugi.open', next.id);
  tell();
  edit();
  toEnd();
}

async function findModels() {
  try {
    setModels(await models(key()));
    tell(hasModel() ? undefined : { key: 'noModel' });
    redraw();
  } catch ({ note }) {
    tell(note);
    if (note.key === 'noKey') openPanel('key');
  }
  return hasModel();
}

const on = (id, type, act) => find(id).addEventListener(type, act);
on('message', 'keydown', (event) => {
  // While an input method composes, the keys are its own; Safari says so by the code 229 alone.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === 'Escape' && editing !== undefined) edit();
  if (event.key !== 'Enter' || event.shiftKey) return;
  if (matchMedia('(pointer: coarse)').matches && !event.ctrlKey) return; // a touch screen's Enter is a new line
  event.preventDefault();
  send();
});
on('message', 'input', () => editing === undefined && kept.saveTab('tsumugi.draft', message.value));
on('composer', 'submit', (event) => {
  event.preventDefault();
  send();
});
on('cancel', 'click', () => edit());
on('stop', 'click', () => writing?.abort());
on('new', 'click', () => open(begin()));
on('open', 'click', () => openPanel());
on('trouble', 'click', ({ target }) => target.dataset.act && findModels());
on('panel', 'click', ({ target }) => target.id === 'panel' && target.close());
on('panel', 'close', () => hasModel() || findModels());
addEventListener('pagehide', () => {
  writing?.abort();
  keep(conversation);
});

sayAll();
openSettings(redraw);
open(kept.loadConversation(kept.load('tsumugi.open')) ?? begin());
findModels();
