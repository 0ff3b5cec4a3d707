// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const app = express();
app.use(require('helmet')());
const ok = (req, res) => res.json({});
app.post('/login/:provider', ok); // ! ratelimit/none
app.post('/users/:id/reset-password/confirm', ok); // ! ratelimit/none
app.post('/api/v1/userLogin', ok); // ! ratelimit/none
app.post('/resetPassword/:token', ok); // ! ratelimit/none
app.put('/account/change-password', ok); // ! ratelimit/none
app.post('/account/otp/verify', ok); // ! ratelimit/none
app.post('/sessions', ok); // ! ratelimit/none
app.route('/signin').get(ok).post(ok); // ! ratelimit/none
app.all('/sign-up', ok); // ! ratelimit/none
app.get('/login', ok);
app.delete('/sessions/:id', ok);
app.post('/sessions/:id/messages', ok);
app.post('/register/:event/guests', ok);
app.post('/account/login-history', ok);
app.post('/blogs/:id/logins-chart', ok);
app.post('/tokens/:id/transfer', ok);
app.post('/orders', ok);
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
