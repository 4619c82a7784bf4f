// `GET /`: a page to chat with the models, and the files that it is made of.
import { HttpError } from '../http/http-error.ts';
import { route } from '../route.ts';
import { pageFile } from './page-file.ts';

function answer(name: string): Response {
  const file = pageFile(name);
  if (file === undefined) throw new HttpError(404, 'no_such_file', `the chat page has no file ${JSON.stringify(name)}`);
  return new Response(file.body, { headers: file.headers });
}

export const chatPage = route({
  method: 'GET',
  path: '/',
  summary: 'A page to chat with the models',
  answer: () => answer('index.html'),
});

export const chatPageFile = route({
  method: 'GET',
  path: '/page/:name',
  summary: 'What the chat page is made of',
  answer: ({ params }) => answer(params['name']!),
});
