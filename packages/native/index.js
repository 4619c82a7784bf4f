// temporary loader
let loaded;
export function load() {
  if (!loaded) {
    process.env.OPENBLAS_CORETYPE ??= 'SkylakeX';
    const m = { exports: {} };
    process.dlopen(m, process.env.TSUMUGI_ADDON ?? '/tmp/lead/obj-1.13/tsumugi.node');
    loaded = m.exports;
  }
  return loaded;
}
export function describe() {
  return {};
}
