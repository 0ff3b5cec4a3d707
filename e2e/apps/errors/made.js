// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// What documentation, log viewers and test reports look like: pages and texts
// that published packages write about errors, not a byte of them ours.
'use strict';

const path = require('node:path');
const { execFile } = require('node:child_process');
const { Writable } = require('node:stream');
const winston = require('winston');
const pino = require('pino');
const { prettyFactory } = require('pino-pretty');
const hljs = require('highlight.js');
const Prism = require('prismjs');

const html = 'text/html; charset=utf-8';
const text = 'text/plain; charset=utf-8';
const made = (what, type, body) => ({ by: 'software', what, status: 200, type, body });

// documents are the packages' own Markdown as two generators show it.
async function documents(markdown) {
  const { marked } = await import('marked');
  const { default: MarkdownIt } = await import('markdown-it');
  const highlighting = MarkdownIt({
    html: true,
    highlight: (code, language) => (hljs.getLanguage(language) ? hljs.highlight(code, { language }).value : ''),
  });
  return markdown.flatMap(({ what, body }) => [
    made(`marked ${what}`, html, marked.parse(body)),
    made(`markdown-it ${what}`, html, highlighting.render(body)),
  ]);
}

// listings are the packages' own code as two highlighters show it.
function listings(code) {
  return code.flatMap(({ what, body }) => [
    made(`highlight.js ${what}`, html, hljs.highlight(body, { language: 'javascript' }).value),
    made(`prism ${what}`, html, Prism.highlight(body, Prism.languages.javascript, 'javascript')),
  ]);
}

// logs are errors of real packages as two loggers write them.
function logs(errors) {
  const lines = [];
  const log = pino({ name: 'shop' }, new Writable({ write(line, _, done) { lines.push(String(line)); done(); } }));
  for (const [name, err] of errors) log.error({ err, order: 12 }, `${name} failed`);
  const pretty = prettyFactory({ colorize: false });
  const { combine, errors: stacks, timestamp, json, simple, logstash, prettyPrint } = winston.format;
  const formats = { json: json(), simple: simple(), logstash: logstash(), pretty: prettyPrint() };
  const written = (format) => errors.map(([name, err]) => {
    const info = Object.assign(Object.create(err), { level: 'error', message: `${name}: ${err.message}`, stack: err.stack });
    return combine(stacks({ stack: true }), timestamp(), format).transform(info, {})[Symbol.for('message')];
  }).join('\n');
  return [
    made('pino', 'application/x-ndjson', lines.join('')),
    ...lines.map((line, i) => made(`pino: ${errors[i][0]}`, 'application/json', line)),
    made('pino-pretty', text, lines.map(pretty).join('')),
    ...Object.entries(formats).map(([name, format]) => made(`winston ${name}`, text, written(format))),
  ];
}

// reports are mocha's, of tests that fail.
function reports() {
  const types = { json: 'application/json', xunit: 'application/xml', doc: html, markdown: 'text/markdown; charset=utf-8' };
  const reporters = ['spec', 'tap', 'json', 'xunit', 'doc', 'markdown', 'list', 'min', 'github-actions'];
  return Promise.all(reporters.map((reporter) => new Promise((resolve, reject) => {
    execFile(process.execPath, [path.join(path.dirname(require.resolve('mocha/package.json')), 'bin', 'mocha.js'), '--no-config', '--no-color', '--reporter', reporter, 'suite.js'],
      { cwd: __dirname }, (err, stdout) => {
        // Its exit status is the number of the tests that failed.
        if (err?.code !== 4) reject(new Error(`mocha's report ${reporter}: ${err?.message ?? 'nothing failed'}`));
        else resolve(made(`mocha ${reporter}`, types[reporter] ?? text, stdout));
      });
  })));
}

module.exports = async ({ markdown, code, errors }) => [
  ...await documents(markdown), ...listings(code), ...logs(errors), ...await reports(),
];
