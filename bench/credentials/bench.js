// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Verifies a token with jsonwebtoken and loads a session with express-session, in
// turns, and prints the CPU time that each took, medians of so many rounds.
'use strict';
const { createSecretKey } = require('node:crypto');
const http = require('node:http');
const net = require('node:net');
const jwt = require('jsonwebtoken');
const session = require('express-session');

const [rounds, secret, token] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const key = createSecretKey(Buffer.from(secret));
const options = { algorithms: ['HS256'], issuer: 'shop', audience: 'api' };

const store = new session.MemoryStore();
const middleware = session({ secret, resave: false, saveUninitialized: false, store, cookie: { secure: false } });

// visit sends a request through the middleware to a handler, and waits for its end.
function visit(cookie, handler) {
  return new Promise((done, fail) => {
    const req = new http.IncomingMessage(new net.Socket());
    req.url = req.originalUrl = '/';
    req.method = 'GET';
    if (cookie) req.headers.cookie = cookie;
    const res = new http.ServerResponse(req);
    const end = res.end; // of Node; express-session puts its own in front
    res.end = function () { end.call(this); done(res); };
    middleware(req, res, (err) => {
      if (err) return fail(err);
      handler(req);
      res.end();
    });
  });
}

async function main() {
  const first = await visit('', (req) => {
    Object.assign(req.session, { user: '65a1f0c2', name: 'Ada Lovelace', language: 'de-AT', cart: 'BK-001|2,PN-001|1' });
  });
  const cookie = String(first.getHeader('set-cookie')).split(';')[0];
  const load = () => visit(cookie, (req) => { if (req.session.user !== '65a1f0c2') throw new Error('no session'); });
  const peers = [
    { name: 'jsonwebtoken, a KeyObject', turn: 2000, run: () => jwt.verify(token, key, options) },
    { name: 'jsonwebtoken, a string', turn: 200, run: () => jwt.verify(token, secret, options) },
    { name: 'express-session', turn: 500, run: load },
  ];
  for (const p of peers) p.took = [];
  for (let round = 0; round <= rounds; round++) {
    for (const p of peers) {
      const before = process.cpuUsage();
      for (let i = 0; i < p.turn; i++) {
        const waits = p.run();
        if (waits instanceof Promise) await waits;
      }
      const { user, system } = process.cpuUsage(before);
      if (round > 0) p.took.push((user + system) / p.turn); // the first warms up
    }
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  console.log(JSON.stringify(peers.map((p) => ({ name: p.name, microseconds: median(p.took) }))));
}

main().catch((err) => { console.error(err); process.exit(1); });
