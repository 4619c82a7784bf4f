// Mutation testing leaves the words of error messages alone: that an error comes and which one (its code) is tested, its
// sentence is read by people.
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'error-words', {
    /** @param {any} path a Babel path @returns {string | undefined} */
    shouldIgnore({ node, parent, listKey, key }) {
      const isArgument = listKey === 'arguments' && parent.type === 'NewExpression';
      if (!isArgument || key === 0 || !/Error$/.test(parent.callee.name ?? '')) return undefined;
      return ['StringLiteral', 'TemplateLiteral', 'ObjectExpression'].includes(node.type)
        ? 'words of an error'
        : undefined;
    },
  }),
];
