// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// What goes wrong in Node apps, for real: each entry fails in its package as it
// would in an app, and shows says what of it no client should see. Where shows
// is empty the message alone is harmless, and only a stack trace tells more.
'use strict';

const { Readable } = require('node:stream');

// Nobody listens on the discard port of the loopback address.
const closed = { host: '127.0.0.1', port: 9 };
const refused = ['ECONNREFUSED', '127.0.0.1:9'];

const user = { name: { type: String, required: true }, email: String, age: Number };

async function users(uri) {
  const mongoose = require('mongoose');
  const connection = mongoose.createConnection(uri, { serverSelectionTimeoutMS: 3000 });
  return connection.model('User', new mongoose.Schema(user));
}

let database;
async function postgres(query, values) {
  const { PGlite } = await import('@electric-sql/pglite');
  database ??= (async () => {
    const db = new PGlite();
    await db.exec(`CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE NOT NULL, age int CHECK (age > 0));
      CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users(id));
      INSERT INTO users (email) VALUES ('a@b.example')`);
    return db;
  })();
  return (await database).query(query, values);
}

async function sqlite(query) {
  const SQL = await require('sql.js')();
  const db = new SQL.Database();
  db.run('CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE NOT NULL, age INT CHECK (age > 0))');
  db.run("INSERT INTO users (email) VALUES ('a@b.example')");
  db.run(query);
}

// upload parses a multipart body as a request would bring it.
function upload(middleware, body) {
  return new Promise((resolve, reject) => {
    const req = Object.assign(Readable.from([Buffer.from(body)]), {
      method: 'POST', url: '/', headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': String(body.length) },
    });
    middleware(req, {}, (err) => (err ? reject(err) : resolve()));
  });
}

function parse(options, body) {
  return new Promise((resolve, reject) => {
    const req = Object.assign(Readable.from([Buffer.from(body)]), {
      headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
    });
    require('express').json(options)(req, {}, (err) => (err ? reject(err) : resolve()));
  });
}

const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n';

const failures = {
  // The program itself.
  'read-of-undefined': { shows: ['Cannot read properties'], fail: () => undefined.name },
  'set-of-null': { shows: ['Cannot set properties'], fail: () => { const o = null; o.name = 1; } },
  'undefined-name': { shows: ['ReferenceError'], fail: () => currentUser }, // eslint-disable-line no-undef
  'not-a-function': { shows: ['findOne is not a function'], fail: () => ({}).findOne({}) },
  'not-iterable': { shows: ['is not iterable'], fail: () => { const [a] = {}; return a; } },
  'json-parse': { shows: [], fail: () => JSON.parse('{"a":') },
  'bigint-json': { shows: [], fail: () => JSON.stringify({ a: 1n }) },
  'circular-json': { shows: ['Converting circular structure'], fail: () => { const a = {}; a.a = a; JSON.stringify(a); } },
  assertion: { shows: ['ERR_ASSERTION', 'AssertionError'], fail: () => require('node:assert').strictEqual(1, 2) },
  'invalid-url': { shows: [], fail: () => new URL('nowhere') },
  'too-deep': { shows: ['Maximum call stack size exceeded'], fail: function deep() { return deep() + 1; } },
  'invalid-argument': { shows: ['ERR_INVALID_ARG_TYPE', 'argument must be of type'], fail: () => Buffer.from(5) },

  // The machine.
  'no-such-file': { shows: ['ENOENT', '/var/lib/shop'], fail: () => require('node:fs').promises.readFile('/var/lib/shop/prices.json') },
  'is-a-directory': { shows: ['EISDIR'], fail: () => require('node:fs').readFileSync('/') },
  'no-such-module': { shows: ['Cannot find module', 'Require stack'], fail: () => require('./plugins/missing') },
  'no-such-program': { shows: ['spawn', '/opt/shop/bin/convert'], fail: () => require('node:child_process').execFileSync('/opt/shop/bin/convert', ['a.png']) },
  'program-failed': { shows: ['Command failed', '/opt/shop'], fail: () => require('node:child_process').execSync('ls /opt/shop/missing', { stdio: 'pipe' }) },
  decipher: { shows: ['bad decrypt', 'Provider routines', 'ERR_OSSL'], fail: () => {
    const d = require('node:crypto').createDecipheriv('aes-128-cbc', Buffer.alloc(16), Buffer.alloc(16));
    d.update(Buffer.alloc(32, 7)); d.final();
  } },

  // The network behind.
  refused: { shows: refused, fail: () => new Promise((_, reject) => require('node:net').connect(closed).on('error', reject)) },
  'no-such-host': { shows: ['ENOTFOUND', 'EAI_AGAIN', 'db.internal.invalid'], fail: () => require('node:dns').promises.lookup('db.internal.invalid') },
  fetch: { shows: [...refused], fail: () => fetch('http://127.0.0.1:19/prices') },
  axios: { shows: refused, fail: () => require('axios').get('http://127.0.0.1:9/prices', { headers: { Authorization: 'Bearer s3cr3t-t0ken-value' } }) },
  nodemailer: { shows: refused, fail: () => require('nodemailer').createTransport(closed).sendMail({ from: 'a@b.example', to: 'c@d.example' }) },
  amqplib: { shows: refused, fail: () => require('amqplib').connect('amqp://shop:hunter2@127.0.0.1:9') },

  // MongoDB.
  'mongodb-refused': { shows: refused, fail: () => new (require('mongodb').MongoClient)('mongodb://127.0.0.1:9', { serverSelectionTimeoutMS: 300 }).connect() },
  'mongodb-uri': { shows: ['Invalid scheme', 'connection string'], fail: () => new (require('mongodb').MongoClient)('mongo://shop:hunter2@db/') },
  'mongoose-duplicate': { shows: ['E11000', 'duplicate key'], fail: async () => {
    const c = (await users(process.env.MONGO_URI)).collection;
    await c.createIndex({ email: 1 }, { unique: true });
    await c.insertOne({ email: 'a@b.example' }); await c.insertOne({ email: 'a@b.example' });
  } },
  'mongoose-operator': { shows: ['unknown operator', '$foo'], fail: async () => (await users(process.env.MONGO_URI)).collection.findOne({ email: { $foo: 1 } }) },
  'mongoose-cast': { shows: ['Cast to ObjectId failed', 'CastError'], fail: async () => (await users(process.env.MONGO_URI)).findById('nonsense') },
  'mongoose-cast-nested': { shows: ['Cast to Number failed', 'CastError'], fail: async () => (await users(process.env.MONGO_URI)).find({ age: { $gt: 'x' } }) },
  'mongoose-validation': { shows: [], fail: async () => new (await users(process.env.MONGO_URI))({ email: 'x' }).validate() },
  'mongoose-buffering': { shows: ['buffering timed out', 'users.findOne'], fail: () => {
    const mongoose = require('mongoose');
    return mongoose.createConnection().model('User', new mongoose.Schema(user, { bufferTimeoutMS: 50 })).findOne();
  } },
  'mongoose-strict-populate': { shows: ['Cannot populate path', 'strictPopulate'], fail: async () => (await users(process.env.MONGO_URI)).findOne({}).populate('orders') },
  'bson-id': { shows: ['24 character hex string', 'BSONError'], fail: () => new (require('mongodb').ObjectId)('nonsense') },

  // SQL.
  'pg-refused': { shows: refused, fail: () => new (require('pg').Client)(closed).connect() },
  'postgres-syntax': { shows: ['syntax error at or near'], fail: () => postgres("SELECT * FORM users WHERE email = ''") },
  'postgres-relation': { shows: ['relation "', 'does not exist', 'relation \\"'], fail: () => postgres('SELECT * FROM customers') },
  'postgres-column': { shows: ['does not exist'], fail: () => postgres('SELECT pasword FROM users') },
  'postgres-unique': { shows: ['users_email_key'], fail: () => postgres("INSERT INTO users (email) VALUES ('a@b.example')") },
  'postgres-null': { shows: ['null value in column'], fail: () => postgres('INSERT INTO users (age) VALUES (3)') },
  'postgres-foreign-key': { shows: ['orders_user_id_fkey'], fail: () => postgres('INSERT INTO orders (user_id) VALUES (99)') },
  'postgres-check': { shows: ['users_age_check'], fail: () => postgres("INSERT INTO users (email, age) VALUES ('x', -1)") },
  'postgres-type': { shows: ['invalid input syntax'], fail: () => postgres('SELECT * FROM users WHERE id = $1', ['x']) },
  'postgres-operator': { shows: ['operator does not exist'], fail: () => postgres("SELECT * FROM users WHERE id = '1'::text") },
  'postgres-range': { shows: ['int4in', 'int84', 'out of range for type'], fail: () => postgres('SELECT 99999999999::int') },
  'postgres-division': { shows: ['int4div'], fail: () => postgres('SELECT 1/0') },
  'postgres-quote': { shows: ['unterminated quoted string'], fail: () => postgres("SELECT * FROM users WHERE email = ''' ") },
  'postgres-union': { shows: ['each UNION query'], fail: () => postgres('SELECT email FROM users UNION SELECT 1, 2') },
  'mysql-refused': { shows: refused, fail: () => require('mysql2/promise').createConnection({ ...closed, user: 'shop' }) },
  'sequelize-refused': { shows: refused, fail: () => new (require('sequelize').Sequelize)('postgres://shop:hunter2@127.0.0.1:9/shop', { logging: false }).authenticate() },
  'sequelize-validation': { shows: ['SequelizeValidationError', 'notNull Violation'], fail: () => {
    const { Sequelize, DataTypes } = require('sequelize');
    return new Sequelize('postgres://127.0.0.1:9/shop', { logging: false }).define('User', { name: { type: DataTypes.STRING, allowNull: false } }).create({});
  } },
  knex: { shows: ['ECONNREFUSED', 'select * from'], fail: () => require('knex')({ client: 'pg', connection: closed, pool: { min: 0 } })('users').where({ id: 1 }) },
  'sqlite-unique': { shows: ['UNIQUE constraint failed'], fail: () => sqlite("INSERT INTO users (email) VALUES ('a@b.example')") },
  'sqlite-null': { shows: ['NOT NULL constraint failed'], fail: () => sqlite('INSERT INTO users (age) VALUES (3)') },
  'sqlite-table': { shows: ['no such table'], fail: () => sqlite('SELECT * FROM customers') },
  'sqlite-column': { shows: ['no such column'], fail: () => sqlite('SELECT pasword FROM users') },
  'sqlite-syntax': { shows: ['syntax error'], fail: () => sqlite("SELECT * FORM users WHERE email = ''") },
  'sqlite-quote': { shows: ['unrecognized token'], fail: () => sqlite("SELECT * FROM users WHERE email = '''") },

  // Redis.
  redis: { shows: refused, fail: () => require('@redis/client').createClient({ socket: { ...closed, reconnectStrategy: false } }).on('error', () => {}).connect() },
  ioredis: { shows: ['ECONNREFUSED', 'max retries per request', 'maxRetriesPerRequest'], fail: () => {
    const Redis = require('ioredis');
    const client = new (Redis.Redis ?? Redis)({ ...closed, maxRetriesPerRequest: 1, retryStrategy: (n) => (n > 3 ? null : 10) });
    return client.on('error', () => {}).get('k');
  } },

  // Validation: the message is made for the client.
  ajv: { shows: [], fail: () => {
    const ajv = new (require('ajv'))();
    const validate = ajv.compile({ type: 'object', required: ['email'] });
    validate({});
    throw Object.assign(new Error(ajv.errorsText(validate.errors)), { errors: validate.errors });
  } },
  'ajv-schema': { shows: ['strict mode: unknown keyword'], fail: () => new (require('ajv'))().compile({ requird: [] }) },
  joi: { shows: [], fail: () => { const Joi = require('joi'); return Joi.object({ email: Joi.string().email().required() }).validateAsync({ email: 'x' }); } },
  celebrate: { shows: [], fail: () => {
    const { celebrate, Joi, Segments } = require('celebrate');
    return new Promise((resolve, reject) => celebrate({ [Segments.BODY]: Joi.object({ a: Joi.number().required() }) })(
      { method: 'POST', body: {} }, {}, (err) => (err ? reject(err) : resolve())));
  } },
  zod: { shows: [], fail: () => { const { z } = require('zod'); return z.object({ email: z.string() }).parse({}); } },
  'body-parser-json': { shows: [], fail: () => parse({}, '{"email": tru}') },
  'body-parser-large': { shows: [], fail: () => parse({ limit: 5 }, '{"email": true}') },
  'multer-field': { shows: ['MulterError'], fail: () => upload(require('multer')().single('photo'), part + '--b--\r\n') },
  'multer-size': { shows: ['MulterError'], fail: () => upload(require('multer')({ limits: { fileSize: 1 } }).single('file'), part + '--b--\r\n') },
  'multer-cut': { shows: [], fail: () => upload(require('multer')().single('file'), part) },

  // Tokens.
  'jwt-expired': { shows: ['TokenExpiredError'], fail: () => { const jwt = require('jsonwebtoken'); jwt.verify(jwt.sign({ exp: 1 }, 's'), 's'); } },
  'jwt-malformed': { shows: ['JsonWebTokenError'], fail: () => require('jsonwebtoken').verify('x', 's') },
  'jwt-signature': { shows: ['JsonWebTokenError'], fail: () => { const jwt = require('jsonwebtoken'); jwt.verify(jwt.sign({}, 'a'), 'b'); } },
  'jwt-not-yet': { shows: ['NotBeforeError'], fail: () => { const jwt = require('jsonwebtoken'); jwt.verify(jwt.sign({ nbf: 9999999999 }, 's'), 's'); } },
  'jwt-no-secret': { shows: ['secretOrPrivateKey'], fail: () => require('jsonwebtoken').sign({}, undefined) },

  // Templates and queries that the app wrote.
  pug: { shows: ['views/home.pug', 'Pug:'], fail: () => require('pug').compile('p= user.name', { filename: '/srv/shop/views/home.pug' })({}) },
  ejs: { shows: ['views/home.ejs', '<%=', '&lt;%='], fail: () => require('ejs').render('<p><%= user.name %></p>', {}, { filename: '/srv/shop/views/home.ejs' }) },
  handlebars: { shows: [], fail: () => require('handlebars').compile('{{#if}}x{{/each}}')({}) },
  'express-view': { shows: ['Failed to lookup view', 'views directory'], fail: () => new Promise((resolve, reject) => {
    require('express')().set('views', '/srv/shop/views').set('view engine', 'ejs').render('home', (err) => (err ? reject(err) : resolve()));
  }) },
  'graphql-syntax': { shows: [], fail: () => require('graphql').parse('{ user(') },
  'graphql-resolver': { shows: ['relation', 'ECONNREFUSED', 'Cannot read properties'], fail: async () => {
    const { graphql, buildSchema } = require('graphql');
    const { errors } = await graphql({ schema: buildSchema('type Query { user: String }'), source: '{ user }', rootValue: { user: () => undefined.name } });
    throw errors[0];
  } },
};

module.exports = failures;
