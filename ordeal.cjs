#!/usr/bin/env node
// Plain JavaScript that any Node can read, so that one that is too old gets a sentence instead of a syntax error.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 19)) {
  console.error(`ordeal needs Node 22.19 or newer; this is ${process.version} (${process.execPath})`);
  process.exit(2);
}
void import('node:module').then((module) => {
  module.enableCompileCache();
  var fs = require('node:fs');
  var path = require('node:path');
  var source = path.join(__dirname, 'harness', 'cli.ts');
  var entry = fs.existsSync(source) ? source : path.join(__dirname, 'dist', 'harness', 'cli.js');
  return import(require('node:url').pathToFileURL(entry).href);
});
