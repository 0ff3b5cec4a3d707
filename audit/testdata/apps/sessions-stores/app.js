// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const session = require('express-session');
const cookieSession = require('cookie-session');
const cookieParser = require('cookie-parser');
const MongoStore = require('connect-mongo');
const MemoryStore = require('memorystore')(session);
const app = express();
app.use(require('helmet')());
const production = process.env.NODE_ENV === 'production';
const secret = process.env.SESSION_SECRET;
const cookie = { secure: production, httpOnly: true, sameSite: 'lax', maxAge: 60 * 60 * 1000 };
const base = { secret, resave: false, saveUninitialized: false, cookie };
app.use('/a', session({ ...base, store: MongoStore.create({ mongoUrl: process.env.MONGO }) }));
app.use('/b', session({ ...base })); // ! session/memory-store
app.use('/c', session({ ...base, store: new session.MemoryStore() })); // ! session/memory-store
app.use('/d', session({ ...base, store: new MemoryStore({ checkPeriod: 86400000 }) }));
app.use('/e', session({ ...base, store: production ? MongoStore.create({ mongoUrl: process.env.MONGO }) : new session.MemoryStore() }));
app.use('/f', session({ secret, cookie, store: MongoStore.create({}) })); // ! session/memory-store
app.use('/g', session({ ...base, store: MongoStore.create({}), cookie: { ...cookie, maxAge: 30 * 24 * 60 * 60 * 1000 } })); // ! session/cookie-lifetime
app.use('/h', session({ ...base, store: MongoStore.create({}), cookie: { ...cookie, secure: false } })); // ! session/cookie-secure
app.use('/i', session({ ...base, store: MongoStore.create({}), cookie: { ...cookie, httpOnly: false } })); // ! session/cookie-httponly
app.use('/j', session({ ...base, store: MongoStore.create({}), secret: [process.env.NEW_SECRET, 'the old one'] }));
app.use('/k', session({ ...base, store: MongoStore.create({}), secret: ['the new one', process.env.OLD_SECRET] })); // ! session/weak-secret
const options = { ...base, store: MongoStore.create({}), cookie: { ...cookie, secure: false } };
if (app.get('env') === 'production') {
  app.set('trust proxy', 1);
  options.cookie.secure = true;
}
app.use('/l', session(options));
if (!production) {
  app.use('/m', session({ secret: 'for developers' }));
}
app.use('/n', cookieSession({ name: 'session', keys: ['one', 'two'], secure: true, httpOnly: true, sameSite: 'lax', maxAge: 3600000 })); // ! session/weak-secret
app.use('/o', cookieSession({ name: 'session', keys: [process.env.KEY_1], secure: true, sameSite: 'lax', maxAge: 3600000 }));
app.use('/p', cookieSession({ name: 'session', keys: [process.env.KEY_1], maxAge: 90 * 24 * 3600000 })); // ! session/cookie-secure
app.use('/q', cookieParser('monkey')); // ! session/weak-secret
app.use('/r', cookieParser(process.env.COOKIE_SECRET));
app.use('/s', cookieParser(process.env.COOKIE_SECRET || 'monkey')); // ! session/weak-secret
app.get('/', (req, res) => res.end());
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
