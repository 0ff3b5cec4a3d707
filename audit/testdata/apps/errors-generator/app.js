// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const createError = require('http-errors');
const express = require('express');
const path = require('path');
const app = express();
app.set('views', path.join(__dirname, 'views'));
app.set('view engine', 'pug');
app.use(require('helmet')());
app.use(express.static(path.join(__dirname, 'public')));
app.use('/', require('./routes/index'));
app.use(function (req, res, next) {
  next(createError(404));
});
app.use('/quiet', function (err, req, res, next) {
  res.locals.error = req.app.get('env') === 'development' ? err : {};
  res.status(err.status || 500);
  res.render('error');
});
app.use(function (err, req, res, next) {
  res.locals.message = err.message;
  res.locals.error = req.app.get('env') === 'development' ? err : {};
  res.status(err.status || 500);
  res.render('error'); // ! errors/leak
});
module.exports = app;
