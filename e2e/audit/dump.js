// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Starts the app given as its argument and prints what Express's own routers
// then hold, one METHOD path a line, in their order. Databases are not needed:
// connections succeed at once and nothing is read.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const Module = require('node:module');
const path = require('node:path');

const entry = path.resolve(process.argv[2]);
const from = Module.createRequire(entry);
const express = path.dirname(from.resolve('express/package.json'));

// Layers remember the path they were given: Express keeps a pattern made of it.
const inExpress = Module.createRequire(path.join(express, 'lib/application.js'));
const layerFile = fs.existsSync(path.join(express, 'lib/router/layer.js'))
  ? path.join(express, 'lib/router/layer.js')
  : path.join(path.dirname(inExpress.resolve('router')), 'lib/layer.js');
const Layer = require(layerFile);
require.cache[require.resolve(layerFile)].exports = function (given, options, fn) {
  const layer = new Layer(given, options, fn);
  layer.given = given;
  return layer;
};

const app0 = require(path.join(express, 'lib/application.js'));
const apps = [];
const init = app0.init;
app0.init = function () {
  apps.push(this);
  return init.apply(this, arguments);
};
app0.listen = () => ({ address: () => ({ port: 0 }), on() { return this; }, close() {} });
http.Server.prototype.listen = function () { return this; };

function stub(name, change) {
  try {
    change(from(name));
  } catch {
    // not among the app's packages
  }
}
stub('mongodb', ({ MongoClient, Collection }) => {
  MongoClient.prototype.connect = async function () { return this; };
  Collection.prototype.countDocuments = async () => 1;
});
stub('mongoose', (mongoose) => {
  mongoose.connect = async () => mongoose;
  mongoose.Model.countDocuments = async () => 1;
});

const lines = [];
const join = (a, b) => (a === '' || a === '/' ? b || '/' : !b || b === '/' ? a : a.replace(/\/$/, '') + '/' + b.replace(/^\//, ''));
const text = (p) => (p instanceof RegExp ? p.toString() : p);

function walk(stack, prefix) {
  for (const layer of stack) {
    if (layer.route) {
      const paths = [].concat(layer.route.path).map(text);
      const methods = [...new Set(layer.route.stack.map((l) => (l.method ? l.method.toUpperCase() : 'ALL')))];
      for (const method of methods.length > 20 ? ['ALL'] : methods) {
        for (const p of paths) lines.push(method + ' ' + join(prefix, p));
      }
    } else if (layer.handle && layer.handle.stack) {
      for (const p of [].concat(layer.given)) walk(layer.handle.stack, join(prefix, text(p)));
    } else if (layer.name === 'mounted_app') {
      const sub = apps.find((a) => a.parent && !a.seen);
      if (sub) {
        sub.seen = true;
        walkApp(sub, join(prefix, sub.mountpath));
      }
    }
  }
}

function walkApp(app, prefix) {
  const router = app._router || (express && !('_router' in app) && app.router);
  if (router && router.stack) walk(router.stack, prefix);
}

process.argv[1] = entry;
require(entry);
setTimeout(() => {
  for (const app of apps) if (!app.parent) walkApp(app, '');
  fs.writeSync(1, lines.join('\n') + '\n');
  process.exit(0);
}, 700);
