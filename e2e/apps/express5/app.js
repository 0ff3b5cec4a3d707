// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// The shop of "7 Security Mistakes Every Express.js App Makes in Production",
// with all seven mistakes left in, on Express 5 and Mongoose. It exists to be
// attacked on loopback: never deploy it.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const bcrypt = require('bcryptjs');
const cookieParser = require('cookie-parser');
const express = require('express');
const jwt = require('jsonwebtoken');
const mongoose = require('mongoose');
const multer = require('multer');
const session = require('express-session');

const db = require('./db');
const { Product, User, seed } = require('./models');

const uploads = path.resolve(process.env.UPLOAD_DIR || 'uploads');
fs.mkdirSync(uploads, { recursive: true });

const app = express();

// mistake 1: no security headers, and X-Powered-By stays.

app.set('query parser', 'extended'); // ?rating[lte]=10 needs it on Express 5
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use(cookieParser());

// mistake 5: a guessable secret, and a cookie without a single flag.
app.use(session({
  secret: 'keyboard-cat',
  resave: false,
  saveUninitialized: true,
  cookie: { httpOnly: false }
}));

app.get('/', (req, res) => {
  res.sendFile(path.join(__dirname, 'public', 'index.html'));
});

// mistake 2: nothing counts the failures.
// mistake 7: what the client sent is the query, operators included.
app.post('/api/login', async (req, res) => {
  const user = await User.findOne({
    email: req.body.email,
    password: req.body.password
  });
  if (!user) {
    return res.status(401).json({ error: 'Invalid credentials' });
  }
  // mistake 5: a weak secret again, and a token that never expires.
  const token = jwt.sign({ id: user._id, email: user.email, role: user.role }, 'secret123');
  req.session.regenerate((err) => {
    if (err) throw err;
    req.session.user = user.id;
    res.json({ token, user: publicUser(user) });
  });
});

app.post('/api/logout', (req, res) => {
  req.session.destroy(() => {
    res.clearCookie('connect.sid');
    res.status(204).end();
  });
});

// mistake 3: the whole body becomes the document, { role: "admin" } too.
app.post('/api/users', async (req, res) => {
  const user = new User(req.body);
  await user.save();
  res.status(201).json(publicUser(user));
});

app.get('/api/me', authenticate, async (req, res) => {
  const user = await User.findById(req.claims.id);
  if (!user) {
    return res.status(401).json({ error: 'Unauthorized' });
  }
  res.json(publicUser(user));
});

app.get('/api/admin/users', authenticate, async (req, res) => {
  if (req.claims.role !== 'admin') {
    return res.status(403).json({ error: 'Admins only' });
  }
  const users = await User.find();
  res.json(users.map(publicUser));
});

// mistake 4: no error handler. Express 5 passes the rejection on to its own,
// which answers with the message, the internal address and the stack.
app.get('/api/data', async (req, res) => {
  const data = await db.query('SELECT * FROM secret_table');
  res.json(data);
});

app.get('/api/products', async (req, res) => {
  const filter = {};
  if (req.query.q) {
    filter.name = { $regex: String(req.query.q), $options: 'i' };
  }
  for (const [op, value] of Object.entries(req.query.rating || {})) {
    if (['lt', 'lte', 'gt', 'gte'].includes(op)) {
      filter.rating = { ...filter.rating, ['$' + op]: Number(value) };
    }
  }
  res.json(await Product.find(filter).sort('sku').select('-_id -__v').lean());
});

// mistake 6: any size, any type, any number, and the client's own extension.
const upload = multer({
  storage: multer.diskStorage({
    destination: uploads,
    filename: (req, file, cb) => {
      const unique = Date.now() + '-' + Math.round(Math.random() * 1e9);
      cb(null, unique + path.extname(file.originalname));
    }
  })
});
app.post('/api/upload', upload.single('file'), (req, res) => {
  res.status(201).json({ path: '/uploads/' + req.file.filename, size: req.file.size });
});
app.use('/uploads', express.static(uploads));

// The newer form login compares hashes, but nothing limits it either (mistake 2).
app.post('/login', async (req, res) => {
  const { email, password } = req.body;
  const user = await User.findOne({ email });
  if (!user || !await bcrypt.compare(password, user.passwordHash)) {
    return res.status(401).send('<!doctype html><title>Log in</title><p>Wrong e-mail address or password.</p>');
  }
  req.session.user = user.id;
  res.redirect('/account');
});

app.get('/account', async (req, res) => {
  const user = req.session.user && await User.findById(req.session.user);
  if (!user) {
    return res.redirect('/');
  }
  res.send(`<!doctype html><html lang="en"><title>Account</title><h1>Your account</h1><p>Signed in as ${user.email}.</p></html>`);
});

const server = http.createServer(app);
require('./more')(app, server);

function authenticate(req, res, next) {
  const [scheme, token] = (req.get('Authorization') || '').split(' ');
  try {
    if (scheme !== 'Bearer') throw new Error('no token');
    req.claims = jwt.verify(token, 'secret123');
  } catch {
    return res.status(401).json({ error: 'Unauthorized' });
  }
  next();
}

function publicUser(user) {
  return { id: user.id, name: user.name, email: user.email, role: user.role };
}

async function main() {
  await mongoose.connect(process.env.MONGO_URI || 'mongodb://127.0.0.1:27017/', { dbName: 'shop' });
  await seed();
  server.listen(Number(process.env.PORT || 0), process.env.HOST || '127.0.0.1', () => {
    console.log('listening ' + server.address().port);
  });
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
