// docs/growing.md: the program prints what it says.
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

const snippets = snippetsOf(readPage('growing.md'));
testPrograms(snippets);
