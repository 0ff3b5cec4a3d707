// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const express = require('express');
const mongoose = require('mongoose');
const passport = require('passport');
const { Strategy } = require('passport-local');
const schema = new mongoose.Schema({ name: String });
schema.plugin(require('passport-local-mongoose'));
const Account = mongoose.model('Account', schema);
passport.use('local', new Strategy(Account.authenticate()));
const app = express();
app.use(require('helmet')());
app.use(passport.initialize());
app.use('/', require('./routes')(passport, Account));
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
