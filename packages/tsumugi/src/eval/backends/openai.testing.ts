// For tests of endpoints: a service on this machine that answers from a function, and counts what it is asked.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Body = Record<string, unknown>;
export type Reply = [status: number, body: unknown, headers?: object] | 'hang' | 'die';
export type Handler = (path: string, body: Body, request: IncomingMessage) => Reply | Promise<Reply>;

const services: Service[] = [];

export class Service implements AsyncDisposable {
  readonly asked: { path: string; body: Body; authorization: string | undefined }[] = [];
  #server = createServer();
  address = '';

  static async start(handle: Handler): Promise<Service> {
    const service = new Service();
    service.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      let text = '';
      request.on('data', (piece) => (text += piece));
      request.on('end', async () => {
        const body = text ? JSON.parse(text) : {};
        service.asked.push({ path: request.url!, body, authorization: request.headers.authorization });
        const answer = await handle(request.url!, body, request);
        if (answer === 'hang') return;
        if (answer === 'die') return void request.socket.destroy();
        response.writeHead(answer[0], { 'content-type': 'application/json', ...answer[2] });
        response.end(typeof answer[1] === 'string' ? answer[1] : JSON.stringify(answer[1]));
      });
    });
    await new Promise<void>((done) => service.#server.listen(0, '127.0.0.1', done));
    service.address = `http://127.0.0.1:${(service.#server.address() as AddressInfo).port}`;
    services.push(service);
    return service;
  }

  static async stopAll(): Promise<void> {
    for (const service of services.splice(0)) await service[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose]() {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
