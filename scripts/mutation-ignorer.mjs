// What mutation testing leaves alone: the words of errors and invariants (that an error comes and which one, its code, is tested; its
// sentence is read by people), the values in lists of known options (the keys are what counts), and where a tensor is made
// (tests run on one device).
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** @param {any} path a Babel path @returns {boolean} */
function isErrorWords({ node, parent, listKey, key }) {
  if (listKey !== 'arguments' || key === 0) return false;
  const name = parent.callee.name ?? '';
  if (!(parent.type === 'NewExpression' ? /Error$/.test(name) : name === 'invariant')) return false;
  return ['StringLiteral', 'TemplateLiteral', 'ObjectExpression'].includes(node.type);
}

/** @param {any} path a Babel path @returns {boolean} */
function isOptionValue({ node, parent, parentPath }) {
  if (node.type !== 'BooleanLiteral' || parent.type !== 'ObjectProperty') return false;
  const { parent: owner } = parentPath.parentPath;
  const isList =
    owner.type === 'VariableDeclarator' && owner.id.typeAnnotation?.typeAnnotation?.typeName?.name === 'OptionNames';
  return isList || (owner.type === 'CallExpression' && owner.callee.name === 'checkOptions');
}

/** @param {any} path a Babel path @returns {boolean} */
const isDevice = ({ node, listKey }) =>
  listKey === 'arguments' &&
  node.type === 'ObjectExpression' &&
  node.properties.length === 1 &&
  node.properties[0].key?.name === 'device';

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'no-effect', {
    /** @param {any} path a Babel path @returns {string | undefined} */
    shouldIgnore(path) {
      if (isErrorWords(path)) return 'words of an error';
      if (isOptionValue(path)) return 'a known option';
      return isDevice(path) ? 'a device' : undefined;
    },
  }),
];
