// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// The rest of the shop: nothing here is one of the seven mistakes. These are
// the ordinary things that a guard in front of an app must not break.
'use strict';

const crypto = require('node:crypto');
const path = require('node:path');
const zlib = require('node:zlib');
const cors = require('cors');
const express = require('express');
const { WebSocketServer } = require('ws');

module.exports = (app, server) => {
  // The front end of the partner runs on an origin of its own.
  app.use('/api', cors({ origin: 'https://front.shop.example', credentials: true }));

  app.post('/api/search', (req, res) => res.json({ query: req.body }));
  app.get('/api/search', (req, res) => res.json({ query: req.query }));
  app.get('/api/lookup', (req, res) => res.json({ query: req.query, body: req.body }));

  // Items live in memory: what matters here are the methods.
  const items = new Map();
  app.post('/api/items', (req, res) => {
    const { id, price } = req.body;
    if (typeof price !== 'number') {
      return res.status(400).json({ error: 'price must be a number', field: 'price', hint: 'write 12.5, not "12.5"' });
    }
    if (items.has(id)) {
      return res.status(409).json({ error: `item ${id} exists already`, hint: 'PUT /api/items/' + id + ' replaces it' });
    }
    items.set(id, req.body);
    res.status(201).location('/api/items/' + encodeURIComponent(id)).json(req.body);
  });
  app.route('/api/items/:id')
    .get((req, res, next) => {
      const item = items.get(req.params.id);
      return item ? res.json(item) : next();
    })
    .put((req, res) => {
      items.set(req.params.id, { ...req.body, id: req.params.id });
      res.json(items.get(req.params.id));
    })
    .patch((req, res) => {
      items.set(req.params.id, { ...items.get(req.params.id), ...req.body });
      res.json(items.get(req.params.id));
    })
    .delete((req, res) => {
      items.delete(req.params.id);
      res.status(204).end();
    });

  // Imports are read as they are; the answer says what arrived.
  const anyText = express.text({ type: ['text/csv', 'application/x-ndjson'] });
  const anyBytes = express.raw({ type: 'application/octet-stream' });
  app.post('/api/import', anyText, anyBytes, (req, res) => {
    const body = Buffer.from(req.body);
    res.status(202).json({
      type: req.get('Content-Type'),
      bytes: body.length,
      lines: body.toString().split('\n').length - 1,
      sha256: crypto.createHash('sha256').update(body).digest('hex')
    });
  });

  app.get('/api/report.csv', (req, res) => {
    res.download(path.join(__dirname, 'public', 'report.csv'), 'report 2024 – Übersicht.csv');
  });

  // 1 MB without a length, in pieces.
  app.get('/api/export', (req, res) => {
    res.type('application/x-ndjson');
    for (let i = 0; i < 16384; i++) {
      res.write(JSON.stringify({ n: i, pad: 'x'.repeat(64 - 16 - String(i).length) }) + '\n');
    }
    res.end();
  });

  app.get('/api/packed', (req, res) => {
    res.type('json').set('Content-Encoding', 'gzip');
    res.send(zlib.gzipSync(JSON.stringify({ packed: true, text: 'already compressed '.repeat(40) })));
  });

  // A stream that never ends by itself.
  app.get('/api/events', (req, res) => {
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    let n = 0;
    const tick = () => res.write(`id: ${++n}\nevent: stock\ndata: {"sku":"DK-001","left":${100 - n}}\n\n`);
    tick();
    const timer = setInterval(tick, 50);
    res.on('close', () => clearInterval(timer));
  });

  app.get('/api/preferences', (req, res) => {
    const { theme, lang, cart } = req.cookies;
    res.json({ theme, lang, cart });
  });
  app.post('/api/preferences', (req, res) => {
    res.cookie('theme', 'dark', { path: '/' });
    res.cookie('lang', 'de-AT', { path: '/', maxAge: 86400000 });
    res.cookie('cart', 'BK-001|2,PN-001|1', { path: '/' });
    res.json({ saved: 3 });
  });

  app.post('/api/heartbeat', (req, res) => res.json({ alive: true }));

  app.get('/old', (req, res) => res.redirect(301, '/'));

  app.use('/api', (req, res) => {
    res.status(404).json({ error: 'Not found', path: req.originalUrl });
  });

  const sockets = new WebSocketServer({ server, path: '/ws' });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
};
