// docs/pruning.md: the program prints what it says.
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('pruning.md'));
testPrograms(snippets);
