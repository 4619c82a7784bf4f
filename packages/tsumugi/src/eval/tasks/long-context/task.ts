// The long-context tasks. Those by probability suit every model; those that generate, models that follow questions.
import { lookupTask } from './lookup.ts';
import { needleKind } from './needle.ts';
import { phonebookKind } from './phonebook.ts';
import { position } from './position.ts';

export default [
  lookupTask(needleKind, 'choices'),
  lookupTask(needleKind, 'generate'),
  lookupTask(phonebookKind, 'choices'),
  lookupTask(phonebookKind, 'generate'),
  position,
];
