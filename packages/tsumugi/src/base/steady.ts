// Streams for what a long job says on its way. Whoever listens may go away (`| tee log` after Ctrl-C, a closed terminal, a
// full disk): that ends nothing.
const watched = new WeakSet<object>();

/** From now on an error of the stream is no error of the process. Returns the stream. */
export function steady<Stream extends object>(stream: Stream): Stream {
  if (!watched.has(stream) && 'on' in stream && typeof stream.on === 'function') {
    watched.add(stream);
    stream.on('error', () => {});
  }
  return stream;
}
