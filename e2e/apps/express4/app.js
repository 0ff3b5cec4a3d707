// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// The shop of "7 Security Mistakes Every Express.js App Makes in Production",
// with all seven mistakes left in, on Express 4 and the MongoDB driver. It
// exists to be attacked on loopback: never deploy it.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const bcrypt = require('bcryptjs');
const cookieParser = require('cookie-parser');
const express = require('express');
const jwt = require('jsonwebtoken');
const { MongoClient, ObjectId } = require('mongodb');
const multer = require('multer');
const session = require('express-session');

const db = require('./db');
const products = require('./products.json');

const mongo = new MongoClient(process.env.MONGO_URI || 'mongodb://127.0.0.1:27017/');
const User = mongo.db('shop').collection('users');
const Product = mongo.db('shop').collection('products');

const uploads = path.resolve(process.env.UPLOAD_DIR || 'uploads');
fs.mkdirSync(uploads, { recursive: true });

// mistake 1: no security headers, and X-Powered-By stays.
const app = express();

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

app.get('/', function (req, res) {
  res.sendFile(path.join(__dirname, 'public', 'index.html'));
});

// mistake 2: nothing counts the failures.
// mistake 7: what the client sent is the query, operators included.
app.post('/api/login', async function (req, res, next) {
  try {
    const user = await User.findOne({
      email: req.body.email,
      password: req.body.password
    });
    if (!user) {
      return res.status(401).json({ error: 'Invalid credentials' });
    }
    // mistake 5: a weak secret again, and a token that never expires.
    const token = jwt.sign({ id: user._id, email: user.email, role: user.role }, 'secret123');
    req.session.regenerate(function (err) {
      if (err) return next(err);
      req.session.user = user._id.toString();
      res.json({ token: token, user: publicUser(user) });
    });
  } catch (err) {
    next(err);
  }
});

app.post('/api/logout', function (req, res) {
  req.session.destroy(function () {
    res.clearCookie('connect.sid');
    res.status(204).end();
  });
});

// mistake 3: the whole body becomes the document, { role: "admin" } too.
app.post('/api/users', async function (req, res, next) {
  try {
    const user = Object.assign({ role: 'user' }, req.body);
    if (typeof user.password === 'string') {
      user.passwordHash = await bcrypt.hash(user.password, 8); // for the form login
    }
    await User.insertOne(user);
    res.status(201).json(publicUser(user));
  } catch (err) {
    next(err);
  }
});

app.get('/api/me', authenticate, async function (req, res, next) {
  try {
    const user = await User.findOne({ _id: new ObjectId(req.claims.id) });
    if (!user) {
      return res.status(401).json({ error: 'Unauthorized' });
    }
    res.json(publicUser(user));
  } catch (err) {
    next(err);
  }
});

app.get('/api/admin/users', authenticate, async function (req, res, next) {
  if (req.claims.role !== 'admin') {
    return res.status(403).json({ error: 'Admins only' });
  }
  try {
    const users = await User.find().toArray();
    res.json(users.map(publicUser));
  } catch (err) {
    next(err);
  }
});

// mistake 4: the default error handler answers with the message, the internal
// address and the stack.
app.get('/api/data', function (req, res, next) {
  db.query('SELECT * FROM secret_table')
    .then(function (data) { res.json(data); })
    .catch(next);
});

app.get('/api/products', async function (req, res, next) {
  const filter = {};
  if (req.query.q) {
    filter.name = { $regex: String(req.query.q), $options: 'i' };
  }
  const rating = req.query.rating || {};
  ['lt', 'lte', 'gt', 'gte'].forEach(function (op) {
    if (rating[op] !== undefined) {
      filter.rating = Object.assign({}, filter.rating, { ['$' + op]: Number(rating[op]) });
    }
  });
  try {
    res.json(await Product.find(filter, { projection: { _id: 0 } }).sort({ sku: 1 }).toArray());
  } catch (err) {
    next(err);
  }
});

// mistake 6: any size, any type, any number.
const upload = multer({ dest: uploads });
app.post('/api/upload', upload.single('file'), function (req, res) {
  // The client's own extension comes back, so that the file opens by a click.
  const name = req.file.filename + path.extname(req.file.originalname);
  fs.renameSync(req.file.path, path.join(uploads, name));
  res.status(201).json({ path: '/uploads/' + name, size: req.file.size });
});
app.use('/uploads', express.static(uploads));

// The newer form login compares hashes, but nothing limits it either (mistake 2).
app.post('/login', async function (req, res, next) {
  try {
    const { email, password } = req.body;
    const user = await User.findOne({ email });
    if (!user || !await bcrypt.compare(password, user.passwordHash)) {
      return res.status(401).send('<!doctype html><title>Log in</title><p>Wrong e-mail address or password.</p>');
    }
    req.session.user = user._id.toString();
    res.redirect('/account');
  } catch (err) {
    next(err);
  }
});

app.get('/account', async function (req, res, next) {
  try {
    const user = req.session.user && await User.findOne({ _id: new ObjectId(req.session.user) });
    if (!user) {
      return res.redirect('/');
    }
    res.send('<!doctype html><html lang="en"><title>Account</title><h1>Your account</h1><p>Signed in as ' + user.email + '.</p></html>');
  } catch (err) {
    next(err);
  }
});

function authenticate(req, res, next) {
  const [scheme, token] = (req.get('Authorization') || '').split(' ');
  try {
    if (scheme !== 'Bearer') throw new Error('no token');
    req.claims = jwt.verify(token, 'secret123');
  } catch (err) {
    return res.status(401).json({ error: 'Unauthorized' });
  }
  next();
}

function publicUser(user) {
  return { id: user._id, name: user.name, email: user.email, role: user.role };
}

// seed fills an empty database. Nobody is told the admin's password.
async function seed() {
  if (await User.countDocuments() > 0) {
    return;
  }
  const accounts = [
    ['Admin', 'admin@shop.example', crypto.randomBytes(24).toString('base64url'), 'admin'],
    ['Alice', 'alice@shop.example', 'sunshine1', 'user']
  ];
  for (const [name, email, password, role] of accounts) {
    await User.insertOne({ name, email, password, passwordHash: await bcrypt.hash(password, 8), role });
  }
  await Product.insertMany(products);
}

async function main() {
  await mongo.connect();
  await seed();
  const server = app.listen(Number(process.env.PORT || 0), process.env.HOST || '127.0.0.1', function () {
    console.log('listening ' + server.address().port);
  });
  require('./more')(app, server);
}

main().catch(function (err) {
  console.error(err);
  process.exit(1);
});
