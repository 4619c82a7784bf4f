// What is answered to bytes that are no request: HTTP that is broken, headers that are too large, a client that is too slow.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HttpError, type HttpStatus, openaiError } from './http-error.ts';
import { linger } from './linger.ts';

const faults: Readonly<Record<string, readonly [HttpStatus, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'the headers are larger than this server reads'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_too_slow', 'the request did not come in time'],
};
const reasons: Readonly<Partial<Record<HttpStatus, string>>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

export function refuseConnection(fault: NodeJS.ErrnoException, socket: Duplex): void {
  if (fault.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = faults[fault.code ?? ''] ?? [400, 'bad_request', 'this is no HTTP request'];
  const body = JSON.stringify(openaiError(new HttpError(status, code, message)));
  socket.write(
    `HTTP/1.1 ${status} ${reasons[status]}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  // It may still send what nobody reads.
  if (socket instanceof Socket) linger(socket);
  else socket.end();
}
