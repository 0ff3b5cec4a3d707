// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Well-made sites, each as the documentation of its packages has it. SITE says which
// one runs; all of them stand behind a proxy that ends TLS.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const page = '<!doctype html><html lang="en"><title>A site</title><script src="/app.js"></script><h1>A site</h1></html>';
const loginPage = `<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
<form method="post" action="/api/login"><input name="email" type="email"><input name="password" type="password"><button>Log in</button></form></html>`;

const sites = {
  // The article's fixes, all seven, in one app.
  shop() {
    const express = require('express');
    const helmet = require('helmet');
    const { rateLimit } = require('express-rate-limit');
    const session = require('express-session');
    const multer = require('multer');
    const bcrypt = require('bcryptjs');
    const jwt = require('jsonwebtoken');
    const { z } = require('zod');
    const secret = crypto.randomBytes(48).toString('base64');
    const app = express();
    app.set('trust proxy', 1);
    app.use(helmet());
    app.use(express.json());
    app.use(session({
      secret: crypto.randomBytes(48).toString('base64'), resave: false, saveUninitialized: true,
      cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3600000 }
    }));
    const users = new Map();
    const shown = ({ id, name, email, role }) => ({ id, name, email, role });
    app.get('/', (req, res) => res.type('html').send(loginPage));
    const loginLimiter = rateLimit({
      windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true, standardHeaders: 'draft-8', legacyHeaders: false,
      message: { error: 'Too many login attempts. Try again in 15 minutes.' }
    });
    const credentials = z.object({ email: z.string(), password: z.string() });
    app.post('/api/login', loginLimiter, async (req, res) => {
      const result = credentials.safeParse(req.body);
      if (!result.success) return res.status(400).json({ error: 'Invalid input' });
      const user = users.get(result.data.email);
      if (!user || !await bcrypt.compare(result.data.password, user.hash)) {
        return res.status(401).json({ error: 'Invalid credentials' });
      }
      res.json({ token: jwt.sign({ id: user.id }, secret, { expiresIn: '1h', algorithm: 'HS256' }) });
    });
    const newUser = z.object({ name: z.string().min(1).max(100), email: z.string().email(), password: z.string().min(8).max(128) });
    app.post('/api/users', async (req, res) => {
      const result = newUser.safeParse(req.body);
      if (!result.success) return res.status(400).json({ errors: z.flattenError(result.error) });
      const { name, email, password } = result.data;
      const user = { id: crypto.randomUUID(), name, email, role: 'user', hash: await bcrypt.hash(password, 4) };
      users.set(email, user);
      res.status(201).json(shown(user));
    });
    app.get('/api/me', (req, res) => {
      try {
        const [, token] = (req.get('Authorization') || '').split(' ');
        const { id } = jwt.verify(token, secret, { algorithms: ['HS256'] });
        const user = [...users.values()].find((u) => u.id === id);
        return res.json(shown(user));
      } catch {
        return res.status(401).json({ error: 'Unauthorized' });
      }
    });
    const upload = multer({
      storage: multer.memoryStorage(), limits: { fileSize: 5 * 1024 * 1024, files: 1 }
    });
    const stored = new Map();
    app.post('/api/upload', upload.single('file'), async (req, res) => {
      const { fileTypeFromBuffer } = await import('file-type');
      const kind = await fileTypeFromBuffer(req.file.buffer);
      if (!kind || !['image/jpeg', 'image/png', 'image/webp', 'application/pdf'].includes(kind.mime)) {
        return res.status(415).json({ error: 'File type not allowed' });
      }
      const name = `${crypto.randomUUID()}.${kind.ext}`;
      stored.set(name, { kind, content: req.file.buffer });
      res.status(201).json({ path: `/uploads/${name}` });
    });
    app.get('/uploads/:name', (req, res) => {
      const file = stored.get(req.params.name);
      if (!file) return res.status(404).json({ error: 'Not found' });
      res.type(file.kind.mime).send(file.content);
    });
    app.use((req, res) => res.status(404).json({ error: 'Not found' }));
    app.use((err, req, res, next) => { res.status(err.status || 500).json({ error: 'Internal server error' }); });
    return app.listen.bind(app);
  },
  draft6: () => limited('draft-6'),
  draft7: () => limited('draft-7'),
  draft8: () => limited('draft-8'),
  static() {
    const express = require('express');
    const helmet = require('helmet');
    const app = express();
    app.use(helmet());
    app.use(express.static(process.env.UPLOAD_DIR));
    fs.writeFileSync(path.join(process.env.UPLOAD_DIR, 'index.html'), page);
    fs.writeFileSync(path.join(process.env.UPLOAD_DIR, 'app.js'), "document.title = 'A site'");
    return app.listen.bind(app);
  },
  // Behind a login, with a session in a signed cookie.
  signin() {
    const express = require('express');
    const helmet = require('helmet');
    const cookieSession = require('cookie-session');
    const app = express();
    app.set('trust proxy', 1);
    app.use(helmet());
    app.use(cookieSession({ name: 'session', keys: [crypto.randomBytes(32).toString('hex')], maxAge: 3600000, secure: true, httpOnly: true, sameSite: 'lax' }));
    app.use((req, res, next) => (req.path === '/login' ? next() : res.redirect('/login')));
    app.get('/login', (req, res) => {
      req.session.seen = Date.now();
      res.type('html').send(loginPage);
    });
    return app.listen.bind(app);
  },
  partner() {
    const express = require('express');
    const helmet = require('helmet');
    const cors = require('cors');
    const app = express();
    app.use(helmet());
    app.use(cors({ origin: ['https://partner.example'], credentials: true }));
    app.get('/', (req, res) => res.json({ ok: true }));
    return app.listen.bind(app);
  },
  fastify() {
    const app = require('fastify')();
    app.register(require('@fastify/helmet'));
    app.register(require('@fastify/rate-limit'), { max: 1000, timeWindow: '1 minute' });
    app.get('/', (req, reply) => reply.type('text/html; charset=utf-8').send(page));
    return (port, host, done) => app.listen({ port, host }).then(() => done.call(app.server));
  },
  koa() {
    const Koa = require('koa');
    const app = new Koa();
    app.use(require('koa-helmet')());
    app.use((ctx) => {
      if (ctx.path === '/' && ctx.method === 'GET') { ctx.type = 'html'; ctx.body = page; }
    });
    return app.listen.bind(app);
  },
  // A single-page app with a nonce for each answer.
  hono() {
    const { Hono } = require('hono');
    const { secureHeaders, NONCE } = require('hono/secure-headers');
    const { serve } = require('@hono/node-server');
    const app = new Hono();
    app.use(secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'self'"], scriptSrc: [NONCE, "'strict-dynamic'"], objectSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'self'"] }
    }));
    app.get('/', (c) => c.html(`<!doctype html><html lang="en"><title>An app</title><div id="root"></div><script nonce="${c.get('secureHeadersNonce')}">document.title = 'Ready'</script></html>`));
    return (port, hostname, done) => { const server = serve({ fetch: app.fetch, port, hostname }, () => done.call(server)); };
  }
};

// limited is an API whose answers tell how many requests are left.
function limited(standardHeaders) {
  const express = require('express');
  const helmet = require('helmet');
  const { rateLimit } = require('express-rate-limit');
  const app = express();
  app.set('trust proxy', 1);
  app.use(helmet());
  app.use(rateLimit({ windowMs: 60000, limit: 1000, standardHeaders, legacyHeaders: standardHeaders === 'draft-6' }));
  app.get('/', (req, res) => res.json({ items: [] }));
  return app.listen.bind(app);
}

sites[process.env.SITE]()(Number(process.env.PORT || 0), process.env.HOST || '127.0.0.1', function () {
  console.log('listening ' + this.address().port);
});
