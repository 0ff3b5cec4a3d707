// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Pages as apps have them that never heard of a Content-Security-Policy: inline
// scripts, handlers and styles, a script and a style sheet of another origin, a script
// that inserts another one, and comments that are printed as they came. Never deploy it.
'use strict';

const express = require('express');

const elsewhere = express();
elsewhere.get('/widget.js', (req, res) => res.type('js').send('document.documentElement.dataset.widget = 1;'));
elsewhere.get('/theme.css', (req, res) => res.type('css').send('#themed { width: 77px }'));
elsewhere.get('/late.js', (req, res) => res.type('js').send('document.documentElement.dataset.late = 1;'));

const comments = [];
const app = express();
app.use(express.urlencoded({ extended: false }));
app.post('/articles/:id/comments', function (req, res) {
  comments.push(String(req.body.text));
  res.redirect(303, `/articles/${req.params.id}`);
});
app.get('/articles/:id', function (req, res) {
  const cdn = `http://127.0.0.1:${other.address().port}`;
  res.send(`<!DOCTYPE html><html><head><title>Article ${Number(req.params.id)}</title>
<link rel="stylesheet" href="${cdn}/theme.css">
<style>#styled { width: 55px }</style>
<script>
  document.documentElement.dataset.inline = 1;
  const inserted = document.createElement('script');
  inserted.textContent = 'window.inserted = 1';
  document.head.append(inserted);
  const late = document.createElement('script');
  late.src = '${cdn}/late.js';
  document.head.append(late);
</script>
<script src="${cdn}/widget.js"></script>
</head><body>
<button id="button" onclick="document.documentElement.dataset.clicked = 1">Click</button>
<p id="styled">a</p><p id="themed">b</p><p id="attribute" style="width: 33px">c</p>
<div id="comments">${comments.join('\n')}</div>
</body></html>`);
});

const other = elsewhere.listen(0, '127.0.0.1', function () {
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port));
});
