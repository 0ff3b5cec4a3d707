// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// What Node's parsers read of one form: of each part whether it is a file, its
// name, its filename and type, and the hash of its bytes.
'use strict';

const crypto = require('crypto');
const { PassThrough, Writable } = require('stream');

const busboy = require('busboy');
const Busboy0 = require('busboy0');
const { formidable } = require('formidable');
const multer = require('multer');
const multer1 = require('multer1');
const multiparty = require('multiparty');

const LARGE = 64 << 20;
const sum = bytes => crypto.createHash('sha256').update(bytes).digest('hex').slice(0, 16);

// utf8 undoes that a parser reads names as ISO 8859-1, as apps have to.
function utf8(text) {
  if (typeof text !== 'string') return null;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return text; // it did not
  const bytes = Buffer.from(text, 'latin1');
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : text;
}

const file = (name, filename, type, bytes) => ({ file: true, name: utf8(name), filename: utf8(filename) || '', type: type || '', sum: sum(bytes) });
const field = (name, value) => ({ file: false, name: utf8(name), filename: '', type: '', sum: sum(Buffer.from(value === undefined ? '' : value, 'utf8')) });

function collect(stream, then) {
  const chunks = [];
  stream.on('data', chunk => chunks.push(chunk)).on('end', () => then(Buffer.concat(chunks))).on('error', () => {});
}

// reader runs one parser over the bytes; done is called with an error or nothing.
function reader(run) {
  return (headers, body) => new Promise(function (resolve) {
    const parts = [];
    let waiting = 0, ended = false, failed = '';
    const settle = () => { if (ended && waiting === 0) resolve({ parts, error: failed }); };
    const done = function (err) {
      if (err) { failed = String(err.message || err); waiting = 0; }
      ended = true;
      setImmediate(settle);
    };
    const later = function (stream, make) { // keeps the order of the parts
      const at = parts.push(null) - 1;
      waiting++;
      collect(stream, function (bytes) { parts[at] = make(bytes); waiting--; settle(); });
    };
    const source = new PassThrough();
    source.headers = headers;
    source.method = 'POST';
    try { run(source, parts, later, done); } catch (err) { done(err); }
    source.end(body);
  });
}

const withBusboy = (make, end) => reader(function (source, parts, later, done) {
  const parser = make(source.headers);
  parser.on('field', (name, value) => parts.push(field(name, value)));
  parser.on('file', function (name, stream, info, encoding, type) {
    const filename = typeof info === 'object' && info ? info.filename : info;
    later(stream, bytes => file(name, filename, (info && info.mimeType) || type, bytes));
  });
  parser.on(end, () => done()).on('error', done);
  source.pipe(parser);
});

const withMulter = make => reader(function (source, parts, later, done) {
  make({ storage: make.memoryStorage(), limits: { fieldSize: LARGE, fileSize: LARGE, fieldNameSize: LARGE } }).any()(source, {}, function (err) {
    for (const f of source.files || []) parts.push(file(f.fieldname, f.originalname, f.mimetype, f.buffer));
    const body = source.body || {};
    for (const name of Object.keys(body)) { // nested ones are compared by the other tests
      if (name.includes('[')) continue;
      for (const value of [].concat(body[name])) if (typeof value === 'string') parts.push(field(name, value));
    }
    done(err);
  });
});

const readers = {
  busboy: withBusboy(headers => busboy({ headers, preservePath: true, limits: { fieldSize: LARGE, fieldNameSize: LARGE } }), 'close'),
  'busboy, utf8': withBusboy(headers => busboy({ headers, defParamCharset: 'utf8', limits: { fieldSize: LARGE, fieldNameSize: LARGE } }), 'close'),
  'busboy 0': withBusboy(headers => new Busboy0({ headers, limits: { fieldSize: LARGE, fieldNameSize: LARGE } }), 'finish'),
  multer: withMulter(multer),
  'multer 1': withMulter(multer1),
  multiparty: reader(function (source, parts, later, done) {
    const parser = new multiparty.Form({ maxFieldsSize: LARGE });
    parser.on('field', (name, value) => parts.push(field(name, value)));
    parser.on('part', part => later(part, bytes => file(part.name, part.filename, part.headers['content-type'], bytes)));
    parser.on('close', () => done()).on('error', done);
    parser.parse(source);
  }),
  formidable: reader(function (source, parts, later, done) {
    const held = new Map();
    const parser = formidable({ allowEmptyFiles: true, minFileSize: 0, maxFileSize: LARGE, maxFieldsSize: LARGE,
      fileWriteStreamHandler: function (f) {
        const chunks = [];
        held.set(f, chunks);
        return new Writable({ write(chunk, encoding, next) { chunks.push(Buffer.from(chunk)); next(); } });
      } });
    parser.on('field', (name, value) => parts.push(field(name, value)));
    parser.on('file', (name, f) => parts.push(file(name, f.originalFilename, f.mimetype, Buffer.concat(held.get(f) || [...held.values()].at(-1) || []))));
    parser.parse(source, err => done(err));
  }),
  fetch: async function (headers, body) {
    try {
      const form = await new Request('http://127.0.0.1/', { method: 'POST', headers: { 'Content-Type': headers['content-type'] }, body }).formData();
      const parts = [];
      for (const [name, value] of form) {
        if (typeof value === 'string') parts.push(field(name, value));
        else parts.push(file(name, value.name, value.type, Buffer.from(await value.arrayBuffer())));
      }
      return { parts, error: '' };
    } catch (err) {
      return { parts: [], error: String(err.message) };
    }
  },
};

// Some throw where nobody can catch it. The request that it belongs to runs into
// its time limit, and says so.
module.exports = async function forms(headers, body) {
  const answer = {};
  await Promise.all(Object.keys(readers).map(async function (name) {
    let timer;
    const late = new Promise(resolve => { timer = setTimeout(resolve, 5000, { parts: [], error: 'it never ends' }); });
    answer[name] = await Promise.race([readers[name](headers, body), late]);
    answer[name].parts = answer[name].parts.filter(Boolean);
    clearTimeout(timer);
  }));
  return answer;
};
