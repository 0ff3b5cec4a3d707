// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Lets the errors of failures.js out in the ways that apps do: GET /WAY/FAILURE.
// GET / lists both, and what of each failure no client should see. GET /benign
// lists answers that only look like leaks. Never deploy it.
'use strict';

require('reflect-metadata');
const http = require('node:http');
const util = require('node:util');
const failures = require('./failures');
const benign = require('./benign');

// A package may fail once more in the background; that is not the answer's.
process.on('uncaughtException', (err) => console.error('in the background:', err && err.message));
process.on('unhandledRejection', (err) => console.error('in the background:', err && err.message));

const express5 = require('express');
const express4 = require('express4');

// fail runs a failure, which throws.
async function fail(name) {
  const failure = failures[name];
  if (!failure) throw Object.assign(new Error('unknown failure'), { status: 404 });
  await failure.fail();
  throw new Error(`${name} did not fail`);
}

async function caught(name, status) {
  try {
    await fail(name);
  } catch (err) {
    if (status && !err.status) { err.status = status; err.statusCode = status; err.expose = true; }
    return err;
  }
}

const escapeHTML = (s) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/'/g, '&#39;');

function expressApp(express) {
  const app = express();
  app.get('/page/:name', async (req, res, next) => next(await caught(req.params.name)));
  app.get('/page-4xx/:name', async (req, res, next) => next(await caught(req.params.name, 422)));
  return app;
}

// What handlers write by themselves.
const own = express5();
const answer = (way, status, write) => own.get(`/${way}/:name`, async (req, res) => write(res.status(status), await caught(req.params.name)));
answer('message', 400, (res, err) => res.json({ success: false, error: err.message }));
answer('message-500', 500, (res, err) => res.json({ error: err.message }));
answer('stack', 400, (res, err) => res.json({ message: err.message, stack: err.stack }));
answer('lines', 422, (res, err) => res.json({ errors: [{ message: err.message, extensions: { code: 'BAD_USER_INPUT', stacktrace: String(err.stack).split('\n') } }] }));
answer('whole', 409, (res, err) => res.json({ error: JSON.parse(JSON.stringify(err, (k, v) => (typeof v === 'bigint' ? String(v) : v))), message: err.message, name: err.name }));
answer('nested', 400, (res, err) => res.json({ error: JSON.stringify({ message: err.message, stack: err.stack }) }));
answer('text', 404, (res, err) => res.type('text').send(String(err.stack)));
answer('text-short', 403, (res, err) => res.type('text').send(String(err)));
answer('inspect', 400, (res, err) => res.send(`<h1>Something broke</h1><pre>${escapeHTML(util.inspect(err))}</pre>`));
answer('html-br', 400, (res, err) => res.send(`<p>${escapeHTML(String(err.stack)).replace(/\n/g, '<br>').replace(/ {2}/g, ' &nbsp;')}</p>`));
answer('xml', 400, (res, err) => res.type('xml').send(`<error><message>${escapeHTML(err.message)}</message></error>`));

function koaApp() {
  const Koa = require('koa');
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => { throw await caught(ctx.path.split('/').pop(), 400); });
  return app.callback();
}

async function fastifyApp() {
  const app = require('fastify')();
  app.get('/:way/:name', async (req) => { throw await caught(req.params.name, 400); });
  await app.ready();
  return app.routing;
}

async function hapiApp() {
  const server = require('@hapi/hapi').server({ debug: false });
  const Boom = require('@hapi/boom');
  server.route({ method: 'GET', path: '/{way}/{name}', handler: async (req) => { throw new Boom.Boom((await caught(req.params.name)).message, { statusCode: 409 }); } });
  await server.initialize();
  return (req, res) => server.listener.emit('request', req, res);
}

async function nestApp() {
  const { Controller, Get, Module, Param, BadRequestException } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  class Failing { async get(name) { const err = await caught(name); throw new BadRequestException({ message: err.message, cause: err.stack }); } }
  Get('nest/:name')(Failing.prototype, 'get', Object.getOwnPropertyDescriptor(Failing.prototype, 'get'));
  Param('name')(Failing.prototype, 'get', 0);
  Controller()(Failing);
  class App {}
  Module({ controllers: [Failing] })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.init();
  return app.getHttpAdapter().getInstance();
}

// apolloApp answers every failure of a resolver as GraphQL does: with 200.
async function apolloApp() {
  const { ApolloServer } = require('@apollo/server');
  const { expressMiddleware } = require('@as-integrations/express5');
  const server = new ApolloServer({
    typeDefs: 'type Query { fail(name: String!): String, list: [String!]! }',
    resolvers: { Query: { fail: (_, { name }) => fail(name), list: () => ['a'] } },
    includeStacktraceInErrorResponses: true,
    csrfPrevention: false,
  });
  await server.start();
  const app = express5();
  app.use((req, res, next) => {
    const name = req.path.split('/').pop();
    req.query; // eslint-disable-line no-unused-expressions
    req.url = `/?query=${encodeURIComponent(`{ fail(name: ${JSON.stringify(name)}) list }`)}`;
    next();
  });
  app.use(express5.json(), expressMiddleware(server));
  return app;
}

async function main() {
  const ways = {
    'express5-page': expressApp(express5), 'express5-page-4xx': expressApp(express5),
    'express4-page': expressApp(express4), 'express4-page-4xx': expressApp(express4),
    koa: koaApp(), fastify: await fastifyApp(), hapi: await hapiApp(), nest: await nestApp(), graphql: await apolloApp(),
  };
  for (const layer of own.router.stack) ways[layer.route.path.split('/')[1]] = own;

  const server = http.createServer((req, res) => {
    const { pathname } = new URL(req.url, 'http://app');
    const way = pathname.split('/')[1];
    if (pathname === '/') {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ dir: __dirname, ways: Object.keys(ways), failures: Object.fromEntries(Object.entries(failures).map(([n, f]) => [n, f.shows])) }));
    } else if (way === 'benign') {
      benign(req, res, pathname).catch((err) => {
        console.error(err);
        res.statusCode = 500;
        res.end();
      });
    } else if (ways[way]) {
      req.url = req.url.replace(/^\/express[45]-/, '/');
      ways[way](req, res);
    } else {
      res.statusCode = 404;
      res.end();
    }
  });
  server.listen(Number(process.env.PORT || 0), process.env.HOST || '127.0.0.1', () => console.log(`listening ${server.address().port}`));
}

main();
