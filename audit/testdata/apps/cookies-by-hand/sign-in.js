// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const crypto = require('crypto');
const cookie = require('cookie');
const flags = { httpOnly: true, secure: true, sameSite: 'lax' };
exports.newSession = () => crypto.randomBytes(32).toString('hex');
exports.good = (res, id) => res.cookie('sid', id, { ...flags, maxAge: 3600000 });
exports.long = (res, id) => res.cookie('sid', id, { ...flags, maxAge: 365 * 24 * 3600 * 1000 }); // ! session/cookie-lifetime
exports.remembered = (res, id) => res.cookie('remember_me', id, { ...flags, maxAge: 30 * 24 * 3600 * 1000 });
exports.open = (res, id) => res.cookie('sid', id); // ! session/cookie-secure
exports.scripts = (res, id) => res.cookie('authToken', id, { ...flags, httpOnly: false }); // ! session/cookie-httponly
exports.written = (id) => cookie.serialize('session', id, { httpOnly: true, path: '/' }); // ! session/cookie-secure
exports.safely = (id) => cookie.serialize('session', id, { ...flags, maxAge: 3600 });
