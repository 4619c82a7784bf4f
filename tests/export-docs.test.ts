// docs/export.md: every program prints what it says.
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('export.md'));
testPrograms(snippets);
