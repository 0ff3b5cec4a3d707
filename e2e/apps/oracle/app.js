// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// What Node's parsers make of one request: every stack of middleware that apps
// use, old versions and lax settings too, reads the same request, and the answer
// says which dangerous names and which fields that are no strings arrived in its
// handler. It exists to be asked on loopback: never deploy it.
'use strict';

const http = require('http');
const querystring = require('querystring');
const forms = require('./forms');
const { Writable } = require('stream');

const bodyParser1 = require('body-parser1');
const busboy = require('busboy');
const Busboy0 = require('busboy0');
const cookieParser = require('cookie-parser');
const express4 = require('express4');
const express5 = require('express5');
const { formidable } = require('formidable');
const lodash = require('lodash');
const methodOverride = require('method-override');
const multer = require('multer');
const multer1 = require('multer1');
const multiparty = require('multiparty');
const qs = { now: require('qs'), '6.11': require('qs611'), '6.5': require('qs65') };

const LIMIT = '2mb';
const any = () => true;

// stack makes an app of middleware and returns what its handler sees.
function stack(express, use, settings) {
  const app = express();
  for (const name in settings) app.set(name, settings[name]);
  for (const middleware of use) app.use(middleware);
  app.use(req => req.seen(sees(req)));
  app.use((err, req, res, next) => req.seen(sees(req))); // what was read before the error
  return req => new Promise(function (resolve) {
    req.seen = resolve;
    app(req, new http.ServerResponse(req), () => resolve(sees(req)));
  });
}

function sees(req) {
  return { method: req.originalMethod === undefined || req.method === req.originalMethod ? undefined : [req.originalMethod, req.method], body: req.body, query: req.query, cookies: req.cookies, signedCookies: req.signedCookies, files: (req.files || []).map(f => f.fieldname) };
}

const upload = () => multer({ limits: { fileSize: 2 << 20 } }).any();

// Left out on purpose: express.urlencoded({ type: () => true }), which takes every
// download and every JSON body for a form. Nobody's app works that way, and a guard
// that allowed for it would have to refuse ordinary text.
const stacks = {
  'express 5': stack(express5, [express5.json({ limit: LIMIT }), express5.urlencoded({ limit: LIMIT }), cookieParser('secret')]),
  'express 5, extended': stack(express5, [express5.json({ limit: LIMIT, type: ['json', '+json', 'text/*'] }),
    express5.urlencoded({ limit: LIMIT, extended: true }), upload()], { 'query parser': 'extended' }),
  'express 4': stack(express4, [express4.json({ limit: LIMIT }), express4.urlencoded({ limit: LIMIT, extended: true }), cookieParser(), upload()]),
  'express 4, any type is JSON': stack(express4, [express4.json({ limit: LIMIT, type: any, strict: false })]),
  'multer 1': impatient(stack(express4, [multer1({ limits: { fileSize: 2 << 20 } }).any()])),
  'body-parser 1': stack(express4, [bodyParser1.json({ limit: LIMIT }), bodyParser1.urlencoded({ limit: LIMIT, extended: true }), bodyParser1.urlencoded({ limit: LIMIT, extended: false })]),
};

// override changes a request's method as apps have it that let forms delete.
const override = getter => methodOverride(getter, { methods: null });
stacks['method-override'] = stack(express4, [override('X-HTTP-Method-Override'), override('X-HTTP-Method'), override('X-Method-Override'), override('_method'),
  express4.json({ limit: LIMIT, type: any }), express4.urlencoded({ limit: LIMIT, extended: true }), upload(),
  override(req => req.body && typeof req.body === 'object' ? req.body._method : undefined), override(req => req.query._method)]);

// Parsers that apps call themselves.
const isForm = type => type.includes('urlencoded');
for (const version in qs) {
  for (const allowDots of [false, true]) {
    stacks[`qs ${version}${allowDots ? ', dots' : ''}`] = byHand(function (type, text, query) {
      const options = { allowDots, depth: 20, parameterLimit: 1000 };
      return { query: qs[version].parse(query, options), body: isForm(type) ? qs[version].parse(text, options) : undefined };
    });
  }
}
stacks['querystring'] = byHand((type, text, query) => ({ query: querystring.parse(query), body: isForm(type) ? querystring.parse(text) : undefined }));
stacks['URLSearchParams'] = byHand((type, text, query) => ({
  query: pairs(new URLSearchParams(query)), body: isForm(type) ? pairs(new URLSearchParams(text)) : undefined }));
stacks['lines of JSON'] = byHand((type, text) => ({ body: /^application\/(x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines|json-seq)\b/.test(type) ? text.split(/[\n\x1e]/).map(attempt) : undefined }));
stacks['busboy'] = streamed(busboy, 'close', (fields, name, value) => { fields[name] = value; });
stacks['busboy 0'] = impatient(streamed(options => new Busboy0(options), 'finish', (fields, name, value) => { fields[name] = value; }));
stacks['JSON in parts'] = streamed(busboy, 'close', (fields, name, value, info) => { // as @fastify/multipart has it
  const parsed = info && info.mimeType === 'application/json' ? attempt(value) : value;
  if (parsed !== undefined) fields[name] = parsed; // else it answers with an error
});
stacks['busboy, lodash.set'] = streamed(busboy, 'close', (fields, name, value) => { lodash.set(fields, name, value); });
stacks['fetch'] = async function (req, body) { // as apps have it that are handed a Request
  const init = { method: 'POST', headers: { 'Content-Type': req.headers['content-type'] || '' }, body };
  try { return { fields: pairs(await new Request('http://127.0.0.1/', init).formData()) }; } catch { return {}; }
};
stacks['multiparty'] = form(function (req, done) {
  const fields = {};
  const parser = new multiparty.Form({ maxFieldsSize: 2 << 20 });
  parser.on('field', (name, value) => { fields[name] = value; });
  parser.on('part', part => { fields[part.name] = ''; part.resume(); });
  parser.on('error', () => done(fields)).on('close', () => done(fields));
  parser.parse(req);
});
stacks['formidable'] = form(function (req, done) {
  const parser = formidable({ allowEmptyFiles: true, minFileSize: 0, fileWriteStreamHandler: () => new Writable({ write(chunk, encoding, next) { next(); } }) });
  parser.parse(req, (err, fields, files) => done(Object.assign({}, fields, files), true));
});

// impatient gives up a parser that never ends, as busboy before 1.0 does when a form
// is cut off. A guard lets no such form pass.
function impatient(stack) {
  return function (req, body) {
    let timer;
    const late = new Promise(resolve => { timer = setTimeout(resolve, 300, {}); });
    return Promise.race([stack(req, body), late]).finally(() => clearTimeout(timer));
  };
}

// streamed reads a form with some busboy, and has set put each field among the others.
function streamed(make, end, set) {
  return form(function (req, done) {
    const fields = {};
    const parser = make({ headers: req.headers, limits: { fileSize: 2 << 20 } });
    parser.on('field', (name, value, info) => { set(fields, name, value, info); });
    parser.on('file', (name, file) => { set(fields, name, ''); file.resume(); });
    parser.on(end, () => done(fields)).on('error', () => done(fields));
    req.pipe(parser);
  });
}

function pairs(params) {
  const all = {};
  for (const [name, value] of params) Object.defineProperty(all, name, { value: String(value), enumerable: true, configurable: true });
  return all;
}

function attempt(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}

function byHand(parse) {
  return async function (req, body) {
    const at = req.url.indexOf('?');
    const text = body.toString('utf8').replace(/^\ufeff/, '');
    try { return parse((req.headers['content-type'] || '').toLowerCase(), text, at < 0 ? '' : req.url.slice(at + 1)); } catch { return {}; }
  };
}

// form gives the request to a parser of forms; lists of values are theirs alone.
// Some throw where nobody can catch it: then every form that is being read has been
// read as far as it will be.
const reading = new Set();
process.on('uncaughtException', function () { for (const end of reading) end({}); });

function form(parse) {
  return req => new Promise(function (resolve) {
    const end = function (seen) { reading.delete(end); resolve(seen); };
    reading.add(end);
    req.on('error', () => end({}));
    try { parse(req, (fields, lists) => end({ fields, lists })); } catch { end({}); }
  });
}

// replay is the request once more, for another stack.
function replay(req, body) {
  const again = new http.IncomingMessage(req.socket);
  again.httpVersion = req.httpVersion;
  again.httpVersionMajor = req.httpVersionMajor;
  again.httpVersionMinor = req.httpVersionMinor;
  again.method = req.method;
  again.url = req.url;
  again.headers = Object.assign({}, req.headers);
  again.rawHeaders = req.rawHeaders.slice();
  again.complete = true;
  if (body.length > 0) again.push(body);
  again.push(null);
  return again;
}

// Names with a dollar that are no operators: FOREIGN anywhere, also as a flat parser
// has them with their brackets; ODATA as texts at the top of a query.
const foreign = new Set((process.env.FOREIGN || '').split(' '));
const odata = new Set((process.env.ODATA || '').split(' '));

const plain = new Set([Object.prototype, Array.prototype, null]);

// dangers walks over a value and names what an attack would be made of. It goes
// on with its own heap, as deep as any parser nests.
function dangers(place, root, found, typed) {
  const rest = [[place, root, '']];
  while (rest.length > 0 && found.length < 20) {
    const [path, value, parent] = rest.pop();
    if (value === null || typeof value !== 'object') continue;
    if (Buffer.isBuffer(value)) continue;
    const above = Object.getPrototypeOf(value);
    if (!plain.has(above) && !Object.hasOwn(above, 'constructor') && Object.keys(above).length > 0) {
      found.push(`${path}: a prototype that was set`);
    }
    for (const name of Object.getOwnPropertyNames(value)) {
      if (Array.isArray(value) && name === 'length') continue;
      const at = path.length < 400 ? `${path}/${name}` : path;
      const inner = Object.getOwnPropertyDescriptor(value, name).value;
      if (name.startsWith('$') && !foreign.has(name.split(/[[\]]/)[0]) && !(odata.has(name) && path === 'query' && typeof inner === 'string')) {
        found.push(`${at}: an operator`);
      }
      if (name === '__proto__') found.push(`${at}: a prototype`);
      if (name === 'prototype' && parent === 'constructor') found.push(`${at}: a prototype`);
      if (typed && (name === 'email' || name === 'password') && typeof inner !== 'string') found.push(`${at}: ${Array.isArray(inner) ? 'a list' : typeof inner}`);
      rest.push([at, inner, name]);
    }
  }
}

// inTime is what a stack sees, or an error of the oracle's own: no parser may take so
// long over a request that a guard let pass, or that it was given to tell of.
function inTime(name, seen) {
  let timer;
  const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error(`${name} took too long`)), 15000); });
  return Promise.race([seen, late]).finally(() => clearTimeout(timer));
}

async function judge(req, body) {
  const found = [];
  await Promise.all(Object.keys(stacks).map(async function (name) {
    const seen = await inTime(name, stacks[name](replay(req, body), body));
    const mine = [];
    for (const place in seen) {
      if (place === 'method') {
        // The policy has a rule for DELETE alone.
        if (seen.method && seen.method.includes('DELETE')) mine.push(`${seen.method[0]} became ${seen.method[1]}`);
      } else if (place === 'files') {
        const names = Object.fromEntries(seen.files.map(f => [f, '']));
        dangers(place, names, mine, false);
      } else if (place !== 'lists') {
        dangers(place, seen[place], mine, (place === 'body' || place === 'query' || place === 'fields') && !seen.lists);
      }
    }
    for (const f of mine) found.push(`${name}: ${f}`);
  }));
  return found;
}

const server = http.createServer({ maxHeaderSize: 64 << 10, keepAliveTimeout: 60000 }, function (req, res) {
  const chunks = [];
  req.on('data', chunk => chunks.push(chunk));
  req.on('error', () => res.destroy());
  req.on('end', async function () {
    let answer;
    try {
      const body = Buffer.concat(chunks);
      answer = req.url === '/__forms' ? await forms(req.headers, body) : { found: await judge(req, body) };
    } catch (err) {
      answer = { found: [], fault: String(err && err.stack) };
    }
    const text = JSON.stringify(answer);
    res.writeHead(200, { 'Content-Type': 'application/vnd.oracle+json', 'Content-Length': Buffer.byteLength(text) });
    res.end(text);
  });
});

server.listen(Number(process.env.PORT || 0), process.env.HOST || '127.0.0.1', function () {
  console.log('listening ' + server.address().port);
});
