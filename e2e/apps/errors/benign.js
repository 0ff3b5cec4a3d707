// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Answers that look like leaks and are none: GET /benign lists them, GET
// /benign/N gives one. Each is by software, written by a published package while
// this runs and sent as it is; or by people, a file out of a package, unedited;
// or else ours.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const createError = require('http-errors');
const Boom = require('@hapi/boom');
const failures = require('./failures');
const made = require('./made');

// looksLikeALeak selects documentation and code that a careless pattern would
// take for an error.
const looksLikeALeak = /stack ?trace|\.stack\b|ECONN|ENOENT|ENOTFOUND|Error: |at .*\.js:\d+|node_modules\/|TypeError|E11000|duplicate key|syntax error|mongodb:\/\/|postgres:\/\/|redis:\/\//;

const types = { '.md': 'text/markdown; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.cjs': 'text/plain; charset=utf-8', '.ts': 'text/plain; charset=utf-8', '.json': 'application/json', '.html': 'text/html; charset=utf-8' };

// files are at most most files of published packages with these extensions, at
// most three of each package and type, in an order that is always the same.
function files(most, ...extensions) {
  const found = [];
  const perPackage = new Map();
  const walk = (dir, depth) => {
    for (const entry of fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.length >= most) return;
      const full = path.join(dir, entry.name);
      if (entry.isDirectory()) {
        if (depth < 5 && entry.name !== 'node_modules' && !entry.name.startsWith('.')) walk(full, depth + 1);
        continue;
      }
      const type = extensions.includes(path.extname(entry.name)) && types[path.extname(entry.name)];
      const group = path.relative(root, full).split(path.sep).slice(0, entry.name.startsWith('@') ? 2 : 1) + path.extname(entry.name);
      if (!type || !entry.isFile() || (perPackage.get(group) ?? 0) >= 3) continue;
      const text = fs.readFileSync(full, 'utf8');
      if (text.length > 200_000 || !looksLikeALeak.test(text)) continue;
      perPackage.set(group, (perPackage.get(group) ?? 0) + 1);
      found.push({ by: 'people', what: path.relative(root, full), status: 200, type, body: text });
    }
  };
  const root = path.join(__dirname, 'node_modules');
  walk(root, 0);
  return found;
}

const json = (status, what, body, type = 'application/json; charset=utf-8') => ({ status, what, type, body: typeof body === 'string' ? body : JSON.stringify(body) });
const bySoftware = (answer) => ({ ...answer, by: 'software' });

// refusals are what packages themselves say of each 4xx.
function refusals() {
  const all = [];
  for (const status of Object.keys(require('node:http').STATUS_CODES).map(Number).filter((s) => s >= 400 && s < 500)) {
    const err = createError(status);
    all.push(json(status, `http-errors ${status}`, { message: err.message, status: err.status, expose: err.expose }));
    const { payload } = new Boom.Boom(null, { statusCode: status }).output;
    all.push(bySoftware(json(status, `boom ${status}`, payload)));
  }
  return all;
}

async function messages() {
  const all = [];
  for (const name of ['ajv', 'joi', 'celebrate', 'zod', 'body-parser-json', 'body-parser-large', 'multer-field', 'multer-size', 'multer-cut',
    'jwt-expired', 'jwt-malformed', 'jwt-signature', 'jwt-not-yet', 'json-parse', 'invalid-url', 'graphql-syntax']) {
    try {
      await failures[name].fail();
    } catch (err) {
      all.push(json(400, `${name}: message`, { success: false, error: err.message }));
      all.push(bySoftware({ status: 422, what: `${name}: text`, type: 'text/plain; charset=utf-8', body: err.message }));
      const details = err.details ?? err.issues ?? err.errors;
      if (details && !(details instanceof Map)) all.push(json(422, `${name}: details`, { errors: details }));
    }
  }
  const { buildSchema, graphqlSync } = require('graphql');
  const schema = buildSchema('type Query { user(id: ID!): String }');
  for (const source of ['{ usr }', '{ user }', '{ user(id: [1]) { name } }', 'query Q { user(id: $x) }']) {
    all.push(bySoftware(json(400, `graphql ${source}`, graphqlSync({ schema, source }))));
    all.push(bySoftware(json(200, `graphql ${source}`, graphqlSync({ schema, source }), 'application/graphql-response+json')));
  }
  return all;
}

const trace = 'TypeError: Cannot read properties of undefined (reading \'email\')\n    at login (/srv/shop/src/login.js:12:5)\n    at Layer.handle (/srv/shop/node_modules/express/lib/router/layer.js:95:5)';

// own are the answers of apps that are about errors, stacks and logs.
const own = [
  json(200, 'error tracker: list', [{ id: 1, title: 'TypeError', stack: trace, seen: 12 }]),
  json(200, 'error tracker: one', { id: 1, error: { name: 'TypeError', stack: trace } }),
  json(200, 'error tracker: errors', { errors: [{ id: 1, message: 'boom', stacktrace: trace.split('\n') }], total: 1 }),
  json(200, 'error tracker: GraphQL', { data: { issue: { title: 'TypeError', stack: trace, host: '10.0.1.42:5432' } } }, 'application/graphql-response+json'),
  json(200, 'GraphQL: public errors beside data about errors', { errors: [{ message: 'Not signed in', path: ['me'], extensions: { code: 'UNAUTHENTICATED' } }], data: { me: null, log: trace } }, 'application/graphql-response+json'),
  json(200, 'deploy status', { upstream: 'connect ECONNREFUSED 10.0.1.42:5432', healthy: false }),
  json(200, 'settings', { database: 'mongodb://shop:***@db/', cache: 'redis://cache:6379' }),
  { status: 200, what: 'log viewer', type: 'text/html; charset=utf-8', body: `<h1>Log</h1><pre>${trace.replace(/\n/g, '<br>')}</pre>` },
  { status: 200, what: 'log as text', type: 'text/plain; charset=utf-8', body: `2026-11-27 12:00:00 ERROR ${trace}\nE11000 duplicate key error collection: shop.users\n` },
  { status: 200, what: 'log as lines of JSON', type: 'application/x-ndjson', body: `${JSON.stringify({ level: 'error', err: { stack: trace } })}\n`.repeat(3) },
  { status: 200, what: 'events', type: 'text/event-stream', body: `event: error\ndata: ${JSON.stringify({ stack: trace })}\n\n` },
  { status: 200, what: 'download', type: 'text/plain', disposition: 'attachment; filename="crash.log"', body: trace },
  { status: 200, what: 'article', type: 'text/html; charset=utf-8', body: '<h1>Reading a stack trace</h1><p>The first line says what went wrong: <code>TypeError: Cannot read properties of undefined (reading \'email\')</code>, the next ones where: <code>at login (/srv/shop/src/login.js:12:5)</code>.</p>' },
  json(404, 'a stack that is no trace', { error: 'No such stack', stack: 'mern' }),
  json(404, 'a stack of plates', { error: 'Not found', stack: ['mongo', 'express', 'react', 'node'] }),
  json(422, 'a field called stack', { errors: [{ field: 'stack', message: 'must be one of mean, mern' }] }),
  json(400, 'a field called trace', { error: 'trace must be a boolean', trace: false }),
  json(400, 'a field called path', { error: 'path is required', path: '/api/files' }),
  json(409, 'taken', { error: 'A user with this e-mail address exists already', code: 'DUPLICATE' }),
  json(409, 'duplicate key in a form', { error: 'duplicate key in your upload: row 3' }),
  json(400, 'time', { error: 'at 12:30:45 the shop was closed' }),
  json(400, 'column of a file', { error: 'orders.csv:12:5: expected a number' }),
  json(400, 'a line of a file', { error: 'Error in line 12, column 5' }),
  json(400, 'a syntax error in what was sent', { error: 'syntax error in your filter: unexpected ")"' }),
  json(400, 'an address', { error: '192.168.0.1 is a private address; give a public one' }),
  json(400, 'an origin', { error: 'http://localhost:3000 is not an allowed origin' }),
  json(400, 'an operator', { error: 'unknown operator: between' }),
  json(400, 'a query', { error: 'Select at least one item from the list where you want them shipped' }),
  json(400, 'a table', { error: 'There is no table for 12 people' }),
  json(403, 'access', { error: 'Access denied for users who are not members' }),
  json(404, 'a module', { error: 'Cannot find module 12 of the course' }),
  json(404, 'a route', { message: 'Route GET:/api/nope not found', error: 'Not Found', statusCode: 404 }),
  json(429, 'a limit', { error: 'Reached the max requests per minute' }),
  json(400, 'a function', { error: 'Sorry, this is not a function of the free plan' }),
  json(400, 'undefined', { error: 'The price is not defined for this size' }),
  json(400, 'a division', { error: 'division by zero' }),
  json(401, 'a token', { name: 'Unauthorized', message: 'jwt expired' }),
  json(400, 'a code', { code: 'ERR_VALIDATION', message: 'validation failed' }),
  json(400, 'field errors as mongoose has them', { errors: { email: { message: 'Path `email` is required.', kind: 'required', path: 'email' } } }),
  json(400, 'a problem', { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'name is missing', instance: '/orders/12' }, 'application/problem+json'),
  { status: 404, what: 'a page', type: 'text/html; charset=utf-8', body: '<!doctype html><title>Not found</title><h1>Error 404</h1><p>The page at /docs/node.js was moved.</p>' },
  { status: 404, what: 'Express itself', type: 'text/html; charset=utf-8', body: '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot GET /stack/trace</pre>\n</body>\n</html>\n' },
];

// logged are errors for the loggers.
async function logged() {
  const all = [];
  for (const name of ['pg-refused', 'postgres-unique', 'axios', 'ajv', 'jwt-expired', 'json-parse', 'no-such-file']) {
    try { await failures[name].fail(); } catch (err) { all.push([name, err]); }
  }
  return all;
}

async function answers() {
  const software = await made({ markdown: files(50, '.md'), code: files(40, '.js', '.cjs'), errors: await logged() });
  return [...software, ...files(120, ...Object.keys(types)), ...refusals(), ...await messages(), ...own];
}

let all;

module.exports = async (req, res, pathname) => {
  const list = await (all ??= answers());
  const answer = list[Number(pathname.split('/')[2])];
  if (!answer) {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(list.map(({ what, status, by = 'us' }) => ({ what, status, by }))));
    return;
  }
  res.statusCode = answer.status;
  res.setHeader('Content-Type', answer.type);
  if (answer.disposition) res.setHeader('Content-Disposition', answer.disposition);
  res.end(answer.body);
};
