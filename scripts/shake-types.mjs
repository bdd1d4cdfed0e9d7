// SPDX-License-Identifier: MIT
// Declarations without what no public type leads to. TypeScript declares whatever a module exports,
// also what only other modules of the library use; whoever installs it can name what package.json
// exports, and what that is made of.

import { rmSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * @param {string} folder with the declarations, which are changed; no other file in it is
 * @param {readonly string[]} entries the paths of those that are public
 * @param {readonly string[]} paths of all
 */
export function shakeTypes(folder, entries, paths) {
  const program = ts.createProgram([...entries], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  /** @type {Set<ts.Node>} statements of modules, and names in their imports */
  const reached = new Set();
  /** @type {ts.Node[]} */
  const left = [];

  /** @param {ts.Symbol} symbol */
  const reach = (symbol) => {
    for (const declaration of symbol.declarations ?? []) {
      if (!declaration.getSourceFile().fileName.startsWith(folder)) continue;
      const isImport = ts.isImportSpecifier(declaration);
      /** @type {ts.Node} */
      let node = declaration;
      while (!isImport && !ts.isSourceFile(node.parent)) node = node.parent;
      if (reached.has(node)) continue;
      reached.add(node);
      if (!isImport) left.push(node);
    }
    if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) reach(checker.getAliasedSymbol(symbol));
  };
  /** @param {ts.Node} node */
  const visit = (node) => {
    const symbol = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node) : undefined;
    if (symbol !== undefined) reach(symbol);
    ts.forEachChild(node, visit);
  };

  for (const path of entries) {
    const module = checker.getSymbolAtLocation(
      /** @type {ts.SourceFile} */ (program.getSourceFile(path)),
    );
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module))
      reach(symbol);
  }
  for (let node = left.pop(); node !== undefined; node = left.pop()) visit(node);

  for (const path of paths) {
    const source = program.getSourceFile(path);
    const kept = source?.statements.flatMap((statement) => {
      if (!ts.isImportDeclaration(statement))
        return reached.has(statement) || ts.isExportDeclaration(statement)
          ? [statement.getFullText()]
          : [];
      const names = statement.importClause?.namedBindings;
      if (names === undefined || !ts.isNamedImports(names)) return [statement.getFullText()];
      const used = names.elements.filter((name) => reached.has(name)).map((name) => name.getText());
      return used.length === 0
        ? []
        : [`\nimport type { ${used.join(', ')} } from ${statement.moduleSpecifier.getText()};`];
    });
    if (kept === undefined || kept.length === 0) rmSync(path);
    else writeFileSync(path, `${kept.join('').replace(/^\n/, '')}\n`);
  }
}
