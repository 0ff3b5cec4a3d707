// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { SignJWT, UnsecuredJWT, jwtVerify, decodeJwt } from 'jose';
import simple from 'jwt-simple';
import { jwtDecode } from 'jwt-decode';
import { expressjwt } from 'express-jwt';
import { Strategy } from 'passport-jwt';
import { good, written } from './keys.mjs';

const app = express();
app.use(helmet());
app.get('/a', async (req, res) => {
  const token = await new SignJWT({ id: 1 }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(good);
  res.json({ token });
});
app.get('/b', async (req, res) => {
  const token = await new SignJWT({ id: 1 }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1y').sign(good); // ! token/long-lived
  res.json({ token });
});
app.get('/c', async (req, res) => {
  const token = await new SignJWT({ id: 1 }).setProtectedHeader({ alg: 'HS256' }).setIssuedAt().sign(good); // ! token/no-expiry
  res.json({ token });
});
app.get('/d', async (req, res) => {
  const token = await new SignJWT({ id: 1 }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(written); // ! token/weak-secret
  res.json({ token });
});
app.get('/e', (req, res) => res.json({ token: new UnsecuredJWT({ id: 1 }).setExpirationTime('1h').encode() })); // ! token/alg-none
app.get('/f', async (req, res) => {
  const { payload } = await jwtVerify(req.get('authorization').slice(7), good);
  res.json({ id: payload.id });
});
app.get('/g', (req, res) => {
  const claims = decodeJwt(req.get('authorization').slice(7)); // ! token/unverified
  res.json({ id: claims.id });
});
app.get('/h', (req, res) => res.json({ token: simple.encode({ id: 1 }, 'shh') })); // ! token/weak-secret, token/no-expiry
app.get('/i', (req, res) => res.json(simple.decode(req.query.token, process.env.JWT_SECRET, true))); // ! token/unverified
app.get('/j', (req, res) => res.json(simple.decode(req.query.token, process.env.JWT_SECRET)));
app.get('/k', (req, res) => res.json({ id: jwtDecode(req.cookies.token).sub })); // ! token/unverified
app.get('/l', expressjwt({ secret: process.env.JWT_SECRET, algorithms: ['HS256'] }), (req, res) => {
  const { exp } = jwtDecode(req.get('authorization').slice(7));
  res.json({ exp });
});
app.get('/m', expressjwt({ secret: 'shh', algorithms: ['HS256', 'none'] }), (req, res) => { // ! token/weak-secret, token/alg-none
  res.json({ id: req.auth.sub });
});
export const strategy = new Strategy({ secretOrKey: process.env.JWT_SECRET, ignoreExpiration: true }, (payload, done) => done(null, payload)); // ! token/no-expiry
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
