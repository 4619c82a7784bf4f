// docs/constrained.md: every program prints what it says.
import { readPage, snippetsOf, testPrograms } from './snippets.testing.ts';

testPrograms(snippetsOf(readPage('constrained.md')));
