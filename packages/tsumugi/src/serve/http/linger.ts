// The end of a connection whose request was answered before all of it had come. Were it closed at once, what the client still sends
// would be met with a reset, and the client's system would throw the answer away with it: so the server says that nothing more comes
// from it, and reads on for a while without looking (RFC 9112, §9.6).
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const LINGER_SECONDS = 5;
/** A client that has not looked at the answer by then does not mean to. */
const LINGER_BYTES = 64 << 20;

/** Ends a connection: what comes on it is read and thrown away until the client ends it, too, or has had its time. */
export function linger(socket: Socket): void {
  socket.end();
  if (socket.destroyed) return;
  const before = socket.bytesRead;
  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, 1000 * LINGER_SECONDS).unref();
  const watch = setInterval(() => {
    if (socket.bytesRead - before > LINGER_BYTES) giveUp();
  }, 100).unref();
  socket.once('close', () => {
    clearTimeout(timer);
    clearInterval(watch);
  });
  socket.resume();
}

/** Has the connection of a request end this way when its answer has gone out. The answer must say `connection: close`. */
export function lingerAfter(incoming: IncomingMessage): void {
  const { socket } = incoming;
  // Node calls this for the last answer of a connection, and would close it with what has not been read.
  socket.destroySoon = () => {
    linger(socket);
    incoming.resume();
  };
}
